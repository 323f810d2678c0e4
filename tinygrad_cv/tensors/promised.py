"""A tensor whose array is not computed yet; see `autograd.fusion`. The first look at it makes it an ordinary tensor."""

from __future__ import annotations

from typing import Any

from ..ops.op import Unfinished
from ..typing import Array, DType
from .tensor import Tensor


class Promised(Tensor):
    """A tensor of known shape and dtype that computes its array when somebody looks."""

    _unfinished: Unfinished

    @property
    def _data(self) -> Array:  # type: ignore[override]
        out = self._unfinished.value()
        self._settle(out)
        return out

    def _settle(self, out: Array) -> None:
        """Become an ordinary tensor with this array."""
        del self._unfinished
        self.__class__ = Tensor  # type: ignore[assignment]
        self._data = out  # type: ignore[misc]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._unfinished.shape

    @property
    def ndim(self) -> int:
        return len(self._unfinished.shape)

    @property
    def dtype(self) -> DType:
        return self._unfinished.dtype

    def _alias(self) -> Tensor:
        t: Any = Promised.__new__(Promised)
        t._unfinished, t._node, t._needs = self._unfinished, self._node, self._needs
        return t


Tensor._promised = Promised
