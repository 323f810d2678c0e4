// The layers: every map of every step as a tile in a grid, every row of numbers as a strip.

import { scale } from "./colors.js";
import { el, short, times } from "./dom.js";
import { say, operation } from "./text.js";

const GAP = 4;
const MOST = 64;

/** How a value of some shape is laid out in a given width. */
function layout(shape, width) {
  if (shape.length === 2) {
    const n = shape[1];
    const side = n <= 16 ? 26 : n <= 200 ? 14 : 8;
    const columns = Math.max(1, Math.min(n, Math.floor((width + 2) / (side + 2))));
    return { count: n, h: 1, w: 1, zoom: side, skip: 1, gap: 2, columns };
  }
  const [, c, h, w] = shape;
  const largest = Math.max(h, w);
  const goal = largest === 1 ? 14 : c <= 8 ? 84 : 64;
  const zoom = Math.max(1, Math.round(goal / largest));
  const skip = Math.max(1, Math.round(largest / 112));
  const gap = largest === 1 ? 2 : GAP;
  const count = Math.min(c, MOST);
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (Math.ceil(w / skip) * zoom + gap))));
  return { count, h, w, zoom, skip, gap, columns };
}

/** One layer: heading, picture, and the value that is chosen in it. */
export class LayerView {
  constructor(step, place, onchoose) {
    Object.assign(this, { step, place, onchoose, chosen: null, maps: null });
    this.canvas = el("canvas", { class: "maps", tabIndex: 0, role: "application" });
    this.title = el("h3", {}, el("code", { text: step.name }));
    this.kind = el("span", { class: "kind" });
    this.range = el("span", { class: "range" });
    this.root = el("section", { class: "layer", id: `layer-${place}` },
      el("header", {}, this.title, this.kind, el("span", { class: "shape", text: times(step.shape.slice(1)) }), this.range),
      this.canvas);
    this.canvas.addEventListener("click", (e) => this.click(e));
    this.canvas.addEventListener("keydown", (e) => this.key(e));
    this.words();
  }

  words() {
    this.kind.textContent = operation(this.step.op);
    const about = { layer: this.step.name, op: operation(this.step.op), shape: times(this.step.shape.slice(1)) };
    this.canvas.setAttribute("aria-label", say("maps", about));
  }

  /** Draw the values; `maps.data` are floats, or bytes that stand for low .. high. */
  draw(maps) {
    this.maps = maps;
    const bytes = maps.data instanceof Uint8Array;
    const span = (maps.high - maps.low) / 255;
    const value = bytes ? (i) => maps.low + maps.data[i] * span : (i) => maps.data[i];
    const at = (this.at = layout(this.step.shape, this.root.clientWidth || 640));
    const [th, tw] = [Math.ceil(at.h / at.skip) * at.zoom, Math.ceil(at.w / at.skip) * at.zoom];
    Object.assign(at, { th, tw });
    const rows = Math.ceil(at.count / at.columns);
    const [width, height] = [at.columns * (tw + at.gap) - at.gap, rows * (th + at.gap) - at.gap];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const { colors, place } = scale(maps.low, maps.high);
    for (let k = 0; k < at.count; k++) {
      const top = Math.floor(k / at.columns) * (th + at.gap);
      const left = (k % at.columns) * (tw + at.gap);
      for (let r = 0; r < at.h; r += at.skip) {
        for (let c = 0; c < at.w; c += at.skip) {
          const p = 3 * place(value(k * at.h * at.w + r * at.w + c));
          const color = 0xff000000 | (colors[p + 2] << 16) | (colors[p + 1] << 8) | colors[p];
          const y = top + (r / at.skip) * at.zoom;
          const x = left + (c / at.skip) * at.zoom;
          for (let i = 0; i < at.zoom; i++) pixels.fill(color, (y + i) * width + x, (y + i) * width + x + at.zoom);
        }
      }
    }
    this.image = image;
    const more = this.step.shape.length === 4 ? this.step.shape[1] - at.count : 0;
    this.range.textContent = `${short(maps.low, 3)} … ${short(maps.high, 3)}` + (more > 0 ? `, ${say("more", { n: more })}` : "");
    this.mark();
  }

  /** Put the picture on the canvas, with a frame around the chosen value. */
  mark() {
    if (!this.image) return;
    const pen = this.canvas.getContext("2d");
    pen.putImageData(this.image, 0, 0);
    if (!this.chosen) return;
    const [x, y, w, h] = this.tile(...this.chosen);
    pen.lineWidth = 2;
    for (const [color, grow] of [["#fff", 3], [getComputedStyle(this.root).getPropertyValue("--accent"), 1]]) {
      pen.strokeStyle = color;
      pen.strokeRect(x - grow, y - grow, w + 2 * grow, h + 2 * grow);
    }
  }

  tile(k, r, c) {
    const { columns, tw, th, gap, zoom, skip } = this.at;
    const left = (k % columns) * (tw + gap) + Math.floor(c / skip) * zoom;
    return [left, Math.floor(k / columns) * (th + gap) + Math.floor(r / skip) * zoom, zoom, zoom];
  }

  choose(index) {
    this.chosen = index;
    this.mark();
  }

  click(event) {
    if (!this.at) return;
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * this.canvas.width) / box.width;
    const y = ((event.clientY - box.top) * this.canvas.height) / box.height;
    const { columns, tw, th, gap, zoom, skip, count, h, w } = this.at;
    const [column, row] = [Math.floor(x / (tw + gap)), Math.floor(y / (th + gap))];
    const k = row * columns + column;
    const r = Math.floor((y - row * (th + gap)) / zoom) * skip;
    const c = Math.floor((x - column * (tw + gap)) / zoom) * skip;
    if (k < count && column < columns && r < h && c < w) this.onchoose(this.place, [k, r, c]);
  }

  key(event) {
    if (!this.at) return;
    const { count, h, w, columns, skip } = this.at;
    let [k, r, c] = this.chosen ?? [0, Math.floor(h / 2), Math.floor(w / 2)];
    const flat = h === 1 && w === 1;
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (way && flat) k += way[0] * columns + way[1];
    else if (way) [r, c] = [r + skip * way[0], c + skip * way[1]];
    else if (event.key === "PageDown" || event.key === "n") k += 1;
    else if (event.key === "PageUp" || event.key === "p") k -= 1;
    else if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    const inside = (v, n) => Math.max(0, Math.min(n - 1, v));
    this.onchoose(this.place, [inside(k, count), inside(r, h), inside(c, w)]);
  }
}

/** All layers of an answer; those out of sight of a large network are drawn when they are scrolled to. */
export class Layers {
  constructor(onchoose) {
    this.onchoose = onchoose;
    this.root = el("div", { class: "layers" });
    this.views = new Map();
    this.seen = new Set();
    this.eye = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "300px" });
    addEventListener("resize", () => {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.redraw(), 150);
    });
  }

  redraw() {
    for (const view of this.views.values()) if (view.maps) view.draw(view.maps);
  }

  words() {
    for (const view of this.views.values()) view.words();
    this.redraw();
  }

  /** Show an answer; resolves when every layer in sight is painted. */
  async show(answer) {
    this.answer = answer;
    if (answer.program !== this.program) this.build(answer.program);
    const places = [...this.views.keys()];
    await Promise.all(places.filter((k) => answer.ready(k) || this.seen.has(k)).map((k) => this.paint(k)));
  }

  build(program) {
    this.program = program;
    this.eye.disconnect();
    this.seen.clear();
    this.views.clear();
    program.steps.forEach((step, k) => {
      if (step.shown) this.views.set(k, new LayerView(step, k, this.onchoose));
    });
    const views = [...this.views.values()];
    this.root.replaceChildren(...(views.length ? views.map((v) => v.root) : [el("p", { class: "hint", text: say("opaque") })]));
    for (const view of views) this.eye.observe(view.root);
  }

  async look(entries) {
    for (const entry of entries) {
      const place = Number(entry.target.id.slice(6));
      if (entry.isIntersecting) this.seen.add(place);
      else this.seen.delete(place);
      const view = this.views.get(place);
      if (entry.isIntersecting && view && this.answer && view.drawn !== this.answer.run) await this.paint(place).catch(() => {});
    }
  }

  async paint(place) {
    const { answer } = this;
    const view = this.views.get(place);
    const maps = answer.ready(place) ? answer.mapsNow(place) : await answer.maps(place);
    if (answer !== this.answer || !view) return;
    view.draw(maps);
    view.drawn = answer.run;
  }

  choose(place, index) {
    for (const [k, view] of this.views) {
      if (k === place) view.choose(index);
      else if (view.chosen) view.choose(null);
    }
  }
}
