"""No hidden copies: a training step rearranges its input and what passes between images and rows, and nothing else.

An activation lies channels-last. A gradient that lies otherwise is correct but slow: every kernel that meets it makes a
copy, and hands the order on. Deeper networks would then copy more; here the number does not depend on the depth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.models import CifarResNet
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops import layout
from tinygrad_cv.ops.kernels import pointwise_numba

SMALL = 1000
"""Elements below which nobody minds: labels, biases, scores."""


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Callable[[nn.Module], list[tuple[int, ...]]]:
    """Run one training step on four images and return the shapes of all arrays that were copied into another order."""
    found: list[tuple[int, ...]] = []
    contiguous, pick, alike = np.ascontiguousarray, layout.pick, pointwise_numba._alike

    def counted(x: np.ndarray, *rest: Any) -> np.ndarray:
        y = contiguous(x, *rest)
        if y is not x and y.size >= SMALL and not np.shares_memory(x, y):
            found.append(x.shape)
        return y

    def picked(kernel: str, *rest: Any) -> Callable[..., np.ndarray]:
        def swap(x: np.ndarray) -> np.ndarray:
            if x.size >= SMALL:
                found.append(x.shape)
            return pick(kernel, *rest)(x)

        return swap if kernel == "swap" else pick(kernel, *rest)

    def aligned(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.strides != b.strides and b.size >= SMALL:
            found.append(b.shape)
        return alike(a, b)

    monkeypatch.setattr(np, "ascontiguousarray", counted)
    monkeypatch.setattr(layout, "pick", picked)
    monkeypatch.setattr(pointwise_numba, "_alike", aligned)

    def step(model: nn.Module) -> list[tuple[int, ...]]:
        rng = np.random.default_rng(0)
        images = tg.tensor(rng.standard_normal((4, 3, 32, 32)).astype(np.float32))
        found.clear()
        F.cross_entropy(model(images), tg.tensor(rng.integers(0, 10, 4))).backward()
        return list(found)

    return step


@pytest.mark.parametrize("shortcut", ["A", "B"])
@pytest.mark.parametrize("preact", [False, True])
def test_a_deeper_residual_network_copies_nothing_more(copies: Any, shortcut: str, preact: bool) -> None:
    shallow, deep = (copies(CifarResNet(depth, shortcut=shortcut, preact=preact)) for depth in (8, 20))
    assert deep == shallow
    assert len(deep) == 2, deep  # the images, forward and for the gradient of the first filters


class Fire(nn.Module):
    """Two convolutions joined along the channels, whose gradients are slices of one array."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.left, self.right = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Any) -> Any:
        """Images (N, 16, H, W) to the same shape."""
        x = F.relu(self.squeeze(x))
        return tg.cat([F.relu(self.left(x)), F.relu(self.right(x))], 1)


def test_joined_branches_copy_their_gradients_in_order_and_hand_nothing_on(copies: Any) -> None:
    def stacked(modules: int) -> nn.Module:
        fires, head = [Fire() for _ in range(modules)], [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
        return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *fires, *head)

    assert copies(stacked(3)) == copies(stacked(1))


def _plain(pool: nn.Module, blocks: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1)]
    for _ in range(blocks):
        layers += [nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.Sigmoid()]
        layers += [nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.Tanh(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(16 * 64, 10))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(4), nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(8)], ids=repr)
def test_more_layers_between_images_and_scores_copy_nothing_more_than_masks(copies: Any, pool: nn.Module) -> None:
    once, thrice = copies(_plain(pool, 1)), copies(_plain(pool, 3))
    dropout = (4, 16, 1024)  # its mask, drawn row-major so that the order in memory does not change the result
    assert Counter(thrice) - Counter(once) == Counter({dropout: 2})
    assert len(once) == 5, once  # the images, twice, a mask, what is flattened, and its gradient
