// Where one value comes from: the numbers that an operation read for it, and what it did with them.
//
// `account` returns { kind, value, total, ... }: `total` is computed here from the numbers, `value` is what the network
// has at that place. Kinds: "products" (groups of x, w and x w, and a bias), "window" (the largest or the mean),
// "formula" (a few named numbers), "copy" (a value of another step), "none" (not laid out here).

const MOVERS = new Set(["Reshape", "Clone", "Cast", "Expand", "Permute"]);

const range = (a, b) => [a, b];
const volume = (shape) => shape.reduce((a, b) => a * b, 1);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The error function (J. F. Hart et al., "Computer Approximations", 1968; here by its series and continued fraction). */
export function erf(x) {
  const t = Math.abs(x);
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let [term, total] = [t, t];
    for (let n = 1; n < 60; n++) {
      term *= (-t * t) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (t + fraction);
  return Math.sign(x) * (1 - Math.exp(-t * t) / (t + fraction) / Math.sqrt(Math.PI));
}

/** Functions of one number by the operation's name: how they are written, and what they give. */
export const UNARY = {
  Relu: ["max(0, x)", (x) => (x > 0 || Number.isNaN(x) ? x : 0)],
  Sigmoid: ["1 / (1 + e⁻ˣ)", sigmoid],
  Tanh: ["tanh x", Math.tanh],
  Silu: ["x / (1 + e⁻ˣ)", (x) => x * sigmoid(x)],
  Gelu: ["x · ½ (1 + erf(x / √2))", (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2],
  Exp: ["eˣ", Math.exp],
  Log: ["ln x", Math.log],
  Log1pexp: ["ln(1 + eˣ)", (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))],
  Abs: ["|x|", Math.abs],
  Neg: ["−x", (x) => -x],
  Sin: ["sin x", Math.sin],
  Cos: ["cos x", Math.cos],
  Erf: ["erf x", erf],
  PowScalar: ["xᵖ", (x, { exponent }) => x ** exponent],
  Clamp: ["min(max(x, a), b)", (x, { low = -Infinity, high = Infinity }) => Math.min(Math.max(x, low), high)],
};

/** Functions of two numbers. */
export const BINARY = {
  Add: ["a + b", (a, b) => a + b],
  Sub: ["a − b", (a, b) => a - b],
  Mul: ["a · b", (a, b) => a * b],
  Div: ["a / b", (a, b) => a / b],
  Pow: ["aᵇ", (a, b) => a ** b],
};

export const shapeOf = (program, [kind, place]) =>
  kind === "image" ? program.image : kind === "step" ? program.steps[place].shape : program.constants[place].shape;

export function unravel(flat, shape) {
  const index = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    index.unshift(flat % shape[d]);
    flat = Math.floor(flat / shape[d]);
  }
  return index;
}

export const ravel = (index, shape) => index.reduce((flat, k, d) => flat * shape[d] + k, 0);

/** Follow a value back through operations that only move it, to where it was made. */
export function origin(program, source, index) {
  while (source[0] === "step" && MOVERS.has(program.steps[source[1]].op)) {
    const { op, shape, settings, sources } = program.steps[source[1]];
    const before = shapeOf(program, sources[0]);
    if (op === "Reshape") index = unravel(ravel(index, shape), before);
    else if (op === "Expand") index = before.map((n, d) => (n === 1 ? 0 : index[d + shape.length - before.length]));
    else if (op === "Permute") index = before.map((_, d) => index[settings.dims.indexOf(d)]);
    source = sources[0];
  }
  return { source, index };
}

/** The account of element `index` (with its batch of one) of a step. `read(source, box)` resolves to numbers. */
export async function account(program, place, index, read) {
  const step = program.steps[place];
  const one = async (source, at) => (await read(source, at.map((k) => range(k, k + 1))))[0];
  const known = { step, index, value: await one(["step", place], index) };
  if (step.sources.some(([kind], k) => kind === "lost" || (kind === "none" && k === 0))) return { kind: "none", ...known };
  const rule = RULES[step.op] ?? (UNARY[step.op] && unary) ?? (BINARY[step.op] && binary) ?? (MOVERS.has(step.op) && moved);
  const found = rule ? await rule({ program, step, index, read, one }) : null;
  return found ? { ...known, ...found } : { kind: "none", ...known };
}

const biasOf = async (step, place, o, one) =>
  step.sources[place] && step.sources[place][0] !== "none" ? one(step.sources[place], [o]) : null;

/** Groups of products; with the places in the argument that the numbers stand at (null in the padding). */
function products(source, groups, bias) {
  for (const g of groups) {
    g.products = g.x.map((x, i) => x * g.w[i]);
    g.total = sum(g.products);
  }
  return { kind: "products", source, groups, bias, total: sum(groups.map((g) => g.total)) + (bias ?? 0) };
}

/** What of a window lies inside: positions along one axis, and the range that holds them. */
function slots(first, count, step, size) {
  const at = Array.from({ length: count }, (_, k) => first + k * step);
  const inside = at.filter((p) => p >= 0 && p < size);
  return { at, low: inside[0] ?? 0, high: (inside[inside.length - 1] ?? -1) + 1, size };
}

async function patch(read, source, channels, rows, columns) {
  const [c0, c1] = channels;
  const [h, w] = [rows.high - rows.low, columns.high - columns.low];
  const empty = h <= 0 || w <= 0;
  const data = empty ? [] : await read(source, [[0, 1], [c0, c1], [rows.low, rows.high], [columns.low, columns.high]]);
  const planes = [];
  for (let c = c0; c < c1; c++) {
    const plane = { label: c, shape: [rows.at.length, columns.at.length], x: [], places: [] };
    for (const r of rows.at) {
      for (const q of columns.at) {
        const inside = r >= 0 && r < rows.size && q >= 0 && q < columns.size;
        plane.x.push(inside ? data[((c - c0) * h + r - rows.low) * w + q - columns.low] : 0);
        plane.places.push(inside ? [0, c, r, q] : null);
      }
    }
    planes.push(plane);
  }
  return planes;
}

function windowSlots({ kernel, stride, padding, dilation }, index, shape) {
  return [0, 1].map((d) =>
    slots(index[2 + d] * stride[d] - padding[2 * d], kernel[d], dilation[d], shape[2 + d]));
}

async function conv({ program, step, index, read, one }) {
  const [x, w] = step.sources;
  if (x[0] === "constant" || w[0] !== "constant") return null;
  const [, filters] = [shapeOf(program, x), shapeOf(program, w)];
  const [oc, per] = [filters[0], filters[1]];
  const group = Math.floor(index[1] / (oc / step.settings.groups));
  const [rows, columns] = windowSlots(step.settings.window, index, shapeOf(program, x));
  const planes = await patch(read, x, [group * per, (group + 1) * per], rows, columns);
  const weights = await read(w, [[index[1], index[1] + 1], [0, per], [0, filters[2]], [0, filters[3]]]);
  const size = filters[2] * filters[3];
  planes.forEach((plane, k) => (plane.w = Array.from(weights.slice(k * size, (k + 1) * size))));
  return products(x, planes, await biasOf(step, 2, index[1], one));
}

/** A row of numbers against a row of weights, laid out as the maps that the numbers came from. */
async function row(program, source, x, w, bias) {
  const shape = shapeOf(program, source);
  const first = origin(program, source, shape.map(() => 0));
  const before = shapeOf(program, first.source);
  const maps = before.length === 4 && volume(before) === x.length ? before.slice(1) : [1, 1, x.length];
  const groups = [];
  const size = maps[1] * maps[2];
  for (let k = 0; k < maps[0]; k++) {
    const at = Array.from({ length: size }, (_, i) => k * size + i);
    groups.push({
      label: maps[0] > 1 ? k : null,
      shape: [maps[1], maps[2]],
      x: at.map((i) => x[i]),
      w: at.map((i) => w[i]),
      places: at.map((i) => [...shape.slice(0, -1).map(() => 0), i]),
    });
  }
  return products(source, groups, bias);
}

async function linear({ program, step, index, read, one }) {
  const [x, w] = step.sources;
  const n = shapeOf(program, w)[1];
  if (index.length !== 2 || w[0] !== "constant") return null;
  const [numbers, weights] = [await read(x, [[0, 1], [0, n]]), await read(w, [[index[1], index[1] + 1], [0, n]])];
  return row(program, x, numbers, weights, await biasOf(step, 2, index[1], one));
}

async function matmul({ program, step, index, read }) {
  const [x, w] = step.sources;
  const shape = shapeOf(program, w);
  if (index.length !== 2 || shape.length !== 2 || w[0] !== "constant") return null;
  const [numbers, weights] = [await read(x, [[0, 1], [0, shape[0]]]), await read(w, [[0, shape[0]], [index[1], index[1] + 1]])];
  return row(program, x, numbers, weights, null);
}

async function pool({ program, step, index, read }) {
  const [x] = step.sources;
  const [rows, columns] = windowSlots(step.settings.window, index, shapeOf(program, x));
  const [plane] = await patch(read, x, [index[1], index[1] + 1], rows, columns);
  return windowed(x, plane, step.op === "MaxPool2d", step.settings);
}

async function adaptive({ program, step, index, read }) {
  const [x] = step.sources;
  const shape = shapeOf(program, x);
  const [rows, columns] = [0, 1].map((d) => {
    const [i, n, o] = [index[2 + d], shape[2 + d], step.shape[2 + d]];
    const low = Math.floor((i * n) / o);
    return slots(low, Math.ceil(((i + 1) * n) / o) - low, 1, n);
  });
  const [plane] = await patch(read, x, [index[1], index[1] + 1], rows, columns);
  return windowed(x, plane, step.op === "AdaptiveMaxPool2d", {});
}

function windowed(source, plane, largest, { count_include_pad: padded = false, divisor = null }) {
  const inside = plane.x.filter((_, i) => plane.places[i]);
  const count = divisor || (padded ? plane.x.length : inside.length);
  const best = largest ? Math.max(...inside) : null;
  plane.best = largest ? plane.x.findIndex((v, i) => plane.places[i] && v === best) : -1;
  return { kind: "window", source, how: largest ? "max" : "mean", plane, count, total: largest ? best : sum(inside) / count };
}

async function summed({ program, step, index, read }) {
  const [x] = step.sources;
  const { dims, keepdim } = step.settings;
  const shape = shapeOf(program, x);
  const kept = [...index];
  const box = shape.map((n, d) => {
    if (!dims.includes(d)) return ((k) => [k, k + 1])(kept.shift());
    if (keepdim) kept.shift();
    return [0, n];
  });
  const numbers = Array.from(await read(x, box));
  return { kind: "formula", text: "Σ x", total: sum(numbers), terms: [{ name: "n", value: numbers.length }], source: x };
}

async function normed({ step, index, one }) {
  const [x, , , mean, variance] = step.sources;
  const [value, c, eps] = [await one(x, index), index[1], step.settings.eps];
  const [w, b] = [await biasOf(step, 1, c, one), await biasOf(step, 2, c, one)];
  const [m, v] = [await one(mean, [c]), await one(variance, [c])];
  const named = Object.entries({ m, v, ε: eps, w, b }).filter(([, number]) => number !== null);
  const terms = [term("x", value, x, index), ...named.map(([name, number]) => ({ name, value: number }))];
  const text = `${w === null ? "" : "w "}(x − m) / √(v + ε)${b === null ? "" : " + b"}`;
  return { kind: "formula", text, terms, total: ((w ?? 1) * (value - m)) / Math.sqrt(v + eps) + (b ?? 0), source: x };
}

const term = (name, value, source, index) => ({ name, value, source, index });

async function unary({ step, index, one }) {
  const [x] = step.sources;
  const [text, f] = UNARY[step.op];
  const value = await one(x, index);
  return { kind: "formula", text, terms: [term("x", value, x, index)], total: f(value, step.settings), source: x };
}

async function binary({ program, step, index, one }) {
  const [text, f] = BINARY[step.op];
  const terms = [];
  for (const [k, source] of step.sources.entries()) {
    const shape = shapeOf(program, source);
    const at = shape.map((n, d) => (n === 1 ? 0 : index[d + index.length - shape.length]));
    terms.push(term("ab"[k], await one(source, at), source, at));
  }
  return { kind: "formula", text, terms, total: f(terms[0].value, terms[1].value), source: step.sources[0] };
}

async function softmax({ program, step, index, read }) {
  const [x] = step.sources;
  const shape = shapeOf(program, x);
  const d = (step.settings.dim + shape.length) % shape.length;
  const numbers = Array.from(await read(x, shape.map((n, k) => (k === d ? [0, n] : [index[k], index[k] + 1]))));
  const highest = Math.max(...numbers);
  const all = sum(numbers.map((v) => Math.exp(v - highest)));
  const mine = numbers[index[d]] - highest;
  const terms = [term("x", numbers[index[d]], x, index), { name: "Σ eˣ", value: all * Math.exp(highest) }];
  const log = step.op === "LogSoftmax";
  return { kind: "formula", text: log ? "x − ln Σ eˣ" : "eˣ / Σ eˣ", terms, total: log ? mine - Math.log(all) : Math.exp(mine) / all, source: x };
}

async function moved({ program, step, index, one }) {
  const found = origin(program, ["step", program.steps.indexOf(step)], index);
  return copied(found.source, found.index, one);
}

async function copied(source, index, one) {
  const value = await one(source, index);
  return { kind: "copy", source, terms: [term("x", value, source, index)], total: value };
}

async function joined({ program, step, index, one }) {
  const at = [...index];
  for (const source of step.sources) {
    const size = shapeOf(program, source)[step.settings.dim];
    if (at[step.settings.dim] < size) return copied(source, at, one);
    at[step.settings.dim] -= size;
  }
  return null;
}

async function padded({ program, step, index, one }) {
  const [x] = step.sources;
  const at = index.map((k, d) => k - step.settings.before[d]);
  if (shapeOf(program, x).every((n, d) => at[d] >= 0 && at[d] < n)) return copied(x, at, one);
  return { kind: "formula", text: "padding", terms: [], total: step.settings.value, source: x };
}

const RULES = {
  Conv2d: conv, Linear: linear, MatMul: matmul, MaxPool2d: pool, AvgPool2d: pool, AdaptiveAvgPool2d: adaptive,
  AdaptiveMaxPool2d: adaptive, FrozenBatchNorm: normed, Sum: summed, Softmax: softmax, LogSoftmax: softmax, Cat: joined,
  Pad: padded,
};
