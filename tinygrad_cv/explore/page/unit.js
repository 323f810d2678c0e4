// The panel of one value: its place in the image, its window, its weights, and the arithmetic.

import { account, origin } from "./arithmetic.js";
import { picture, shade } from "./colors.js";
import { el, short } from "./dom.js";
import { operation, say } from "./text.js";

const TABLE = 9;
const GROUPS = 8;

/** Numbers of a window as a table with coloured cells. */
function grid(plane, numbers, low, high, choose, best = -1) {
  const [h, w] = plane.shape;
  const small = h <= TABLE && w <= TABLE;
  const rows = Array.from({ length: h }, (_, r) =>
    el("tr", {}, Array.from({ length: w }, (_, c) => {
      const i = r * w + c;
      const inside = !plane.places || plane.places[i];
      const { back, front } = shade(numbers[i], low, high);
      const cell = el("td", { class: (inside ? "" : "padding") + (i === best ? " best" : ""), title: short(numbers[i], 6) });
      if (small) cell.textContent = inside ? short(numbers[i], 2) : "·";
      if (inside) cell.style.cssText = `background:${back};color:${front}`;
      if (choose && inside) {
        cell.tabIndex = r === 0 && c === 0 ? 0 : -1;
        cell.addEventListener("click", () => choose(plane.places[i]));
        cell.classList.add("goes");
      }
      return cell;
    })));
  return el("table", { class: small ? "numbers" : "numbers tiny" }, el("tbody", {}, rows));
}

const bounds = (lists) => {
  let [low, high] = [0, 0];
  for (const list of lists) for (const v of list) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return [low, high];
};

/** A long row of products as the ones that count most, and the rest as one number. */
function longRow(group, choose) {
  const order = group.products.map((p, i) => [Math.abs(p), i]).sort((a, b) => b[0] - a[0]).map(([, i]) => i);
  const top = order.slice(0, GROUPS);
  const rest = order.slice(GROUPS);
  const line = (...cells) => el("tr", {}, cells);
  const body = top.map((i) =>
    line(
      el("td", {}, el("button", { class: "link", text: `x[${i}]`, onclick: () => choose(group.places[i]) })),
      el("td", { text: short(group.x[i]) }), el("td", { text: short(group.w[i]) }), el("td", { text: short(group.products[i]) })));
  if (rest.length) {
    const sum = rest.reduce((a, i) => a + group.products[i], 0);
    body.push(line(el("td", { text: say("others", { n: rest.length }), colSpan: 3 }), el("td", { text: short(sum) })));
  }
  const head = line(el("th", { text: "" }), el("th", { text: "x" }), el("th", { text: "w" }), el("th", { text: "x · w" }));
  return el("table", { class: "sums" }, el("thead", {}, head), el("tbody", {}, body));
}

export class UnitPanel {
  constructor(go, close) {
    this.go = go;
    this.open = 0;
    this.body = el("div", { class: "unit-body", "aria-live": "polite" });
    this.closer = el("button", { class: "close", onclick: close, text: "×" });
    this.root = el("aside", { class: "unit", tabIndex: -1 }, this.closer, this.body);
    this.root.addEventListener("keydown", (e) => e.key === "Escape" && close());
    this.hint();
  }

  words() {
    this.root.setAttribute("aria-label", say("unit"));
    this.closer.setAttribute("aria-label", say("close"));
    if (this.shown) this.show(...this.shown);
    else this.hint();
  }

  hint() {
    this.shown = null;
    this.root.classList.remove("open");
    this.body.replaceChildren(el("p", { class: "hint", text: say("unitHint") }));
  }

  /** Lay out element `at` = [channel, row, column] of a step. */
  async show(answer, place, at) {
    const fresh = !this.shown || this.shown[1] !== place || String(this.shown[2]) !== String(at);
    this.shown = [answer, place, at];
    const { program, network } = answer;
    const step = program.steps[place];
    const index = step.shape.length === 4 ? [0, ...at] : [0, at[0]];
    const read = (source, box) => network.region(answer, source, box);
    const [told, field] = await Promise.all([account(program, place, index, read), network.field(answer, place, index)]);
    if (this.shown[0] !== answer || this.shown[1] !== place || this.shown[2] !== at) return;
    if (fresh) this.open = told.groups ? this.strongest(told.groups) : 0;
    this.told = told;
    const where = step.shape.length === 4 ? say("place", { k: at[0], r: at[1], c: at[2] }) : say("number", { k: at[0] });
    this.body.replaceChildren(
      el("h2", {}, el("code", { text: step.name }), " ", el("span", { class: "kind", text: operation(step.op) })),
      el("p", { class: "where" }, where, el("strong", { class: "value", "data-value": told.value, text: short(told.value, 5) })),
      ...this.field(answer, field),
      ...this.arithmetic(answer, told));
    this.root.classList.add("open");
  }

  strongest(groups) {
    let best = 0;
    groups.forEach((g, k) => (best = Math.abs(g.total) > Math.abs(groups[best].total) ? k : best));
    return best;
  }

  field(answer, { inside, full }) {
    if (!inside) return [];
    const [c, h, w] = answer.network.about.input;
    const zoom = Math.max(1, Math.floor(240 / Math.max(h, w)));
    const canvas = el("canvas", { class: "field", width: w * zoom, height: h * zoom, role: "img" });
    const small = new OffscreenCanvas(w, h);
    small.getContext("2d").putImageData(picture(answer.pixels, [c, h, w]), 0, 0);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, w * zoom, h * zoom);
    const [top, left, bottom, right] = inside.map((v) => v * zoom);
    pen.fillStyle = "rgb(0 0 0 / 45%)";
    pen.beginPath();
    pen.rect(0, 0, w * zoom, h * zoom);
    pen.rect(left, top, right - left, bottom - top);
    pen.fill("evenodd");
    pen.lineWidth = 2;
    pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--mark");
    pen.strokeRect(left + 1, top + 1, right - left - 2, bottom - top - 2);
    const size = `${full[2] - full[0]} × ${full[3] - full[1]}`;
    const cut = String(full) === String(inside) ? "" : say("cut", { size: `${inside[2] - inside[0]} × ${inside[3] - inside[1]}` });
    const words = say("sees", { size, top: inside[0], bottom: inside[2] - 1, left: inside[1], right: inside[3] - 1 }) + cut;
    canvas.setAttribute("aria-label", words);
    return [el("h3", { text: say("field") }), canvas, el("p", { class: "note", text: words })];
  }

  arithmetic(answer, told) {
    const title = el("h3", { text: say("arithmetic") });
    if (told.kind === "none") return [title, el("p", { class: "note", text: say("none", { op: operation(told.step.op) }) })];
    const follow = (source) => (index) => this.follow(answer, source, index);
    if (told.kind === "products") return [title, ...this.products(told, follow(told.source)), this.check(told)];
    if (told.kind === "window") {
      const { plane, how, count } = told;
      const [low, high] = bounds([plane.x]);
      const words = how === "max" ? say("largest", { n: count }) : say("mean", { n: count });
      return [title, el("p", { class: "note", text: words }), grid(plane, plane.x, low, high, follow(told.source), plane.best), this.check(told)];
    }
    const rows = told.terms.map(({ name, value, source, index }) =>
      el("tr", {}, el("th", { text: name }),
        el("td", {}, source && source[0] !== "constant"
          ? el("button", { class: "link", text: short(value, 6), onclick: () => this.follow(answer, source, index) })
          : short(value, 6))));
    const text = told.kind === "copy" ? say("copy") : `y = ${told.text}`;
    return [title, el("p", { class: "formula", text }), el("table", { class: "sums" }, el("tbody", {}, rows)), this.check(told)];
  }

  products(told, choose) {
    const { groups } = told;
    const many = groups.length > 1;
    const group = groups[Math.min(this.open, groups.length - 1)];
    const long = group.shape[0] === 1 && group.shape[1] > TABLE;
    const parts = [];
    if (many) {
      const order = groups.map((g, k) => [Math.abs(g.total), k]).sort((a, b) => b[0] - a[0]).map(([, k]) => k);
      const shown = groups.length > 24 ? order.slice(0, 24).sort((a, b) => a - b) : groups.map((_, k) => k);
      const [low, high] = bounds([groups.map((g) => g.total)]);
      parts.push(
        el("p", { class: "note", text: say("channels", { n: groups.length, shown: shown.length }) }),
        el("div", { class: "channels", role: "group", "aria-label": say("channel") }, shown.map((k) => {
          const { back, front } = shade(groups[k].total, low, high);
          const button = el("button", { "aria-pressed": String(k === this.open), title: short(groups[k].total, 5), text: String(groups[k].label),
            onclick: () => { this.open = k; this.show(...this.shown); } });
          button.style.cssText = `background:${back};color:${front}`;
          return button;
        })));
    }
    if (long) parts.push(longRow(group, choose));
    else {
      const table = (name, plane, numbers, go) => {
        const [low, high] = bounds([numbers]);
        return el("figure", {}, el("figcaption", { text: name }), grid(plane, numbers, low, high, go));
      };
      parts.push(el("div", { class: "triple" },
        table(say("window"), group, group.x, choose),
        table(say("weights"), { shape: group.shape }, group.w, null),
        table(say("products"), { shape: group.shape }, group.products, null)));
    }
    const terms = el("table", { class: "sums" }, el("tbody", {},
      many
        ? [el("tr", {}, el("th", { text: say("thisChannel", { k: group.label }) }), el("td", { text: short(group.total, 6) })),
           el("tr", {}, el("th", { text: say("otherChannels", { n: groups.length - 1 }) }), el("td", { text: short(groups.reduce((a, g) => a + g.total, 0) - group.total, 6) }))]
        : el("tr", {}, el("th", { text: say("sum") }), el("td", { text: short(group.total, 6) })),
      told.bias === null ? null : el("tr", {}, el("th", { text: say("bias") }), el("td", { text: short(told.bias, 6) }))));
    return [...parts, terms];
  }

  /** The last line: what the numbers make, beside what the network has. */
  check(told) {
    const close = Math.abs(told.total - told.value) <= 1e-4 * Math.max(1, Math.abs(told.value));
    const words = close ? say("agrees") : say("differs", { value: short(told.value, 6) });
    return el("p", { class: `total ${close ? "good" : "bad"}`, "data-total": told.total, "data-value": told.value },
      el("span", { text: "= " }), el("strong", { text: short(told.total, 6) }), el("span", { class: "note", text: words }));
  }

  /** Go to the value that an argument came from. */
  follow(answer, source, index) {
    const found = origin(answer.program, source, index);
    if (found.source[0] === "step") this.go(found.source[1], found.index.length === 4 ? found.index.slice(1) : [found.index[1], 0, 0]);
  }
}
