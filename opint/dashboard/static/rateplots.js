// One rate: against lumisection with the band in which good ones lie, and against pileup with the fitted curve.
"use strict";
const rateplots = (() => {
  const MOST_LABELS = 6;
  let drawn = [];
  const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(4)).toString());
  const value = (_, reading) => number(reading);

  function axis(more) {
    const ink = palette.css("--dim"), line = palette.css("--line");
    return { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui", labelFont: "12px system-ui", labelSize: 20, ...more };
  }

  const points = (label) => ({ label, value, paths: () => null, stroke: palette.css("--ink"), points: { show: true, size: 4, fill: palette.css("--ink") } });
  const curve = (label) => ({ label, value, stroke: palette.css("--ref"), width: 2, dash: [6, 3], points: { show: false } });
  const edge = (label) => ({ label, value, stroke: palette.css("--ref") + "66", width: 1, points: { show: false } });

  // Crosses where there is an alarm: a shape, not a colour alone.
  function crosses(plot, xs, ys, marked) {
    const { ctx } = plot, scale = devicePixelRatio || 1, arm = 4 * scale;
    ctx.save();
    ctx.strokeStyle = palette.css("--bad"); ctx.lineWidth = 2 * scale;
    ctx.beginPath();
    xs.forEach((at, row) => {
      if (!marked[row] || ys[row] === null) return;
      const x = plot.valToPos(at, "x", true), y = plot.valToPos(ys[row], "y", true);
      ctx.moveTo(x - arm, y - arm); ctx.lineTo(x + arm, y + arm);
      ctx.moveTo(x - arm, y + arm); ctx.lineTo(x + arm, y - arm);
    });
    ctx.stroke();
    ctx.restore();
  }

  // Labels stand below each other where they would overlap; taken holds the right end of each row.
  function upright(plot, at, text, colour, dash, taken) {
    const { ctx, bbox } = plot, scale = devicePixelRatio || 1, x = plot.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour; ctx.lineWidth = scale; ctx.setLineDash(dash.map((length) => length * scale));
    ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
    ctx.font = `${11 * scale}px system-ui`; ctx.textBaseline = "top";
    const room = bbox.left + bbox.width - x > ctx.measureText(text).width + 6 * scale;
    ctx.textAlign = room ? "left" : "right";
    const width = ctx.measureText(text).width + 10 * scale, left = room ? x : x - width;
    let row = taken.findIndex((end) => end <= left);
    if (row < 0) row = taken.length;
    ctx.fillText(text, x + (room ? 4 : -4) * scale, bbox.top + (3 + 13 * row) * scale);
    taken[row] = left + width;
    ctx.restore();
  }

  // [lumisection, text] where another prescale column or version of the path begins.
  function changes(rate) {
    const columns = rate.prescale_index.map((index, row) => rate.prescale_name[row] ?? index);
    const begins = (values, name) => values.flatMap((value, row) => (row && value !== values[row - 1] && value !== null ? [[rate.lumisections[row], name + value]] : []));
    const versions = rate.version.map((version, row) => version ?? (row ? rate.version[row - 1] : null));
    return [...begins(columns.map((column) => column ?? "unknown"), "column "), ...begins(versions, "version ")];
  }

  function list(place, rate) {
    const lines = changes(rate).map(([ls, text]) => `LS ${ls}: ${text}`);
    place.hidden = !lines.length;
    place.querySelector("summary").textContent = `${lines.length} ${lines.length === 1 ? "change" : "changes"} of prescale column or version`;
    place.querySelector("ul").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  }

  const most = (...columns) => Math.max(...columns.flat().filter((reading) => reading !== null), 0);

  function againstLs(place, rate, ls) {
    const far = most(rate.observed, rate.high) * 1.12 || 1;
    return new uPlot({
      width: place.clientWidth - 14, height: 300, title: `${rate.element.split("/").pop()}  ·  run ${rate.run}`, padding: [8, 18, 0, 0],
      scales: { x: { time: false }, y: { range: [0, far] } },
      axes: [axis({ label: "lumisection", size: 26 }), axis({ label: "rate (Hz)", size: palette.tickRoom(36) })],
      series: [{ label: "LS" }, edge("band from"), edge("to"), curve("expected (Hz)"), points("observed (Hz)")],
      bands: [{ series: [2, 1], fill: palette.css("--ref") + "30" }],
      hooks: { draw: [(plot) => {
        const taken = [], begun = changes(rate);
        // More labels would cross each other's lines; the list below the plot has them all.
        for (const [at, text] of begun) upright(plot, at - 0.5, begun.length > MOST_LABELS ? "" : text, palette.css("--dim"), [5, 4], taken);
        if (ls !== null && rate.lumisections.includes(ls)) upright(plot, ls, `LS ${ls}`, palette.css("--ink"), [2, 2], taken);
        crosses(plot, rate.lumisections, rate.observed, rate.alarm);
      }] },
    }, [rate.lumisections, rate.low, rate.high, rate.expected, rate.observed], place);
  }

  function againstPileup(place, rate) {
    const rows = rate.pileup.map((_, row) => row).filter((row) => rate.pileup[row] !== null && rate.prescale[row] && rate.observed[row] !== null);
    rows.sort((left, right) => rate.pileup[left] - rate.pileup[right]);
    const full = (column, row) => (column[row] === null ? null : (column[row] * rate.prescale[row]) / (rate.live[row] || 1));
    const pileup = rows.map((row) => rate.pileup[row]), seen = rows.map((row) => full(rate.observed, row)), fitted = rows.map((row) => full(rate.curve, row));
    const alarm = rows.map((row) => rate.alarm[row]);
    return new uPlot({
      width: place.clientWidth - 14, height: 300, title: "against pileup", padding: [8, 18, 0, 0],
      scales: { x: { time: false }, y: { range: [0, most(seen, fitted) * 1.12 || 1] } },
      axes: [axis({ label: "mean pileup", size: 26 }), axis({ label: "rate × prescale / live time (Hz)", size: palette.tickRoom(44) })],
      series: [{ label: "pileup", value }, curve("fitted curve (Hz)"), points("observed (Hz)")],
      hooks: { draw: [(plot) => crosses(plot, pileup, seen, alarm)] },
    }, [pileup, fitted, seen], place);
  }

  function draw(rate, ls) {
    for (const plot of drawn) plot.destroy();
    const places = ["against-ls", "against-pileup"].map((id) => document.getElementById(id));
    for (const place of places) place.replaceChildren();
    list(document.getElementById("rate-changes"), rate);
    drawn = [againstLs(places[0], rate, ls), againstPileup(places[1], rate)];
  }

  return { draw };
})();
