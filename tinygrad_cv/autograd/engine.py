"""The reverse pass.

Nodes are visited in falling order of creation: an operation is always created after its operands, so when a node's turn
comes, every contribution to its output's gradient has arrived (a topological order without a search for one). The pass
is iterative, linear in the graph (but for the sort), and frees what a node kept as soon as its rules have run.

Without ``create_graph`` the rules run on bare arrays. With it the same rules run on tensors, are recorded, and the
gradients can be differentiated again. A fused op's rules know arrays alone: there its composite is differentiated.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

from ..ops.arithmetic import ADD
from ..ops.errors import AutogradError
from ..ops.waiting import Masked, Spread, Sum, Waiting
from .fusion import FUSION
from .mode import MODE
from .node import Node
from .observe import OBSERVERS

_number = attrgetter("number")


@np.errstate(all="ignore")  # once a pass: NumPy would warn of infinities that PyTorch passes on in silence
def run(
    guest: Any,
    roots: Sequence[Any],
    seeds: Sequence[Any],
    *,
    targets: Sequence[Any] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
    stop: frozenset[Any] = frozenset(),
) -> dict[Any, Any]:
    """Send ``seeds`` (gradients) back from ``roots`` (nodes or leaf tensors).

    Nodes in ``stop`` are ends: the pass does not look below them.
    Returns the gradients that reach leaves, by leaf; or, with ``targets`` (nodes or leaves), those that reach them.
    Values are arrays, or tensors with ``create_graph``.
    """
    grads: dict[Any, Any] = {}
    for root, seed in zip(roots, seeds):
        value = seed if create_graph else seed._data
        grads[root] = grads[root] + value if root in grads else value
    order = _reachable([r for r in roots if isinstance(r, Node)], stop)
    waited = set(targets) if targets is not None else None
    through = None if waited is None else _leading_to(waited, order)
    asked = None if waited is None or through is None else waited | through
    found: dict[Any, Any] = {}
    before = MODE.enabled
    MODE.enabled = create_graph
    try:
        for node in order:
            g = grads.pop(node, None)
            if g is None:
                continue
            if isinstance(g, Waiting) and (waited is not None or node.hooks or node.retain is not None):
                g = g.value()
            if node.hooks:
                g = _run_hooks(guest, node.hooks, g, create_graph)
            if node.retain is not None:
                _retain(guest, node, g)
            if waited is not None and node in waited:
                found[node] = g
            if through is not None and node not in through:
                continue
            node.check_saved()
            for edge, gradient in _apply(guest, node, g, asked, create_graph):
                grads[edge] = _meet(edge, grads.get(edge), gradient)
            if not (retain_graph or create_graph):
                node.free()
    finally:
        MODE.enabled = before
    if waited is None:
        return grads
    found.update((t, grads[t]) for t in waited if not isinstance(t, Node) and t in grads)
    return found


def _meet(edge: Any, held: Any, gradient: Any) -> Any:
    """Return all that has reached an edge: ``gradient``, and what came before it."""
    if isinstance(gradient, Waiting) and (held is not None or type(edge) is not Node):
        gradient = gradient.value()
    if held is None:
        return gradient
    if isinstance(held, Waiting):
        held = held.value()
    if type(edge) is Node and edge.op.masked == "makes" and type(held) is type(gradient) is np.ndarray:
        if FUSION.enabled and held.strides == gradient.strides and held.dtype == gradient.dtype:
            return Sum(held, gradient)
    return ADD(held, gradient)


def _reachable(roots: list[Node], stop: frozenset[Any]) -> list[Node]:
    """Return the nodes below the roots, the latest first, without looking below those in ``stop``."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for edge in stack.pop().inputs:
            if type(edge) is Node and edge not in seen:
                seen.add(edge)
                if edge not in stop:
                    stack.append(edge)
    return sorted(seen, key=_number, reverse=True)


def _leading_to(targets: set[Any], order: list[Node]) -> set[Any]:
    """Return the nodes through which a gradient can reach a target."""
    through: set[Any] = set()
    for node in reversed(order):
        if any(edge is not None and (edge in through or edge in targets) for edge in node.inputs):
            through.add(node)
    return through


def _apply(guest: Any, node: Node, g: Any, asked: set[Any] | None, create_graph: bool) -> list[tuple[Any, Any]]:
    """Run a node's rules; return (edge, gradient) pairs, only for edges that somebody waits for."""
    edges = node.inputs if asked is None else tuple(e if e is not None and e in asked else None for e in node.inputs)
    if OBSERVERS:
        return _observed(guest, node, g, edges, create_graph)
    return _gradients(guest, node, g, edges, create_graph)


def _gradients(guest: Any, node: Node, g: Any, asked: tuple[Any, ...], create_graph: bool) -> list[tuple[Any, Any]]:
    op = node.op
    saved, y, extras = (node.saved, node.y, node.extras) if node.unpack is None else node.unpack(create_graph)
    if create_graph and op.fused:
        return _through_composite(guest, op, saved, g, asked)
    if create_graph:
        y = guest._from_node(y, node) if y is not None else None
        arguments = saved
    else:
        arguments = [v._data if isinstance(v, guest) else v for v in saved]
    if not arguments:
        arguments = [None] * len(asked)
    if op.masked and FUSION.enabled and not create_graph and not OBSERVERS:
        gradient = _waiting(node, g, y, extras, asked[0])
        if gradient is not None:
            return [(asked[0], gradient)]
    if type(g) is Masked and op.masked == "passes":
        g.moved = True
    elif isinstance(g, Waiting) and not (type(g) is Masked and op.masked == "takes"):
        g = g.value()
    values = [g, y, None, *arguments, *extras]
    pairs = []
    for rule in node.plan.rules:
        if rule.joint:
            places = range(len(asked)) if op.variadic else rule.targets
            values[2] = tuple(asked[t] is not None for t in places)
            if not any(values[2]):
                continue
            results = _call(op, rule, values, arguments)
            pairs += [(asked[t], r) for t, r in zip(places, results) if asked[t] is not None and r is not None]
        else:
            edge = asked[rule.targets[0]]
            if edge is not None:
                gradient = rule.function(op, *[values[i] for i in rule.places])
                if gradient is not None:
                    pairs.append((edge, gradient))
    return pairs


def _waiting(node: Node, g: Any, y: Any, extras: Sequence[Any], edge: Any) -> Any:
    """Return a gradient that waits for the next rule, or has waited for this one; None where the rule is to run."""
    op: Any = node.op
    below = edge.op.masked if type(edge) is Node else ""
    if op.masked == "spreads" and below == "makes":
        return Spread(partial(op.behind, g.value() if isinstance(g, Waiting) else g, *extras))
    if op.masked == "makes" and edge is not None:
        if type(g) is Spread and below != "takes":
            return g.behind(y)
        g = g.value() if isinstance(g, Waiting) and type(g) is not Sum else g
        (rule,) = node.plan.rules
        return Masked(g, y, lambda whole: rule.function(op, *[y if place else whole for place in rule.places]))
    return None


def _call(op: Any, rule: Any, values: list[Any], arguments: list[Any]) -> Any:
    """Call a joint rule; a variadic op's arguments are handed over as one list."""
    if op.variadic:
        by_name = {"g": values[0], "y": values[1], "wanted": values[2], op.argument_names[0]: arguments}
        return rule.function(op, *[by_name[n] for n in rule.needs])
    return rule.function(op, *[values[i] for i in rule.places])


def _through_composite(guest: Any, op: Any, saved: list[Any], g: Any, asked: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Differentiate a fused op past the first order: record its composite and take that one's gradients."""
    y = op.composite(*saved)
    targets = list(dict.fromkeys(a for a in asked if a is not None))
    below = frozenset(v._node for v in saved if isinstance(v, guest) and v._node is not None)
    found = run(guest, [y._node], [g], targets=targets, create_graph=True, stop=below)
    return [(t, found[t]) for t in targets if t in found]


def _observed(guest: Any, node: Node, g: Any, asked: tuple[Any, ...], create_graph: bool) -> list[tuple[Any, Any]]:
    for observer in OBSERVERS:
        observer.before_backward(node, g)
    start = time.perf_counter()
    pairs = _gradients(guest, node, g, asked, create_graph)
    seconds = time.perf_counter() - start
    remaining = list(pairs)
    in_order: list[Any] = []
    for edge in asked:
        at = next((i for i, (e, _) in enumerate(remaining) if e is edge), None) if edge is not None else None
        in_order.append(None if at is None else remaining.pop(at)[1])
    for observer in OBSERVERS:
        observer.after_backward(node, g, in_order, seconds)
    return pairs


def _run_hooks(guest: Any, hooks: list[Any], g: Any, create_graph: bool) -> Any:
    t = g if create_graph else guest(g)
    for hook in list(hooks):
        result = hook(t)
        if result is not None:
            if result.shape != t.shape:
                raise AutogradError(
                    f"hook: it returned a gradient of shape {result.shape} for a tensor of {t.shape}; return the same "
                    "shape, or None"
                )
            t = result
    return t if create_graph else t._data


def _retain(guest: Any, node: Node, g: Any) -> None:
    tensor = node.retain()
    if tensor is not None:
        value = g if isinstance(g, guest) else guest(g.copy())
        tensor.grad = value if tensor.grad is None else tensor.grad + value
