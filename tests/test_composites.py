"""First and second derivatives of the functions that are composed of ops, and of whole little networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import functional as F
from tinygrad_cv.testing import Draw, assert_close, gradcheck, gradgradcheck

LABELS = np.array([0, 2, 1])
SIGNS = np.array([1.0, -1.0, 1.0])

# name: the function, the shapes of its arguments, and what its numbers stay away from
TABLE: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], tuple[float, ...]]] = {
    "leaky_relu": (F.leaky_relu, [(3, 2)], (0,)),
    "prelu": (F.prelu, [(2, 3, 2), (3,)], (0,)),
    "relu6": (lambda x: F.relu6(x * 4), [(3, 2)], (0, 1.5)),
    "hardtanh": (F.hardtanh, [(3, 2)], (-1, 1)),
    "elu": (F.elu, [(3, 2)], (0,)),
    "celu": (lambda x: F.celu(x, 0.7), [(3, 2)], (0,)),
    "selu": (F.selu, [(3, 2)], (0,)),
    "gelu": (F.gelu, [(3, 2)], ()),
    "gelu, tanh": (lambda x: F.gelu(x, approximate="tanh"), [(3, 2)], ()),
    **{name: (getattr(F, name), [(3, 2)], ()) for name in ("sinh", "cosh", "tan")},
    "sqrt": (lambda x: F.sqrt(x * x + 0.2), [(3, 2)], ()),
    "rsqrt": (lambda x: F.rsqrt(x * x + 0.2), [(3, 2)], ()),
    "log2": (lambda x: F.log2(x * x + 0.2), [(3, 2)], ()),
    "log10": (lambda x: F.log10(x * x + 0.2), [(3, 2)], ()),
    "reciprocal": (lambda x: F.reciprocal(x * x + 0.2), [(3, 2)], ()),
    "acos": (lambda x: F.acos(x * 0.2), [(3, 2)], ()),
    "silu": (F.silu, [(3, 2)], ()),
    "mish": (F.mish, [(3, 2)], ()),
    "softplus": (lambda x: F.softplus(x, 2.0, 3.0), [(3, 2)], (1.5,)),
    "hardswish": (lambda x: F.hardswish(x * 2), [(3, 2)], (-1.5, 1.5)),
    "hardsigmoid": (lambda x: F.hardsigmoid(x * 2), [(3, 2)], (-1.5, 1.5)),
    "hardshrink": (F.hardshrink, [(3, 2)], (-0.5, 0.5)),
    "softshrink": (F.softshrink, [(3, 2)], (-0.5, 0.5)),
    "tanhshrink": (F.tanhshrink, [(3, 2)], ()),
    "softsign": (F.softsign, [(3, 2)], (0,)),
    "logsigmoid": (F.logsigmoid, [(3, 2)], ()),
    "threshold": (lambda x: F.threshold(x, 0.3, 7.0), [(3, 2)], (0.3,)),
    "glu": (F.glu, [(3, 4)], ()),
    "mean": (lambda x: F.mean(x, 1), [(3, 4)], ()),
    "var": (lambda x: F.var(x, 0), [(3, 4)], ()),
    "std": (lambda x: F.std(x, (0, 1)), [(3, 4)], ()),
    "prod": (lambda x: F.prod(x, 1), [(2, 5)], ()),
    "cumprod": (lambda x: F.cumprod(x, 1), [(2, 5)], ()),
    "logsumexp": (lambda x: F.logsumexp(x, (0, 1)), [(3, 4)], ()),
    "norm": (lambda x: F.norm(x, 2, 1), [(3, 4)], ()),
    "norm, p=3": (lambda x: F.norm(x, 3, 1), [(3, 4)], (0,)),
    "max along": (lambda x: F.max(x, 1).values, [(3, 4)], ()),
    "topk": (lambda x: F.topk(x, 2).values, [(3, 4)], ()),
    "sort": (lambda x: F.sort(x, 0).values, [(3, 4)], ()),
    "matmul, broadcast": (F.matmul, [(2, 1, 3, 2), (4, 2, 3)], ()),
    "matmul, vector": (F.matmul, [(2, 3, 2), (2,)], ()),
    "addmm": (lambda x, a, b: F.addmm(x, a, b, beta=0.5, alpha=2.0), [(3,), (2, 4), (4, 3)], ()),
    "lerp": (F.lerp, [(3, 2), (2,), (3, 1)], ()),
    "addcdiv": (lambda x, a, b: F.addcdiv(x, a, b, value=0.3), [(2, 2), (2, 2), (2,)], (0, -0.1, 0.1, 0.2, -0.2)),
    "conv1d": (lambda x, w: F.conv1d(x, w, None, 2, 1), [(2, 2, 5), (3, 2, 3)], ()),
    "conv_transpose2d": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1),
        [(2, 2, 3, 2), (2, 3, 3, 3), (3,)],
        (),
    ),
    "convolve2d": (F.convolve2d, [(1, 2, 4, 4), (1, 2, 2, 3)], ()),
    "im2col": (lambda x: F.im2col(x, 2, 1, 1), [(1, 2, 3, 3)], ()),
    "batch_norm, evaluating": (
        lambda x, w, b: F.batch_norm(x, np.array([0.1, 0.2]), np.array([0.5, 2.0]), w, b),
        [(3, 2, 2, 2), (2,), (2,)],
        (),
    ),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), [(3, 4), (4,), (4,)], ()),
    "group_norm": (lambda x, w: F.group_norm(x, 2, w), [(2, 4, 3), (4,)], ()),
    "instance_norm": (F.instance_norm, [(2, 2, 3, 2)], ()),
    "local_response_norm": (lambda x: F.local_response_norm(x, 3, 0.5), [(2, 4, 2)], ()),
    "normalize": (F.normalize, [(3, 4)], ()),
    "cosine_similarity": (F.cosine_similarity, [(3, 4), (3, 4)], ()),
    "cross_entropy": (lambda x: F.cross_entropy(x, LABELS), [(3, 3)], ()),
    "cross_entropy, smoothed and weighed": (
        lambda x: F.cross_entropy(x, LABELS, np.array([1.0, 2.0, 0.5]), ignore_index=2, label_smoothing=0.1),
        [(3, 3)],
        (),
    ),
    "cross_entropy, probabilities": (lambda x, t: F.cross_entropy(x, t), [(3, 4), (3, 4)], ()),
    "nll_loss": (lambda x: F.nll_loss(x, LABELS, reduction="sum"), [(3, 3)], ()),
    "mse_loss": (F.mse_loss, [(3, 2), (3, 2)], ()),
    "smooth_l1_loss": (lambda x: F.smooth_l1_loss(x, np.zeros((3, 2))), [(3, 2)], (-1, 0, 1)),
    "huber_loss": (lambda x: F.huber_loss(x, np.zeros((3, 2))), [(3, 2)], (-1, 0, 1)),
    "binary_cross_entropy": (
        lambda x, t: F.binary_cross_entropy(F.sigmoid(x), F.sigmoid(t)),
        [(3, 2), (3, 2)],
        (),
    ),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, [(3, 2), (3, 2)], ()),
    "kl_div": (lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=True), [(3, 2), (3, 2)], ()),
    "cosine_embedding_loss": (lambda a, b: F.cosine_embedding_loss(a, b, SIGNS, -2.0), [(3, 4), (3, 4)], ()),
    "triplet_margin_loss": (lambda a, b, c: F.triplet_margin_loss(a, b, c, 9.0), [(3, 4)] * 3, ()),
    "a small network": (
        lambda x, w, v, a, b: (
            F.max_pool2d(F.softplus(F.batch_norm(F.conv2d(x, w, None, 1, 1), None, None, a, b, True)), 2).flatten(1) @ v
        ),
        [(2, 2, 4, 4), (2, 2, 3, 3), (8, 2), (2,), (2,)],
        (),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_first_and_second_derivatives_equal_differences(name: str) -> None:
    function, shapes, away = TABLE[name]
    d = Draw.seeded(len(name))
    inputs = tuple(tg.tensor(d.array(s, away=away), requires_grad=True) for s in shapes)
    assert gradcheck(function, inputs, eps=1e-4, atol=1e-8, rtol=1e-7, fast_mode=True)
    assert gradgradcheck(function, inputs, eps=1e-4, atol=1e-8, rtol=1e-7, fast_mode=True)


@pytest.mark.parametrize("zeros", [[1], [0, 3], [0, 1, 2, 3]])
def test_products_with_zeros_have_the_right_derivatives_of_any_order(zeros: list[int]) -> None:
    x = Draw.seeded(0).array((4,))
    x[zeros] = 0.0
    for function in (lambda t: F.prod(t, 0), lambda t: F.cumprod(t, 0)):
        leaf = tg.tensor(x, requires_grad=True)
        assert gradcheck(function, (leaf,)) and gradgradcheck(function, (leaf,))


def test_a_square_root_at_zero_has_a_finite_gradient_where_it_is_a_norm() -> None:
    x = tg.zeros(3, dtype=tg.float64, requires_grad=True)
    (F.norm(x) + F.std(x)).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_numbers_far_from_zero_do_not_overflow() -> None:
    x = tg.tensor([-800.0, 0.0, 800.0], dtype=tg.float64, requires_grad=True)
    for function in (F.sigmoid, F.softplus, F.logsigmoid, F.silu, F.mish, lambda t: F.log_softmax(t, 0)):
        y = function(x)
        (g,) = tg.autograd.grad(y.sum(), x)
        assert np.isfinite(y.detach().numpy()).all() and np.isfinite(g.numpy()).all()
    assert_close(F.logsumexp(x, 0), tg.tensor(800.0, dtype=tg.float64))
