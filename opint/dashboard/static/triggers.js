// The page of trigger rates: the map of all rates, and the plots of the chosen rate.
"use strict";
class RateMap extends RunMap {
  get rowHeight() { return this.rows.length <= 45 ? 16 : this.rows.length <= 120 ? 7 : this.rows.length <= 260 ? 3 : 2; }

  // matrix: the answer of /api/v1/triggers/map. A long run has a million cells, so alarms are counted once.
  load(matrix) {
    const codes = Object.entries(matrix.reason_names), code = (name) => codes.find(([, reason]) => reason === name)[0];
    this.matrix = matrix; this.stuck = code("FROZEN"); this.missing = code("MISSING");
    this.alarming = new Set(codes.filter(([, name]) => matrix.alarms.includes(name)).map(([letter]) => letter));
    const count = (among) => matrix.states.map((states) => { let number = 0; for (const state of states) if (among.has(state)) number++; return number; });
    this.counts = count(this.alarming);
    // What befalls all rates singles none out.
    this.own = count(new Set(["PATH_MOVED", "SEED_MOVED", "SEVERAL_MOVED", "MISSING"].map(code)));
  }

  alarm(row, column) { return this.alarming.has(this.matrix.states[row][column]); }
  pull(row, column) { const letter = this.matrix.pulls[row].charCodeAt(column); return letter === 45 ? null : (letter - 109) / 2; }

  // What alarms wins over what only lies far off, and that over what lies near.
  shades() {
    const [zero, low, high] = ["--pull-zero", "--pull-low", "--pull-high"].map((name) => palette.rgb(palette.css(name)));
    const ramp = Array.from({ length: 25 }, (_, step) => {
      const share = Math.abs(step - 12) / 12, end = step < 12 ? low : high;
      return palette.pixel(zero.map((from, at) => Math.round(from + (end[at] - from) * share)));
    });
    const [stuck, missing, none] = ["--stuck", "--ink", "--none-cell"].map((name) => palette.pixel(palette.rgb(palette.css(name))));
    return {
      rank: (row, column) => {
        const state = this.matrix.states[row][column], pull = this.pull(row, column);
        if (state === "-") return 0;
        return (this.alarming.has(state) ? 100 : 0) + (pull === null ? 1.5 : 1 + Math.abs(pull));
      },
      colour: (row, column) => {
        const state = this.matrix.states[row][column];
        if (state === this.stuck) return stuck;
        if (state === this.missing) return missing;
        const pull = this.pull(row, column);
        return pull === null ? none : ramp[Math.round(pull * 2) + 12];
      },
    };
  }

  glyph(row, column) {
    const state = this.matrix.states[row][column], pull = this.pull(row, column);
    if (state === this.stuck) return ["=", "#241a00"];
    if (state === this.missing) return ["?", palette.css("--card")];
    if (pull === null) return state === "-" ? null : ["·", palette.css("--dim")];
    if (!this.alarm(row, column)) return null;
    return [pull > 0 ? "▲" : "▼", Math.abs(pull) >= 3 ? palette.css("--card") : palette.css("--ink")];
  }

  label(row, full) {
    const [seed, path] = this.matrix.elements[row].split("/");
    return full ? (seed === path ? "■ " + seed : path) : seed;
  }

  // Behind each row, whether there was an alarm: it shows however small the cells are.
  paint() {
    super.paint();
    if (!this.matrix || !this.range) return;
    const ctx = this.canvas.getContext("2d"), right = this.left + this.plotWidth;
    ctx.fillStyle = palette.css("--bad"); ctx.font = "bold 11px system-ui"; ctx.textAlign = "left"; ctx.textBaseline = "middle";
    this.rows.forEach((row, y) => {
      const number = this.counts[row], top = y * this.rowHeight;
      if (number && this.rowHeight >= 12) ctx.fillText("✕ " + number, right + 4, top + this.rowHeight / 2);
      else if (number) ctx.fillRect(right + 4, top, 8, this.rowHeight);
      if (this.matrix.elements[row] === this.chosen) { ctx.save(); ctx.fillStyle = palette.css("--ink"); ctx.fillRect(this.left - 4, top, 3, this.rowHeight); ctx.restore(); }
    });
  }

  cell() {
    const { row, ls } = this.at, column = this.columnOf.get(ls);
    return { row, element: this.matrix.elements[row], ls, pull: this.pull(row, column), reason: this.matrix.reason_names[this.matrix.states[row][column]] ?? "NOT_IN_MENU" };
  }
}

(() => {
  const section = document.getElementById("trigger");
  if (!section) return;
  const $ = (id) => document.getElementById(id), { run, dataset } = section.dataset, restMs = 5000;
  const margins = () => (section.clientWidth < 620 ? [110, 34] : [300, 48]);
  let matrix = null, shown = JSON.parse($("rate-data").textContent), ls = section.dataset.ls === "" ? null : Number(section.dataset.ls), readAt = performance.now(), due = null;
  const query = (more) => new URLSearchParams({ run, dataset, ...more });
  const map = new RateMap($("map"), ...margins(), { point, choose });
  map.chosen = shown.element;

  // Seeds with the most alarms first, each before its paths.
  function order() {
    const worst = new Map();
    matrix.groups.forEach((group, row) => worst.set(group, Math.max(worst.get(group) ?? 0, map.own[row])));
    return matrix.elements.map((_, row) => row).sort((left, right) => worst.get(matrix.groups[right]) - worst.get(matrix.groups[left]) || left - right);
  }

  function rows() {
    const name = $("contains").value.toLowerCase(), which = $("which").value;
    const bad = new Set(matrix.elements.flatMap((_, row) => (map.own[row] > 1 ? [matrix.groups[row]] : [])));
    const ownGroup = matrix.groups[matrix.elements.indexOf(shown.element)];
    return order().filter((row) => (!name || matrix.elements[row].toLowerCase().includes(name)) &&
      (which === "all" || (which === "seeds" ? matrix.groups[row] === row : which === "this" ? matrix.groups[row] === ownGroup : bad.has(matrix.groups[row]))));
  }

  function show() {
    const all = matrix.lumisections, chosen = rows();
    map.show(matrix, chosen, [all[0] - 0.5, all[all.length - 1] + 0.5]);
    $("count").textContent = `${chosen.length} of ${matrix.elements.length} rates × ${all.length} lumisections`;
  }

  function point(cell) {
    const words = cell.reason.replaceAll("_", " ").toLowerCase();
    const far = cell.pull === null ? "" : ` · ${cell.pull > 0 ? "+" : cell.pull < 0 ? "−" : ""}${Math.abs(cell.pull) >= 6 ? "6 or more" : Math.abs(cell.pull).toFixed(1)} deviations`;
    $("readout").textContent = `${cell.element.split("/").pop()} · run ${run} LS ${cell.ls} · ${words}${far} · click or press Enter to see it`;
  }

  async function choose(cell) {
    const answer = await fetch("/api/v1/triggers/rate?" + query({ element: cell.element }));
    if (!answer.ok) return;
    shown = await answer.json(); ls = cell.ls; map.chosen = shown.element;
    history.replaceState(null, "", "/triggers?" + query({ element: shown.element, ls }));
    headings();
    if ($("which").value === "this") show(); else map.paint();
    rateplots.draw(shown, ls);
    $("rate").scrollIntoView({ behavior: "smooth", block: "nearest" });
  }

  function headings() {
    const [seed, path] = shown.element.split("/"), name = $("rate-name"), small = document.createElement("span");
    const ownGroup = matrix.groups[matrix.elements.indexOf(shown.element)];
    const alone = matrix.groups.filter((group) => group === ownGroup).length === 1;
    small.className = "count"; small.textContent = seed !== path ? "seed " + seed : alone ? "by itself" : "L1 seed";
    name.replaceChildren(path + " ", small);
    $("members").replaceChildren(...matrix.elements.flatMap((element, row) => {
      if (matrix.groups[row] !== ownGroup) return [];
      const item = document.createElement("li"), link = document.createElement("a"), number = map.counts[row];
      link.href = "/triggers?" + query({ element, ...(ls === null ? {} : { ls }) }) + "#rate";
      link.textContent = (number ? "✕ " : "") + element.split("/").pop();
      link.title = `${number} LS with an alarm`;
      if (number) item.className = "bad";
      if (element === shown.element) link.setAttribute("aria-current", "true");
      item.append(link);
      return [item];
    }));
  }

  async function read() {
    readAt = performance.now();
    const [cells, rate] = await Promise.all([fetch("/api/v1/triggers/map?" + query()), fetch("/api/v1/triggers/rate?" + query({ element: shown.element }))]);
    if (!cells.ok || !rate.ok) return;
    matrix = await cells.json(); map.load(matrix); shown = await rate.json();
    headings(); show(); rateplots.draw(shown, ls);
  }

  async function begin() {
    const answer = await fetch("/api/v1/triggers/map?" + query());
    if (!answer.ok) return;
    matrix = await answer.json(); map.load(matrix);
    if (!map.own.some((number) => number > 1)) $("which").value = matrix.elements.length > 120 ? "seeds" : "all";
    headings(); show();
    const row = matrix.elements.indexOf(shown.element);
    if (ls !== null && map.rows.includes(row) && map.columnOf.has(ls)) map.go(row, ls);
  }

  const redraw = () => { [map.left, map.right] = margins(); map.paint(); rateplots.draw(shown, ls); };
  let width = section.clientWidth;
  new ResizeObserver(() => { if (section.clientWidth !== width) { width = section.clientWidth; redraw(); } }).observe(section);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Every restMs at most, and never leaving the last news unread.
  document.body.addEventListener("live:lumisections", () => {
    due ??= setTimeout(() => { due = null; read(); }, Math.max(0, readAt + restMs - performance.now()));
  });
  for (const id of ["which", "contains"]) $(id).addEventListener("input", () => { if (matrix) show(); });
  rateplots.draw(shown, ls);
  begin();
})();
