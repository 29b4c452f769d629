// Keys for people who would rather not reach for the mouse at night; "?" lists them. They can be turned off, since
// speech input types letters too (WCAG 2.1.4).
"use strict";
(() => {
  const dialog = document.getElementById("keys"), on = document.getElementById("keys-on"), stored = "nightshift-keys-off";
  const pages = { o: "/", i: "/incidents", s: "/shift", r: "/runs" };
  let going = 0;

  on.checked = localStorage.getItem(stored) === null;
  on.addEventListener("change", () => (on.checked ? localStorage.removeItem(stored) : localStorage.setItem(stored, "1")));

  const lines = () => [...document.querySelectorAll("main table.incidents tbody tr a[href^='/incidents/'], main table.data tbody tr td:first-child a")];

  function step(by) {
    const links = lines();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by))].focus();
  }

  const act = {
    j: () => step(1),
    k: () => step(-1),
    a: () => document.querySelector("button[formaction$='/acknowledge']")?.focus(),
    c: () => document.querySelector("#act input[name=text]")?.focus(),
    "/": () => document.querySelector("main input[type=search]")?.focus(),
    g: () => { going = performance.now(); },
    "?": () => dialog.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key !== "?" && !on.checked) return;
    if (performance.now() - going < 1500 && pages[event.key]) { location.href = pages[event.key]; return; }
    if (!act[event.key]) return;
    event.preventDefault();
    act[event.key]();
  });
})();
