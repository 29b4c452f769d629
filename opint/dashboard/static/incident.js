// The incident's page: its plot, and choosers that need no button.
"use strict";
(() => {
  const data = document.getElementById("evidence-data");
  if (data) histogram.keep(document.getElementById("plot"), JSON.parse(data.textContent));
  const chooser = document.querySelector(".chooser");
  if (chooser) {
    chooser.querySelector("button").hidden = true;
    chooser.addEventListener("change", () => chooser.submit());
  }
})();
