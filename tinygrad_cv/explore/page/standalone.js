// The entry of an exported page.

import { Explorer } from "./app.js";
import { LocalNetwork } from "./local.js";

const stored = JSON.parse(document.getElementById("network").textContent);
globalThis.explorer = new Explorer(document.getElementById("app"), [new LocalNetwork(stored)]);
