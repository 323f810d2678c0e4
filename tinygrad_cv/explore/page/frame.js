// A drawing as the data set would show it: cut to the ink, shrunk or grown, and laid in the middle.
// The same rules as tinygrad_cv.train.framing, so that a drawn digit and a photographed one look alike to a network.

const FAINT = 0.2;

const half = (v) => {
  const low = Math.floor(v);
  return v - low === 0.5 ? low + (low % 2 === 0 ? 0 : 1) : Math.round(v);
};

/** The rows of a matrix (out, size) that resamples with a triangle filter, widened where it shrinks. */
function triangle(size, out) {
  const ratio = size / out;
  const reach = Math.max(ratio, 1);
  return Array.from({ length: out }, (_, i) => {
    const centre = (i + 0.5) * ratio;
    const row = Float64Array.from({ length: size }, (_, k) => Math.max(0, 1 - Math.abs(k + 0.5 - centre) / reach));
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((v) => v / total);
  });
}

/** Resize (h, w) numbers to (oh, ow). */
export function resize(x, h, w, oh, ow) {
  if (h === oh && w === ow) return Float64Array.from(x);
  const down = triangle(h, oh);
  const across = triangle(w, ow);
  const lines = new Float64Array(h * ow);
  for (let r = 0; r < h; r++) {
    for (let j = 0; j < ow; j++) {
      let sum = 0;
      for (let k = 0; k < w; k++) sum += across[j][k] * x[r * w + k];
      lines[r * ow + j] = sum;
    }
  }
  const y = new Float64Array(oh * ow);
  for (let i = 0; i < oh; i++) {
    for (let r = 0; r < h; r++) {
      const weight = down[i][r];
      if (weight) for (let j = 0; j < ow; j++) y[i * ow + j] += weight * lines[r * ow + j];
    }
  }
  return y;
}

/** Ink (side, side) in [0, 1] as the pixels (h, w) of a network's image; all zeros where there is no ink. */
export function framed(ink, side, rule, h, w) {
  let strongest = 0;
  for (const v of ink) strongest = Math.max(strongest, v);
  if (strongest < 0.05) return new Float32Array(h * w);
  let [top, bottom, left, right] = [side, -1, side, -1];
  for (let r = 0; r < side; r++) {
    for (let c = 0; c < side; c++) {
      if (ink[r * side + c] / strongest <= FAINT) continue;
      top = Math.min(top, r);
      bottom = Math.max(bottom, r);
      left = Math.min(left, c);
      right = Math.max(right, c);
    }
  }
  const [rows, columns] = [bottom - top + 1, right - left + 1];
  let centre = [rows / 2, columns / 2];
  if (rule.mass) {
    let [sum, down, across] = [0, 0, 0];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const v = ink[(top + r) * side + left + c];
        sum += v;
        down += v * (r + 0.5);
        across += v * (c + 0.5);
      }
    }
    centre = [down / sum, across / sum];
  }
  const n = Math.max(half((Math.max(rows, columns) * rule.outer) / rule.inner), rows, columns);
  const sheet = new Float64Array(n * n);
  const y = Math.min(Math.max(0, half(n / 2 - centre[0])), n - rows);
  const x = Math.min(Math.max(0, half(n / 2 - centre[1])), n - columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) sheet[(y + r) * n + x + c] = ink[(top + r) * side + left + c] / strongest;
  }
  const clip = (v) => Math.max(0, Math.min(1, v));
  const small = resize(sheet, n, n, rule.outer, rule.outer).map(clip);
  const brightest = small.reduce((a, b) => Math.max(a, b), 0); // thin lines fade as they shrink; the data's ink is full
  for (let i = 0; i < small.length; i++) small[i] /= brightest;
  return Float32Array.from(resize(small, rule.outer, rule.outer, h, w), clip);
}
