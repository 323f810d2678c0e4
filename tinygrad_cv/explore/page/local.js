// A network that runs in the page itself: the program and its numbers lie in the page.

import { framed } from "./frame.js";
import { runProgram } from "./kernels.js";
import { extent } from "./wire.js";

const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function chosen({ data, shape }, box) {
  const sizes = box.map(([a, b]) => b - a);
  const found = new Float32Array(sizes.reduce((a, b) => a * b, 1));
  for (let k = 0; k < found.length; k++) {
    let [rest, at, stride] = [k, 0, 1];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += (box[d][0] + (rest % sizes[d])) * stride;
      rest = Math.floor(rest / sizes[d]);
      stride *= shape[d];
    }
    found[k] = data[at];
  }
  return found;
}

function shares(scores) {
  const all = scores.reduce((a, b) => a + b, 0);
  if (scores.every((v) => v >= 0) && Math.abs(all - 1) < 1e-4) return scores;
  const high = Math.max(...scores);
  const powers = scores.map((v) => Math.exp(v - high));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

export class LocalNetwork {
  constructor(stored) {
    Object.assign(this, { stored, about: stored.about, runs: 0, methods: [], graphUrl: stored.graph, curvesUrl: stored.curves });
    this.constants = stored.constants.map((text, k) => ({
      data: new Float32Array(decoded(text).buffer),
      shape: stored.program.constants[k].shape,
    }));
  }

  async run(pixels) {
    const begun = performance.now();
    const { mean, std, input } = this.about;
    const plane = input[1] * input[2];
    const image = pixels.map((v, i) => (v - (mean[Math.floor(i / plane)] ?? mean[0])) / (std[Math.floor(i / plane)] ?? std[0]));
    const { program } = this.stored;
    const values = runProgram(program, this.constants, image);
    const scores = Array.from(values[values.length - 1].data);
    const mapsNow = (k) => {
      const [low, high] = extent(values[k].data);
      return { data: values[k].data, shape: values[k].shape.slice(1), low, high };
    };
    const milliseconds = performance.now() - begun;
    return { run: ++this.runs, program, network: this, pixels, image, values, scores, shares: shares(scores), milliseconds,
      ready: () => true, mapsNow, maps: async (k) => mapsNow(k) };
  }

  async region(answer, [kind, k], box) {
    const held = kind === "image" ? { data: answer.image, shape: this.stored.program.image } : kind === "step" ? answer.values[k] : this.constants[k];
    return chosen(held, box);
  }

  async field(answer, step, index) {
    const [rows, columns] = this.stored.fields[step];
    const [r, c] = index.length === 4 ? [rows[index[2]], columns[index[3]]] : [rows[0], columns[0]];
    if (!r || !c) return { inside: null, full: null };
    return { inside: [r[0], c[0], r[1], c[1]], full: [r[2], c[2], r[3], c[3]] };
  }

  async samples() {
    const { shape, labels, data } = this.stored.samples;
    return { shape, labels, data: decoded(data) };
  }

  /** A picture as the browser decodes it: grey ones are framed like a drawing, colour ones fitted. */
  async upload(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw Object.assign(new Error("unreadable"), { key: "badPicture" });
    }
    const [c, h, w] = this.about.input;
    const steps = [`${bitmap.width} x ${bitmap.height}`];
    const side = c === 1 ? 280 : 0;
    const canvas = new OffscreenCanvas(side || w, side || h);
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const fit = (c === 1 ? Math.min : Math.max)(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [bw, bh] = [bitmap.width * fit, bitmap.height * fit];
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, (canvas.width - bw) / 2, (canvas.height - bh) / 2, bw, bh);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    if (c !== 1) return { steps, pixels: Float32Array.from({ length: c * h * w }, (_, i) => data[4 * (i % (h * w)) + Math.floor(i / (h * w))] / 255) };
    const grey = Float32Array.from({ length: side * side }, (_, i) => (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255);
    const [x0, y0] = [Math.ceil((side - bw) / 2), Math.ceil((side - bh) / 2)];
    const rim = grey[(y0 + 1) * side + x0 + 1];
    const inside = (i) => i % side > x0 && i % side < side - x0 - 1 && Math.floor(i / side) > y0 && Math.floor(i / side) < side - y0 - 1;
    const ink = grey.map((v, i) => (inside(i) ? Math.max(0, rim > 0.5 ? rim - v : v - rim) : 0));
    if (Math.max(...ink) < 0.05) throw Object.assign(new Error("empty"), { key: "badPicture" });
    return { steps, pixels: framed(ink, side, this.about.ink, h, w) };
  }
}
