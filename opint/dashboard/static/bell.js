// Sounds and raises a browser notification when an incident opens that calls, for whoever has asked for it in this
// browser. What is silenced or follows from another incident does not ring. Of several tabs one rings.
"use strict";
(() => {
  const box = document.getElementById("bell"), key = "nightshift-bell";
  let known = null;

  const isOn = () => localStorage.getItem(key) === "on";

  async function calling() {
    const answer = await fetch("/api/v2/alerts?silenced=false&inhibited=false");
    return answer.ok ? answer.json() : null;
  }

  async function look() {
    if (!isOn()) { known = null; return; }
    const alerts = await calling();
    if (!alerts) return;
    const fresh = known === null ? [] : alerts.filter((alert) => !known.has(alert.labels.incident));
    known = new Set(alerts.map((alert) => alert.labels.incident));
    if (fresh.length) navigator.locks.request(key, { ifAvailable: true }, (lock) => lock && ring(fresh));
  }

  async function ring(alerts) {
    sound();
    if (window.Notification && Notification.permission === "granted") {
      const many = alerts.length > 1 ? ` and ${alerts.length - 1} more` : "";
      const raised = new Notification(alerts[0].annotations.summary + many, { tag: key, icon: "/static/icon.svg" });
      raised.onclick = () => { window.focus(); location.href = "/incidents/" + alerts[0].labels.incident; };
    }
    // The other tabs have heard of it too by then.
    await new Promise((done) => setTimeout(done, 3000));
  }

  function sound() {
    const context = new AudioContext(), end = context.currentTime + 0.9;
    const volume = context.createGain();
    volume.gain.setValueAtTime(0.2, context.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, end);
    volume.connect(context.destination);
    for (const hertz of [660, 880]) {
      const tone = context.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(volume);
      tone.start();
      tone.stop(end);
      tone.onended = () => context.close().catch(() => {});
    }
  }

  box.checked = isOn();
  box.addEventListener("change", async () => {
    localStorage.setItem(key, box.checked ? "on" : "off");
    if (box.checked && window.Notification) await Notification.requestPermission();
    look();
  });
  document.body.addEventListener("live:incidents", look);
  look();
})();
