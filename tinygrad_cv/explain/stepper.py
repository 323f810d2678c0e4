"""The reverse pass, one node at a time: who waits for whom, what arrives, what adds up.

An operation's rules are linear in the gradient of its result, so they need that gradient once, and whole. A value that
is used twice gets it in two parts. The engine therefore runs a node only when every part has arrived, which visiting in
falling order of creation guarantees: a topological order. What happens without one is shown by `naive_steps`:

- ``"paths"``: hand every part on as soon as it comes. The results are right, but a node is visited once for every path
  to it, and the number of paths doubles with every fan-out.
- ``"resend"``: add the part to the node's gradient and hand on the sum so far, at every visit (what most people write
  first). The first part is counted twice: wrong.
- ``"once"``: visit a node when its first part comes, and mark it done. What comes later is lost: wrong.

>>> import tinygrad_cv as tg
>>> x = tg.tensor(2.0, requires_grad=True)
>>> a = x * x
>>> for step in backward_steps(a * 3 + a):
...     print(step)
1. Add has its whole gradient, 1
     -> Mul#2   +1 = 1, complete
     -> Mul     +1 = 1, waits for 1 more
2. Mul#2 has its whole gradient, 1
     -> Mul     +3 = 4, complete
3. Mul has its whole gradient, 4
     -> leaf    +8 = 8, waits for 1 more
     -> leaf    +8 = 16, complete
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_cv.autograd import engine
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

ORDERS = ("engine", "paths", "resend", "once")
LIMIT = 100_000


@dataclass(frozen=True)
class Part:
    """A contribution on its way: to whom, how much, what that makes together, and how many are still to come."""

    target: str
    amount: Array
    total: Array
    pending: int
    lost: bool = False

    def __str__(self) -> str:
        state = "complete" if self.pending == 0 else f"waits for {self.pending} more"
        state = state if self.pending >= 0 else "though all had come"
        if self.lost:
            return f"-> {self.target:<7} +{words(self.amount)}, lost: it was run before this came"
        return f"-> {self.target:<7} +{words(self.amount)} = {words(self.total)}, {state}"


@dataclass(frozen=True)
class Step:
    """One visit to a node, or, where recursion had left it for one of its inputs, the rest of one.

    Attributes
    ----------
    number : of the step, from 1.
    node : the name of the node.
    gradient : what the node's rules were given.
    parts : what they sent on in this step.
    waiting : after the step, for everything that has received a part but not all, how many are missing.
    visit : how often the node was run by now.
    missing : how many parts of its gradient had not arrived when it was run.
    resumed : whether this is the rest of a visit.
    """

    number: int
    node: str
    gradient: Array
    parts: tuple[Part, ...]
    waiting: dict[str, int] = field(default_factory=dict)
    visit: int = 1
    missing: int = 0
    resumed: bool = False

    def __str__(self) -> str:
        if self.resumed:
            has = "goes on"
        elif self.missing:
            has = f"is run with {words(self.gradient)}, though {self.missing} more will come"
        elif self.visit > 1:
            has = f"is run again (visit {self.visit}), with {words(self.gradient)}"
        else:
            has = f"has its whole gradient, {words(self.gradient)}"
        return "\n     ".join([f"{self.number}. {self.node} {has}", *map(str, self.parts)])


@dataclass
class Graph:
    """What a reverse pass from a tensor walks.

    Attributes
    ----------
    root : the node of the tensor.
    names : for every node and every leaf that it leads to, in the order in which they are visited.
    expected : how many parts each of them will receive.
    """

    root: Node
    names: dict[Any, str]
    expected: dict[Any, int]

    def nodes(self) -> list[Node]:
        """The nodes, in the order in which they are visited."""
        return [n for n in self.names if isinstance(n, Node)]


def read_graph(loss: Tensor, names: Mapping[str, Tensor] | None = None) -> Graph:
    """Name the nodes and leaves below a tensor.

    ``names`` gives tensors by name: leaves, or results in between. Nodes without a name are called after their
    operation, numbered where it occurs again.
    """
    root = loss.grad_fn
    if root is None:
        raise ArgumentError("stepper: the tensor was not computed from one that requires a gradient; nothing to walk")
    given: dict[Any, str] = {(t if t.grad_fn is None else t.grad_fn): name for name, t in (names or {}).items()}
    seen, stack = {root}, [root]
    expected: dict[Any, int] = {root: 1}
    while stack:
        for edge in stack.pop().inputs:
            if edge is not None:
                expected[edge] = expected.get(edge, 0) + 1
                if isinstance(edge, Node) and edge not in seen:
                    seen.add(edge)
                    stack.append(edge)
    found: dict[Any, str] = {}
    used: dict[str, int] = {}
    leaves = [e for e in expected if not isinstance(e, Node)]
    for thing in [*sorted(seen, key=lambda n: n.number), *leaves]:
        bare = given.get(thing) or (
            thing.op.name if isinstance(thing, Node) else getattr(thing, "name", None) or "leaf"
        )
        used[bare] = used.get(bare, 0) + 1
        found[thing] = bare if used[bare] == 1 else f"{bare}#{used[bare]}"
    order = [*sorted(seen, key=lambda n: -n.number), *leaves]
    return Graph(root, {thing: found[thing] for thing in order}, expected)


class _Parts(Observer):
    """Notes what each visited node was given and what it sent to its inputs."""

    def __init__(self) -> None:
        self.seen: list[tuple[Node, Array, list[tuple[Any, Array]]]] = []

    def after_backward(self, node: Node, gradient: Any, gradients: Sequence[Any], seconds: float) -> None:
        sent = [(edge, np.array(g)) for edge, g in zip(node.inputs, gradients) if edge is not None and g is not None]
        self.seen.append((node, np.array(gradient), sent))


def backward_steps(loss: Tensor, names: Mapping[str, Tensor] | None = None, gradient: Any = None) -> Iterator[Step]:
    """Walk the reverse pass as the engine does it, and yield every visit.

    Nobody's ``grad`` changes, and the graph can be used again.

    Parameters
    ----------
    loss : where the pass starts.
    names : tensors by name, for the words.
    gradient : of the loss with respect to itself; ones if not given.
    """
    graph = read_graph(loss, names)
    watcher = _Parts()
    with observing(watcher):
        engine.run(type(loss), [graph.root], [_seed(loss, gradient)], retain_graph=True)
    book = _Book(graph)
    for node, given, sent in watcher.seen:
        frame = book.open(node, given, type(loss), sent)
        yield book.step(frame, [book.arrive(edge, amount) for edge, amount in sent])


def naive_steps(
    loss: Tensor, order: str = "resend", names: Mapping[str, Tensor] | None = None, gradient: Any = None
) -> Iterator[Step]:
    """Walk the reverse pass by recursion, without a topological order, and yield every visit.

    Parameters
    ----------
    order : "paths", "resend" or "once"; see the head of this file. The rules that run are the engine's.
    loss, names, gradient : as for `backward_steps`.
    """
    if order not in ORDERS[1:]:
        raise ArgumentError(f"naive_steps: order is {order!r}; give one of {', '.join(ORDERS[1:])}")
    graph = read_graph(loss, names)
    book, guest = _Book(graph), type(loss)
    frames = [book.open(graph.root, np.asarray(_seed(loss, gradient)), guest)]  # the recursion, without a limit on it
    while frames:
        frame, parts = frames[-1], []
        fresh, entered = not frame.begun, False
        while frame.sent and not entered:
            edge, amount = frame.sent.pop(0)
            late = order == "once" and book.visits.get(edge, 0) > 0
            parts.append(book.arrive(edge, amount, late))
            if isinstance(edge, Node) and not late:
                frames.append(book.open(edge, amount if order == "paths" else book.totals[edge], guest))
                entered = True
        if not entered:
            frames.pop()
        if parts or fresh:
            yield book.step(frame, parts)
        if book.number >= LIMIT:
            raise ArgumentError(f"naive_steps: more than {LIMIT:,} steps; that is the cost of this order")


def compare_orders(loss: Tensor, names: Mapping[str, Tensor] | None = None) -> str:
    """Return a table: for each order the visits, and the gradient of every leaf, with what is wrong marked.

    ``loss`` and ``names`` are as for `backward_steps`.
    """
    graph = read_graph(loss, names)
    leaves = {leaf: name for leaf, name in graph.names.items() if not isinstance(leaf, Node)}
    rows = [["order", "visits", *leaves.values()]]
    right: dict[str, Array] = {}
    for order in ORDERS:
        steps = list(backward_steps(loss, names) if order == "engine" else naive_steps(loss, order, names))
        totals = {p.target: p.total for step in steps for p in step.parts}
        right = right or totals
        cells = []
        for name in leaves.values():
            same = np.allclose(totals[name], right[name], rtol=1e-4, atol=1e-6)
            cells.append(words(totals[name]) + ("" if same else "  wrong"))
        rows.append([order, str(sum(not step.resumed for step in steps)), *cells])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


@dataclass
class _Frame:
    """A visit under way, and what it has still to send."""

    node: Node
    given: Array
    sent: list[tuple[Any, Array]]
    visit: int
    missing: int
    begun: bool = False


class _Book:
    """Who has received how much, and who was visited how often."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.number = graph, 0
        self.totals: dict[Any, Array] = {}
        self.arrived: dict[Any, int] = {graph.root: 1}
        self.visits: dict[Any, int] = {}

    def arrive(self, target: Any, amount: Array, lost: bool = False) -> Part:
        """Note a part; a lost one is not added."""
        self.arrived[target] = self.arrived.get(target, 0) + 1
        held = self.totals.get(target)
        if held is None:
            self.totals[target] = amount
        elif not lost:
            self.totals[target] = held + amount
        return Part(self.graph.names[target], amount, self.totals[target], self._missing(target), lost)

    def open(self, node: Node, given: Array, guest: Any, sent: list[tuple[Any, Array]] | None = None) -> _Frame:
        """Begin a visit; the node's rules run, if nobody has run them."""
        self.visits[node] = visit = self.visits.get(node, 0) + 1
        missing = max(self._missing(node), 0)
        return _Frame(node, given, _visit(guest, node, given) if sent is None else sent, visit, missing)

    def step(self, frame: _Frame, parts: list[Part]) -> Step:
        """Note what a visit has sent."""
        self.number += 1
        name, resumed, frame.begun = self.graph.names[frame.node], frame.begun, True
        waiting = {self.graph.names[t]: self._missing(t) for t in self.arrived if self._missing(t) > 0}
        return Step(self.number, name, frame.given, tuple(parts), waiting, frame.visit, frame.missing, resumed)

    def _missing(self, target: Any) -> int:
        return self.graph.expected[target] - self.arrived.get(target, 0)


def _visit(guest: Any, node: Node, gradient: Array) -> list[tuple[Any, Array]]:
    """Run one node's rules and return what they send to whom."""
    watcher = _Parts()
    below = frozenset(e for e in node.inputs if isinstance(e, Node))
    with observing(watcher):
        targets = [e for e in node.inputs if e is not None]
        engine.run(guest, [node], [guest(gradient)], targets=targets, retain_graph=True, stop=below)
    return next(sent for seen, _, sent in watcher.seen if seen is node)


def _seed(loss: Tensor, gradient: Any) -> Tensor:
    data = np.ones(loss.shape, loss.dtype) if gradient is None else np.asarray(gradient, loss.dtype)
    if data.shape != loss.shape:
        raise ArgumentError(f"stepper: the gradient has shape {data.shape}, the tensor {loss.shape}; give equal shapes")
    return Tensor(data)


def words(value: Array) -> str:
    """A gradient in a few letters: a number, a short list, or of more numbers their length between bars.

    >>> words(np.float32(2.5)), words(np.ones(2)), words(np.ones((3, 4)))
    ('2.5', '[1, 1]', '|3.46|')
    """
    flat = np.asarray(value)
    if flat.size == 1:
        return f"{flat.item():.4g}"
    if flat.ndim == 1 and flat.size <= 4:
        return "[" + ", ".join(f"{v:.4g}" for v in flat.tolist()) + "]"
    return f"|{float(np.linalg.norm(flat)):.3g}|"
