// From numbers to colours. Maps without negative values run from dark to bright, others through a neutral middle.

// anchors of matplotlib's viridis (public domain), equally spaced
const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37],
];
const SIGNED_LIGHT = [[5, 65, 120], [67, 147, 195], [244, 244, 242], [230, 130, 60], [150, 55, 0]];
const SIGNED_DARK = [[120, 195, 255], [40, 105, 165], [34, 36, 40], [190, 90, 25], [255, 170, 100]];

function table(anchors) {
  const colors = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (anchors.length - 1);
    const k = Math.min(Math.floor(at), anchors.length - 2);
    for (let c = 0; c < 3; c++) colors[3 * i + c] = anchors[k][c] + (at - k) * (anchors[k + 1][c] - anchors[k][c]);
  }
  return colors;
}

const TABLES = { viridis: table(VIRIDIS), light: table(SIGNED_LIGHT), dark: table(SIGNED_DARK) };
const darkly = matchMedia("(prefers-color-scheme: dark)");

/** How values between low and high become places in a table of 256 colours. */
export function scale(low, high) {
  const signed = low < 0;
  const reach = signed ? Math.max(-low, high) : high;
  const from = signed ? -reach : Math.min(low, 0);
  const span = reach - from || 1;
  const colors = signed ? TABLES[darkly.matches ? "dark" : "light"] : TABLES.viridis;
  return { colors, place: (v) => Math.max(0, Math.min(255, Math.round(((v - from) * 255) / span))) || 0 };
}

/** The colour of a value, and one that can be read on it. */
export function shade(value, low, high) {
  const { colors, place } = scale(low, high);
  const [r, g, b] = colors.subarray(3 * place(value), 3 * place(value) + 3);
  return { back: `rgb(${r} ${g} ${b})`, front: 0.3 * r + 0.59 * g + 0.11 * b > 140 ? "#111" : "#fff" };
}

/** Pixels (C, H, W) in [0, 1] as image data; with heat (H, W, bytes), the heat laid over them. */
export function picture(pixels, [c, h, w], heat = null) {
  const image = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) {
    for (let k = 0; k < 3; k++) {
      let v = 255 * pixels[(c === 3 ? k : 0) * h * w + i];
      if (heat) {
        const share = 0.16 + 0.5 * (heat[i] / 255);
        v = v * (1 - share) + TABLES.viridis[3 * heat[i] + k] * share;
      }
      image.data[4 * i + k] = v;
    }
    image.data[4 * i + 3] = 255;
  }
  return image;
}

export function onThemeChange(action) {
  darkly.addEventListener("change", action);
}
