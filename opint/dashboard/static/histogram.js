// Draws one piece of evidence: a histogram over its reference and the pulls below it (1-D), or the observed
// map, the reference, the pulls and what stays of them over several lumisections side by side (2-D). Run and lumisection stand on the plot itself.
"use strict";
const histogram = (() => {
  let drawn = [];

  const title = (evidence) => `${evidence.me}  ·  run ${evidence.run} LS ${evidence.ls}`;

  function edges(axis) {
    if (axis.edges) return axis.edges;
    const width = (axis.upper - axis.lower) / axis.bins;
    return Array.from({ length: axis.bins + 1 }, (_, bin) => axis.lower + bin * width);
  }

  // A step line needs the last value once more, at the upper edge.
  const closed = (values) => [...values, values[values.length - 1]];
  const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());

  function axisOptions(more) {
    const ink = palette.css("--dim"), line = palette.css("--line");
    return { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui", labelFont: "12px system-ui", ...more };
  }

  function xAxis(axis, label) {
    const more = { label: label ? axis.label || "bin" : undefined, labelSize: label ? 22 : 0, size: 26 };
    if (axis.categories) more.values = (_, splits) => splits.map((at) => (Number.isInteger(at) ? axis.categories[at] ?? "" : ""));
    return axisOptions(more);
  }

  function oneDimensional(place, evidence) {
    const axis = evidence.axes[0], stepped = uPlot.paths.stepped({ align: 1 });
    const x = axis.categories ? edges({ ...axis, lower: 0, upper: axis.bins, edges: null }) : edges(axis);
    const top = Math.max(1, ...evidence.counts, ...evidence.reference.filter(Number.isFinite));
    // Above and below have the same left edge, whatever their ticks are.
    const width = place.clientWidth - 14, left = Math.max(62, 34 + 6.5 * Math.round(top).toLocaleString().length);
    // On a logarithmic axis nothing stands at half a count.
    const shown = (values) => closed(log ? values.map((value) => (value > 0.5 ? value : 0.5)) : values);
    const scale = log ? { distr: 3, range: [0.5, top * 2] } : { range: (_, low, high) => [0, Math.max(1, high * 1.06)] };
    // A value belongs to the bin that the pointer is in, which begins at the edge to its left.
    const dataIdx = (_, _series, nearest, at) => Math.min(axis.bins - 1, Math.max(0, x[nearest] > at ? nearest - 1 : nearest));
    const cursor = { dataIdx, sync: { key: "evidence" }, drag: { x: true, y: false } };
    const bin = (_, _value, _series, at) => (at === null ? "–" : axis.categories ? axis.categories[at] : `${number(x[at])} to ${number(x[at + 1])}`);
    const common = { width, cursor, scales: { x: { time: false } }, padding: [8, 14, 0, 0] };
    const named = (label, more) => ({ label, paths: stepped, points: { show: false }, value: (_, value) => number(value), ...more });
    const counted = (values) => (_, _value, _series, at) => (at === null ? "–" : number(values[at]));
    const above = new uPlot({
      ...common, title: title(evidence), height: Math.max(220, Math.min(330, width * 0.42)),
      scales: { x: { time: false }, y: scale },
      axes: [xAxis(axis, false), axisOptions({ label: "counts", size: left, labelSize: 20 })],
      series: [{ label: axis.label || "x", value: bin },
        named("observed", { stroke: palette.css("--ink"), width: 1.5, fill: palette.css("--ink") + "1f", value: counted(evidence.counts) }),
        named("reference", { stroke: palette.css("--ref"), width: 2, dash: [6, 3], value: counted(evidence.reference) })],
    }, [x, shown(evidence.counts), shown(evidence.reference)], place);
    const far = Math.max(5, ...evidence.pulls.map((pull) => Math.abs(pull ?? 0)));
    const below = new uPlot({
      ...common, height: 150,
      scales: { x: { time: false }, y: { range: [-far * 1.08, far * 1.08] } },
      axes: [xAxis(axis, true), axisOptions({ label: "pull (σ)", size: left, labelSize: 20 })],
      series: [{ label: axis.label || "x", value: bin },
        named("too many", { stroke: palette.pulls[5], fill: palette.pulls[5] + "b0", width: 1 }),
        named("too few", { stroke: palette.pulls[1], fill: palette.pulls[1] + "b0", width: 1 })],
      hooks: { drawAxes: [threeSigma] },
    }, [x, closed(evidence.pulls.map((pull) => Math.max(0, pull ?? 0))), closed(evidence.pulls.map((pull) => Math.min(0, pull ?? 0)))], place);
    drawn.push({ destroy: () => { above.destroy(); below.destroy(); } });
  }

  function threeSigma(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = palette.css("--dim");
    ctx.setLineDash([2, 4]);
    ctx.beginPath();
    for (const level of [-3, 3]) {
      const y = plot.valToPos(level, "y", true);
      ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y);
    }
    ctx.stroke();
    ctx.restore();
  }

  const labels = (axis) => {
    if (axis.categories) return axis.categories;
    const cuts = edges(axis);
    return Array.from({ length: axis.bins }, (_, bin) => number((cuts[bin] + cuts[bin + 1]) / 2));
  };

  // Cells that are empty in both stay blank: nothing there is not the same as few.
  function cells(evidence, values, tone = (value) => value) {
    const rows = evidence.axes[1].bins, made = [];
    for (let at = 0; at < values.length; at++)
      if (values[at] !== null && (evidence.counts[at] || evidence.reference[at]) && (values !== evidence.counts || evidence.counts[at]))
        made.push([Math.floor(at / rows), at % rows, tone(values[at]), values[at]]);
    return made;
  }

  // One hot cell must not make the rest of a map black: colours end at what 99 % of the filled cells and the whole
  // reference hold, and what lies above has the last one.
  function brightest(evidence) {
    const filled = evidence.counts.filter((value) => value > 0).sort((low, high) => low - high);
    return Math.max(1, filled[Math.floor(0.99 * (filled.length - 1))] ?? 0, ...evidence.reference.filter(Number.isFinite));
  }

  function twoDimensional(place, evidence) {
    const narrow = place.clientWidth < 620, panels = ["observed", "reference", "pull (σ)"];
    const values = [evidence.counts, evidence.reference, evidence.pulls];
    if (evidence.persistent) {
      panels.push(`stays over ${evidence.persistent.lumisections.length} LS (σ)`);
      values.push(evidence.persistent.pulls);
    }
    const share = 97 / panels.length;
    const most = log ? Math.max(1, ...evidence.counts, ...evidence.reference.filter(Number.isFinite)) : brightest(evidence), cut = Math.max(...evidence.counts) > most, far = Math.max(5, ...evidence.pulls.map((pull) => Math.abs(pull ?? 0)));
    const tone = (value) => { const low = Math.min(value, most); return log ? Math.log10(1 + low) : low; };
    const box = document.createElement("div");
    box.style.height = (narrow ? 54 + panels.length * 282 : 400) + "px";
    place.append(box);
    const chart = echarts.init(box, null, { renderer: "canvas" });
    const ink = palette.css("--ink"), dim = palette.css("--dim");
    const spot = (index) => narrow
      ? { left: 46, right: 70, top: 54 + index * 282, height: 220 }
      : { left: `${4.5 + index * share}%`, width: `${share - 5.9}%`, top: 62, bottom: 92 };
    const ticks = narrow || panels.length < 4 ? 7 : 4;
    const axis = (evidence, index, more) => ({ type: "category", data: labels(evidence), gridIndex: index, name: evidence.label, nameLocation: "middle", nameTextStyle: { color: dim, fontSize: 11 }, axisLabel: { color: dim, fontSize: 10, interval: Math.ceil(evidence.bins / ticks) - 1 }, axisLine: { lineStyle: { color: dim } }, axisTick: { show: false }, splitArea: { show: false }, ...more });
    const bar = (index, range, colours, series, ends = range.map(number)) => ({ type: "continuous", dimension: 2, min: range[0], max: range[1], seriesIndex: series, calculable: false, inRange: { color: colours }, textStyle: { color: dim, fontSize: 10 }, itemWidth: 10, itemHeight: narrow ? 90 : 110, precision: 1, text: [ends[1], ends[0]],
      ...(narrow ? { orient: "vertical", right: 4, top: 70 + index * 282 } : { orient: "horizontal", left: `${4.5 + index * share}%`, bottom: 6 }) });
    chart.setOption({
      animation: false,
      title: [{ text: title(evidence), left: "center", top: 4, textStyle: { color: ink, fontSize: 13, width: place.clientWidth - 20, overflow: "truncate" } },
        ...panels.map((text, index) => ({ text, left: narrow ? 46 : `${4.5 + index * share}%`, top: narrow ? 32 + index * 282 : 36, textStyle: { color: dim, fontSize: 12, fontWeight: "normal" } }))],
      tooltip: { renderMode: "richText", formatter: (at) => `${panels[at.seriesIndex]} ${number(at.value[3])}\n${evidence.axes[0].label || "x"} ${at.name}, ${evidence.axes[1].label || "y"} ${labels(evidence.axes[1])[at.value[1]]}` },
      grid: panels.map((_, index) => spot(index)),
      xAxis: panels.map((_, index) => axis(evidence.axes[0], index, { nameGap: 24 })),
      yAxis: panels.map((_, index) => axis(evidence.axes[1], index, { nameGap: 32, name: index && !narrow ? "" : evidence.axes[1].label })),
      visualMap: [...[0, 1].map((index) => bar(index, [0, tone(most)], palette.viridis, [index], ["0", (cut ? "≥ " : "") + number(most) + (log ? " (log)" : "")])), ...values.slice(2).map((_, index) => bar(2 + index, [-far, far], palette.pulls, [2 + index]))],
      series: values.map((value, index) => ({ type: "heatmap", name: panels[index], xAxisIndex: index, yAxisIndex: index, data: cells(evidence, value, index < 2 ? tone : undefined), progressive: 4000, emphasis: { itemStyle: { borderColor: ink, borderWidth: 1 } } })),
    });
    drawn.push({ destroy: () => chart.dispose() });
  }

  // A box above the plot that makes counts logarithmic, for as long as the window lives.
  let log = sessionStorage.getItem("nightshift-log") === "yes";
  function scaleChoice(place, again) {
    const label = document.createElement("label"), box = document.createElement("input");
    Object.assign(box, { type: "checkbox", checked: log });
    label.className = "log";
    label.append(box, " counts on a logarithmic scale");
    box.addEventListener("change", () => {
      log = box.checked;
      sessionStorage.setItem("nightshift-log", log ? "yes" : "no");
      again();
    });
    place.before(label);
    return label;
  }

  // ECharts has a megabyte and draws maps alone: it is loaded where the first of them is shown.
  let library = null;
  const loadLibrary = () => (library ??= new Promise((loaded, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src: "/static/vendor/echarts.min.js", onload: loaded, onerror: failed });
    document.head.append(script);
  }));

  let newest = 0;
  async function draw(place, evidence) {
    const drawing = ++newest;
    if (evidence.axes.length === 2) await loadLibrary();
    if (drawing !== newest) return;
    for (const plot of drawn) plot.destroy();
    drawn = [];
    place.replaceChildren();
    if (evidence.counts.length === 0) return;
    (evidence.axes.length === 2 ? twoDimensional : oneDimensional)(place, evidence);
  }

  // Draws, and draws again when the window's width, the colour scheme or the scale of counts changes.
  function keep(place, evidence) {
    let width = 0;
    const choice = scaleChoice(place, () => again());
    const again = () => { width = place.clientWidth; draw(place, evidence); };
    const watch = new ResizeObserver(() => { if (place.clientWidth !== width) again(); });
    watch.observe(place);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", again);
    return () => { choice.remove(); watch.disconnect(); scheme.removeEventListener("change", again); };
  }

  return { keep };
})();
