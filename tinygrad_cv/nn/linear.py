"""Layers without windows: linear maps, embeddings, and changes of shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functional as F
from ..ops import broadcast
from ..ops.errors import ArgumentError, ShapeError
from ..ops.layout import empty_filters
from ..tensors import Tensor
from ..typing import DType
from . import init
from .module import Module
from .parameter import Parameter, sized


def empty_parameter(shape: Sequence[int], dtype: DType | None = None) -> Parameter:
    """Return a parameter whose values are still to be filled in."""
    kind: DType = broadcast.FLOAT if dtype is None else np.dtype(dtype)
    return Parameter(np.empty(sized(shape), kind))


def empty_weight(shape: Sequence[int], dtype: DType | None = None) -> Parameter:
    """Return a layer's weight, still to be filled in, its memory in the order that the kernels prefer."""
    return Parameter(empty_filters(sized(shape), broadcast.FLOAT if dtype is None else np.dtype(dtype)))


class Identity(Module):
    """Return the input as it is; any arguments are accepted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input


class Linear(Module):
    """y = x W^T + b, for x of shape (..., in_features).

    Parameters
    ----------
    in_features, out_features : sizes of the last dimension before and after.
    bias : False leaves b out.

    Attributes
    ----------
    weight : (out_features, in_features).
    bias : (out_features,), or None.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if value < 0:
                raise ArgumentError(f"Linear: {name} is {value}; give a size of at least 0")
        self.in_features, self.out_features = in_features, out_features
        self.weight = empty_weight((out_features, in_features), dtype)
        self.register_parameter("bias", empty_parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values."""
        init.default_layer_(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y[o] = sum over i, j of x1[i] W[o, i, j] x2[j] + b[o], for inputs (..., I) and (..., J).

    Parameters
    ----------
    in1_features, in2_features, out_features : I, J and the number of outputs.
    bias : False leaves b out.

    Attributes
    ----------
    weight : (out_features, I, J).
    bias : (out_features,), or None.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if in1_features < 1:
            raise ArgumentError(f"Bilinear: in1_features is {in1_features}; give at least 1")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = empty_parameter((out_features, in1_features, in2_features), dtype)
        self.register_parameter("bias", empty_parameter((out_features,), dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new starting values: evenly within 1/sqrt(I)."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Flatten(Module):
    """Join the dimensions from ``start_dim`` to ``end_dim``, by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        return F.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split dimension ``dim`` into several.

    ``unflattened_size`` are its new sizes, which multiply to the old one.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not all(hasattr(n, "__index__") for n in unflattened_size):
            raise ArgumentError(f"Unflatten: unflattened_size is {unflattened_size!r}; give ints")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Any:
        return F.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Embedding(Module):
    """A table of vectors, looked up by number: integers (..) become (.., embedding_dim).

    Parameters
    ----------
    num_embeddings, embedding_dim : rows and columns of ``weight``.
    padding_idx : this row is zero and receives no gradient.
    max_norm, norm_type : rows that are looked up and longer than ``max_norm`` are shortened to it, in place.
    scale_grad_by_freq : divide the gradient of a row by how often it was looked up.
    sparse : accepted for PyTorch's sake: gradients are dense.
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not (
            hasattr(padding_idx, "__index__") and -num_embeddings <= padding_idx < num_embeddings
        ):
            raise ArgumentError(f"Embedding: padding_idx is {padding_idx} for {num_embeddings} rows; give one of them")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse = (
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
        )
        if _weight is None:
            self.weight = empty_parameter((num_embeddings, embedding_dim), dtype)
            self.reset_parameters()
        else:
            if _weight.shape != (num_embeddings, embedding_dim):
                fit = (num_embeddings, embedding_dim)
                raise ShapeError(f"Embedding: the table has shape {_weight.shape}; give {fit}")
            self.weight = Parameter(_weight.detach())
        if _freeze:
            self.weight.requires_grad = False

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make the layer from a table (rows, size), fixed unless told otherwise."""
        if embeddings.ndim != 2:
            raise ShapeError(f"Embedding: the table has shape {embeddings.shape}, expected (rows, size)")
        rows, size = embeddings.shape
        return cls(rows, size, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def reset_parameters(self) -> None:
        """Draw new starting values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight._data[self.padding_idx] = 0

    def forward(self, input: Any) -> Any:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        return text + (", sparse=True" if self.sparse else "")
