// The drawing pad: mouse, pen, finger, or keys.

import { el } from "./dom.js";
import { say } from "./text.js";

export const SIDE = 280;
const WIDTH = 28;
const STRIDE = 10;

/** A canvas to draw on. `onchange(final)` is called while a stroke grows and, with true, at its end. */
export class Pad {
  constructor(onchange) {
    this.onchange = onchange;
    this.canvas = el("canvas", { class: "pad", width: SIDE, height: SIDE, tabIndex: 0, role: "application" });
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.cursor = el("span", { class: "cursor", hidden: true });
    this.hint = el("span", { class: "placeholder" });
    this.root = el("div", { class: "pad-frame" }, this.canvas, this.hint, this.cursor);
    this.at = [SIDE / 2, SIDE / 3];
    this.down = false;
    this.words();
    this.canvas.addEventListener("pointerdown", (e) => this.begin(e));
    this.canvas.addEventListener("pointermove", (e) => this.move(e));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, (e) => this.end(e));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.canvas.addEventListener("blur", () => this.lift());
  }

  words() {
    this.canvas.setAttribute("aria-label", say("pad"));
    this.hint.textContent = say("drawHint");
  }

  clear() {
    this.pen.clearRect(0, 0, SIDE, SIDE);
    this.hint.hidden = false;
  }

  /** How much ink is where, (SIDE, SIDE) in [0, 1]. */
  ink() {
    const { data } = this.pen.getImageData(0, 0, SIDE, SIDE);
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 3] / 255);
  }

  line(x0, y0, x1, y1) {
    Object.assign(this.pen, { lineWidth: WIDTH, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    this.pen.beginPath();
    this.pen.moveTo(x0, y0);
    this.pen.lineTo(x1, y1);
    this.pen.stroke();
    this.hint.hidden = true;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  begin(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor.hidden = true;
    this.last = this.place(event);
    this.line(...this.last, ...this.last);
    this.onchange(false);
  }

  move(event) {
    if (!this.last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const next = this.place(one);
      this.line(...this.last, ...next);
      this.last = next;
    }
    this.onchange(false);
  }

  end() {
    if (!this.last) return;
    this.last = null;
    this.onchange(true);
  }

  lift() {
    this.cursor.hidden = true;
    if (this.down) this.onchange(true);
    this.down = false;
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) {
      const next = this.at.map((v, k) => Math.max(WIDTH / 2, Math.min(SIDE - WIDTH / 2, v + STRIDE * way[k])));
      if (this.down) {
        this.line(...this.at, ...next);
        this.onchange(false);
      }
      this.at = next;
    } else if (event.key === " " || event.key === "Enter") {
      this.down = !this.down;
      if (this.down) this.line(...this.at, ...this.at);
      this.onchange(!this.down);
    } else return;
    event.preventDefault();
    this.cursor.hidden = false;
    this.cursor.classList.toggle("down", this.down);
    this.cursor.style.left = `${(100 * this.at[0]) / SIDE}%`;
    this.cursor.style.top = `${(100 * this.at[1]) / SIDE}%`;
  }
}
