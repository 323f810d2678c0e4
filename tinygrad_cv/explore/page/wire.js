// What comes from Python: a JSON header, then plain numbers (see pack.py).

/** The header and the arrays of a message. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const arrays = header.arrays.map(({ shape, kind }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = kind === "u1" ? new Uint8Array(buffer, at, count) : new Float32Array(buffer, at, count);
    at += Math.ceil((count * (kind === "u1" ? 1 : 4)) / 4) * 4;
    return { shape, data };
  });
  return { ...header, arrays };
}

/** The lowest and the highest finite value. */
export function extent(data) {
  let low = Infinity;
  let high = -Infinity;
  for (const v of data) {
    if (v < low && v > -Infinity) low = v;
    if (v > high && v < Infinity) high = v;
  }
  return low <= high ? [low, high] : [0, 0];
}
