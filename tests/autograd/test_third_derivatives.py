"""Third derivatives are the differences of the second: through each kind of layer, and through a network of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv.autograd import grad

Shapes = list[tuple[int, ...]]
Map = Callable[..., tg.Tensor]


def network(x: tg.Tensor, w: tg.Tensor, scale: tg.Tensor, shift: tg.Tensor) -> tg.Tensor:
    y = F.conv2d(x, w, stride=2, padding=1)
    y = F.softplus(F.batch_norm(y, None, None, scale, shift, True), 2.0)
    return F.avg_pool2d(F.max_pool2d(y, 2, 1), 2)


IMAGES, CHANNELS = (2, 4, 5, 6), (4,)
MAPS: dict[str, tuple[Map, Shapes]] = {
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, 2, 1, 1, 2), [IMAGES, (4, 2, 3, 2), (4,)]),
    "conv2d, dilated": (lambda x, w: F.conv2d(x, w, None, 1, "same", 2), [IMAGES, (2, 4, 3, 3)]),
    "conv1d": (lambda x, w: F.conv1d(x, w, stride=2, padding=2), [(2, 3, 7), (2, 3, 3)]),
    "conv_transpose2d": (lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1), [(2, 3, 3, 2), (3, 2, 3, 3)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [(3, 4, 2, 2), CHANNELS, CHANNELS]),
    "batch_norm of rows": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [(5, 4), CHANNELS, CHANNELS]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [(2, 4, 3, 2), CHANNELS, CHANNELS]),
    "layer_norm": (lambda x, w: F.layer_norm(x, (6,), w), [(3, 6), (6,)]),
    "softplus": (lambda x: F.softplus(x, 1.5), [(4, 3)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), [IMAGES]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, 1, 1, count_include_pad=False), [IMAGES]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)), [IMAGES]),
    "lp_pool2d": (lambda x: F.lp_pool2d(x.exp(), 3, 2), [IMAGES]),
    "network": (network, [(2, 3, 9, 8), (4, 3, 3, 3), CHANNELS, CHANNELS]),
}


@pytest.mark.parametrize("name", MAPS)
def test_third_derivatives_agree_with_differences_of_the_second(name: str) -> None:
    function, shapes = MAPS[name]
    rng = np.random.default_rng(0)
    start, step, twist = ([rng.standard_normal(shape) for shape in shapes] for _ in range(3))

    def second(t: float) -> tuple[tg.Tensor, list[tg.Tensor]]:
        """Return a second derivative at start + t step, and the leaves that it depends on."""
        leaves = [tg.tensor(a + t * b, requires_grad=True) for a, b in zip(start, step)]
        # the cube, for a linear map has no second derivative of its own
        y = (function(*leaves) ** 3).sum()
        for _ in range(2):
            gradients = grad(y, leaves, create_graph=True, allow_unused=True)
            y = sum((g * tg.tensor(v)).sum() for g, v in zip(gradients, twist) if g is not None)
        return y, leaves

    def value(t: float) -> float:
        return second(t)[0].item()

    y, leaves = second(0.0)
    third = sum((g * tg.tensor(v)).sum().item() for g, v in zip(grad(y, leaves), step))
    h = 1e-3
    differences = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    assert abs(third) > 1e-3 and third == pytest.approx(differences, rel=1e-7)
