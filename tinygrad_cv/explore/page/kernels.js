// The operations of an exported page: each takes the settings and the arguments of a step, with their shapes, and
// returns the numbers of its result. Sums are kept in double precision; results are float32, as in Python.

import { BINARY, UNARY, ravel, unravel } from "./arithmetic.js";

const count = (shape) => shape.reduce((a, b) => a * b, 1);

function slide(x, w, bias, { window, groups }, out) {
  const { kernel: [kh, kw], stride: [sh, sw], padding: [top, , left], dilation: [dh, dw] } = window;
  const [, , h, wide] = x.shape;
  const [n, oc, oh, ow] = out;
  const per = w.shape[1];
  const sums = new Float64Array(n * oc * oh * ow);
  for (let b = 0; b < n; b++) {
    for (let o = 0; o < oc; o++) {
      const first = Math.floor(o / (oc / groups)) * per;
      const at = (b * oc + o) * oh * ow;
      if (bias) sums.fill(bias.data[o], at, at + oh * ow);
      for (let c = 0; c < per; c++) {
        const plane = (b * x.shape[1] + first + c) * h * wide;
        for (let p = 0; p < kh; p++) {
          for (let q = 0; q < kw; q++) {
            const weight = w.data[((o * per + c) * kh + p) * kw + q];
            for (let i = 0; i < oh; i++) {
              const r = i * sh - top + p * dh;
              if (r < 0 || r >= h) continue;
              for (let j = 0; j < ow; j++) {
                const s = j * sw - left + q * dw;
                if (s >= 0 && s < wide) sums[at + i * ow + j] += weight * x.data[plane + r * wide + s];
              }
            }
          }
        }
      }
    }
  }
  return sums;
}

function affineRow(x, w, bias, out, transposed) {
  const k = x.shape[x.shape.length - 1];
  const o = out[out.length - 1];
  return Float32Array.from({ length: count(out) }, (_, at) => {
    const [n, j] = [Math.floor(at / o), at % o];
    let sum = bias ? bias.data[j] : 0;
    for (let i = 0; i < k; i++) sum += x.data[n * k + i] * w.data[transposed ? i * o + j : j * k + i];
    return sum;
  });
}

/** Visit every window of a pooling: `f` gets the flat place of the result and the numbers of its window. */
function windows(x, out, ranges, f) {
  const [, , h, w] = x.shape;
  const [n, c, oh, ow] = out;
  const y = new Float32Array(count(out));
  for (let k = 0; k < n * c; k++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const numbers = [];
        for (const r of ranges[0](i)) {
          for (const s of ranges[1](j)) if (r >= 0 && r < h && s >= 0 && s < w) numbers.push(x.data[(k * h + r) * w + s]);
        }
        y[(k * oh + i) * ow + j] = f(numbers);
      }
    }
  }
  return y;
}

const sliding = ({ kernel, stride, padding, dilation }) => [0, 1].map((d) => (i) =>
  Array.from({ length: kernel[d] }, (_, k) => i * stride[d] - padding[2 * d] + k * dilation[d]));

const parts = (x, out) => [0, 1].map((d) => (i) => {
  const [size, many] = [x.shape[2 + d], out[2 + d]];
  const low = Math.floor((i * size) / many);
  return Array.from({ length: Math.ceil(((i + 1) * size) / many) - low }, (_, k) => low + k);
});

const largest = (numbers) => numbers.reduce((a, b) => (b > a ? b : a), -Infinity);
const total = (numbers) => numbers.reduce((a, b) => a + b, 0);

/** Numbers picked from x by the index of each result. */
const picked = (x, out, from) =>
  Float32Array.from({ length: count(out) }, (_, at) => {
    const index = from(unravel(at, out));
    return index === null ? 0 : x.data[ravel(index, x.shape)];
  });

/** Along one dimension: `f` turns the numbers of a line into as many. */
function lines(x, dim, f) {
  const d = (dim + x.shape.length) % x.shape.length;
  const [size, stride] = [x.shape[d], count(x.shape.slice(d + 1))];
  const y = new Float32Array(x.data.length);
  for (let at = 0; at < y.length; at++) {
    if (Math.floor(at / stride) % size) continue;
    const line = f(Array.from({ length: size }, (_, k) => x.data[at + k * stride]));
    line.forEach((v, k) => (y[at + k * stride] = v));
  }
  return y;
}

function softly(numbers) {
  const high = largest(numbers);
  const powers = numbers.map((v) => Math.exp(v - high));
  const all = total(powers);
  return { shares: powers.map((p) => p / all), logs: numbers.map((v) => v - high - Math.log(all)) };
}

function summedOver(x, { dims, keepdim }, out) {
  const sums = new Float64Array(count(out));
  x.data.forEach((v, at) => {
    const index = unravel(at, x.shape);
    sums[ravel(index.map((k, d) => (dims.includes(d) ? 0 : k)).filter((_, d) => keepdim || !dims.includes(d)), out)] += v;
  });
  return sums;
}

export const KERNELS = {
  Conv2d: ([x, w, b], settings, out) => slide(x, w, b, settings, out),
  Linear: ([x, w, b], settings, out) => affineRow(x, w, b, out, false),
  MatMul: ([x, w], settings, out) => (w.shape.length === 2 ? affineRow(x, w, null, out, true) : null),
  MaxPool2d: ([x], { window }, out) => windows(x, out, sliding(window), largest),
  AvgPool2d: ([x], { window, count_include_pad: padded, divisor }, out) =>
    windows(x, out, sliding(window), (v) => total(v) / (divisor || (padded ? window.kernel[0] * window.kernel[1] : v.length))),
  AdaptiveMaxPool2d: ([x], settings, out) => windows(x, out, parts(x, out), largest),
  AdaptiveAvgPool2d: ([x], settings, out) => windows(x, out, parts(x, out), (v) => total(v) / v.length),
  FrozenBatchNorm: ([x, w, b, m, v], { eps }) => {
    const size = count(x.shape.slice(2));
    return x.data.map((value, at) => {
      const c = Math.floor(at / size) % x.shape[1];
      return ((w ? w.data[c] : 1) * (value - m.data[c])) / Math.sqrt(v.data[c] + eps) + (b ? b.data[c] : 0);
    });
  },
  Softmax: ([x], { dim }) => lines(x, dim, (v) => softly(v).shares),
  LogSoftmax: ([x], { dim }) => lines(x, dim, (v) => softly(v).logs),
  Sum: ([x], settings, out) => summedOver(x, settings, out),
  Cat: (xs, { dim }, out) => {
    const starts = xs.map((_, k) => xs.slice(0, k).reduce((a, x) => a + x.shape[dim], 0));
    return Float32Array.from({ length: count(out) }, (_, at) => {
      const index = unravel(at, out);
      const k = starts.findLastIndex((s) => index[dim] >= s);
      index[dim] -= starts[k];
      return xs[k].data[ravel(index, xs[k].shape)];
    });
  },
  Pad: ([x], { before, value }, out) =>
    Float32Array.from({ length: count(out) }, (_, at) => {
      const index = unravel(at, out).map((k, d) => k - before[d]);
      return index.every((k, d) => k >= 0 && k < x.shape[d]) ? x.data[ravel(index, x.shape)] : value;
    }),
  Take: ([x], { index }, out) => {
    const parts = index.map((part, d) => (part.slice ? progression(part.slice, x.shape[d]) : { first: part, step: null }));
    return picked(x, out, (at) => {
      let k = 0;
      return x.shape.map((_, d) => {
        const part = parts[d] ?? { first: 0, step: 1 };
        return part.step === null ? (part.first + x.shape[d]) % x.shape[d] : part.first + part.step * at[k++];
      });
    });
  },
  Flip: ([x], { dims }, out) => picked(x, out, (index) => index.map((k, d) => (dims.includes(d) ? out[d] - 1 - k : k))),
};

/** Where a Python slice begins in a dimension, and its step. */
function progression([start, , by], size) {
  const step = by ?? 1;
  const first = start === null ? (step > 0 ? 0 : size - 1) : start < 0 ? Math.max(start + size, 0) : Math.min(start, size);
  return { first, step };
}

const MOVES = {
  Reshape: ([x]) => x.data,
  Clone: ([x]) => x.data,
  Cast: ([x]) => x.data,
  Permute: ([x], { dims }, out) => picked(x, out, (index) => x.shape.map((_, d) => index[dims.indexOf(d)])),
  Expand: ([x], settings, out) =>
    picked(x, out, (index) => x.shape.map((n, d) => (n === 1 ? 0 : index[d + out.length - x.shape.length]))),
};

function pointwise({ op, settings }, args, out) {
  if (UNARY[op]) return args[0].data.map((v) => UNARY[op][1](v, settings));
  const [a, b] = args;
  const f = BINARY[op][1];
  const same = (x) => String(x.shape) === String(out);
  if (same(a) && same(b)) return a.data.map((v, k) => f(v, b.data[k]));
  const place = (x, index) => ravel(x.shape.map((n, d) => (n === 1 ? 0 : index[d + out.length - x.shape.length])), x.shape);
  return Float32Array.from({ length: count(out) }, (_, at) => {
    const index = unravel(at, out);
    return f(a.data[place(a, index)], b.data[place(b, index)]);
  });
}

/** Run a program on an image's numbers; the values of all steps. `constants` are { data, shape }. */
export function runProgram(program, constants, image) {
  const values = [];
  const find = ([kind, k]) =>
    kind === "image" ? { data: image, shape: program.image } : kind === "step" ? values[k] : kind === "constant" ? constants[k] : null;
  for (const step of program.steps) {
    const args = step.sources.map(find);
    const kernel = KERNELS[step.op] ?? MOVES[step.op];
    const data = kernel ? kernel(args, step.settings, step.shape) : pointwise(step, args, step.shape);
    values.push({ data: data instanceof Float32Array ? data : Float32Array.from(data), shape: step.shape });
  }
  return values;
}
