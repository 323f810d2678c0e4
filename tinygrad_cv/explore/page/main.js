// The page of the server.

import { Explorer } from "./app.js";
import { el } from "./dom.js";
import { remoteNetworks } from "./remote.js";
import { say } from "./text.js";

const home = document.getElementById("app");
try {
  globalThis.explorer = new Explorer(home, await remoteNetworks());
} catch (error) {
  home.replaceChildren(el("p", { class: "hint", text: error.key ? say(error.key) : error.message }));
  throw error;
}
