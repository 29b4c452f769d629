// The run's page: conditions above, the map below, one x axis for both; a click shows kept evidence.
"use strict";
(() => {
  const section = document.getElementById("run"), { run, dataset, subsystem } = section.dataset;
  const page = JSON.parse(document.getElementById("run-data").textContent);
  const kept = new Set(page.kept.map(([ls, me]) => ls + ":" + me));
  const $ = (id) => document.getElementById(id);
  const query = (more) => new URLSearchParams({ dataset, subsystem, ...more });
  const margins = () => (section.clientWidth < 620 ? [96, 44] : [250, 64]);
  const pad = 0.5;
  let matrix = null, range = null, plot = null, map = null, stop = () => {}, readAt = 0;

  const span = () => {
    const all = [...page.lumisections.map((row) => row.ls), ...(matrix ? matrix.lumisections : [])];
    return all.length ? [Math.min(...all) - pad, Math.max(...all) + pad] : [0, 1];
  };

  function conditions() {
    if (plot) plot.destroy();
    plot = null;
    const known = page.lumisections.some((row) => ["pileup", "delivered_lumi", "recorded_lumi"].some((name) => (row[name] ?? null) !== null));
    $("conditions").hidden = !known;
    $("no-conditions").hidden = known;
    if (!known) return;
    const [left, right] = margins(), rows = page.lumisections, ink = palette.css("--dim"), line = palette.css("--line");
    const axis = (more) => ({ stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui", labelFont: "11px system-ui", labelSize: 16, ...more });
    const line2 = (label, scale, stroke, dash) => ({ label, scale, stroke, dash, width: 1.5, spanGaps: false, points: { show: rows.length < 3 } });
    plot = new uPlot({
      width: section.clientWidth - 2, height: 150, padding: [6, 0, 0, 0],
      cursor: { drag: { x: true, y: false } },
      scales: { x: { time: false, range: (_, low, high) => (range ? range : low === null ? [0, 1] : [low, high]) }, pileup: { range: (_, low, high) => [0, (high || 1) * 1.1] }, lumi: { range: (_, low, high) => [0, (high || 1) * 1.1] } },
      axes: [axis({ size: 24, values: (_, at) => at.map((ls) => (Number.isInteger(ls) ? "LS " + ls : "")) }),
        axis({ scale: "pileup", label: "pileup", size: left - 16 }),
        axis({ scale: "lumi", side: 1, label: "1/pb", size: right - 16, grid: { show: false } })],
      series: [{ label: "LS" }, line2("mean pileup", "pileup", palette.css("--ink")), line2("delivered (1/pb)", "lumi", palette.css("--blue"), [6, 3]), line2("recorded (1/pb)", "lumi", palette.css("--bad"))],
      hooks: { setSelect: [(self) => { if (self.select.width > 4) zoom([self.posToVal(self.select.left, "x"), self.posToVal(self.select.left + self.select.width, "x")]); self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false); }] },
    }, [rows.map((row) => row.ls), ...["pileup", "delivered_lumi", "recorded_lumi"].map((name) => rows.map((row) => row[name] ?? null))], $("conditions"));
    plot.over.addEventListener("dblclick", () => zoom(span()));
  }

  function zoom(interval) {
    range = interval;
    plot?.setScale("x", { min: range[0], max: range[1] });
    map.zoom(range);
  }

  function rows() {
    const name = $("contains").value.toLowerCase(), problems = $("problems").checked, matching = [];
    matrix.elements.forEach((me, row) => {
      if (name && !me.toLowerCase().includes(name)) return;
      if (problems && !/[23]/.test(matrix.qualities[row]) && !alarming(matrix.reasons[row])) return;
      matching.push(row);
    });
    return matching;
  }

  // Missing, starved and misshapen elements are not inspected, and are problems all the same.
  function alarming(reasons) {
    return [...reasons].some((reason) => ["MISSING", "STARVED", "WRONG_SHAPE"].includes(matrix.reason_names[reason]));
  }

  function show() {
    const chosen = rows();
    map.show(matrix, chosen, range);
    $("shown").textContent = `${chosen.length} of ${matrix.elements.length} monitoring elements × ${matrix.lumisections.length} lumisections`;
    const empty = $("empty");
    empty.hidden = chosen.length > 0;
    empty.textContent = matrix.elements.length === 0
      ? "Nothing of this subsystem has been judged in this run yet."
      : $("problems").checked && !$("contains").value ? "No monitoring element had a problem. Untick “only with problems” to see all." : "No monitoring element fits the filter.";
  }

  const sentence = (cell) => `${cell.me} · run ${run} LS ${cell.ls} · ${cell.quality === "-" ? "not expected" : palette.glyphs[cell.quality] + " " + palette.words[cell.quality]} (${cell.reason.replaceAll("_", " ").toLowerCase()})${cell.p === null ? "" : " · p = " + (cell.p < 0.001 ? cell.p.toExponential(1) : cell.p.toPrecision(2))}${map.marked?.get(cell.me)?.has(cell.ls) ? " · short fault" : ""}`;
  const has = (cell) => kept.has(cell.ls + ":" + cell.me);

  function point(cell) {
    $("readout").textContent = sentence(cell) + (has(cell) ? " · click or press Enter for its evidence" : "");
  }

  async function choose(cell) {
    const answer = await fetch("/api/v1/evidence?" + query({ run, ls: cell.ls, me: cell.me }));
    const evidence = await answer.json();
    $("evidence").hidden = false;
    $("evidence-title").textContent = `${cell.me}, run ${run} LS ${cell.ls}`;
    $("evidence-why").textContent = answer.ok ? `${evidence.reason.replaceAll("_", " ").toLowerCase()}: ${evidence.sentence}` : evidence.detail;
    stop();
    $("plot").hidden = !answer.ok;
    stop = answer.ok ? histogram.keep($("plot"), evidence) : () => {};
    $("evidence").scrollIntoView({ behavior: "smooth", block: "nearest" });
  }

  // Which lumisections of which element belong to a short fault.
  function mark(faults) {
    map.marked = new Map();
    for (const fault of faults.filter((fault) => fault.subsystem === subsystem))
      for (const me of fault.elements) map.marked.set(me, (map.marked.get(me) ?? new Set()).add(fault.ls));
  }

  async function read() {
    readAt = performance.now();
    const [cells, detail, short] = await Promise.all([
      fetch(`/api/v1/runs/${run}/map?` + query()), fetch(`/api/v1/runs/${run}?` + new URLSearchParams({ dataset })),
      fetch(`/api/v1/runs/${run}/short-faults?` + new URLSearchParams({ dataset }))]);
    if (!cells.ok || !detail.ok || !short.ok) return;
    const whole = !range || (matrix && String(range) === String(span()));
    matrix = await cells.json();
    page.lumisections = (await detail.json()).lumisections.map((row) => ({ ls: row.ls, ...row.conditions }));
    mark((await short.json()).items);
    if (whole) range = span();
    conditions();
    show();
  }

  async function begin() {
    if (!subsystem) { range = span(); $("empty").hidden = false; $("empty").textContent = "Nothing has been judged in this run yet."; return; }
    const [left, right] = margins();
    map = new RunMap($("map"), left, right, { point, choose });
    await read();
    const requested = Number(section.dataset.ls), bad = matrix && rows().find((row) => /[23]/.test(matrix.qualities[row][matrix.lumisections.indexOf(requested)] ?? ""));
    if (section.dataset.ls && bad !== undefined) { map.go(bad, requested); if (has(map.cell())) choose(map.cell()); }
  }

  for (const id of ["problems", "contains"]) $(id).addEventListener("input", show);
  document.body.addEventListener("live:lumisections", () => { if (subsystem && performance.now() - readAt > 10000) read(); });
  let width = section.clientWidth;
  new ResizeObserver(() => {
    if (section.clientWidth === width || !map || !matrix) return;
    width = section.clientWidth;
    [map.left, map.right] = margins();
    conditions(); map.paint();
  }).observe(section);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (map && matrix) { conditions(); map.paint(); } });
  begin();
})();
