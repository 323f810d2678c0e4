"""Evaluation without a graph takes shorter ways: folded filters, numbers that nobody records. The values stay."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.autograd.fusion import fusion


@pytest.mark.parametrize("shape", [(1, 24, 3, 3), (6, 24, 9, 9)])  # fewer pixels than weights, and more
def test_evaluation_gives_the_same_values_with_and_without_a_graph(shape: tuple[int, ...]) -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(24, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU())
    for _ in range(3):
        model(tg.randn(*shape[:2], 9, 9))  # running statistics of some batches
    x = tg.randn(*shape)
    model.eval()
    recorded = model(x)
    assert recorded.requires_grad
    with tg.no_grad():
        free = model(x)
        with fusion(False):
            plain = model(x)
    for other in (free, plain):
        np.testing.assert_allclose(other.numpy(), recorded.detach().numpy(), atol=3e-5)


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(24, 24, 3, padding=1), nn.BatchNorm2d(24)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return nn.functional.relu(self.bn(self.conv(x)) + x)


def test_a_shortcut_is_added_to_folded_filters_as_to_a_recorded_norm() -> None:
    tg.manual_seed(0)
    model = Shortcut()
    model(tg.randn(4, 24, 9, 9))
    x = tg.randn(2, 24, 9, 9)
    model.eval()
    recorded = model(x)
    with tg.no_grad():
        np.testing.assert_allclose(model(x).numpy(), recorded.detach().numpy(), atol=3e-5)
