"""Losses of classification: scores or probabilities against classes. Cross entropy of class numbers is fused."""

from __future__ import annotations

import math

import numpy as np

from ..typing import Array, DType, Value
from .arithmetic import div, where
from .broadcast import align, broadcast_shape, cast, only_float
from .distance import reduced, spelled
from .elementwise import clamp, exp, log, log1pexp, relu
from .errors import ArgumentError, DTypeError, ShapeError
from .index import gather
from .kernels.readings import pick
from .op import Op, Plain
from .probability import log_softmax
from .reduce import mean
from .reduce import sum as total
from .shape import permute, reshape

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "kl_div", "multi_margin_loss",
    "nll_loss", "soft_margin_loss",
]  # fmt: skip


class CrossEntropy(Op):
    """y[n] = -sum_k q[n, k] ln softmax(x[n])[k] for rows of scores (N, K), or their mean; gx = g (softmax(x) - q).

    q is one at the target class, mixed with the uniform distribution: (1 - smoothing) onehot(target) + smoothing / K.
    The mean is a part of the op: as one of its own it took as long as the loss of 64 rows, 20 us, and backward again.
    """

    constant = ("target",)
    extra = ("softmax",)

    def __init__(self, smoothing: float = 0.0, average: bool = False) -> None:
        self.smoothing, self.average = smoothing, average

    def forward(self, x: Array, target: Array) -> tuple[Array, Array]:
        y, softmax = pick("cross_entropy", x.dtype)(x, target, self.smoothing)
        if self.average:
            y = np.asarray(np.add.reduce(y, dtype=np.float64) / len(y), y.dtype)
        return y, softmax

    def composite(self, x: Value, target: Value) -> Value:
        logs = log_softmax(x, 1)
        y = reshape(-gather(logs, 1, reshape(target, (-1, 1))), (-1,))
        y = y if not self.smoothing else y * (1 - self.smoothing) - mean(logs, 1) * self.smoothing
        return mean(y) if self.average else y

    def grad_x(self, g: Array, softmax: Array, target: Array) -> Array:
        rows = np.full(len(softmax), g / len(softmax), softmax.dtype) if self.average else g
        gx: Array = pick("cross_entropy_grad", softmax.dtype)(rows, softmax, target, self.smoothing)
        return gx


class BinaryCrossEntropy(Op):
    """y = -(t ln p + (1 - t) ln(1 - p)), logarithms kept above -100; gp = g (p - t) / max(p (1 - p), 1e-12).

    An op of its own, because the derivatives of its parts are infinite at the probabilities 0 and 1, which a sigmoid
    reaches: there their sum is what PyTorch takes it for, 0 for the right answer and 1e12 for the wrong one.
    """

    def forward(self, p: Array, t: Array) -> Array:
        with np.errstate(divide="ignore"):
            return -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log1p(-p), -100))

    def grad_p(self, g: Value, p: Value, t: Value) -> Value:
        return g * (p - t) / clamp(p * (1 - p), min=1e-12)

    def grad_t(self, g: Value, p: Value) -> Value:
        return g * (clamp(log(1 - p), min=-100.0) - clamp(log(p), min=-100.0))


def _classes_last(x: Value) -> Value:
    """Scores (N, K, d1, d2 ...) as rows (N*d1*d2..., K)."""
    if x.ndim > 2:
        x = permute(x, 0, *range(2, x.ndim), 1)
    return reshape(x, (-1, x.shape[-1]))


def _check_targets(op: str, classes: int, target: Value, ignore_index: int, bytes: bool = False) -> Array:
    t = np.asarray(target)
    if t.dtype != np.int64 and not (bytes and t.dtype == np.uint8):
        raise DTypeError(f"{op}: targets have dtype {t.dtype}, expected class numbers (int64); cast with .long()")
    bad = (t != ignore_index) & ((t < 0) | (t >= classes))
    if bad.any():
        raise ArgumentError(
            f"{op}: target {t[bad].flat[0]} is outside the {classes} classes; give numbers from 0 to {classes - 1}"
        )
    return t


def _check_weight(op: str, weight: Value | None, dtype: DType) -> None:
    """Refuse weights of another dtype, and those that wait for a gradient: they are constants here, as in PyTorch."""
    if weight is not None and weight.dtype != dtype:
        raise DTypeError(f"{op}: weight has dtype {weight.dtype}, the scores {dtype}; cast one of them")
    if getattr(weight, "requires_grad", False):
        raise ArgumentError(f"{op}: weight requires a gradient and would get none; give weight.detach()")


def nll_loss(
    input: Value,
    target: Value,
    weight: Value | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return -weight[t] * input[t] for log-probabilities (N, K) or (N, K, ...) and class numbers (N) or (N, ...).

    'mean' divides by the sum of the weights; targets equal to ``ignore_index`` count for nothing.

    ``target`` (t) holds class numbers from 0 to K - 1, ``weight`` is (K,). Derivative: -weight[t] g at the target's
    place.
    """
    reduction = spelled("nll_loss", size_average, reduce, reduction)
    if input.ndim == 0:
        raise ShapeError("nll_loss: input has no dimensions; give log-probabilities (N, K), (N, K, ...) or (K,)")
    single = input.ndim == 1
    x = reshape(input, (1, -1)) if single else input
    shape = () if single else (x.shape[0], *x.shape[2:])
    if single and tuple(target.shape) == (1,):
        target = reshape(target, ())
    if tuple(target.shape) != shape:
        raise ShapeError(f"nll_loss: input {input.shape} needs targets of shape {shape}, got {tuple(target.shape)}")
    ignore_index = int(ignore_index)
    t = _check_targets("nll_loss", x.shape[1], target, ignore_index, x.ndim == 2).reshape(-1)
    if x.dtype.kind != "f":
        raise DTypeError(f"nll_loss: log-probabilities have dtype {x.dtype}, expected floating point; cast them")
    _check_weight("nll_loss", weight, x.dtype)
    if weight is not None and weight.shape != (x.shape[1],):
        raise ShapeError(f"nll_loss: weight has shape {weight.shape} for {x.shape[1]} classes; give ({x.shape[1]},)")
    counted = t != ignore_index
    safe = np.where(counted, t, 0).astype(np.int64)
    picked = reshape(gather(_classes_last(x), 1, safe.reshape(-1, 1)), (-1,))
    scale = counted.astype(x.dtype) if weight is None else np.asarray(weight).astype(x.dtype)[safe] * counted
    each = where(counted, -picked * scale, x.dtype.type(0))
    if reduction == "mean":
        return div(total(each), float(scale.sum()))
    return reduced("nll_loss", reshape(each, shape), reduction)


def cross_entropy(
    input: Value,
    target: Value,
    weight: Value | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Value:
    """Return the cross entropy between softmax(scores) and targets.

    -sum over k of q[k] ln softmax(x)[k], where q is one at the target class (or the probabilities given as target),
    mixed with the uniform distribution by ``label_smoothing``: (1 - s) q + s / K (Szegedy et al. 2016).

    Parameters
    ----------
    input : scores (K,), (N, K) or (N, K, d1, d2, ...).
    target : class numbers of the input's shape without K, int64; or probabilities of the input's shape.
    weight : (K,), a factor for each class.
    ignore_index : a class number whose targets count for nothing.
    reduction : 'mean' (over the weights of the targets), 'sum' or 'none'.

    Notes
    -----
    Derivative with respect to the scores: softmax(x) - q, times the incoming gradient.
    """
    reduction = spelled("cross_entropy", size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"cross_entropy: label_smoothing is {label_smoothing}; give a number from 0 to 1")
    if input.ndim == 0:
        raise ShapeError("cross_entropy: input has no dimensions; give scores (N, K), (N, K, ...) or (K,)")
    if input.dtype.kind != "f":
        raise DTypeError(f"cross_entropy: scores have dtype {input.dtype}, expected floating point; cast with .float()")
    if target.dtype.kind != "f" and target.shape == input.shape:
        raise DTypeError(
            f"cross_entropy: targets of the scores' shape {input.shape} are probabilities, but have dtype "
            f"{target.dtype}; "
            f"cast them with .float(), or give class numbers of shape {input.shape[:1] + input.shape[2:]}"
        )
    if target.dtype.kind == "f":
        if ignore_index >= 0:
            raise ArgumentError(
                f"cross_entropy: ignore_index is {ignore_index}, but the targets are probabilities, which name no "
                "class; leave it out"
            )
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    plain = input.ndim == 2 and weight is None
    if plain and target.shape == input.shape[:1] and input.size:
        t = _check_targets("cross_entropy", input.shape[1], target, ignore_index, True)
        if not (t == ignore_index).any():
            average = reduction == "mean"
            y, _ = CrossEntropy(label_smoothing, average)(input, cast(target, np.dtype(np.int64)))
            return y if average else reduced("cross_entropy", y, reduction)
    axis = 0 if input.ndim == 1 else 1
    logp = log_softmax(input, axis)
    loss = nll_loss(logp, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0:
        return loss
    if input.ndim == 1 and target.ndim == 1:
        raise ShapeError(f"cross_entropy: the targets have shape {target.shape} for scores {input.shape}; give ()")
    t = np.asarray(target)
    counted = t != ignore_index
    classes = input.shape[axis]
    scale = np.ones(classes, input.dtype) if weight is None else np.asarray(weight).astype(input.dtype)
    along = (-1,) + (1,) * (input.ndim - 1 - axis)
    uniform = total(-logp * scale.reshape(along), axis) * (1.0 / classes)
    uniform = where(counted, uniform, input.dtype.type(0))
    if reduction == "mean":
        uniform = div(total(uniform), float((scale[np.where(counted, t, 0)] * counted).sum()))
    elif reduction == "sum":
        uniform = total(uniform)
    return loss * (1 - label_smoothing) + uniform * label_smoothing


def _soft_cross_entropy(input: Value, target: Value, weight: Value | None, reduction: str, smoothing: float) -> Value:
    if target.shape != input.shape:
        raise ShapeError(
            f"cross_entropy: probabilities of shape {target.shape} for scores {input.shape}; give equal shapes, or "
            "class numbers"
        )
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if weight is not None and weight.shape != (classes,):
        raise ShapeError(f"cross_entropy: weight has shape {weight.shape} for {classes} classes; give ({classes},)")
    q = target * (1 - smoothing) + smoothing / classes if smoothing else target
    logp = log_softmax(input, axis)
    if weight is not None:
        logp = logp * reshape(weight, (-1,) + (1,) * (input.ndim - 1 - axis))
    loss = total(-(q * logp), axis)
    if reduction == "mean":
        return div(total(loss), float(np.prod(input.shape) // max(classes, 1)))
    return reduced("cross_entropy", loss, reduction)


def _fits(op: str, name: str, weight: Value | None, input: Value) -> None:
    """Refuse weights that would enlarge the loss."""
    if weight is not None and broadcast_shape(op, weight.shape, input.shape) != input.shape:
        raise ShapeError(f"{op}: {name} has shape {weight.shape} for {input.shape}; give a shape that broadcasts to it")


def binary_cross_entropy(
    input: Value,
    target: Value,
    weight: Value | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return -(t ln p + (1 - t) ln(1 - p)) for probabilities p; the logarithms are kept above -100, as in PyTorch.

    ``target`` (t) has the shape of ``input`` (p) and values in [0, 1]; ``weight`` multiplies each element's loss.
    Derivative: g (p - t) / max(p (1 - p), 1e-12).
    """
    reduction = spelled("binary_cross_entropy", size_average, reduce, reduction)
    only_float("binary_cross_entropy", input)
    if input.dtype != target.dtype:
        raise DTypeError(
            f"binary_cross_entropy: input has dtype {input.dtype}, target {target.dtype}; cast the target with .to("
            "input.dtype)"
        )
    if input.shape != target.shape:
        raise ShapeError(f"binary_cross_entropy: input {input.shape} and target {target.shape}; give equal shapes")
    p = np.asarray(input)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ArgumentError(
            f"binary_cross_entropy: probabilities from {p.min()} to {p.max()}; give numbers from 0 to 1, or use the "
            "form with logits"
        )
    t = np.asarray(target)
    if t.size and not (t.min() >= 0 and t.max() <= 1):
        raise ArgumentError(f"binary_cross_entropy: targets from {t.min()} to {t.max()}; give numbers from 0 to 1")
    loss = BinaryCrossEntropy()(input, target)
    _fits("binary_cross_entropy", "weight", weight, input)
    return reduced("binary_cross_entropy", loss if weight is None else loss * cast(weight, input.dtype), reduction)


def binary_cross_entropy_with_logits(
    input: Value,
    target: Value,
    weight: Value | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Value | None = None,
) -> Value:
    """Return -(pos_weight t ln s(x) + (1 - t) ln(1 - s(x))) for scores x, s the sigmoid, without overflow.

    ``target`` (t) has the shape of ``input`` (x) and values in [0, 1]; ``weight`` multiplies each element's loss, and
    ``pos_weight`` broadcasts. Derivative, without ``pos_weight``: g (s(x) - t).
    """
    reduction = spelled("binary_cross_entropy_with_logits", size_average, reduce, reduction)
    only_float("binary_cross_entropy_with_logits", input, target)
    if input.shape != target.shape:
        raise ShapeError(
            f"binary_cross_entropy_with_logits: input {input.shape} and target {target.shape}; give equal shapes"
        )
    _fits("binary_cross_entropy_with_logits", "weight", weight, input)
    _fits("binary_cross_entropy_with_logits", "pos_weight", pos_weight, input)
    positive = log1pexp(-input) * target
    loss = (positive if pos_weight is None else positive * pos_weight) + log1pexp(input) * (1 - target)
    loss = cast(loss, target.dtype)  # PyTorch writes it where 1 - target stood
    return reduced("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Value,
    target: Value,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Value:
    """Return t (ln t - input) for log-probabilities ``input``; 'batchmean' divides the sum by the batch's size.

    ``target`` (t) are probabilities, or their logarithms with ``log_target``. Derivative: -g t.
    """
    reduction = spelled("kl_div", size_average, reduce, reduction)
    only_float("kl_div", input, target)
    a, t = align("kl_div", input, target)
    if log_target:
        loss = exp(t) * (t - a)
    else:
        zero = Plain(lambda t: t == 0, "is_zero")(t)
        loss = where(zero, t * 0, t * log(where(zero, t * 0 + 1, t))) - t * a
    if reduction == "batchmean":
        return div(total(loss), float(input.shape[0] if input.ndim else 1))
    return reduced("kl_div", loss, reduction)


def multi_margin_loss(
    input: Value,
    target: Value,
    p: float = 1,
    margin: float = 1.0,
    weight: Value | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Value:
    """Return sum over k != t of max(0, margin - x[t] + x[k])^p / K, times weight[t].

    ``input`` (x) is (N, K), ``target`` (t) the class numbers (N,), ``weight`` (K,).
    """
    reduction = spelled("multi_margin_loss", size_average, reduce, reduction)
    if p not in (1, 2):
        raise ArgumentError(f"multi_margin_loss: p is {p}; give 1 or 2")
    single = input.ndim == 1
    x = reshape(input, (1, -1)) if single else input
    if x.ndim != 2:
        raise ShapeError(f"multi_margin_loss: input has shape {input.shape}, expected (N, K) or (K,)")
    only_float("multi_margin_loss", input)
    if weight is not None and weight.dtype != x.dtype:
        raise DTypeError(f"multi_margin_loss: weight has dtype {weight.dtype}, the scores {x.dtype}; cast one of them")
    if x.shape[0] != 1 and tuple(target.shape) != x.shape[:1] or math.prod(target.shape) != x.shape[0]:
        raise ShapeError(
            f"multi_margin_loss: input {input.shape} needs targets of shape {x.shape[:1]}, got {tuple(target.shape)}"
        )
    if weight is not None and weight.shape != (x.shape[1],):
        raise ShapeError(
            f"multi_margin_loss: weight has shape {weight.shape} for {x.shape[1]} classes; give ({x.shape[1]},)"
        )
    t = _check_targets("multi_margin_loss", x.shape[1], target, -1).reshape(-1, 1)
    slack = relu(float(margin) - gather(x, 1, t) + x)
    slack = slack if p == 1 else slack * slack
    if weight is not None:
        slack = slack * np.asarray(weight)[t]
    others = np.arange(x.shape[1]) != t
    loss = total(where(others, slack, x.dtype.type(0)), 1) * (1.0 / x.shape[1])
    return reduced("multi_margin_loss", reshape(loss, target.shape) if single else loss, reduction)


def soft_margin_loss(
    input: Value, target: Value, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Value:
    """Return ln(1 + e^(-target x)) for targets 1 and -1, without overflow.

    ``input`` (x) and ``target`` have one shape. Derivative: -g target sigmoid(-target x).
    """
    reduction = spelled("soft_margin_loss", size_average, reduce, reduction)
    only_float("soft_margin_loss", input)
    _fits("soft_margin_loss", "target", target, input)
    return reduced("soft_margin_loss", log1pexp(-cast(target, input.dtype) * input), reduction)
