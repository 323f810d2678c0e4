"""Loss functions. Cross entropy of class numbers is fused; everything else is a composite.

The file is long because half of it is the documentation of public functions, one formula each.
"""

from __future__ import annotations

import numpy as np

from ..typing import Array, Value
from .arithmetic import div, where
from .broadcast import broadcast_shape, expand_to
from .elementwise import abs as absolute
from .elementwise import clamp, exp, log, log1pexp, relu
from .errors import ArgumentError, DTypeError, ShapeError
from .index import gather
from .kernels.readings import pick
from .op import Op, Plain
from .probability import log_softmax
from .reduce import mean, norm
from .reduce import sum as total
from .shape import permute, reshape

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity",
    "cross_entropy", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss",
    "mse_loss", "multi_margin_loss", "nll_loss", "pairwise_distance", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss",
]  # fmt: skip


class CrossEntropy(Op):
    """y[n] = -sum_k q[n, k] ln softmax(x[n])[k] for rows of scores (N, K); gx = g (softmax(x) - q).

    q is one at the target class, mixed with the uniform distribution: (1 - smoothing) onehot(target) + smoothing / K.
    """

    constant = ("target",)

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing

    def forward(self, x: Array, target: Array) -> Array:
        return pick("cross_entropy", x.dtype)(x, target, label_smoothing=self.smoothing)

    def composite(self, x: Value, target: Value) -> Value:
        logs = log_softmax(x, 1)
        y = reshape(-gather(logs, 1, reshape(target, (-1, 1))), (-1,))
        return y if not self.smoothing else y * (1 - self.smoothing) - mean(logs, 1) * self.smoothing

    def grad_x(self, g: Array, x: Array, target: Array) -> Array:
        return pick("cross_entropy_grad", x.dtype)(g, x, target, label_smoothing=self.smoothing)


def reduced(op: str, loss: Value, reduction: str) -> Value:
    """Apply PyTorch's reduction: 'mean', 'sum' or 'none'."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return total(loss)
    if reduction != "none":
        raise ArgumentError(f"{op}: reduction is {reduction!r}; give 'mean', 'sum' or 'none'")
    return loss


def _classes_last(x: Value) -> Value:
    """Scores (N, K, d1, d2 ...) as rows (N*d1*d2..., K)."""
    if x.ndim > 2:
        x = permute(x, 0, *range(2, x.ndim), 1)
    return reshape(x, (-1, x.shape[-1]))


def _check_targets(op: str, classes: int, target: Value, ignore_index: int) -> Array:
    t = np.asarray(target)
    if t.dtype.kind not in "iu":
        raise DTypeError(f"{op}: targets have dtype {t.dtype}, expected class numbers (int64); cast with .long()")
    bad = (t != ignore_index) & ((t < 0) | (t >= classes))
    if bad.any():
        raise ArgumentError(
            f"{op}: target {t[bad].flat[0]} is outside the {classes} classes; give numbers from 0 to {classes - 1}"
        )
    return t


def nll_loss(
    input: Value, target: Value, weight: Value | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Value:
    """Return -weight[t] * input[t] for log-probabilities (N, K) or (N, K, ...) and class numbers (N) or (N, ...).

    'mean' divides by the sum of the weights; targets equal to ``ignore_index`` count for nothing.

    ``target`` (t) holds class numbers from 0 to K - 1, ``weight`` is (K,). Derivative: -weight[t] g at the target's
    place.
    """
    single = input.ndim == 1
    x = reshape(input, (1, -1)) if single else input
    shape = () if single else (x.shape[0], *x.shape[2:])
    if single and tuple(target.shape) == (1,):
        target = reshape(target, ())
    if tuple(target.shape) != shape:
        raise ShapeError(f"nll_loss: input {input.shape} needs targets of shape {shape}, got {tuple(target.shape)}")
    t = _check_targets("nll_loss", x.shape[1], target, ignore_index).reshape(-1)
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
    ignore_index: int = -100,
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
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"cross_entropy: label_smoothing is {label_smoothing}; give a number from 0 to 1")
    if input.dtype.kind != "f":
        raise DTypeError(f"cross_entropy: scores have dtype {input.dtype}, expected floating point; cast with .float()")
    if target.dtype.kind != "f" and target.shape == input.shape:
        raise DTypeError(
            f"cross_entropy: targets of the scores' shape {input.shape} are probabilities, but have dtype "
            f"{target.dtype}; "
            f"cast them with .float(), or give class numbers of shape {input.shape[:1] + input.shape[2:]}"
        )
    if target.dtype.kind == "f":
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    plain = input.ndim == 2 and weight is None
    if plain and target.shape == input.shape[:1] and input.size:
        t = _check_targets("cross_entropy", input.shape[1], target, ignore_index)
        if not (t == ignore_index).any():
            return reduced("cross_entropy", CrossEntropy(label_smoothing)(input, target), reduction)
    axis = 0 if input.ndim == 1 else 1
    logp = log_softmax(input, axis)
    loss = nll_loss(logp, target, weight, ignore_index, reduction)
    if label_smoothing == 0:
        return loss
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
    q = target * (1 - smoothing) + smoothing / classes if smoothing else target
    logp = log_softmax(input, axis)
    if weight is not None:
        logp = logp * reshape(weight, (-1,) + (1,) * (input.ndim - 1 - axis))
    loss = total(-(q * logp), axis)
    if reduction == "mean":
        return div(total(loss), float(np.prod(input.shape) // max(classes, 1)))
    return reduced("cross_entropy", loss, reduction)


def _pair(op: str, input: Value, target: Value) -> tuple[Value, Value]:
    if input.shape == target.shape:
        return input, target
    shape = broadcast_shape(op, input.shape, target.shape)
    return expand_to(input, shape), expand_to(target, shape)


def mse_loss(input: Value, target: Value, reduction: str = "mean") -> Value:
    """Return (input - target)^2.

    ``input`` and ``target`` have one shape. Derivative: 2 g (input - target).
    """
    a, b = _pair("mse_loss", input, target)
    d = a - b
    return reduced("mse_loss", d * d, reduction)


def l1_loss(input: Value, target: Value, reduction: str = "mean") -> Value:
    """Return |input - target|.

    ``input`` and ``target`` have one shape. Derivative: g sign(input - target).
    """
    a, b = _pair("l1_loss", input, target)
    return reduced("l1_loss", absolute(a - b), reduction)


def smooth_l1_loss(input: Value, target: Value, reduction: str = "mean", beta: float = 1.0) -> Value:
    """Return d^2 / (2 beta) where |d| < beta, else |d| - beta/2 (Girshick 2015).

    d = input - ``target``, element by element. Derivative: g d / beta where |d| < beta, else g sign(d).
    """
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss: beta is {beta}; give a number of at least 0")
    if beta == 0:
        return l1_loss(input, target, reduction)
    a, b = _pair("smooth_l1_loss", input, target)
    d = a - b
    size = absolute(d)
    return reduced("smooth_l1_loss", where(size < beta, d * d * (0.5 / beta), size - 0.5 * beta), reduction)


def huber_loss(input: Value, target: Value, reduction: str = "mean", delta: float = 1.0) -> Value:
    """Return d^2 / 2 where |d| < delta, else delta (|d| - delta/2) (Huber 1964).

    d = input - ``target``, element by element. Derivative: g d where |d| < delta, else g delta sign(d).
    """
    if delta <= 0:
        raise ArgumentError(f"huber_loss: delta is {delta}; give a positive number")
    a, b = _pair("huber_loss", input, target)
    d = a - b
    size = absolute(d)
    return reduced("huber_loss", where(size < delta, d * d * 0.5, (size - 0.5 * delta) * delta), reduction)


def _fits(op: str, name: str, weight: Value | None, input: Value) -> None:
    """Refuse weights that would enlarge the loss."""
    if weight is not None and broadcast_shape(op, weight.shape, input.shape) != input.shape:
        raise ShapeError(f"{op}: {name} has shape {weight.shape} for {input.shape}; give a shape that broadcasts to it")


def binary_cross_entropy(input: Value, target: Value, weight: Value | None = None, reduction: str = "mean") -> Value:
    """Return -(t ln p + (1 - t) ln(1 - p)) for probabilities p; the logarithms are kept above -100, as in PyTorch.

    ``target`` (t) has the shape of ``input`` (p) and values in [0, 1]; ``weight`` multiplies each element's loss.
    Derivative: g (p - t) / (p (1 - p)).
    """
    if input.shape != target.shape:
        raise ShapeError(f"binary_cross_entropy: input {input.shape} and target {target.shape}; give equal shapes")
    p = np.asarray(input)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ArgumentError(
            f"binary_cross_entropy: probabilities from {p.min()} to {p.max()}; give numbers from 0 to 1, or use the "
            "form with logits"
        )
    loss = -(target * clamp(log(input), min=-100.0) + (1 - target) * clamp(log(1 - input), min=-100.0))
    _fits("binary_cross_entropy", "weight", weight, input)
    return reduced("binary_cross_entropy", loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Value, target: Value, weight: Value | None = None, reduction: str = "mean", pos_weight: Value | None = None
) -> Value:
    """Return -(pos_weight t ln s(x) + (1 - t) ln(1 - s(x))) for scores x, s the sigmoid, without overflow.

    ``target`` (t) has the shape of ``input`` (x) and values in [0, 1]; ``weight`` multiplies each element's loss, and
    ``pos_weight`` broadcasts. Derivative, without ``pos_weight``: g (s(x) - t).
    """
    if input.shape != target.shape:
        raise ShapeError(
            f"binary_cross_entropy_with_logits: input {input.shape} and target {target.shape}; give equal shapes"
        )
    _fits("binary_cross_entropy_with_logits", "weight", weight, input)
    _fits("binary_cross_entropy_with_logits", "pos_weight", pos_weight, input)
    positive = log1pexp(-input) * target
    loss = (positive if pos_weight is None else positive * pos_weight) + log1pexp(input) * (1 - target)
    return reduced("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


def kl_div(input: Value, target: Value, reduction: str = "mean", log_target: bool = False) -> Value:
    """Return t (ln t - input) for log-probabilities ``input``; 'batchmean' divides the sum by the batch's size.

    ``target`` (t) are probabilities, or their logarithms with ``log_target``. Derivative: -g t.
    """
    a, t = _pair("kl_div", input, target)
    if log_target:
        loss = exp(t) * (t - a)
    else:
        zero = Plain(lambda t: t == 0, "is_zero")(t)
        loss = where(zero, t * 0, t * log(where(zero, t * 0 + 1, t))) - t * a
    if reduction == "batchmean":
        return div(total(loss), float(input.shape[0] if input.ndim else 1))
    return reduced("kl_div", loss, reduction)


def cosine_similarity(x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """Return x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along ``dim``.

    Values in [-1, 1]. Derivative: g (x2 / (|x1| |x2|) - y x1 / |x1|^2), and with 1 and 2 exchanged.
    """
    a, b = _pair("cosine_similarity", x1, x2)
    dots = total(a * b, dim)
    return dots / (clamp(norm(a, 2, dim), min=eps) * clamp(norm(b, 2, dim), min=eps))


def cosine_embedding_loss(
    input1: Value, input2: Value, target: Value, margin: float = 0.0, reduction: str = "mean"
) -> Value:
    """Return 1 - cos for target 1, and max(0, cos - margin) for target -1.

    ``input1`` and ``input2`` are (N, D) or (D,), cos their cosine over D, ``target`` (N,) holds 1 and -1.
    """
    if input1.ndim != target.ndim + 1 or target.ndim > 1 or input2.ndim != input1.ndim:
        raise ShapeError(
            f"cosine_embedding_loss: inputs {input1.shape} and {input2.shape} with targets {target.shape}; "
            f"give (N, D), (N, D) and (N,), or (D,), (D,) and ()"
        )
    eps = 1e-12
    dots = total(input1 * input2, -1)
    size = (total(input1 * input1, -1) + eps) * (total(input2 * input2, -1) + eps)
    cos = dots / size**0.5
    loss = where(target == 1, 1 - cos, where(target == -1, relu(cos - margin), cos * 0))
    return reduced("cosine_embedding_loss", loss, reduction)


def margin_ranking_loss(
    input1: Value, input2: Value, target: Value, margin: float = 0.0, reduction: str = "mean"
) -> Value:
    """Return max(0, -target (input1 - input2) + margin).

    All have one shape; ``target`` is 1 where ``input1`` should be the larger one, else -1. Derivative: -target g and
    target g where the loss is above 0.
    """
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
    reduction: str = "mean",
) -> Value:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin), d the ``p``-norm of a difference.

    ``anchor``, ``positive`` and ``negative`` are (N, D); with ``swap``, d(positive, negative) takes the place of
    d(anchor, negative) where it is smaller. Source: Schroff, Kalenichenko and Philbin 2015.
    """
    if margin <= 0:
        raise ArgumentError(f"triplet_margin_loss: margin is {margin}; give a positive number")
    near, far = norm(anchor - positive + eps, p, -1), norm(anchor - negative + eps, p, -1)
    if swap:
        from .arithmetic import minimum

        far = minimum(far, norm(positive - negative + eps, p, -1))
    return reduced("triplet_margin_loss", clamp(near - far + margin, min=0.0), reduction)


def multi_margin_loss(
    input: Value, target: Value, p: int = 1, margin: float = 1.0, weight: Value | None = None, reduction: str = "mean"
) -> Value:
    """Return sum over k != t of max(0, margin - x[t] + x[k])^p / K, times weight[t].

    ``input`` (x) is (N, K), ``target`` (t) the class numbers (N,), ``weight`` (K,).
    """
    if p not in (1, 2):
        raise ArgumentError(f"multi_margin_loss: p is {p}; give 1 or 2")
    single = input.ndim == 1
    x = reshape(input, (1, -1)) if single else input
    t = _check_targets("multi_margin_loss", x.shape[1], target, -1).reshape(-1, 1)
    slack = relu(margin - gather(x, 1, t) + x)
    slack = slack if p == 1 else slack * slack
    if weight is not None:
        slack = slack * np.asarray(weight)[t]
    others = np.arange(x.shape[1]) != t
    loss = total(where(others, slack, x.dtype.type(0)), 1) * (1.0 / x.shape[1])
    return reduced("multi_margin_loss", reshape(loss, target.shape) if single else loss, reduction)


def pairwise_distance(x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Value:
    """Return the p-norm of ``x1 - x2 + eps`` over the last dimension."""
    return norm(x1 - x2 + eps, p, -1, keepdim)


def soft_margin_loss(input: Value, target: Value, reduction: str = "mean") -> Value:
    """Return ln(1 + e^(-target x)) for targets 1 and -1, without overflow.

    ``input`` (x) and ``target`` have one shape. Derivative: -g target sigmoid(-target x).
    """
    _fits("soft_margin_loss", "target", target, input)
    return reduced("soft_margin_loss", log1pexp(-target * input), reduction)


def hinge_embedding_loss(input: Value, target: Value, margin: float = 1.0, reduction: str = "mean") -> Value:
    """Return x for target 1, and max(0, margin - x) for target -1.

    ``input`` (x) and ``target`` have one shape. Derivative: g for target 1; -g where x < margin for target -1.
    """
    far = clamp(margin - input, min=0.0)
    loss = where(target == 1, input, input * 0) + where(target == -1, far, input * 0)
    return reduced("hinge_embedding_loss", loss, reduction)
