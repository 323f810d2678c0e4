"""The reverse pass as one self-contained HTML page: the graph, with a button that goes one step on.

The page loads nothing, and a policy in its head forbids it to. Without scripts it still shows the graph with the
gradients that every node ends with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from tinygrad_cv.autograd.node import Node
from tinygrad_cv.explain.stepper import ORDERS, Graph, Step, backward_steps, naive_steps, read_graph, words
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.viz.drawing import draw
from tinygrad_cv.viz.sketch import Arrow, Box, Sketch
from tinygrad_cv.viz.words import shape_words

TITLES = {
    "engine": ("in order", "Every node runs once, when its whole gradient has come."),
    "paths": ("every path", "Recursion that hands each part on by itself: right, but nodes run once for every path."),
    "resend": ("sum again", "Recursion that hands on the sum so far: what came first is counted again. Wrong."),
    "once": ("first come", "Recursion that runs a node at its first part: what comes later is lost. Wrong."),
}
MOST = 2000


def page(loss: Tensor, names: Mapping[str, Tensor] | None = None, title: str = "The reverse pass") -> str:
    """Return an HTML page that steps through the reverse pass of a tensor, in the engine's order and without one.

    An order that takes more than 2,000 steps is left out, but for the engine's.

    Parameters
    ----------
    loss, names : as for `backward_steps`.
    title : the headline.
    """
    graph = read_graph(loss, names)
    ids = {name: f"b{k}" for k, name in enumerate(graph.names.values())}
    orders: dict[str, Any] = {}
    right: dict[str, str] = {}
    for order in ORDERS:
        try:
            steps = _first(loss, order, names)
        except ArgumentError:
            continue
        final = {p.target: words(p.total) for s in steps for p in s.parts}
        right = right or final
        told = [_step(step, ids) for step in steps]
        wrong = sorted(ids[n] for n, g in final.items() if g != right.get(n))
        visits = sum(not step.resumed for step in steps)
        orders[order] = {"title": TITLES[order][0], "about": TITLES[order][1], "steps": told, "wrong": wrong,
                         "visits": visits}  # fmt: skip
    widest = max((t for o in orders.values() for s in o["steps"] for t in s["totals"].values()), key=len, default="")
    svg = draw(_sketch(graph, ids, right, "g = " + widest))
    data = json.dumps(orders, ensure_ascii=False).replace("<", "\\u003c")
    buttons = "".join(
        f'<button data-order="{o}" title="{escape(TITLES[o][1])}">{TITLES[o][0]}</button>' for o in orders
    )
    return (
        _PAGE.replace("{title}", escape(title)).replace("{buttons}", buttons)
        .replace("{svg}", svg.strip()).replace("{data}", data)
    )  # fmt: skip


def _first(loss: Tensor, order: str, names: Mapping[str, Tensor] | None) -> list[Step]:
    """All steps of an order."""
    steps: list[Step] = []
    for step in backward_steps(loss, names) if order == "engine" else naive_steps(loss, order, names):
        steps.append(step)
        if len(steps) > MOST and order != "engine":
            raise ArgumentError(f"page: {order} takes more than {MOST} steps; leave it out")
    return steps


def _step(step: Step, ids: Mapping[str, str]) -> dict[str, Any]:
    """What the page needs of a step."""
    head, *lines = str(step).splitlines()
    return {
        "node": ids[step.node],
        "head": head.split(". ", 1)[1],
        "lines": [line.strip() for line in lines],
        "to": [ids[p.target] for p in step.parts],
        "totals": {ids[p.target]: words(p.total) for p in step.parts},
        "waiting": {ids[name]: n for name, n in step.waiting.items()},
    }


def _sketch(graph: Graph, ids: Mapping[str, str], right: Mapping[str, str], widest: str) -> Sketch:
    """The graph with room for a gradient in every box."""
    sketch = Sketch(title="", description="What was computed, from the leaves at the top to the loss at the bottom.")
    for thing, name in reversed(graph.names.items()):
        shape = shape_words(thing.shape, thing.dtype)
        if isinstance(thing, Node):
            what = shape if thing.op.name in name else f"{thing.op.name}, {shape}"
        else:
            what = words(thing._data) if len(thing.shape) == 0 else shape
        room = widest + " " * max(0, len(widest) - 4)
        kind = "op" if isinstance(thing, Node) else "parameter"
        sketch.boxes.append(Box(ids[name], (name, what, room), kind, tip=f"gradient {right.get(name, '1')}"))
    for node in reversed(graph.nodes()):
        for edge in node.inputs:
            if edge is not None:
                sketch.arrows.append(Arrow(ids[graph.names[edge]], ids[graph.names[node]]))
    return sketch


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';
 script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>{title}</title>
<style>
body { margin: 0 auto; max-width: 68rem; padding: 1rem; color: #1f2933; background: #fff;
  font: 16px/1.5 Inter, "Segoe UI", Helvetica, Arial, sans-serif }
h1 { font-size: 1.3rem; margin: 0 0 .5rem }
main { display: grid; grid-template-columns: minmax(0, 3fr) minmax(17rem, 2fr); gap: 1.5rem; align-items: start }
@media (max-width: 44rem) { main { grid-template-columns: 1fr } }
#graph { overflow: auto; max-height: 80vh; border: 1px solid #e4e8ec; border-radius: 8px }
#graph svg { display: block; margin: auto; max-width: 100%; height: auto }
button { font: inherit; padding: .35rem .8rem; border: 1px solid #8d99a6; border-radius: 6px; background: #fff }
button:hover:enabled { background: #eef2f6 } button:disabled { opacity: .4 }
button:focus-visible, input:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px }
button[aria-pressed=true] { background: #1f2933; color: #fff; border-color: #1f2933 }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .5rem 0 }
input { flex: 1; min-width: 6rem } .muted { color: #5c6873; font-size: .9rem }
#told { min-height: 9rem } #told p { margin: .3rem 0; font-weight: 600 } #told li { font-variant-numeric: tabular-nums }
ul { margin: .3rem 0; padding-left: 1.1rem; list-style: none }
.now > rect { stroke: #d55e00; stroke-width: 3.5; fill: #fdeee4 }
.waits > rect { stroke: #b07d00; stroke-width: 2; stroke-dasharray: 5 3; fill: #fff8e2 }
.done > rect { stroke: #178f6b; fill: #def3eb }
.wrong > rect { stroke: #b00020; stroke-width: 2.5; fill: #fde7ea }
.lit > path:first-child { stroke: #d55e00; stroke-width: 3.5 } .lit > path:last-child { fill: #d55e00 }
.key span { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; border: 2px solid; margin: 0 .3rem }
</style></head><body>
<h1>{title}</h1>
<div class="row" role="group" aria-label="order">{buttons}</div>
<main><div id="graph" tabindex="0" aria-label="graph">{svg}</div>
<div><p id="about" class="muted"></p>
<div class="row"><button id="back">&larr; back</button><button id="next">next &rarr;</button>
<input id="at" type="range" min="0" value="0" aria-label="step"><span id="count" class="muted"></span></div>
<div id="told" aria-live="polite"></div>
<p class="muted key"><span style="border-color:#d55e00;background:#fdeee4"></span>runs now
<span style="border-color:#b07d00;background:#fff8e2"></span>waits for more
<span style="border-color:#178f6b;background:#def3eb"></span>has it all
<span style="border-color:#b00020;background:#fde7ea"></span>ends wrong</p>
<p class="muted">Values flow down, gradients flow up. The arrow keys go step by step.</p></div></main>
<script type="application/json" id="data">{data}</script>
<script>
"use strict";
const orders = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const boxes = [...document.querySelectorAll("#graph [data-node]")];
const arrows = [...document.querySelectorAll("#graph [data-from]")];
let order = "engine", at = 0;
function show() {
  const o = orders[order], all = o.steps, step = all[at - 1], totals = {}, ran = new Set();
  for (const s of all.slice(0, at)) { ran.add(s.node); Object.assign(totals, s.totals); }
  for (const box of boxes) {
    const id = box.dataset.node, words = box.querySelectorAll("text"), waits = step ? step.waiting[id] : 0;
    const has = id in totals || (id === all[0].node && at > 0);
    const more = waits ? ", " + waits + " more" : "";
    words[words.length - 1].textContent = has ? "g = " + (totals[id] ?? "1") + more : "";
    const last = at === all.length && o.wrong.includes(id), now = step && step.node === id && !last;
    box.classList.toggle("now", Boolean(now));
    box.classList.toggle("wrong", last);
    box.classList.toggle("waits", Boolean(!now && waits));
    box.classList.toggle("done", Boolean(!now && !last && has && !waits));
  }
  for (const a of arrows)
    a.classList.toggle("lit", Boolean(step && a.dataset.to === step.node && step.to.includes(a.dataset.from)));
  const told = $("told");
  told.replaceChildren();
  const line = (tag, text, where) => where.appendChild(Object.assign(document.createElement(tag), {textContent: text}));
  line("p", step ? step.head : "Nothing has run yet. The loss has the gradient 1 with respect to itself.", told);
  const list = line("ul", "", told);
  for (const text of step ? step.lines : []) line("li", text, list);
  if (at === all.length) {
    const end = o.wrong.length ? "The red gradients are wrong." : "Every gradient is right.";
    line("p", o.visits + " visits in all. " + end, told);
  }
  $("about").textContent = o.about;
  $("count").textContent = at + " of " + all.length;
  $("at").max = all.length; $("at").value = at;
  $("back").disabled = at === 0; $("next").disabled = at === all.length;
  for (const b of document.querySelectorAll("[data-order]"))
    b.setAttribute("aria-pressed", String(b.dataset.order === order));
}
function go(to) { at = Math.max(0, Math.min(orders[order].steps.length, to)); show(); }
$("back").onclick = () => go(at - 1);
$("next").onclick = () => go(at + 1);
$("at").oninput = event => go(Number(event.target.value));
for (const b of document.querySelectorAll("[data-order]")) b.onclick = () => { order = b.dataset.order; go(0); };
document.addEventListener("keydown", event => {
  if (event.target.id === "at" || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (way) { event.preventDefault(); go(at + way); }
});
show();
</script></body></html>
"""
