// Colours that colour-blind people can tell apart: qualities after Okabe and Ito, counts in viridis
// (matplotlib), pulls from blue over white to orange.
"use strict";
const palette = (() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const viridis = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const pulls = ["#08518f", "#3a85c0", "#9cc7e6", "#f7f7f7", "#f9c38a", "#e58121", "#a84a00"];
  const qualities = ["--none-cell", "--good-cell", "--warn", "--bad"];
  const glyphs = ["·", "✓", "!", "✕"];
  const words = ["not inspected", "good", "warning", "bad"];
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  // A pixel as ImageData holds it on every machine that browsers run on: the first byte is red.
  const pixel = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  // Room for the ticks of an axis, px, so that long numbers do not reach its title.
  const tickRoom = (least) => (_, ticks) => Math.max(least, 14 + 6.5 * Math.max(0, ...(ticks ?? []).map((text) => String(text).length)));
  return { tickRoom, css, pixel, viridis, pulls, glyphs, words, rgb, quality: (number) => css(qualities[number]) };
})();
