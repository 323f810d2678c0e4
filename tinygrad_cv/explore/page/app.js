// The page: puts the parts together and keeps them showing the same image.

import { picture, onThemeChange } from "./colors.js";
import { el, short, times } from "./dom.js";
import { framed } from "./frame.js";
import { Layers } from "./maps.js";
import { Pad, SIDE } from "./pad.js";
import { className, currentLanguage, say, setLanguage } from "./text.js";
import { UnitPanel } from "./unit.js";
import { DrawingView, EvidenceView, FiltersView } from "./views.js";

const BARS = 10;

/** The whole page for some networks. */
export class Explorer {
  constructor(root, networks) {
    Object.assign(this, { root, networks, current: 0, pixels: null, chosen: null, answers: new Map() });
    this.layers = new Layers((place, at) => this.choose(place, at));
    this.panel = new UnitPanel((place, at) => this.choose(place, at, true), () => this.unchoose());
    this.views = {
      layers: { root: el("div", { class: "view" }, this.layers.root), words: () => this.layers.words(), show: (a) => this.layers.show(a) },
      evidence: new EvidenceView(),
      filters: new FiltersView(),
      graph: new DrawingView("graph"),
      curves: new DrawingView("curves"),
    };
    if (!networks.some((n) => n.methods?.length)) delete this.views.evidence;
    if (!networks.some((n) => n.curvesUrl)) delete this.views.curves;
    this.about = networks[0].about;
    this.pad = this.about.ink ? new Pad((final) => this.drawn(final)) : null;
    this.build();
    this.words();
    onThemeChange(() => this.words());
    this.start();
  }

  get network() {
    return this.networks[this.current];
  }

  build() {
    this.title = el("h1");
    this.facts = el("p", { class: "facts" });
    this.status = el("p", { class: "status", role: "status" });
    this.languages = ["en", "zh"].map((name) =>
      el("button", { text: { en: "English", zh: "中文" }[name], lang: name === "zh" ? "zh-CN" : "en", onclick: () => {
        setLanguage(name);
        this.words();
      } }));
    this.switch = el("div", { class: "segmented", role: "group" }, this.languages);
    this.pickers = this.networks.map((n, k) => el("button", { text: n.about.title, onclick: () => this.pick(k) }));
    this.picker = el("div", { class: "segmented networks", role: "group", hidden: this.networks.length < 2 }, this.pickers);
    this.drawTitle = el("h2");
    this.hintLine = el("p", { class: "note" });
    this.clearer = el("button", { onclick: () => this.clear() });
    this.file = el("input", { type: "file", accept: "image/*", class: "hidden-file", onchange: () => this.load(this.file.files[0]) });
    this.fileLabel = el("span");
    this.seen = el("canvas", { class: "seen", role: "img" });
    this.seenWords = el("span");
    this.samples = el("div", { class: "samples", role: "group" });
    this.saysTitle = el("h2");
    this.bars = el("div", { class: "bars" });
    this.random = el("p", { class: "warning", hidden: !this.about.random });
    this.tabs = Object.keys(this.views).map((name) =>
      el("button", { role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, onclick: () => this.tab(name) }));
    this.tablist = el("div", { class: "tabs", role: "tablist", onkeydown: (e) => this.tabKey(e) }, this.tabs);
    this.pages = Object.entries(this.views).map(([name, view]) =>
      el("div", { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}` }, view.root));
    this.begin = el("p", { class: "hint" });
    const input = el("section", { class: "card input" }, this.drawTitle, this.pad?.root ?? null,
      el("div", { class: "row" }, this.pad ? this.clearer : null, el("label", { class: "button" }, this.file, this.fileLabel)),
      this.hintLine, this.samples,
      el("p", { class: "seen-line" }, this.seen, this.seenWords));
    const says = el("section", { class: "card says" }, this.saysTitle, this.random, this.bars);
    this.root.replaceChildren(
      el("header", { class: "top" },
        el("div", {}, this.title, this.facts), el("div", { class: "row" }, this.picker, this.switch)),
      this.status,
      el("main", {}, el("div", { class: "left" }, input, says),
        el("div", { class: "middle" }, this.tablist, this.begin, ...this.pages), this.panel.root));
    this.root.addEventListener("dragover", (e) => {
      e.preventDefault();
      this.root.classList.add("dropping");
    });
    this.root.addEventListener("dragleave", (e) => e.relatedTarget || this.root.classList.remove("dropping"));
    this.root.addEventListener("drop", (e) => {
      e.preventDefault();
      this.root.classList.remove("dropping");
      this.load(e.dataTransfer.files[0]);
    });
    this.tab("layers");
  }

  /** Say everything in the language that is chosen. */
  words() {
    setLanguage(currentLanguage());
    const { about } = this.network;
    document.title = `${about.title} · tinygrad_cv`;
    this.title.replaceChildren(el("span", { class: "mark", text: "tinygrad_cv" }), el("span", { text: say("title") }));
    const count = about.parameters.toLocaleString(currentLanguage());
    this.facts.replaceChildren(el("b", { text: about.title }), ` ${[about.model !== about.title && about.model, about.data, times(about.input), say("parameters", { n: count })].filter(Boolean).join(" · ")}`);
    this.switch.setAttribute("aria-label", say("language"));
    this.languages.forEach((b, k) => b.setAttribute("aria-pressed", String(currentLanguage() === ["en", "zh"][k])));
    this.picker.setAttribute("aria-label", say("networks"));
    this.pickers.forEach((b, k) => b.setAttribute("aria-pressed", String(k === this.current)));
    this.drawTitle.textContent = this.pad ? say("drawHere") : say("shown");
    this.hintLine.textContent = this.pad ? "" : say("drop");
    this.hintLine.hidden = Boolean(this.pad);
    this.clearer.textContent = say("clear");
    this.fileLabel.textContent = say("choose");
    this.samples.setAttribute("aria-label", say("samples"));
    this.saysTitle.textContent = say("says");
    this.random.textContent = say("random");
    this.random.hidden = !about.random;
    this.begin.textContent = say("begin");
    this.pad?.words();
    this.seenWords.textContent = `${say("shown")}, ${say("size", { size: times(about.input.slice(1)) })}`;
    this.seen.setAttribute("aria-label", say("shown"));
    this.tabs.forEach((b, k) => (b.textContent = say(Object.keys(this.views)[k])));
    for (const button of this.samples.children) button.title = say("sample", { k: button.dataset.k, label: button.dataset.label });
    for (const view of Object.values(this.views)) view.words();
    this.panel.words();
    this.showBars();
  }

  async start() {
    try {
      if (!this.about.samples) return;
      const { data, shape, labels } = await this.network.samples();
      const [n, ...size] = shape;
      const [c, h, w] = size;
      for (let k = 0; k < n; k++) {
        const pixels = Float32Array.from(data.subarray(k * c * h * w, (k + 1) * c * h * w), (v) => v / 255);
        const canvas = el("canvas", { width: w, height: h });
        canvas.getContext("2d").putImageData(picture(pixels, size), 0, 0);
        const label = className(this.about, labels[k]);
        const button = el("button", { "data-k": k, "data-label": label, "aria-label": say("sample", { k, label }), onclick: () => this.give(pixels) }, canvas);
        this.samples.append(button);
      }
      this.words();
    } catch (error) {
      this.complain(error);
    }
  }

  complain(error) {
    this.status.textContent = error ? (error.key ? say(error.key) : error.message) : "";
  }

  tab(name) {
    Object.entries(this.views).forEach(([key, view], k) => {
      const on = key === name;
      view.visible = on;
      this.tabs[k].setAttribute("aria-selected", String(on));
      this.tabs[k].tabIndex = on ? 0 : -1;
      this.pages[k].hidden = !on;
    });
    this.open = name;
    const answer = this.answers.get(this.current);
    if (answer) {
      const view = this.views[name];
      view.show(answer, this.networks);
      if (name === "layers") this.layers.redraw();
    }
    this.root.classList.toggle("wide", name !== "layers");
  }

  tabKey(event) {
    const names = Object.keys(this.views);
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!way) return;
    const next = (names.indexOf(this.open) + way + names.length) % names.length;
    this.tab(names[next]);
    this.tabs[next].focus();
  }

  pick(k) {
    this.current = k;
    this.unchoose();
    this.words();
    const answer = this.answers.get(k);
    if (answer) this.show(answer);
    this.tab(this.open);
  }

  clear() {
    this.pad.clear();
    this.pad.canvas.focus();
  }

  /** A stroke has grown, or ended. */
  drawn(final) {
    if (final) performance.mark("stroke-end");
    const [, h, w] = this.about.input;
    this.give(framed(this.pad.ink(), SIDE, this.about.ink, h, w), { stroke: final, live: true });
  }

  async load(file) {
    if (!file) return;
    try {
      const { pixels, steps } = await this.network.upload(file);
      await this.give(pixels);
      this.status.textContent = say("done", { name: file.name, steps: steps.join("; ") });
    } catch (error) {
      this.complain(error);
    }
    this.file.value = "";
  }

  /** Show pixels to every network. While one image is under way, only the newest of the others waits. */
  async give(pixels, { stroke = false, live = false } = {}) {
    this.pixels = pixels;
    if (!live) this.pad?.clear();
    this.stroke = this.stroke || stroke;
    if (this.busy) {
      this.waiting = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.waiting = false;
        await this.once(this.pixels);
      } while (this.waiting);
      this.complain(null);
    } catch (error) {
      this.complain(error);
    } finally {
      this.busy = false;
    }
  }

  async once(pixels) {
    const ended = this.stroke;
    this.showSeen(pixels);
    const size = this.about.input;
    const fitting = this.networks.map((n, k) => [n, k]).filter(([n]) => String(n.about.input) === String(size));
    const found = await Promise.all(fitting.map(([n]) => n.run(pixels)));
    fitting.forEach(([, k], i) => found[i] && this.answers.set(k, found[i]));
    const answer = this.answers.get(this.current);
    if (!answer) return;
    await this.show(answer);
    if (ended) {
      this.stroke = false;
      requestAnimationFrame(() => {
        performance.measure("stroke-to-maps", "stroke-end");
        this.root.dataset.strokes = Number(this.root.dataset.strokes ?? 0) + 1;
      });
    }
  }

  async show(answer) {
    this.begin.hidden = true;
    this.showBars();
    await this.layers.show(answer);
    if (this.open !== "layers") this.views[this.open].show(answer, this.networks);
    for (const view of Object.values(this.views)) if (!view.visible && view.show) view.answer = view.answer && answer;
    if (this.chosen) this.panel.show(answer, ...this.chosen).catch((e) => e.status === 410 || this.complain(e));
  }

  showSeen(pixels) {
    const [c, h, w] = this.about.input;
    Object.assign(this.seen, { width: w, height: h });
    this.seen.getContext("2d").putImageData(picture(pixels, [c, h, w]), 0, 0);
  }

  showBars() {
    const columns = this.networks.flatMap((network, k) => {
      const answer = this.answers.get(k);
      const head = this.networks.length > 1 ? [el("h3", { text: network.about.title })] : [];
      if (!answer) return [el("div", {}, head, el("p", { class: "note", text: say("nothing") }))];
      return [el("div", {}, head, this.table(network.about, answer), el("p", { class: "note", text: say("time", { ms: short(answer.milliseconds, 3) }) }))];
    });
    this.bars.replaceChildren(...columns);
  }

  table(about, { shares, scores }) {
    const best = shares.indexOf(Math.max(...shares));
    const order = shares.map((_, k) => k);
    if (shares.length > BARS) order.sort((a, b) => shares[b] - shares[a]).splice(BARS);
    const rows = order.map((k) => {
      const fill = el("i");
      fill.style.width = `${100 * shares[k]}%`;
      const words = `${(100 * shares[k]).toFixed(1)} %`;
      return el("li", { class: k === best && shares[k] > 0 ? "best" : "", "data-class": k, "data-share": shares[k], title: short(scores[k]) },
        el("span", { class: "name", text: className(about, k) }), el("span", { class: "bar" }, fill), el("span", { class: "share", text: words }));
    });
    return el("ol", {}, rows);
  }

  choose(place, at, scroll = false) {
    this.chosen = [place, at];
    if (this.open !== "layers") this.tab("layers");
    this.layers.choose(place, at);
    if (scroll) document.getElementById(`layer-${place}`)?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    const answer = this.answers.get(this.current);
    if (answer) this.panel.show(answer, place, at).catch((e) => this.complain(e));
  }

  unchoose() {
    this.chosen = null;
    this.layers.choose(null, null);
    this.panel.hint();
  }
}
