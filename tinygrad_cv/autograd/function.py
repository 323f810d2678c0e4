"""Your own operation with your own derivative, in PyTorch's form: a class with ``forward`` and ``backward``.

A call becomes one node. Where ``forward`` returns several tensors, each gets a small node of its own that hands its
gradient to the common one; the gradients meet there as `Parts`, and ``backward`` runs once for all of them.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.broadcast import sum_to
from ..ops.errors import ArgumentError, AutogradError
from ..ops.op import Op, Rule
from .mode import MODE, no_grad
from .node import Node, user_line, version_of
from .record import make_node


class Context:
    """The ``ctx`` of a `Function`: what ``forward`` leaves for ``backward``. Attributes of your own are welcome.

    Attributes
    ----------
    needs_input_grad : for each argument of ``apply`` whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads: bool = True

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._saved: tuple[Any, ...] | None = None
        self._constant: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (arguments, outputs, intermediate results) for ``backward``; in-place changes are noticed."""
        self._to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, in order; available while ``backward`` runs."""
        if self._saved is None:
            if self._to_save:
                return self._to_save
            raise AutogradError(
                "saved_tensors: nothing is saved, or ``backward`` is over; read them inside ``backward``"
            )
        return self._saved

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Declare outputs constant: no gradient flows into them."""
        self._constant = outputs

    def mark_dirty(self, *arguments: Any) -> None:
        """Declare arguments that ``forward`` changed in place and returns."""
        self._dirty = arguments

    def set_materialize_grads(self, value: bool) -> None:
        """Hand None to ``backward`` for an output that received no gradient, instead of zeros, if False."""
        self.materialize_grads = value


class Parts:
    """Gradients of several outputs by number, on their way to the node that they share."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    @staticmethod
    def __record__(op: Op, xs: Sequence[Any]) -> Parts:
        """Gradients that meet are added, by the engine's op; here that means one by one."""
        return xs[0] + xs[1]

    def __add__(self, other: Parts) -> Parts:
        both = dict(self.parts)
        for i, g in other.parts.items():
            both[i] = both[i] + g if i in both else g
        return Parts(both)


class _Call(Op, abstract=True):
    """One call of a user's function: the op of its node. Not registered: its laws are the user's to keep."""

    argument_names = ("arguments",)
    variadic = True

    def __init__(self, function: type[Function], ctx: Context, guest: Any, outputs: list[Any]) -> None:
        self.name = f"{function.__name__}"  # type: ignore[misc]
        self.function, self.ctx, self.guest = function, ctx, guest
        self.shapes = [(o.shape, o.dtype) for o in outputs]
        self.saved_outputs: dict[int, int] = {}
        self.nodes: list[weakref.ref[Node] | None] = []
        self._plans = {}  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"{self.name}()"

    def _saved(self, held: Sequence[Any]) -> tuple[Any, ...]:
        """The saved values as tensors; an output finds its place in the graph again."""
        if not self.ctx._to_save:
            return ()
        out = []
        for i, value in enumerate(held):
            if isinstance(value, np.ndarray):
                value = self.guest(value)
            reference = self.nodes[self.saved_outputs[i]] if i in self.saved_outputs else None
            node = reference() if reference is not None else None
            out.append(self.guest._from_node(value._data, node) if node is not None else value)
        return tuple(out)

    def backward(self, g: Any, wanted: tuple[bool, ...], arguments: Sequence[Any]) -> list[Any]:
        """Run the user's ``backward`` on tensors; hand back arrays where arrays came in."""
        parts = g.parts if isinstance(g, Parts) else {0: g}
        grads = []
        for i, (shape, dtype) in enumerate(self.shapes):
            part = parts.get(i)
            if part is None:
                grads.append(self.guest(np.zeros(shape, dtype)) if self.ctx.materialize_grads else None)
            else:
                grads.append(part if isinstance(part, self.guest) else self.guest(part))
        self.ctx._saved = self._saved(arguments)
        try:
            result = self.function.backward(self.ctx, *grads)
        finally:
            self.ctx._saved = None
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        extra = results[len(wanted) :]
        if len(results) < len(wanted) or any(e is not None for e in extra):
            raise AutogradError(
                f"{self.name}.backward returned {len(results)} gradients for {len(wanted)} arguments of forward; "
                f"return one for each, None where there is none"
            )
        return [self._checked(r, i) if want else None for i, (r, want) in enumerate(zip(results, wanted))]

    def _checked(self, gradient: Any, i: int) -> Any:
        """The gradient of argument i in its shape, as a tensor while recording and as an array otherwise."""
        shape = self.input_shapes[i]
        if gradient is None or shape is None:
            return None
        if gradient.shape != shape:
            sizes = zip(reversed(shape), reversed(gradient.shape))
            if len(gradient.shape) < len(shape) or any(n not in (1, m) for n, m in sizes):
                raise AutogradError(
                    f"{self.name}.backward returned a gradient of shape {gradient.shape} "
                    f"for argument {i} of shape {shape}; return the argument's shape"
                )
            gradient = sum_to(gradient, shape)
        return gradient if MODE.enabled else gradient._data

    input_shapes: tuple[tuple[int, ...] | None, ...] = ()


class _Output(Op, abstract=True):
    """The node of one of several outputs: it hands its gradient on with its number."""

    argument_names = ("call",)
    variadic = True

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name  # type: ignore[misc]
        self._plans = {}  # type: ignore[misc]

    def hand_on(self, g: Any) -> list[Any]:
        return [Parts({self.number: g})]


_Call.rules = (Rule(_Call.backward, (0,), ("g", "wanted", "arguments"), (), True),)
_Output.rules = (Rule(_Output.hand_on, (0,), ("g",), (), True),)


class Function:
    """Base of user-defined differentiable functions.

    Write two static methods, ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)`` (one gradient for each
    argument of forward, None for those without), and call ``apply``. ``forward`` may leave ``ctx`` out if there is a
    third, ``setup_context(ctx, inputs, output)``. While gradients of gradients are wanted, backward is recorded too.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad.item()
    12.0
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result from tensors and other arguments; nothing is recorded inside."""
        raise ArgumentError("Function: this class has no forward; write one as a static method")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient of the loss with respect to each argument of ``forward``."""
        raise ArgumentError("Function: this class has no backward; write one as a static method")

    setup_context: Callable[..., None] | None = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call the function and record it as one node."""
        guest = next((type(a)._guest for a in args if hasattr(type(a), "_guest")), None)
        ctx = Context()
        recording = MODE.enabled and guest is not None
        ctx.needs_input_grad = tuple(recording and bool(getattr(a, "_needs", False)) for a in args)
        with no_grad():
            if cls.setup_context is None:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        several = isinstance(result, (tuple, list))
        outputs = list(result) if several else [result]
        if any(ctx.needs_input_grad):
            outputs = _record(cls, ctx, guest, args, outputs)
        elif ctx._dirty:
            for t in ctx._dirty:
                _count_write(t)
        return tuple(outputs) if several else outputs[0]


def _record(function: type[Function], ctx: Context, guest: Any, args: Sequence[Any], outputs: list[Any]) -> list[Any]:
    """Give the outputs of a call their nodes."""
    live = [isinstance(o, guest) and o.dtype.kind == "f" and not any(o is c for c in ctx._constant) for o in outputs]
    call = _Call(function, ctx, guest, [o for o in outputs if isinstance(o, guest)])
    call.input_shapes = tuple(getattr(a, "shape", None) for a in args)
    wanted = sum(1 << i for i, need in enumerate(ctx.needs_input_grad) if need)
    first = next((o for o in outputs if isinstance(o, guest)), None)
    if first is None or not any(live):
        return outputs
    node = make_node(guest, call, call.plan(wanted, len(args)), args, wanted, first._data, ())
    node.line = user_line()
    numbers = [i for i, o in enumerate(outputs) if isinstance(o, guest)]
    nodes: list[Node | None] = []
    recorded = list(outputs)
    for place, i in enumerate(numbers):
        if not live[i]:
            nodes.append(None)
            continue
        own = node if len(numbers) == 1 else _output_node(guest, node, place, outputs[i])
        nodes.append(own)
        recorded[i] = _join(outputs[i], own, args, ctx, guest)
    call.nodes = [None if n is None else weakref.ref(n) for n in nodes]
    held: list[Any] = []
    for k, t in enumerate(ctx._to_save):
        place_of = next((p for p, i in enumerate(numbers) if t is outputs[i] or t is recorded[i]), None)
        is_argument = any(t is a for a in args)
        if place_of is not None and not is_argument:
            call.saved_outputs[k] = place_of
            held.append(guest(t._data))
        else:
            held.append(t)
    node.saved = held
    node.versions = [v.count if (v := getattr(t, "_version", None)) is not None else 0 for t in held]
    ctx._to_save = (None,) * len(held)
    if MODE.pack is not None:
        MODE.pack(guest, node)
    return recorded


def _output_node(guest: Any, call: Node, number: int, output: Any) -> Node:
    op = _Output(number, call.op.name)
    own = make_node(guest, op, op.plan(1, 1), (), 0, output._data, ())
    own.inputs = (call,)
    return own


def _join(output: Any, node: Node, args: Sequence[Any], ctx: Context, guest: Any) -> Any:
    """Return the output with its node: itself where it was changed in place, else a new tensor on the same memory."""
    if any(output is t for t in ctx._dirty):
        if output._needs and output._node is None:
            raise AutogradError(
                f"{node.op.name}: it changed a leaf that requires a gradient in place; work on a clone()"
            )
        output._node, output._needs = node, True
        _count_write(output)
        return output
    y = guest._from_node(output._data, node)
    if any(output is a for a in args):  # handed through: it shares the argument's memory
        y._version = version_of(output)
    return y


def _count_write(t: Any) -> None:
    version = version_of(t)
    version.count += 1
    version.line = user_line()


class _Once(Function):
    """Passes gradients on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Context, name: str, *xs: Any) -> Any:
        ctx.function = name  # type: ignore[attr-defined]
        return tuple(type(x)(x._data) for x in xs)

    @staticmethod
    def backward(ctx: Context, *grad_outputs: Any) -> Any:
        raise AutogradError(
            f"{ctx.function}: its backward is marked once_differentiable, but a gradient of its gradient is wanted; "  # type: ignore[attr-defined]
            f"write backward in differentiable operations and take the mark off"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that is not made of differentiable operations: differentiating it raises an error."""

    @functools.wraps(backward)
    def once(ctx: Context, *grads: Any) -> Any:
        recording = MODE.enabled and any(getattr(g, "_needs", False) for g in grads)
        recording = recording or (MODE.enabled and any(getattr(t, "_needs", False) for t in ctx._saved or ()))
        with no_grad():
            result = backward(ctx, *grads)
        if not recording:
            return result
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        anchor = [g for g in (*grads, *(ctx._saved or ())) if getattr(g, "_needs", False)]
        live = [i for i, r in enumerate(results) if r is not None]
        name = f"{backward.__qualname__}".split(".")[0]
        passed = _guarded(name, anchor[0], [results[i] for i in live])
        for i, p in zip(live, passed):
            results[i] = p
        return tuple(results)

    return once


def _guarded(name: str, anchor: Any, gradients: list[Any]) -> list[Any]:
    """Hang constants onto the graph of ``anchor``, so that differentiating them meets the refusal."""
    return list(_Once.apply(name, *gradients, anchor))[:-1]
