"""Matrix products: one primitive for matrices and batches of them, one for the layer y = x w^T + b."""

from __future__ import annotations

import math

import numpy as np

from ..typing import Array, Value
from .broadcast import broadcast_shape, cast, expand_to, result_type
from .errors import DTypeError, ShapeError
from .kernels.readings import pick
from .op import Op, Unfinished
from .reduce import Sum
from .reduce import sum as total
from .shape import Permute, reshape, transpose, unsqueeze

__all__ = [
    "addmm", "addmv", "baddbmm", "bilinear", "bmm", "dot", "inner", "linear", "matmul", "mm", "mv", "outer",
]  # fmt: skip


class MatMul(Op):
    """y[.., i, j] = sum over k of a[.., i, k] b[.., k, j]; ga = g b^T, gb = a^T g."""

    def forward(self, a: Array, b: Array) -> Array:
        return pick("matmul", a.dtype)(a, b) if a.ndim == b.ndim == 2 else np.matmul(a, b)

    def grad_a(self, g: Value, b: Value) -> Value:
        return _MATMUL(g, _flipped(b))

    def grad_b(self, g: Value, a: Value) -> Value:
        return _MATMUL(_flipped(a), g)

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        assert shapes[0] is not None
        return int(np.prod(y_shape)) * shapes[0][-1]


class Linear(Op):
    """y[.., o] = sum over i of x[.., i] w[o, i] + b[o]; gx = g w, gw = g^T x, gb = sum of g."""

    lazy = True

    def forward(self, x: Array, w: Array, b: Array | None) -> Array:
        return self.start(x, w, b)[0].value()

    def start(self, x: Array, w: Array, b: Array | None) -> tuple[Unfinished, tuple[()]]:
        shape = (*x.shape[:-1], w.shape[0])

        def finish(add: Array | None, relu: bool) -> Array:
            rows = x.reshape(math.prod(shape[:-1]), x.shape[-1])
            return pick("linear", x.dtype)(rows, w, b, relu).reshape(shape)

        return Unfinished(finish, shape, x.dtype), ()

    def grad_x(self, g: Value, w: Value) -> Value:
        return _MATMUL(g, w) if g.ndim == 2 else matmul(g, w)

    def grad_w(self, g: Value, x: Value) -> Value:
        if g.ndim > 2:
            rows = math.prod(g.shape[:-1])
            g, x = reshape(g, (rows, g.shape[-1])), reshape(x, (rows, x.shape[-1]))
        return _TURN(_MATMUL(_TURN(x), g))  # in the memory order of weights

    def grad_b(self, g: Value) -> Value:
        return Sum(tuple(range(g.ndim - 1)), False, g.shape)(g)

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        assert shapes[1] is not None
        return int(np.prod(y_shape)) * shapes[1][1]


_MATMUL, _LINEAR, _TURN = MatMul(), Linear(), Permute((1, 0))


def _flipped(x: Value) -> Value:
    return transpose(x, -2, -1)


def same_dtype(op: str, a: Value, b: Value) -> None:
    if a.dtype != b.dtype:
        raise DTypeError(
            f"{op}: dtypes {a.dtype} and {b.dtype} differ; cast one of them, for example with .to({result_type(a, b)})"
        )


def matmul(input: Value, other: Value) -> Value:
    """Return the matrix product: vectors count as a row (left) or a column (right), leading dimensions broadcast.

    (.., I, K) and (.., K, J) give (.., I, J). Derivative: g other^T and input^T g, summed over what was broadcast.
    """
    same_dtype("matmul", input, other)
    if input.dtype == np.bool_:
        raise DTypeError("matmul: booleans have no products to add; cast to a number first")
    if input.ndim == 0 or other.ndim == 0:
        raise ShapeError(
            f"matmul: shapes {input.shape} and {other.shape}; both need at least one dimension, use * for numbers"
        )
    row, column = input.ndim == 1, other.ndim == 1
    a = unsqueeze(input, 0) if row else input
    b = unsqueeze(other, 1) if column else other
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"matmul: shapes {input.shape} and {other.shape} do not multiply: {a.shape[-1]} columns meet {b.shape[-2]} "
            "rows; "
            f"make them equal, perhaps by a transpose"
        )
    if a.ndim > 2 and b.ndim == 2:
        y = (
            reshape(_MATMUL(reshape(a, (math.prod(a.shape[:-1]), a.shape[-1])), b), (*a.shape[:-1], b.shape[-1]))
            if a.size
            else _batched(a, b)
        )
    elif a.ndim == b.ndim == 2:
        y = _MATMUL(a, b)
    else:
        y = _batched(a, b)
    if row:
        y = reshape(y, (*y.shape[:-2], y.shape[-1]))
    return reshape(y, y.shape[:-1]) if column else y


def _batched(a: Value, b: Value) -> Value:
    lead = broadcast_shape("matmul", a.shape[:-2], b.shape[:-2])
    return _MATMUL(expand_to(a, (*lead, *a.shape[-2:])), expand_to(b, (*lead, *b.shape[-2:])))


def linear(input: Value, weight: Value, bias: Value | None = None) -> Value:
    """Return ``input @ weight.T + bias``: input (.., I), weight (O, I), bias (O,), result (.., O).

    Derivative: g weight, g^T input, and g summed over the leading dimensions.
    """
    if weight.ndim == 1:
        if bias is not None:
            raise ShapeError(f"linear: weight {weight.shape} is a vector, which takes no bias; give weight (O, I)")
        return matmul(input, weight)
    if weight.ndim != 2:
        raise ShapeError(f"linear: weight has shape {weight.shape}, expected (O, I)")
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        have = input.shape[-1] if input.ndim else "no"
        raise ShapeError(
            f"linear: input has {have} features {input.shape} but weight expects {weight.shape[1]} {weight.shape}; "
            f"{_derivation(input.shape, weight.shape[1])}"
        )
    same_dtype("linear", input, weight)
    if input.dtype == np.bool_:
        raise DTypeError("linear: booleans have no products to add; cast to a number first")
    if bias is not None:
        same_dtype("linear", input, bias)
    if bias is not None and bias.shape != (weight.shape[0],):
        shape = (*input.shape[:-1], weight.shape[0])
        if bias.ndim > len(shape) or any(n not in (1, m) for n, m in zip(bias.shape[::-1], shape[::-1])):
            raise ShapeError(
                f"linear: bias has shape {bias.shape}, weight {weight.shape} gives {weight.shape[0]} features; give "
                f"({weight.shape[0]},)"
            )
        return linear(input, weight) + bias
    if input.ndim == 1:
        return reshape(_LINEAR(reshape(input, (1, -1)), weight, bias), (weight.shape[0],))
    return _LINEAR(input, weight, bias)


def _derivation(shape: tuple[int, ...], expected: int) -> str:
    """Say where a wrong number of features comes from, and what would fit."""
    if len(shape) == 4:
        n, c, h, w = shape
        count = c * h * w
        return f"the input is still an image: flatten it first, {c} x {h} x {w} = {count} features" + (
            "" if count == expected else f", and give the layer in_features={count}"
        )
    return f"give the layer in_features={shape[-1] if shape else 1}, or change what comes before it"


def mm(input: Value, mat2: Value) -> Value:
    """Multiply two matrices.

    ``input`` is (I, K), ``mat2`` (K, J), the result (I, J). Derivative: g mat2^T and input^T g.
    """
    _rank("mm", input, 2)
    _rank("mm", mat2, 2)
    return matmul(input, mat2)


def bmm(input: Value, mat2: Value) -> Value:
    """Multiply two batches (B, I, K) and (B, K, J) of matrices.

    The second is ``mat2``, the result (B, I, J). Derivative: g mat2^T and input^T g, matrix by matrix.
    """
    _rank("bmm", input, 3)
    _rank("bmm", mat2, 3)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(
            f"bmm: batches of {input.shape[0]} and {mat2.shape[0]} matrices; give equal numbers, or use matmul, which "
            "broadcasts"
        )
    return matmul(input, mat2)


def mv(input: Value, vec: Value) -> Value:
    """Multiply a matrix and a vector.

    ``input`` is (I, K), ``vec`` (K,), the result (I,). Derivative: the outer product of g and ``vec``, and input^T g.
    """
    _rank("mv", input, 2)
    _rank("mv", vec, 1)
    return matmul(input, vec)


def dot(input: Value, tensor: Value) -> Value:
    """Return the inner product of two vectors.

    ``input`` and ``tensor`` are (K,), the result is a number. Derivative: ``g * tensor`` and ``g * input``.
    """
    _rank("dot", input, 1)
    _rank("dot", tensor, 1)
    if input.shape != tensor.shape:
        raise ShapeError(f"dot: vectors of {input.shape[0]} and {tensor.shape[0]} elements; give equal lengths")
    same_dtype("dot", input, tensor)
    if input.dtype == np.bool_:
        raise DTypeError("dot: booleans have no products to add; cast to a number first")
    return cast(total(input * tensor), input.dtype)


def outer(input: Value, vec2: Value) -> Value:
    """Return y[i, j] = input[i] vec2[j].

    (I,) and (J,) give (I, J). Derivative: g vec2 and g^T input.
    """
    _rank("outer", input, 1)
    _rank("outer", vec2, 1)
    return unsqueeze(input, 1) * vec2


def addmm(input: Value, mat1: Value, mat2: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    """Return ``beta * input + alpha * mat1 @ mat2``.

    ``mat1`` is (I, K), ``mat2`` (K, J); ``input`` broadcasts to (I, J).
    """
    return _plus(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Value, mat: Value, vec: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    """Return ``beta * input + alpha * mat @ vec``.

    ``mat`` is (I, K), ``vec`` (K,); ``input`` broadcasts to (I,).
    """
    return _plus(input, mv(mat, vec), beta, alpha)


def baddbmm(input: Value, batch1: Value, batch2: Value, *, beta: float = 1, alpha: float = 1) -> Value:
    """Return ``beta * input + alpha * batch1 @ batch2`` for batches of matrices.

    ``batch1`` is (B, I, K), ``batch2`` (B, K, J); ``input`` broadcasts to (B, I, J).
    """
    return _plus(input, bmm(batch1, batch2), beta, alpha)


def _plus(input: Value, product: Value, beta: float, alpha: float) -> Value:
    """Return ``beta * input + alpha * product``; with beta 0 not even NaN passes."""
    if product.dtype.kind != "f":  # an integer result takes factors without their fraction, as in PyTorch
        beta, alpha = int(beta), int(alpha)
    y = product if alpha == 1 else product * alpha
    if broadcast_shape("addmm", input.shape, y.shape) != y.shape:
        raise ShapeError(
            f"addmm: input {input.shape} does not broadcast to the product's shape {y.shape}; give that shape"
        )
    same_dtype("addmm", input, y)
    return y if beta == 0 else y + (input if beta == 1 else input * beta)


def inner(input: Value, other: Value) -> Value:
    """Return the sums of products over the last dimension of both; numbers multiply.

    (.., K) and (.., K) give the leading dimensions of both, one after the other.
    """
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(f"inner: the last dimensions of {input.shape} and {other.shape} differ; make them equal")
    n = input.shape[-1]
    rows, columns = math.prod(input.shape[:-1]), math.prod(other.shape[:-1])
    y = matmul(reshape(input, (rows, n)), transpose(reshape(other, (columns, n)), 0, 1))
    return reshape(y, (*input.shape[:-1], *other.shape[:-1]))


def bilinear(input1: Value, input2: Value, weight: Value, bias: Value | None = None) -> Value:
    """Return y[.., o] = sum over i, j of input1[.., i] weight[o, i, j] input2[.., j] + bias[o].

    ``weight`` is (O, I, J), ``bias`` (O,).
    """
    if weight.ndim != 3 or not input1.ndim or not input2.ndim:
        raise ShapeError(
            f"bilinear: weight has shape {weight.shape}, the inputs {input1.shape} and {input2.shape}; give (O, I, J), "
            "(.., I) and (.., J)"
        )
    if weight.shape[1:] != (input1.shape[-1], input2.shape[-1]):
        fit = (weight.shape[0], input1.shape[-1], input2.shape[-1])
        raise ShapeError(f"bilinear: weight has shape {weight.shape} for {input1.shape} and {input2.shape}; give {fit}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ShapeError(
            f"bilinear: {input1.shape} and {input2.shape} differ before the last dimension; make them equal"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        fit = weight.shape[:1]
        raise ShapeError(f"bilinear: bias has shape {bias.shape} for {weight.shape[0]} outputs; give {fit}")
    for x in (input2, bias):
        if x is not None:
            same_dtype("bilinear", input1, x)
    between = matmul(reshape(input1, (*input1.shape[:-1], 1, 1, input1.shape[-1])), weight)
    y = total(reshape(between, (*input1.shape[:-1], *weight.shape[::2])) * unsqueeze(input2, -2), -1)
    y = cast(y, input1.dtype)
    return y if bias is None else y + bias


def _rank(op: str, x: Value, rank: int) -> None:
    if x.ndim != rank:
        raise ShapeError(
            f"{op}: got a tensor of {x.ndim} dimensions {x.shape}, expected {rank}; use matmul for other ranks"
        )
