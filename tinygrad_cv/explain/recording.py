"""One forward pass of a network, written down: which operations lie between an image and the scores.

Everything in this room starts from such a recording. It knows nodes, not modules: an operation that a forward method
calls by itself, a module that runs twice and a ReLU that writes in place are nodes like all others. Modules only lend
their names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.autograd import enable_grad
from tinygrad_cv.autograd.node import Node
from tinygrad_cv.autograd.observe import Observer, observing
from tinygrad_cv.ops.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array


@dataclass(eq=False)
class Recording:
    """A forward pass.

    Attributes
    ----------
    input, output : the images (a leaf that requires a gradient), and what the network made of them.
    nodes : the operations that lie between the two, in their order.
    names : nodes by the dotted path of the module whose result they are (a second run adds ``#2``), or by module and
        operation where a forward method called it by itself (``layer1.0.Add``).
    values : what each of these nodes computed, as it was then, where values were asked for.
    """

    input: Tensor
    output: Tensor
    nodes: list[Node]
    names: dict[str, Node]
    values: dict[Node, Array]

    def name(self, node: Node) -> str:
        """The innermost name of a node."""
        return next((name for name, named in self.names.items() if named is node), node.op.name)

    def find(self, layer: str | None) -> Node:
        """The node with a name; without one, the finest map from which the scores are computed.

        That is the last value with an extent; where a pooling made it, what the pooling read (if that has the larger
        map).
        """
        if layer is not None:
            if layer not in self.names:
                raise ArgumentError(f"explain: there is no layer {layer!r}; there are {', '.join(self.names)}")
            return self.names[layer]
        node = next((n for n in reversed(self.nodes) if is_map(n)), None)
        if node is None:
            raise ShapeError(
                "explain: no value in this network is a map (N, C, H, W) with more than one pixel; give a network that "
                "convolves its images"
            )
        while node.op.name in ("MaxPool2d", "AvgPool2d", "AdaptiveMaxPool2d", "AdaptiveAvgPool2d", "Clone"):
            below = node.inputs[0]
            if not isinstance(below, Node) or not is_map(below):
                break
            node = below
        return node

    def tensor(self, node: Node) -> Tensor:
        """A handle on the value of a node, for which gradients can be asked."""
        return Tensor._from_node(self.values[node], node)


def is_map(node: Node) -> bool:
    """Whether a node's value is a batch of maps with more than one pixel."""
    return len(node.shape) == 4 and node.shape[2] * node.shape[3] > 1


class _Keeper(Observer):
    """Copies what nodes compute, before something writes over it."""

    def __init__(self) -> None:
        self.values: dict[Node, Array] = {}

    def after_forward(self, op: Any, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        if output.grad_fn is not None:
            self.values[output.grad_fn] = np.array(output._data, order="K")


def record(model: Callable[[Any], Any], images: Any, values: bool = False) -> Recording:
    """Run a network once in evaluation mode and return what happened; its mode is put back.

    Parameters
    ----------
    model : a module, or any function of a tensor.
    images : (N, C, H, W) tensor or array of floating point; a single image (C, H, W) counts as a batch of one; or the
        shape of the batch as a tuple, for noise of that shape.
    values : keep what every node computes.
    """
    x = Tensor(as_images(images), requires_grad=True)
    modules: list[tuple[str, Any]] = list(model.named_modules()) if hasattr(model, "named_modules") else []
    modes = [(module, module.training) for _, module in modules]
    results: dict[int, list[Node]] = {}
    handles = [m.register_forward_hook(_noting(results), always_call=True) for path, m in modules if path]
    keeper = _Keeper()
    try:
        for module, _ in modes:
            module.training = False
        with enable_grad(), observing(keeper if values else Observer()):
            y = model(x)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    y = y[0] if isinstance(y, (tuple, list)) and y else y
    if not isinstance(y, Tensor):
        raise DTypeError(f"explain: the network returned a {type(y).__name__}; it should return a Tensor")
    nodes = _between(x, y)
    leaves = {path for path, module in modules if path and not list(module.children())}
    names = _named([(path, results.get(id(module), [])) for path, module in modules if path], nodes, leaves)
    return Recording(x, y, nodes, names, {n: keeper.values[n] for n in nodes if n in keeper.values})


def as_images(images: Any) -> Array:
    """A batch (N, C, H, W) of floating point."""
    if isinstance(images, tuple) and all(isinstance(n, int) for n in images):
        images = np.random.default_rng(0).standard_normal(images).astype(np.float32)
    data = np.asarray(getattr(images, "_data", images))
    data = data[None] if data.ndim == 3 else data
    if data.ndim != 4:
        raise ShapeError(f"explain: images have the shape {data.shape}; give (N, C, H, W) or (C, H, W)")
    return data if data.dtype.kind == "f" else data.astype(np.float32)


def _noting(results: dict[int, list[Node]]) -> Callable[..., None]:
    def note(module: Any, args: Any, result: Any) -> None:
        node = getattr(result, "grad_fn", None)
        if node is not None:
            results.setdefault(id(module), []).append(node)

    return note


def _between(x: Tensor, y: Tensor) -> list[Node]:
    """The nodes that the input leads to and that lead to the output, in the order of their creation."""
    seen: set[Node] = set()
    stack = [y.grad_fn] if y.grad_fn is not None else []
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(e for e in node.inputs if isinstance(e, Node))
    fed: set[Any] = {x}
    for node in sorted(seen, key=lambda n: n.number):
        if any(edge in fed for edge in node.inputs if edge is not None):
            fed.add(node)
    fed.discard(x)
    return sorted(fed, key=lambda n: n.number)


def _named(results: list[tuple[str, list[Node]]], nodes: list[Node], leaves: set[str]) -> dict[str, Node]:
    """Names in the order of the nodes; of several names for one node, the innermost first."""
    known = set(nodes)
    named: list[tuple[int, int, str, Node]] = []
    for path, runs in results:
        for run, node in enumerate(runs, 1):
            if node in known:
                named.append((node.number, -path.count("."), path if run == 1 else f"{path}#{run}", node))
    taken = {node for _, _, _, node in named}
    for node in nodes:
        if node not in taken and node.module not in leaves:
            named.append((node.number, 0, f"{node.module}.{node.op.name}" if node.module else node.op.name, node))
    names: dict[str, Node] = {}
    for _, _, name, node in sorted(named, key=lambda n: n[:2]):
        free, count = name, 1
        while free in names:
            count += 1
            free = f"{name}#{count}"
        names[free] = node
    return names
