// A network that runs in Python, behind the server of the page.

import { extent, unpack } from "./wire.js";

const TAB = Math.random().toString(36).slice(2);

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("unreachable"), { key: "unreachable" });
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw Object.assign(new Error(said.error || response.statusText), { status: response.status });
}

const bytes = async (path, options) => unpack(await (await ask(path, options)).arrayBuffer());

/** One network: shows images to it and answers questions about what it did. */
export class RemoteNetwork {
  constructor(about, place) {
    Object.assign(this, { about, home: `api/${place}`, turn: 0, programs: new Map(), live: true });
    this.graphUrl = `${this.home}/graph.svg`;
    this.curvesUrl = about.curves ? `${this.home}/curves.svg` : null;
    this.methods = ["grad_cam", "cam", "grad_cam_plus_plus", "saliency"];
  }

  /** Null where a newer image has overtaken this one. */
  async run(pixels) {
    const headers = { "x-tab": TAB, "x-turn": String(++this.turn) };
    const response = await ask(`${this.home}/run`, { method: "POST", headers, body: pixels });
    if (response.status === 204) return null;
    const answer = unpack(await response.arrayBuffer());
    if (!this.programs.has(answer.signature)) {
      this.programs.set(answer.signature, await (await ask(`${this.home}/program?run=${answer.run}`)).json());
    }
    answer.program = this.programs.get(answer.signature);
    answer.network = this;
    answer.pixels = pixels;
    const shown = answer.program.steps.flatMap((s, k) => (s.shown ? [k] : []));
    const known = new Map(answer.inline ? shown.map((k, i) => [k, answer.arrays[i]]) : []);
    answer.ready = (k) => known.has(k);
    answer.maps = async (k) => {
      if (!known.has(k)) {
        const got = await bytes(`${this.home}/maps?run=${answer.run}&step=${k}`);
        known.set(k, { ...got.arrays[0], low: got.low, high: got.high });
      }
      return answer.mapsNow(k);
    };
    answer.mapsNow = (k) => {
      const maps = known.get(k);
      if (maps.low === undefined) [maps.low, maps.high] = extent(maps.data);
      return maps;
    };
    return answer;
  }

  async region(answer, source, box) {
    const body = JSON.stringify({ run: answer.run, source, box });
    return (await bytes(`${this.home}/region`, { method: "POST", body })).arrays[0].data;
  }

  async field(answer, step, index) {
    return (await ask(`${this.home}/field?run=${answer.run}&step=${step}&index=${index}`)).json();
  }

  async evidence(answer, method, target) {
    return (await bytes(`${this.home}/evidence?run=${answer.run}&method=${method}&class=${target}`)).arrays[0];
  }

  async samples() {
    const got = await bytes(`${this.home}/samples`);
    return { ...got.arrays[0], labels: got.labels };
  }

  async upload(file) {
    const headers = { "x-name": encodeURIComponent(file.name || "") };
    const got = await bytes(`${this.home}/upload`, { method: "POST", headers, body: file });
    return { pixels: got.arrays[0].data, steps: got.steps };
  }
}

/** All networks of the server. */
export async function remoteNetworks() {
  return (await (await ask("api/subjects")).json()).map((about, k) => new RemoteNetwork(about, k));
}
