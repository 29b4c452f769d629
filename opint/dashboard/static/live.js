// Keeps a page true: events say which part has changed, htmx fetches that part again; a timer of its own
// says when news have stopped, which needs no server at all.
"use strict";
(() => {
  const body = document.body;
  const staleAfter = Number(body.dataset.staleAfterS);
  const loadedAt = performance.now();
  let serverNow = Number(body.dataset.nowS), serverAt = loadedAt;
  let heartbeat = body.dataset.heartbeatS ? Number(body.dataset.heartbeatS) : null;
  let contactAt = loadedAt, reachable = true, source = null, since = body.dataset.marker;

  const now = () => serverNow + (performance.now() - serverAt) / 1000;
  const clockTime = (s) => new Date(s * 1000).toISOString().slice(11, 19) + " UTC";

  function showLive(on, word) {
    const live = document.getElementById("live");
    live.classList.toggle("on", on);
    const place = live.querySelector(".word");
    if (place.textContent !== word) place.textContent = word;
  }

  function beat() {
    const live = document.getElementById("live");
    live.classList.remove("beat");
    void live.offsetWidth; // restarts the animation
    live.classList.add("beat");
  }

  // One stream a visible page: browsers allow six connections to a server, whatever the number of tabs.
  function connect() {
    if (source || document.hidden) return;
    source = new EventSource("/events?since=" + encodeURIComponent(since));
    source.addEventListener("alive", (event) => {
      const told = JSON.parse(event.data);
      serverNow = told.now_s; serverAt = contactAt = performance.now();
      heartbeat = told.heartbeat_s; reachable = told.reachable;
      showLive(true, "live");
    });
    for (const part of ["incidents", "lumisections", "dead_letters", "heartbeat"])
      source.addEventListener(part, (event) => {
        if (event.lastEventId) since = event.lastEventId;
        if (part === "lumisections") beat();
        body.dispatchEvent(new CustomEvent("live:" + part));
      });
    source.onerror = () => {
      showLive(false, "reconnecting");
      if (source.readyState === EventSource.CLOSED) { disconnect(); setTimeout(connect, 3000); }
    };
  }

  function disconnect() {
    if (source) source.close();
    source = null;
  }

  function staleness() {
    const silent = (performance.now() - contactAt) / 1000;
    if (silent > staleAfter && !document.hidden)
      return [now() - silent, "No contact with the dashboard's server. What is shown may be out of date."];
    if (!reachable) return [now() - silent, "The dashboard cannot reach its database. What is shown may be out of date."];
    if (heartbeat !== null && now() - heartbeat > staleAfter)
      return [heartbeat, "No heartbeat from any daemon. What is shown may be out of date."];
    return null;
  }

  function tick() {
    document.getElementById("clock").textContent = clockTime(now());
    const banner = document.getElementById("stale");
    const told = staleness();
    if (told) {
      banner.querySelector("strong").textContent = "Stale since " + clockTime(told[0]);
      banner.querySelector("span").textContent = told[1];
    }
    if (heartbeat !== null || told) banner.hidden = !told;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect(); else { contactAt = performance.now(); connect(); }
  });
  window.addEventListener("pagehide", disconnect);
  document.addEventListener("htmx:afterSettle", () => {
    const status = document.getElementById("status");
    if (status && status.dataset.title) document.title = status.dataset.title;
  });
  setInterval(tick, 1000);
  connect();
})();
