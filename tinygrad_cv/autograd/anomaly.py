"""Two questions about gradients: where does this NaN come from, and why is this one None?"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from ..ops.errors import ArgumentError, AutogradError
from ..ops.op import Op, Plain
from .mode import MODE
from .node import Line, Node, in_words, user_line
from .observe import OBSERVERS, Observer, current_path

__all__ = ["detect_anomaly", "set_detect_anomaly", "tracing", "why_no_grad"]


def _first_bad(a: Any) -> tuple[tuple[int, ...], float, int] | None:
    """Return where the first value stands that is not finite, what it is, and how many there are."""
    if a is None or getattr(a, "dtype", None) is None or a.dtype.kind != "f":
        return None
    bad = ~np.isfinite(np.asarray(a))
    if not bad.any():
        return None
    at = np.unravel_index(int(bad.argmax()), bad.shape) if bad.ndim else ()
    where = tuple(int(i) for i in at)
    return where, float(np.asarray(a)[where]), int(bad.sum())


def _place(line: Line | None, module: str | None) -> str:
    return in_words(line) + (f" in module {module}" if module else "")


class _Anomaly(Observer):
    """Stops at the first gradient that is not finite, and remembers the first NaN of the forward pass."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.made: str | None = None

    def after_forward(self, op: Op, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        data = output._data
        if self.made is None and data.dtype.kind == "f" and np.isnan(data).any():
            if not any(
                getattr(x, "dtype", None) is not None and x.dtype.kind == "f" and np.isnan(x).any() for x in inputs
            ):
                found = _first_bad(np.where(np.isnan(data), data, 0))
                where = found[0] if found else ()
                place = _place(user_line(), current_path())
                self.made = f"the first nan of the forward pass was made by {op.name} at {place}, element {where}"

    def after_backward(self, node: Node, gradient: Any, gradients: Sequence[Any], seconds: float) -> None:
        if not self.check_nan or _first_bad(gradient) is not None:
            return
        for i, g in enumerate(gradients):
            found = _first_bad(g)
            if found is not None:
                where, value, count = found
                names = node.argument_names()
                name = names[i] if i < len(names) else str(i)
                raise AutogradError(
                    f"{node.op.name}: the gradient for its argument {name} of shape {tuple(g.shape)} is {value} "
                    f"at {where} "
                    f"({count} of {g.size if isinstance(g, np.ndarray) else g.numel()} elements), though what "
                    "came in was finite; "
                    f"the forward pass ran at {_place(node.line, node.module)}; "
                    + (
                        self.made
                        or "no nan was made in the forward pass, so look at its values: 0 under a root or a quotient"
                    )
                )


class detect_anomaly:
    """Inside the block, a backward pass stops at the first gradient that is not finite, and says which line made it.

    The error names the operation, the argument, the line and the module of the forward pass, and the first bad element.
    It costs a pass over every value: for hunting, not for training. With ``check_nan`` False, gradients are let
    through.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> x = tg.tensor([1.0, 0.0], requires_grad=True)
    >>> with detect_anomaly():
    ...     x.sqrt().sum().backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_cv.ops.errors.AutogradError: PowScalar: the gradient for its argument x of shape (2,) is inf at (1,) ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._observer = _Anomaly(check_nan)

    def __enter__(self) -> None:
        OBSERVERS.append(self._observer)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        OBSERVERS.remove(self._observer)


class set_detect_anomaly(detect_anomaly):
    """Turn anomaly detection on or off: at once, or for the block of a ``with``.

    ``mode`` is True or False; ``check_nan`` as in `detect_anomaly`.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self._before: list[Observer] = [o for o in OBSERVERS if isinstance(o, _Anomaly)]
        OBSERVERS[:] = [o for o in OBSERVERS if not isinstance(o, _Anomaly)]
        if mode:
            OBSERVERS.append(self._observer)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        OBSERVERS[:] = [o for o in OBSERVERS if not isinstance(o, _Anomaly)] + self._before


class _Step:
    """One operation as the trail saw it; it keeps its arrays, so that none of them is mistaken for a later one."""

    __slots__ = ("op", "inputs", "output", "node", "line", "module", "enabled")

    def __init__(self, op: Op, inputs: Sequence[Any], output: Any) -> None:
        self.op, self.inputs, self.output, self.node = op, list(inputs), output._data, output._node
        self.line, self.module, self.enabled = user_line(), current_path(), MODE.enabled


class tracing(Observer):
    """Inside the block, keep a trail of every operation, for `why_no_grad`."""

    last: tracing | None = None

    def __init__(self) -> None:
        self.steps: list[_Step] = []

    def after_forward(self, op: Op, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        self.steps.append(_Step(op, inputs, output))

    def __enter__(self) -> tracing:
        tracing.last = self
        OBSERVERS.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        OBSERVERS.remove(self)


def _owner(a: Any) -> int:
    """Return what identifies the memory of an array."""
    while isinstance(getattr(a, "base", None), np.ndarray):
        a = a.base
    return id(a)


def why_no_grad(p: Any, loss: Any = None) -> str:
    """Say why a parameter has no gradient: which operation cuts it off from the loss, and at which line.

    Parameters
    ----------
    p : the tensor whose ``grad`` is None.
    loss : a function that computes the loss again, which is watched; or the loss, if it was computed inside `tracing`;
        or None, for what was last computed inside `tracing`.

    Returns
    -------
    A sentence: p asks for no gradient; detach(), .data or NumPy cut it off; no_grad(); a cast to integers, a comparison
    or another function without derivative; or p was not used at all, because another tensor stands in its place.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> w = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> print(why_no_grad(w, lambda: (w.detach() * 2).sum()))  # doctest: +ELLIPSIS
    Mul at ... got the values of the parameter without its graph: by detach(), by .data or by way of NumPy...
    """
    if not hasattr(p, "requires_grad"):
        raise ArgumentError(f"why_no_grad: p is {p!r} ({type(p).__name__}); give a tensor")
    if p.grad is not None:
        return f"this tensor has a gradient of shape {tuple(p.grad.shape)}"
    if not p.requires_grad:
        return "it does not require a gradient; set requires_grad=True (or requires_grad_()) before it is used"
    if not p.is_leaf:
        return "it was made by an operation, and only leaves keep their gradient; call retain_grad() before backward()"
    if callable(loss) and not hasattr(loss, "requires_grad"):
        with tracing():
            loss = loss()
    trail = tracing.last
    if trail is None:
        return "nothing was watched; run the forward pass inside `with tracing():`, or give a function for the loss"
    return _judge(p, loss, trail.steps)


def _judge(p: Any, loss: Any, steps: list[_Step]) -> str:
    """Follow the parameter's values through the trail, with the graph and without it."""
    connected: set[Any] = {p}
    live, used, cuts = {_owner(p._data)}, False, []
    for s in steps:
        touches = any(isinstance(a, np.ndarray) and _owner(a) in live for a in s.inputs)
        used = used or any(a is p._data for a in s.inputs)
        if s.node is not None and any(e in connected for e in s.node.inputs if e is not None):
            connected.add(s.node)
            live.add(_owner(s.output))
        elif touches and _owner(s.output) not in live:
            cuts.append(s)
    node = getattr(loss, "_node", None)
    if node is not None and node in connected:
        return "it is connected to the loss; call loss.backward(), and look at grad before zero_grad() sets it to None"
    if not used:
        twins = {id(e): e for s in steps if s.node for e in s.node.inputs if e is not None and not isinstance(e, Node)}
        same = [e for e in twins.values() if e is not p and e.shape == p.shape]
        if same:
            return (
                f"no operation used it, but {len(same)} other of its shape {p.shape} was used: it was replaced; "
                "give the "
                f"optimiser, and this function, the tensor that the network holds now"
            )
        return (
            "no operation used it: the network does not call the layer that holds it, or its values left at once by "
            ".numpy(), .item() or .tolist(); stay with tensor operations"
        )
    if not cuts:
        return (
            "operations used it, but none led to the loss: the result was not used, or its values left by .numpy(), "
            ".item() or .tolist() and came back as a new tensor; stay with tensor operations"
        )
    return _reason(cuts[0])


def _reason(s: _Step) -> str:
    name = s.op.label if isinstance(s.op, Plain) else s.op.name
    at = f"{name} at {_place(s.line, s.module)}"
    if not s.enabled:
        return f"{at} ran inside no_grad() or inference_mode(), so nothing was recorded; move it out of the block"
    if s.output.dtype.kind != "f":
        return (
            f"{at} gave {s.output.dtype}, and what is not of floating point has no gradient; stay with floating point"
        )
    if isinstance(s.op, Plain):
        return f"{at} has no derivative; use a function that has one"
    return (
        f"{at} got the values of the parameter without its graph: by detach(), by .data or by way of NumPy; "
        f"use the tensor itself"
    )
