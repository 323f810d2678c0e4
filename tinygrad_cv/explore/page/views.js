// What stands beside the layers: evidence for a class, the first filters, the graph, the curves.

import { picture, scale } from "./colors.js";
import { el, short } from "./dom.js";
import { className, say } from "./text.js";

/** Where in the image a class is seen. */
export class EvidenceView {
  constructor() {
    this.method = el("select", { onchange: () => this.draw() });
    this.target = el("select", { onchange: () => { this.fixed = this.target.value; this.draw(); } });
    this.canvas = el("canvas", { class: "evidence", role: "img" });
    this.note = el("p", { class: "note", "aria-live": "polite" });
    this.labels = [el("label", {}), el("label", {})];
    this.fixed = "";
    this.root = el("div", { class: "view" },
      el("div", { class: "row" }, this.labels[0], this.labels[1]), this.canvas, this.note);
    this.words();
  }

  words() {
    const keep = this.method.value;
    this.method.replaceChildren(...(this.methods ?? []).map((m) => el("option", { value: m, text: say(m) })));
    if (keep) this.method.value = keep;
    this.labels[0].replaceChildren(say("method"), this.method);
    this.labels[1].replaceChildren(say("class"), this.target);
    if (this.answer) this.show(this.answer);
  }

  async show(answer) {
    const fresh = this.methods !== answer.network.methods;
    Object.assign(this, { answer, methods: answer.network.methods });
    if (fresh) this.words();
    const order = answer.shares.map((v, k) => k).sort((a, b) => answer.shares[b] - answer.shares[a]).slice(0, 200);
    this.target.replaceChildren(
      el("option", { value: "", text: say("likeliest") }),
      ...order.map((k) => el("option", { value: k, text: className(answer.network.about, k) })));
    this.target.value = this.fixed;
    if (this.visible) await this.draw();
  }

  async draw() {
    const { answer } = this;
    if (!answer) return;
    const best = answer.shares.indexOf(Math.max(...answer.shares));
    const target = this.fixed === "" ? best : Number(this.fixed);
    const [c, h, w] = answer.network.about.input;
    let heat = null;
    let words = say(`${this.method.value}About`);
    try {
      heat = (await answer.network.evidence(answer, this.method.value, target)).data;
      words = `${className(answer.network.about, target)}: ${words}`;
    } catch (error) {
      words = error.message;
    }
    if (answer !== this.answer) return;
    const small = new OffscreenCanvas(w, h);
    small.getContext("2d").putImageData(picture(answer.pixels, [c, h, w], heat), 0, 0);
    const zoom = Math.max(1, Math.floor(420 / Math.max(h, w)));
    Object.assign(this.canvas, { width: w * zoom, height: h * zoom });
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, w * zoom, h * zoom);
    this.canvas.setAttribute("aria-label", words);
    this.canvas.dataset.heat = heat ? "yes" : "no";
    this.note.textContent = words;
  }
}

/** The filters of the first layer that reads the image. */
export class FiltersView {
  constructor() {
    this.root = el("div", { class: "view" });
    this.same = false;
  }

  words() {
    if (this.answer) this.draw();
  }

  async show(answer) {
    const fresh = this.answer?.network !== answer.network;
    this.answer = answer;
    if (this.visible && (fresh || !this.done)) await this.draw();
  }

  async draw() {
    const { answer } = this;
    if (!answer) return;
    this.done = true;
    const [c, h, w] = answer.network.about.input;
    const { steps, constants } = answer.program;
    const step = steps.find((s) => s.op === "Conv2d" && s.sources[1][0] === "constant") ??
      steps.find((s) => s.op === "Linear" && s.sources[1][0] === "constant" && constants[s.sources[1][1]].shape[1] === c * h * w);
    if (!step) {
      this.root.replaceChildren(el("p", { class: "hint", text: say("noFilters") }));
      return;
    }
    let shape = constants[step.sources[1][1]].shape;
    const count = Math.min(shape[0], 64);
    const data = await answer.network.region(answer, step.sources[1], shape.map((n, d) => [0, d ? n : count]));
    if (shape.length === 2) shape = [shape[0], c, h, w];
    const toggle = el("label", { class: "check" }, el("input", { type: "checkbox", checked: this.same, onchange: (e) => {
      this.same = e.target.checked;
      this.draw();
    } }), say("sameScale"));
    const matches = answer.network.about.matches ?? [];
    const tiles = Array.from({ length: count }, (_, k) => this.filter(data, shape, k, matches[k]));
    this.root.replaceChildren(el("div", { class: "row" }, el("p", { class: "note", text: say("filtersAbout", { n: shape[0], layer: step.name }) }), toggle),
      el("div", { class: "filters" }, tiles));
  }

  filter(data, [, c, kh, kw], k, match) {
    const size = c * kh * kw;
    const mine = data.subarray(k * size, (k + 1) * size);
    const among = this.same ? data : mine;
    const [low, high] = [Math.min(...among), Math.max(...among)];
    const canvas = el("canvas", { width: kw, height: kh, class: "filter", role: "img" });
    const image = new ImageData(kw, kh);
    const { colors, place } = scale(Math.min(low, -1e-9), Math.max(high, 0));
    for (let i = 0; i < kh * kw; i++) {
      for (let d = 0; d < 3; d++) {
        const channel = c === 3 ? d : 0;
        const v = mine[channel * kh * kw + i];
        image.data[4 * i + d] = c === 3 ? (255 * (v - low)) / (high - low || 1) : colors[3 * place(v) + d];
      }
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    const told = match ? `${match.name}, ${short(match.score, 2)}` : `${short(low, 2)} … ${short(high, 2)}`;
    canvas.setAttribute("aria-label", say("filter", { k, told }));
    const name = match && match.chance < 0.05 ? match.name : "";
    return el("figure", { title: told }, canvas, el("figcaption", {}, el("b", { text: String(k) }), name ? ` ${name}` : ""));
  }
}

/** A drawing that Python made: the graph, or the curves. */
export class DrawingView {
  constructor(kind) {
    this.kind = kind;
    this.root = el("div", { class: "view" });
  }

  words() {
    if (this.networks) this.draw();
  }

  show(answer, networks) {
    const fresh = this.answer?.network !== answer.network || !this.done;
    Object.assign(this, { answer, networks });
    if (this.visible && fresh) this.draw();
  }

  draw() {
    if (!this.answer) return;
    this.done = true;
    const all = this.kind === "curves" ? this.networks : [this.answer.network];
    const drawn = all.filter((n) => n[`${this.kind}Url`]);
    const pictures = drawn.map((n) => {
      const words = say(`${this.kind}Of`, { title: n.about.title });
      const image = el("img", { src: n[`${this.kind}Url`], alt: words, loading: "lazy" });
      const frame = el("figure", { class: "paper" }, el("figcaption", { text: words }), el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": words }, image));
      image.addEventListener("error", () => frame.append(el("p", { class: "note", text: say("noDrawing") })));
      return frame;
    });
    const hint = el("p", { class: "hint", text: say("noCurves") });
    this.root.replaceChildren(el("div", { class: pictures.length > 1 ? "pair" : "" }, pictures.length ? pictures : hint));
  }
}
