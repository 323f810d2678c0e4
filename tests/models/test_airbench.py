"""The fast network: what its first layer and its first filters do before anything is learned."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import models
from tinygrad_cv.ops.errors import ShapeError


def test_whitened_patches_are_decorrelated_and_of_unit_variance() -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((40, 3, 32, 32)).cumsum(axis=3).astype(np.float32) / 4
    net = models.airbench(widths=(8, 8, 8))
    net.whiten_from(images, eps=1e-9)
    y = net.whiten(torch.tensor(images)).detach().numpy()
    rows = y.transpose(0, 2, 3, 1).reshape(-1, 24)
    second = rows.T @ rows / len(rows)
    np.testing.assert_allclose(second[:12, :12], np.eye(12), atol=2e-2)
    np.testing.assert_allclose(rows[:, 12:], -rows[:, :12], atol=1e-4)


def test_whitening_filters_and_scales_are_not_learned() -> None:
    net = models.airbench(widths=(8, 8, 8))
    fixed = sum(p.numel() for p in net.parameters() if not p.requires_grad)
    assert fixed == 288 + 6 * 8
    net(torch.randn(4, 3, 32, 32)).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in net.parameters())


def test_the_first_filters_hand_channels_on() -> None:
    group = models.airbench(widths=(32, 32, 32)).groups[0]
    x = torch.randn(1, 24, 8, 8)
    np.testing.assert_allclose(group.conv1(x).detach().numpy()[:, :24], x.numpy(), atol=1e-4)


def test_images_that_cannot_whiten_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"got images \(2, 1, 8, 8\); give \(N, 3, H, W\)"):
        models.airbench(widths=(8, 8, 8)).whiten_from(np.zeros((2, 1, 8, 8), np.float32))
