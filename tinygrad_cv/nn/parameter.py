"""Parameter and Buffer: tensors that a module recognises by their type when they are assigned to it.

An operation on a parameter gives a plain tensor; only what a user makes, copies or loads stays a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.node import user_line, version_of
from ..ops.errors import ArgumentError, DTypeError
from ..tensors import Tensor
from ..tensors.printing import text
from ..typing import DType


def _given(name: str, data: Any) -> Any:
    if data is not None and not hasattr(data, "dtype"):
        raise DTypeError(f"{name}: data is of type {type(data).__name__}; give a tensor or an array")
    return np.empty(0, np.float32) if data is None else data


def sized(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a parameter, if there can be one."""
    if any(n < 0 for n in shape):
        raise ArgumentError(f"a parameter of shape {tuple(shape)} cannot be; give sizes of at least 0")
    return tuple(shape)


def overwrite(tensor: Tensor, values: Any, casting: Any = "same_kind") -> None:
    """Write into a tensor's memory, whatever its order; graphs that saved it will refuse to be wrong."""
    np.copyto(tensor._data, values, casting=casting)
    version = version_of(tensor)
    version.count += 1
    version.line = user_line()


class Parameter(Tensor):
    """A tensor to be learned: assigned to a module, it is listed by ``parameters()``.

    Parameters
    ----------
    data : a tensor or an array, whose memory it shares; empty if None.
    requires_grad : False keeps it fixed.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> p = Parameter(tg.zeros(2))
    >>> p.requires_grad, type(p * 2).__name__
    (True, 'Tensor')
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        super().__init__(_given(type(self).__name__, data), requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{text(self)}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        p = super().__deepcopy__(memo)
        p.grad = None  # as in PyTorch: the copy of a network has not learned anything yet
        return p


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not learned: running statistics, a fixed table.

    Parameters
    ----------
    data : a tensor or an array.
    persistent : whether ``state_dict`` lists it.
    """

    persistent: bool = True

    def __init__(self, data: Any = None, requires_grad: bool = False, *, persistent: bool = True) -> None:
        super().__init__(_given(type(self).__name__, data), requires_grad)
        self.persistent = persistent


class _Uninitialized:
    """What a lazy module holds until its first input tells the sizes."""

    _kind: type[Tensor]
    _data: Any

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: DType | None = None) -> None:
        """Become an ordinary tensor of this shape (its values are whatever the memory held)."""
        self._data = np.empty(sized(shape), self._data.dtype if dtype is None else dtype)
        self.__class__ = self._kind  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    @property
    def shape(self) -> tuple[int, ...]:
        raise ArgumentError(
            f"{type(self).__name__}: it has no shape before the first forward pass; "
            f"run the network once on a batch of its inputs"
        )


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known yet."""

    _kind = Parameter


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer whose shape is not known yet."""

    _kind = Buffer


def is_lazy(t: Any) -> bool:
    """Tell whether a parameter or buffer still waits for its shape."""
    return isinstance(t, _Uninitialized)
