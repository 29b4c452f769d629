// Keeps a page true: events say which part has changed, htmx fetches that part again; a timer of its own
// says when news have stopped, which needs no server at all.
"use strict";
(() => {
  const body = document.body;
  const staleAfter = Number(body.dataset.staleAfterS);
  const loadedAt = performance.now();
  let serverNow = Number(body.dataset.nowS), serverAt = loadedAt;
  let heartbeat = body.dataset.heartbeatS ? Number(body.dataset.heartbeatS) : null;
  let contactAt = loadedAt, reachable = true, since = body.dataset.marker;

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

  // All tabs share one stream, because a browser opens six connections to a server at most. The tab that
  // holds the lock has it read and tells the others; when it closes, the next one gets the lock. A worker reads,
  // so that the page itself is at rest between events: browsers that print or photograph a page wait for that.
  const parts = ["incidents", "lumisections", "dead_letters", "heartbeat", "hotline", "workflows"];
  const channel = new BroadcastChannel("nightshift-events");
  let last = null;

  // Parts that have changed are fetched at once, but no part twice within a second: a busy detector would keep a
  // slow server answering without a pause, and the page would never be at rest.
  const restMs = 1000, changed = new Set(), fetchedAt = new Map();

  function refresh() {
    for (const part of changed) {
      if (performance.now() - (fetchedAt.get(part) ?? -restMs) < restMs) continue;
      changed.delete(part);
      fetchedAt.set(part, performance.now());
      body.dispatchEvent(new CustomEvent("live:" + part));
    }
  }

  function receive(update) {
    if (update.lost) return showLive(false, "reconnecting");
    serverNow = update.now_s; serverAt = contactAt = performance.now();
    heartbeat = update.heartbeat_s; reachable = update.reachable;
    showLive(true, "live");
    if (!update.marker) return;
    const before = since.split("."), present = update.marker.split(".");
    since = update.marker;
    parts.forEach((part, at) => {
      if (before[at] === present[at]) return;
      if (part === "lumisections") beat();
      changed.add(part);
    });
    refresh();
  }

  function publish(update) { last = update; receive(update); channel.postMessage(update); }

  function lead() {
    const reader = new Worker("/static/events.js");
    reader.onmessage = ({ data: update }) => {
      publish(update);
      if (!update.closed) return;
      reader.terminate();
      setTimeout(lead, 3000);
    };
    reader.postMessage(since);
  }

  channel.onmessage = (event) => {
    if (!event.data.ask) receive(event.data);
    else if (last) channel.postMessage(last);
  };

  function staleness() {
    const silent = (performance.now() - contactAt) / 1000;
    if (silent > staleAfter)
      return [now() - silent, "No contact with the dashboard's server. What is shown may be out of date."];
    if (!reachable) return [now() - silent, "The dashboard cannot reach its database. What is shown may be out of date."];
    if (heartbeat !== null && now() - heartbeat > staleAfter)
      return [heartbeat, "No heartbeat from any daemon. What is shown may be out of date."];
    return null;
  }

  // As opint/dashboard/wording.py writes it.
  function ago(s) {
    const past = Math.max(0, now() - s), [step, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([step]) => past >= step) ?? [1, "s"];
    return `${Math.floor(past / step)} ${unit} ago`;
  }

  function tick() {
    refresh();
    for (const time of document.querySelectorAll("time.ago")) {
      const words = ago(Number(time.dataset.s));
      if (time.textContent !== words) time.textContent = words;
    }
    document.getElementById("clock").textContent = clockTime(now());
    const banner = document.getElementById("stale");
    const stale = staleness();
    if (stale) {
      banner.querySelector("strong").textContent = "Stale since " + clockTime(stale[0]);
      banner.querySelector("span").textContent = stale[1];
    }
    if (heartbeat !== null || stale) banner.hidden = !stale;
  }

  document.addEventListener("htmx:afterSettle", () => {
    const status = document.getElementById("status");
    if (status && status.dataset.title) document.title = status.dataset.title;
  });

  // A form leads back to its own page, which opens where it was left and not at its top.
  const place = "nightshift-scroll", here = () => location.pathname + location.search;
  document.addEventListener("submit", ({ target }) => {
    if (target.method === "post") sessionStorage.setItem(place, JSON.stringify([here(), scrollY]));
  });
  const [left, height] = JSON.parse(sessionStorage.getItem(place) ?? "[]");
  sessionStorage.removeItem(place);
  if (left === here()) requestAnimationFrame(() => scrollTo(0, height));

  setInterval(tick, 1000);
  channel.postMessage({ ask: true });
  navigator.locks.request("nightshift-events", () => { lead(); return new Promise(() => {}); });
})();
