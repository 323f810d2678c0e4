"""The Tensor: an array that records what happens to it.

A tensor holds an array and, where a gradient is wanted, the node that made it. It is the guest of `ops.op`: an op
called with a tensor hands itself to ``Tensor.__record__``. This file holds what makes a tensor a tensor (identity,
gradient, views, conversion); the named operations are in `methods`, those that write in place in `inplace`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd.differentiate import backward
from ..autograd.node import Node, Version, version_of
from ..autograd.record import View, record, refresh
from ..ops import broadcast
from ..ops.errors import ArgumentError, AutogradError, DTypeError
from ..ops.op import Op
from ..ops.shape import Clone
from ..typing import Array, DType
from .inplace import InPlace
from .methods import Methods
from .printing import text


class Tensor(Methods, InPlace):
    """An n-dimensional array with a gradient.

    Parameters
    ----------
    data : an array (shared, not copied), a number or nested lists of numbers.
    requires_grad : record the operations on it and give it a ``grad`` in ``backward``.

    Attributes
    ----------
    grad : the accumulated gradient, a Tensor of the same shape, or None.
    grad_fn : the node that made it; None for a leaf, that is a tensor made by the user.
    """

    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    _data: Array
    _node: Node | None = None
    _needs: bool = False
    _version: Version | None = None
    _view: View | None = None
    _hooks: list[Callable[[Any], Any]] | None = None
    _after_hooks: list[Callable[[Any], Any]] | None = None
    _guest: type[Tensor]
    _promised: type[Tensor]
    grad: Tensor | None = None
    name: str | None = None

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        if isinstance(data, Tensor):
            data = data._data
        self._data = data if type(data) is np.ndarray else np.asarray(data)
        if requires_grad:
            self.requires_grad = True

    @classmethod
    def __record__(cls, op: Op, xs: Sequence[Any]) -> Any:
        return record(Tensor, op, xs)

    @classmethod
    def _from_node(cls, data: Array, node: Node) -> Tensor:
        """Return the output of a node as a tensor that belongs to its graph."""
        t = Tensor.__new__(Tensor)
        t._data, t._node, t._needs = data, node, True
        if node.y is data:
            version_of(t)
        return t

    def _alias(self) -> Tensor:
        """Return another handle on the same data and node, for an operation that will give this one a new node."""
        t = Tensor.__new__(Tensor)
        t._data, t._node, t._needs, t._version, t._view = self._data, self._node, self._needs, self._version, self._view
        return t

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the dimensions."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._data.ndim

    @property
    def dtype(self) -> DType:
        """The type of the elements, a NumPy dtype."""
        return self._data.dtype

    @property
    def device(self) -> str:
        """Where the data live: there is one device, 'cpu'."""
        return "cpu"

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._data.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._data.nbytes

    @property
    def is_leaf(self) -> bool:
        """Whether a user made it, rather than an operation."""
        return self._node is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that made it."""
        if self._view is not None and self._version is not None and self._view.stamp != self._version.recorded:
            refresh(self)
        return self._node

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded. May be set on leaves of floating point."""
        return self._needs

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._data.dtype.kind != "f":
            raise DTypeError(
                f"requires_grad: a tensor of dtype {self.dtype} has no gradient; cast it to floating point first"
            )
        if self._node is not None:
            if not value:
                raise AutogradError(
                    "requires_grad: this tensor was made by an operation; use detach() to take it out of the graph"
                )
            return
        self._needs = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad`` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; writes through it are not counted."""
        return Tensor(self._data)

    @data.setter
    def data(self, value: Any) -> None:
        new = np.asarray(value)
        self._data = new if new.dtype == self._data.dtype else new.astype(self._data.dtype)

    def detach(self) -> Tensor:
        """Return the same memory as a constant of the graph; writes through it are counted."""
        t = Tensor(self._data)
        t._version = version_of(self)
        return t

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """Return a copy; the gradient passes through."""
        return _CLONE(self)

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """Return a tensor with row-major memory: itself where it has it already."""
        return self if self._data.flags.c_contiguous else super().contiguous()

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Tell whether the memory is row-major."""
        return bool(self._data.flags.c_contiguous)

    # --- out of it --------------------------------------------------------------------------------------------------

    def numpy(self) -> Array:
        """Return the array itself (shared memory); detach first where a gradient is recorded."""
        if self._needs:
            raise AutogradError("numpy: this tensor requires a gradient, which would be lost; write x.detach().numpy()")
        return self._data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        a = self._data if dtype is None else self._data.astype(dtype, copy=False)
        return a.copy() if copy and a is self._data else a

    def __dlpack__(self, **kwargs: Any) -> Any:
        data = self._data if self._data.flags.writeable else self._data.copy()
        return data.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._data.__dlpack_device__()

    def item(self) -> Any:
        """Return the only element as a Python number."""
        if self._data.size != 1:
            raise ArgumentError(
                f"item: a tensor of shape {self.shape} has {self._data.size} elements; only one element is a number, "
                "use tolist()"
            )
        return self._data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists, or a number."""
        return self._data.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise DTypeError(
                f"index: a tensor of dtype {self.dtype} and shape {self.shape} is no index; use one integer element"
            )
        return int(self._data.item())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ArgumentError(f"bool: a tensor of shape {self.shape} is not one truth value; use .any() or .all()")
        return bool(self._data.item())

    def __len__(self) -> int:
        if not self._data.ndim:
            raise ArgumentError("len: a tensor without dimensions has no length; use numel()")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self._data.ndim == 0 else format(repr(self), spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise AutogradError("deepcopy: this tensor was made by an operation; copy leaves, or detach() first")
        t = type(self).__new__(type(self))
        t.__dict__.update(
            {k: v for k, v in self.__dict__.items() if k not in ("_data", "grad", "_version", "_view", "_hooks")}
        )
        t._data = self._data.copy(order="K")
        t.grad = None if self.grad is None else self.grad.detach().clone()
        memo[id(self)] = t
        return t

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_rebuild, (type(self), self._data, self._needs and self._node is None))

    # --- types and places ---------------------------------------------------------------------------------------------

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: bool = False,
        memory_format: Any = None,
        non_blocking: bool = False,
    ) -> Tensor:
        """Return the tensor in a dtype, on a device ('cpu' is the only one), or like another tensor."""
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, str) and arg.split(":")[0] in ("cpu", "cuda", "mps"):
                device = arg
            elif arg is not None and not isinstance(arg, bool):
                dtype = arg
        if device is not None and str(device).split(":")[0] != "cpu":
            raise ArgumentError(f"to: there is no device {str(device)!r} here; 'cpu' is the only one")
        y = self if dtype is None else broadcast.cast(self, broadcast.read_dtype(dtype))
        return y.clone() if copy and y is self else y

    def cpu(self) -> Tensor:
        """Return itself: every tensor is on the CPU."""
        return self

    def type_as(self, other: Tensor) -> Tensor:
        """Return the tensor in the dtype of ``other``."""
        return self.to(other.dtype)

    # --- gradients --------------------------------------------------------------------------------------------------

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor with respect to every leaf of its graph to the leaf's ``grad``.

        Parameters
        ----------
        gradient : of the loss with respect to this tensor; 1 where this has a single element.
        retain_graph : keep what the graph has saved, for another pass.
        create_graph : record the pass itself, so that the gradients can be differentiated.
        inputs : only these tensors receive gradients.
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def _accumulate(self, g: Any) -> None:
        """Add a gradient that arrived at this leaf, after its hooks."""
        if not isinstance(g, Tensor):
            g = Tensor(g)
        for hook in list(self._hooks or ()):
            changed = hook(g)
            g = g if changed is None else changed
        if g.dtype != self.dtype:
            g = g.to(self.dtype)
        self.grad = g if self.grad is None else self.grad + g
        for after in list(self._after_hooks or ()):
            after(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Handle:
        """Call ``hook`` with the gradient of this tensor when it is known; what it returns, if not None, takes its
        place.
        """
        if not self._needs:
            raise AutogradError(
                "register_hook: this tensor does not require a gradient, so none will come; set requires_grad first"
            )
        if self._node is None:
            self._hooks = self._hooks or []
            return Handle(self._hooks, hook)
        self._node.hooks = self._node.hooks or []
        return Handle(self._node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Handle:
        """Call ``hook`` with this leaf after its ``grad`` has been updated."""
        if self._node is not None or not self._needs:
            raise AutogradError(
                "register_post_accumulate_grad_hook: only a leaf that requires a gradient accumulates one"
            )
        self._after_hooks = self._after_hooks or []
        return Handle(self._after_hooks, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this tensor in ``grad`` although it is not a leaf."""
        if not self._needs:
            raise AutogradError("retain_grad: this tensor does not require a gradient")
        if self._node is not None:
            self._node.retain = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient."""
        return self._node is not None and self._node.retain is not None


class Handle:
    """What registering a hook returns: ``remove()`` takes the hook off; also a context manager."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self) -> None:
        """Take the hook off; a second time does nothing."""
        at = next((i for i, h in enumerate(self._hooks) if h is self._hook), None)
        if at is not None:
            del self._hooks[at]
        self._hook = None

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


_CLONE = Clone()


def _rebuild(kind: type[Tensor], data: Array, requires_grad: bool) -> Tensor:
    t = Tensor.__new__(kind)
    t._data = data
    t._needs = requires_grad
    return t


Tensor._guest = Tensor
