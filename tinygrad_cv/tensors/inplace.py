"""Writing in place: assignment, ``+=`` and the methods that end in an underscore.

A write computes the new value out of place, gives the tensor that value's node, and copies the value into the memory.
The memory's version is counted, so that a derivative which needs the old value refuses instead of being wrong. A write
through a view also gives the base a new node (``Replace``), and other views of it look up theirs again when used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..autograd.fusion import settle
from ..autograd.mode import MODE
from ..autograd.node import user_line, version_of
from ..autograd.record import View, refresh
from ..ops.broadcast import read_number
from ..ops.errors import ArgumentError, AutogradError, DTypeError, ShapeError
from ..ops.index import Replace, Take, is_basic, read_index, split_index
from ..typing import Value
from .random import Generator, pick
from .spelling import spelled

if TYPE_CHECKING:
    from .tensor import Tensor


_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2}
"""Values may not climb to a higher category in place: floats do not fit integers, nor integers booleans."""


def write(t: Any, new: Any, op: str) -> Any:
    """Make ``new`` (of the same shape once broadcast) the value of ``t``, in its memory and in its graph."""
    if new._view is not None and new._view.stamp != new._version.recorded:
        refresh(new)
    if new.shape != t.shape:
        raise ShapeError(
            f"{op}: the result has shape {new.shape}, the tensor {t.shape}, and in place it cannot grow; write it out "
            "of place"
        )
    if new.dtype != t.dtype:
        if _CATEGORY[new.dtype.kind] > _CATEGORY[t.dtype.kind]:
            raise DTypeError(
                f"{op}: the result has dtype {new.dtype}, the tensor {t.dtype}, which cannot hold it; cast the tensor "
                "first"
            )
        new = new.to(t.dtype)
    root = t
    while root._view is not None:
        root = root._view.parent
    recorded = MODE.enabled and (new._needs or t._needs)
    if MODE.enabled and root._needs and root._node is None:
        raise AutogradError(
            f"{op}: a leaf that requires a gradient is written in place; do it inside no_grad(), or write it out of "
            "place"
        )
    if type(t) is not t._promised:
        settle()
        if t._data.size and 0 in t._data.strides and any(n > 1 and s == 0 for n, s in zip(t.shape, t._data.strides)):
            raise AutogradError(f"{op}: elements of this expanded tensor share their memory; write on a clone()")
        if not t._data.flags.writeable:
            raise AutogradError(f"{op}: the memory of this tensor is read-only; write on a clone()")
    version = version_of(t)
    if recorded:
        if new._needs and new._node is None:
            new = new.clone()  # a leaf stays a leaf; what takes over its values comes from it
        if not new._needs and t._view is None and type(t) is not t._promised:
            new = Replace(Take(..., t.shape))(t._alias(), new)  # zeros flow on to what was overwritten, as in PyTorch
        if new._node is not None and type(t) is not t._promised:
            _keep_old(new._node, t)
        _give_node(t, new)
        version.recorded += 1
        if t._view is not None:
            t._view = View(t._view.parent, t._view.op, version.recorded - 1)
    if type(t) is t._promised:  # nobody has looked at the old value, and nobody will: no copy
        return _replace_promise(t, new)
    np.copyto(t._data, new._data)
    version.count += 1
    version.line = user_line()
    return t


def _replace_promise(t: Any, new: Any) -> Any:
    """Let a tensor that only promised its value promise, or hold, the new one."""
    if type(new) is t._promised:
        t._unfinished = new._unfinished
    else:
        t._settle(new._data)
    t._version.count += 1
    return t


def _keep_old(node: Any, t: Any) -> None:
    """Let the derivative of the write itself see the values from before: x.mul_(y) needs the old x."""
    for i, v in enumerate(node.saved):
        if getattr(v, "_data", None) is t._data:
            old: Any = v._alias()
            old._data, old._version, old._view = np.array(t._data, order="K"), None, None
            node.saved[i], node.versions[i] = old, 0


def _give_node(t: Any, new: Any) -> None:
    """Let the graph of the tensor, and of all that it is a view of, continue from ``new``."""
    while t._view is not None:
        parent = t._view.parent
        new = Replace(t._view.op)(parent._alias(), new)
        t = parent
    t._node, t._needs = new._node, new._needs


def _written(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that writes what a function gives into its first argument."""
    name = f"{function.__name__}_"

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return write(self, function(self._alias(), *args, **kwargs), name)

    method.__name__ = method.__qualname__ = name
    method.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    method.__doc__ = f"`{function.__name__}`, in place."
    return method


class InPlace:
    """The operations that write into their tensor. Each is its namesake without the underscore, then a write."""

    def copy_(self: Any, src: Any) -> Tensor:
        """Take over the values of ``src``, broadcast and cast."""
        source = src if hasattr(src, "_data") else type(self)(np.asarray(src))
        return write(self, ops.broadcast_to(ops.cast(source, self.dtype), self.shape), "copy_")

    def fill_(self: Any, value: Any) -> Tensor:
        """Set every element to ``value``, a number or a 0-d tensor."""
        if getattr(value, "ndim", 0):
            raise ShapeError(f"fill_: value has shape {value.shape}, expected a number; use copy_ for a whole tensor")
        return write(self, ops.expand_to(ops.cast(_plain(self, value), self.dtype), self.shape), "fill_")

    def zero_(self: Any) -> Tensor:
        """Set every element to 0."""
        return self.fill_(0)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        basic, advanced = split_index(read_index(index), self.shape)
        if advanced is not None and basic is not None:
            self[basic][advanced] = value
            return
        index = basic if advanced is None else advanced
        select = Take(index, self.shape)
        try:
            part = self._data[index]
        except (IndexError, TypeError) as error:
            raise ops.errors.DimError(f"index: {error}, for a tensor of shape {self.shape}") from None
        value = ops.cast(_plain(self, value), self.dtype)
        while value.ndim > part.ndim and value.shape[0] == 1:
            value = ops.reshape(value, value.shape[1:])
        value = (
            ops.expand_to(value, part.shape)
            if ops.broadcast_shape("assignment", value.shape, part.shape) == part.shape
            else _too_big(value, part)
        )
        if is_basic(index) and not isinstance(part, np.generic):
            write(self[index], value, "assignment")
        else:
            write(self, Replace(select)(self._alias(), value), "assignment")

    def __iadd__(self: Any, other: Any) -> Tensor:
        return self.add_(other)

    def __isub__(self: Any, other: Any) -> Tensor:
        return self.sub_(other)

    def __imul__(self: Any, other: Any) -> Tensor:
        return self.mul_(other)

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return self.div_(other)

    def add_(self: Any, other: Value, *, alpha: float = 1) -> Tensor:
        """``self + alpha * other``, in place."""
        return write(self, ops.add(self._alias(), other, alpha=alpha), "add_")

    def sub_(self: Any, other: Value, *, alpha: float = 1) -> Tensor:
        """``self - alpha * other``, in place."""
        return write(self, ops.sub(self._alias(), other, alpha=alpha), "sub_")

    def mul_(self: Any, other: Value) -> Tensor:
        """``self * other``, in place."""
        return write(self, ops.mul(self._alias(), other), "mul_")

    def div_(self: Any, other: Value, *, rounding_mode: Any = None) -> Tensor:
        """``self / other``, in place."""
        return write(self, ops.div(self._alias(), other, rounding_mode=rounding_mode), "div_")

    def pow_(self: Any, exponent: Value) -> Tensor:
        """``self ** exponent``, in place."""
        return write(self, ops.pow(self._alias(), exponent), "pow_")

    def lerp_(self: Any, end: Value, weight: Value) -> Tensor:
        """``self + weight * (end - self)``, in place."""
        return write(self, ops.lerp(self._alias(), end, weight), "lerp_")

    def addcmul_(self: Any, tensor1: Value, tensor2: Value, *, value: float = 1) -> Tensor:
        """``self + value * tensor1 * tensor2``, in place."""
        return write(self, ops.addcmul(self._alias(), tensor1, tensor2, value=value), "addcmul_")

    def addcdiv_(self: Any, tensor1: Value, tensor2: Value, *, value: float = 1) -> Tensor:
        """``self + value * tensor1 / tensor2``, in place."""
        return write(self, ops.addcdiv(self._alias(), tensor1, tensor2, value=value), "addcdiv_")

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Tensor:
        """Limit to [min, max], in place."""
        return write(self, ops.clamp(self._alias(), min, max), "clamp_")

    def masked_fill_(self: Any, mask: Value, value: Any) -> Tensor:
        """Set the elements where the mask is True, in place."""
        return write(self, ops.masked_fill(self._alias(), mask, value), "masked_fill_")

    def scatter_(self: Any, dim: int, index: Value, src: Any) -> Tensor:
        """`scatter`, in place."""
        return write(self, ops.scatter(self._alias(), dim, index, src), "scatter_")

    def scatter_add_(self: Any, dim: int, index: Value, src: Any) -> Tensor:
        """`scatter_add`, in place."""
        return write(self, ops.scatter_add(self._alias(), dim, index, src), "scatter_add_")

    def neg_(self: Any) -> Tensor:
        """``-self``, in place."""
        return write(self, ops.neg(self._alias()), "neg_")

    def exp_(self: Any) -> Tensor:
        """e^x, in place."""
        return write(self, ops.exp(self._alias()), "exp_")

    def log_(self: Any) -> Tensor:
        """ln x, in place."""
        return write(self, ops.log(self._alias()), "log_")

    def sqrt_(self: Any) -> Tensor:
        """The square root, in place."""
        return write(self, ops.sqrt(self._alias()), "sqrt_")

    def abs_(self: Any) -> Tensor:
        """|x|, in place."""
        return write(self, ops.abs(self._alias()), "abs_")

    def relu_(self: Any) -> Tensor:
        """max(x, 0), in place."""
        return write(self, ops.relu(self._alias()), "relu_")

    def sigmoid_(self: Any) -> Tensor:
        """The sigmoid, in place."""
        return write(self, ops.sigmoid(self._alias()), "sigmoid_")

    def tanh_(self: Any) -> Tensor:
        """tanh x, in place."""
        return write(self, ops.tanh(self._alias()), "tanh_")

    square_ = _written(ops.square)
    floor_ = _written(ops.floor)
    ceil_ = _written(ops.ceil)
    trunc_ = _written(ops.trunc)
    round_ = _written(ops.round)
    sign_ = _written(ops.sign)
    reciprocal_ = _written(ops.reciprocal)
    rsqrt_ = _written(ops.rsqrt)
    sin_ = _written(ops.sin)
    cos_ = _written(ops.cos)
    expm1_ = _written(ops.expm1)
    log1p_ = _written(ops.log1p)
    clip_ = clamp_
    index_add_ = _written(ops.index_add)
    floor_divide_ = _written(ops.floor_divide)
    remainder_ = _written(ops.remainder)
    tril_ = _written(ops.tril)
    triu_ = _written(ops.triu)

    def bernoulli_(self: Any, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Draw every element: 1 with probability ``p``, else 0."""
        if not 0 <= p <= 1:
            raise ArgumentError(f"bernoulli_: p is {p}; give a probability from 0 to 1")
        return write(self, type(self)((pick(generator).random(self.shape) < p).astype(self.dtype)), "bernoulli_")

    def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Draw every element from a normal distribution."""
        if std < 0:
            raise ArgumentError(f"normal_: std is {std}; give a number of at least 0")
        return write(self, type(self)(pick(generator).normal(mean, std, self.shape).astype(self.dtype)), "normal_")

    def uniform_(self: Any, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Draw every element evenly from [a, b)."""
        if b < a:
            raise ArgumentError(f"uniform_: nothing lies in [{a}, {b}); give a of at most b")
        return write(self, type(self)(pick(generator).uniform(a, b, self.shape).astype(self.dtype)), "uniform_")


for _name, _function in list(vars(InPlace).items()):
    if not _name.startswith("_") and inspect.isfunction(_function):
        setattr(InPlace, _name, spelled(_function, name=_name))


def _plain(t: Any, value: Any) -> Any:
    if hasattr(value, "_data"):
        return value
    if isinstance(value, (bool, int, float)):
        value = read_number("assignment", "value", value, t.dtype)
    return type(t).__mro__[0](np.asarray(value, t.dtype))


def _too_big(value: Any, part: Any) -> Any:
    raise ShapeError(
        f"assignment: a value of shape {value.shape} does not fit into a selection of shape {part.shape}; make them "
        "equal or broadcastable"
    )
