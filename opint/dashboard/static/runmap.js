// The map of monitoring elements (rows) against lumisections (columns), on one canvas. A long run has a
// million cells: they are painted as the pixels of one small image, which the canvas then enlarges. Where
// several lumisections share a pixel the worst of them shows, so that zooming out hides nothing.
"use strict";
class RunMap {
  constructor(place, left, right, on) {
    this.place = place; this.left = left; this.right = right; this.on = on;
    this.canvas = document.createElement("canvas");
    place.replaceChildren(this.canvas);
    this.rows = []; this.at = null;
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("click", (event) => { this.point(event); this.choose(); });
    place.addEventListener("keydown", (event) => this.key(event));
  }

  // matrix: the answer of /api/v1/runs/{run}/map; rows: which of its elements to show.
  show(matrix, rows, range) {
    this.matrix = matrix; this.rows = rows; this.range = range;
    this.columnOf = new Map(matrix.lumisections.map((ls, column) => [ls, column]));
    if (this.at && !(rows.includes(this.at.row) && this.columnOf.has(this.at.ls))) this.at = null;
    this.paint();
  }

  zoom(range) { this.range = range; this.paint(); }

  get rowHeight() { return this.rows.length <= 60 ? 16 : this.rows.length <= 200 ? 7 : 3; }
  get plotWidth() { return Math.max(10, this.place.clientWidth - this.left - this.right); }
  x(ls) { return this.left + ((ls - this.range[0]) / (this.range[1] - this.range[0])) * this.plotWidth; }

  paint() {
    if (!this.matrix) return;
    const scale = window.devicePixelRatio || 1, width = this.place.clientWidth, height = this.rows.length * this.rowHeight + 4;
    this.canvas.width = width * scale; this.canvas.height = height * scale;
    this.canvas.style.width = width + "px"; this.canvas.style.height = height + "px";
    const ctx = this.canvas.getContext("2d");
    ctx.scale(scale, scale);
    ctx.imageSmoothingEnabled = false;
    const first = Math.ceil(this.range[0]), last = Math.floor(this.range[1]);
    if (this.rows.length && last >= first) this.cells(ctx, first, last);
    this.names(ctx);
    this.cursor(ctx);
  }

  cells(ctx, first, last) {
    const count = last - first + 1, columns = Math.min(count, Math.floor(this.plotWidth));
    const image = new ImageData(columns, this.rows.length), pixels = new Uint32Array(image.data.buffer);
    const { rank, colour } = this.shades();
    this.rows.forEach((row, y) => {
      const worst = new Float32Array(columns);
      for (let ls = first; ls <= last; ls++) {
        const column = this.columnOf.get(ls);
        if (column === undefined) continue;
        const x = Math.floor(((ls - first) * columns) / count), bad = rank(row, column);
        if (bad > worst[x]) { worst[x] = bad; pixels[y * columns + x] = colour(row, column); }
      }
    });
    const small = new OffscreenCanvas(columns, this.rows.length);
    small.getContext("2d").putImageData(image, 0, 0);
    const x0 = this.x(first - 0.5), x1 = this.x(last + 0.5);
    ctx.save();
    ctx.beginPath(); ctx.rect(this.left, 0, this.plotWidth, this.rows.length * this.rowHeight); ctx.clip();
    ctx.drawImage(small, x0, 0, x1 - x0, this.rows.length * this.rowHeight);
    this.lines(ctx);
    if (this.rowHeight >= 12 && (x1 - x0) / count >= 8) this.glyphs(ctx, first, last);
    this.marks(ctx);
    ctx.restore();
  }

  // How bad a cell is (0: there is none), and its colour as a pixel.
  shades() {
    const colours = [0, 1, 2, 3].map((quality) => palette.pixel(palette.rgb(palette.quality(quality))));
    // Not inspected counts as worse than good when they share a pixel: it must never look good.
    const ranks = { "-": 0, 1: 1, 0: 2, 2: 3, 3: 4 }, cells = this.matrix.qualities;
    return { rank: (row, column) => ranks[cells[row][column]], colour: (row, column) => colours[cells[row][column]] };
  }

  // The character that stands in a cell and its colour; null where the colour of the cell says enough.
  glyph(row, column) {
    const quality = this.matrix.qualities[row][column];
    if (quality === "-" || quality === "1") return null;
    return [palette.glyphs[quality], quality === "3" ? "#fff" : quality === "2" ? "#241a00" : palette.css("--dim")];
  }

  label(row, full) {
    const name = this.matrix.elements[row];
    return full ? name : name.slice(0, Math.max(0, name.lastIndexOf("/")));
  }

  // Frames around the cells of short faults, which are narrow in a long run and would be missed.
  marks(ctx) {
    ctx.strokeStyle = palette.css("--ink"); ctx.lineWidth = 1.5;
    this.rows.forEach((row, y) => {
      for (const ls of this.marked?.get(this.matrix.elements[row]) ?? []) {
        const wide = Math.max(5, this.x(ls + 0.5) - this.x(ls - 0.5));
        ctx.strokeRect(this.x(ls) - wide / 2, y * this.rowHeight + 0.75, wide, this.rowHeight - 1.5);
      }
    });
  }

  lines(ctx) {
    if (this.rowHeight < 12) return;
    ctx.fillStyle = palette.css("--card");
    for (let y = 0; y <= this.rows.length; y++) ctx.fillRect(this.left, y * this.rowHeight - 0.5, this.plotWidth, 1);
  }

  glyphs(ctx, first, last) {
    ctx.font = "bold 10px system-ui"; ctx.textAlign = "center"; ctx.textBaseline = "middle";
    this.rows.forEach((row, y) => {
      for (let ls = first; ls <= last; ls++) {
        const column = this.columnOf.get(ls), glyph = column === undefined ? null : this.glyph(row, column);
        if (!glyph) continue;
        ctx.fillStyle = glyph[1];
        ctx.fillText(glyph[0], this.x(ls), (y + 0.5) * this.rowHeight);
      }
    });
  }

  // Every name where there is room, else the folder's where it changes.
  names(ctx) {
    ctx.font = "11px system-ui"; ctx.textAlign = "right"; ctx.textBaseline = "middle"; ctx.fillStyle = palette.css("--dim");
    const room = this.left - 10, full = this.rowHeight >= 12;
    let before = null, free = 0;
    this.rows.forEach((row, y) => {
      const text = this.label(row, full);
      const top = (y + 0.5) * this.rowHeight;
      if (!full && (text === before || top < free)) return;
      before = text; free = top + 13;
      ctx.fillText(this.fit(ctx, text, room), this.left - 6, Math.max(6, top));
    });
  }

  fit(ctx, text, room) {
    if (ctx.measureText(text).width <= room) return text;
    const keep = Math.max(3, Math.floor((room / ctx.measureText(text).width) * text.length) - 1);
    return "…" + text.slice(-keep);
  }

  cursor(ctx) {
    if (!this.at) return;
    const y = this.rows.indexOf(this.at.row), wide = Math.max(3, this.x(this.at.ls + 0.5) - this.x(this.at.ls - 0.5));
    ctx.strokeStyle = palette.css("--ink"); ctx.lineWidth = 2;
    ctx.strokeRect(this.x(this.at.ls - 0.5), y * this.rowHeight, wide, this.rowHeight);
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const y = Math.floor((event.clientY - box.top) / this.rowHeight);
    const ls = Math.round(this.range[0] + ((event.clientX - box.left - this.left) / this.plotWidth) * (this.range[1] - this.range[0]));
    if (y >= 0 && y < this.rows.length && this.columnOf.has(ls)) this.go(this.rows[y], ls);
  }

  key(event) {
    if (!this.rows.length) return;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }, known = this.matrix.lumisections;
    if (event.key === "Enter") this.choose();
    else if (steps[event.key]) {
      const [down, right] = steps[event.key];
      const y = this.at ? this.rows.indexOf(this.at.row) + down : 0;
      const column = this.at ? this.columnOf.get(this.at.ls) + right : known.length - 1;
      this.go(this.rows[Math.max(0, Math.min(this.rows.length - 1, y))], known[Math.max(0, Math.min(known.length - 1, column))]);
    } else return;
    event.preventDefault();
  }

  go(row, ls) {
    if (this.at && this.at.row === row && this.at.ls === ls) return;
    this.at = { row, ls };
    this.paint();
    this.on.point(this.cell());
  }

  choose() { if (this.at) this.on.choose(this.cell()); }

  cell() {
    const { row, ls } = this.at, column = this.columnOf.get(ls), matrix = this.matrix;
    return { me: matrix.elements[row], ls, quality: matrix.qualities[row][column], reason: matrix.reason_names[matrix.reasons[row][column]] ?? "NOT_EXPECTED", p: matrix.p_values[row][column] };
  }
}
