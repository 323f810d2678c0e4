"""Losses that measure a distance: between numbers, between vectors, and between pairs and triplets of vectors.

Also what all losses share: the reduction, and its old spelling.
"""

from __future__ import annotations

import numpy as np

from ..typing import Value
from .arithmetic import div, minimum, where
from .broadcast import align, broadcast_shape, cast, expand_to, only_float
from .elementwise import abs as absolute
from .elementwise import clamp
from .errors import ArgumentError, ShapeError
from .reduce import mean
from .reduce import sum as total
from .statistics import norm

__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "hinge_embedding_loss", "huber_loss", "l1_loss",
    "margin_ranking_loss", "mse_loss", "pairwise_distance", "smooth_l1_loss", "triplet_margin_loss",
]  # fmt: skip


def spelled(op: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """Return the reduction, which PyTorch once spelled with two booleans (their places in the signatures remain)."""
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if isinstance(value, str):
            raise ArgumentError(f"{op}: {name} is {value!r}; a reduction is given by name: reduction={value!r}")
    if size_average is None and reduce is None:
        return reduction
    mean = size_average is None or bool(size_average)
    return "none" if reduce is not None and not reduce else "mean" if mean else "sum"


def reduced(op: str, loss: Value, reduction: str) -> Value:
    """Apply PyTorch's reduction: 'mean', 'sum' or 'none'."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return total(loss)
    if reduction != "none":
        raise ArgumentError(f"{op}: reduction is {reduction!r}; give 'mean', 'sum' or 'none'")
    return loss


def _weighted(op: str, loss: Value, input: Value, weight: Value | None, reduction: str) -> Value:
    """Reduce with a weight for each element; the mean divides by the sum of the weights."""
    if weight is None:
        return reduced(op, loss, reduction)
    if weight.shape != input.shape:
        raise ShapeError(f"{op}: weight has shape {weight.shape}, the input {input.shape}; make them equal")
    if reduction == "mean":
        return div(total(loss * weight), total(weight))
    return reduced(op, loss * weight, reduction)


def pair(op: str, input: Value, target: Value) -> tuple[Value, Value]:
    if input.shape == target.shape:
        return input, target
    shape = broadcast_shape(op, input.shape, target.shape)
    return expand_to(input, shape), expand_to(target, shape)


def _difference(op: str, input: Value, target: Value) -> Value:
    """input - target, at least one of floating point; booleans count as 0 and 1."""
    only_float(op, input if input.dtype.kind == "f" else target)
    a, b = pair(op, input, target)
    return (cast(a, b.dtype) if a.dtype == np.bool_ else a) - (cast(b, a.dtype) if b.dtype == np.bool_ else b)


def mse_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Value | None = None,
) -> Value:
    """Return (input - target)^2.

    ``input`` and ``target`` have one shape; with ``weight``, of that shape too, 'mean' divides by the sum of the
    weights. Derivative: 2 g (input - target).
    """
    reduction = spelled("mse_loss", size_average, reduce, reduction)
    d = _difference("mse_loss", input, target)
    return _weighted("mse_loss", d * d, input, weight, reduction)


def l1_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Value | None = None,
) -> Value:
    """Return |input - target|.

    ``input`` and ``target`` have one shape; ``weight`` as in `mse_loss`. Derivative: g sign(input - target).
    """
    reduction = spelled("l1_loss", size_average, reduce, reduction)
    a, b = pair("l1_loss", input, target)
    return _weighted("l1_loss", absolute(a - b), input, weight, reduction)


def smooth_l1_loss(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Value:
    """Return d^2 / (2 beta) where |d| < beta, else |d| - beta/2 (Girshick 2015).

    d = input - ``target``, element by element. Derivative: g d / beta where |d| < beta, else g sign(d).
    """
    reduction = spelled("smooth_l1_loss", size_average, reduce, reduction)
    if not beta >= 0:
        raise ArgumentError(f"smooth_l1_loss: beta is {beta}; give a number of at least 0")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    d = _difference("smooth_l1_loss", input, target)
    size = absolute(d)
    return reduced("smooth_l1_loss", where(size < beta, d * d * (0.5 / beta), size - 0.5 * beta), reduction)


def huber_loss(
    input: Value, target: Value, reduction: str = "mean", delta: float = 1.0, weight: Value | None = None
) -> Value:
    """Return d^2 / 2 where |d| < delta, else delta (|d| - delta/2) (Huber 1964).

    d = input - ``target``, element by element; ``weight`` multiplies each element's loss. Derivative: g d where
    |d| < delta, else g delta sign(d).
    """
    if not delta > 0:
        raise ArgumentError(f"huber_loss: delta is {delta}; give a positive number")
    only_float("huber_loss", input)
    d = _difference("huber_loss", input, target)
    size = absolute(d)
    loss = cast(where(size < delta, d * d * 0.5, (size - 0.5 * delta) * delta), input.dtype)
    if weight is not None and reduction == "mean":  # PyTorch divides this one by the count of elements
        return mean(_weighted("huber_loss", loss, input, weight, "none"))
    return _weighted("huber_loss", loss, input, weight, reduction)


def cosine_similarity(x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """Return x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along ``dim``.

    Values in [-1, 1]. Derivative: g (x2 / (|x1| |x2|) - y x1 / |x1|^2), and with 1 and 2 exchanged.
    """
    if not eps >= 0:
        raise ArgumentError(f"cosine_similarity: eps is {eps}; give a number of at least 0")
    only_float("cosine_similarity", x1 if x1.dtype.kind == "f" else x2)
    a, b = align("cosine_similarity", x1, x2)
    dots = total(a * b, dim)
    return dots / (clamp(norm(a, 2, dim), min=eps) * clamp(norm(b, 2, dim), min=eps))


def cosine_embedding_loss(
    input1: Value,
    input2: Value,
    target: Value,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return 1 - cos for target 1, and max(0, cos - margin) for target -1.

    ``input1`` and ``input2`` are (N, D) or (D,), cos their cosine over D, ``target`` (N,) holds 1 and -1.
    """
    reduction = spelled("cosine_embedding_loss", size_average, reduce, reduction)
    if input1.ndim != target.ndim + 1 or target.ndim > 1 or input2.ndim != input1.ndim:
        raise ShapeError(
            f"cosine_embedding_loss: inputs {input1.shape} and {input2.shape} with targets {target.shape}; "
            f"give (N, D), (N, D) and (N,), or (D,), (D,) and ()"
        )
    eps = 1e-12
    dots = total(input1 * input2, -1)
    size = (total(input1 * input1, -1) + eps) * (total(input2 * input2, -1) + eps)
    cos = dots / size**0.5
    loss = where(target == 1, 1 - cos, where(target == -1, clamp(cos - float(margin), min=0.0), cos * 0))
    return reduced("cosine_embedding_loss", loss, reduction)


def margin_ranking_loss(
    input1: Value,
    input2: Value,
    target: Value,
    margin: float = 0.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return max(0, -target (input1 - input2) + margin).

    All have one shape; ``target`` is 1 where ``input1`` should be the larger one, else -1. Derivative: -target g and
    target g where the loss is above 0.
    """
    reduction = spelled("margin_ranking_loss", size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ShapeError(
            f"margin_ranking_loss: shapes {input1.shape}, {input2.shape} and targets {target.shape}; "
            f"give as many dimensions to each"
        )
    return reduced("margin_ranking_loss", clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


def triplet_margin_loss(
    anchor: Value,
    positive: Value,
    negative: Value,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin), d the ``p``-norm of a difference.

    ``anchor``, ``positive`` and ``negative`` are (N, D); with ``swap``, d(positive, negative) takes the place of
    d(anchor, negative) where it is smaller. Source: Schroff, Kalenichenko and Philbin 2015.
    """
    reduction = spelled("triplet_margin_loss", size_average, reduce, reduction)
    if margin <= 0:
        raise ArgumentError(f"triplet_margin_loss: margin is {margin}; give a positive number")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeError(
            f"triplet_margin_loss: shapes {anchor.shape}, {positive.shape} and {negative.shape}; give as many "
            "dimensions to each"
        )
    near, far = norm(anchor - positive + eps, p, -1), norm(anchor - negative + eps, p, -1)
    if swap:
        far = minimum(far, norm(positive - negative + eps, p, -1))
    return reduced("triplet_margin_loss", clamp(near - far + margin, min=0.0), reduction)


def pairwise_distance(x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Value:
    """Return the p-norm of ``x1 - x2 + eps`` over the last dimension."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def hinge_embedding_loss(
    input: Value,
    target: Value,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return x for target 1, and max(0, margin - x) for target -1.

    ``input`` (x) and ``target`` have one shape. Derivative: g for target 1; -g where x < margin for target -1.
    """
    reduction = spelled("hinge_embedding_loss", size_average, reduce, reduction)
    if reduction == "mean":
        only_float("hinge_embedding_loss", input)
    far = clamp(float(margin) - input, min=0.0)
    loss = where(target == -1, input * 0, input) + where(target == 1, input * 0, far)
    return reduced("hinge_embedding_loss", loss, reduction)
