// Little charts: a line of the last two minutes, scaled to its own highest point.

import { s } from "./dom.js";
import { POINTS } from "./traffic.js";

const WIDTH = 120;
const HEIGHT = 28;
const LEAST = 1; // A top below one request a second would make a mountain of a single request.

export class Chart {
  constructor(label = "") {
    this.line = s("polyline", { class: "chart-line" });
    this.area = s("polygon", { class: "chart-area" });
    this.errors = s("polyline", { class: "chart-errors" });
    const hidden = label === "" ? { "aria-hidden": "true" } : { role: "img", "aria-label": label };
    const box = { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", ...hidden };
    this.element = s("svg", box, this.area, this.line, this.errors);
    this.drawn = "";
  }

  /** Draw a meter's history, where it differs from what is drawn. */
  draw(meter) {
    const top = Math.max(LEAST, ...meter.rates);
    const line = points(meter.rates, top);
    const failed = meter.failures.some((value) => value > 0) ? points(meter.failures, top) : "";
    if (line + failed === this.drawn) return;
    this.drawn = line + failed;
    this.line.setAttribute("points", line);
    this.area.setAttribute("points", line === "" ? "" : `${startOf(meter.rates)},${HEIGHT} ${line} ${WIDTH},${HEIGHT}`);
    this.errors.setAttribute("points", failed);
  }
}

function startOf(values) {
  return (WIDTH - ((values.length - 1) * WIDTH) / (POINTS - 1)).toFixed(1);
}

function points(values, top) {
  const step = WIDTH / (POINTS - 1);
  const start = WIDTH - (values.length - 1) * step;
  return values
    .map((value, index) => `${(start + index * step).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`)
    .join(" ");
}
