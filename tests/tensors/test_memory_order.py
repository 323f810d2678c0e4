"""Images are channels-last in memory from the first layer to the last, and the user sees (N, C, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.ops.layout import is_channels_last

STEPS: dict[str, Callable[[Any], Any]] = {
    "conv2d": lambda x: tg.conv2d(x, tg.ones(5, 4, 3, 3), padding=1),
    "conv_transpose2d": lambda x: tg.conv_transpose2d(x, tg.ones(4, 5, 2, 2), stride=2),
    "max_pool2d": lambda x: tg.max_pool2d(x, 2),
    "avg_pool2d": lambda x: tg.avg_pool2d(x, 2),
    "adaptive_avg_pool2d": lambda x: tg.adaptive_avg_pool2d(x, 2),
    "batch_norm": lambda x: tg.batch_norm(x, None, None, training=True),
    "relu": tg.relu,
    "exp": tg.exp,
    "leaky_relu": tg.leaky_relu,
    "add": lambda x: x + x * 2.0,
    "bias": lambda x: x + tg.ones(4).reshape(1, 4, 1, 1),
    "where": lambda x: tg.where(x > 0, x, x * 0.1),
    "cat": lambda x: tg.cat([x, x], 1),
    "flip": lambda x: tg.flip(x, (3,)),
    "clone": lambda x: x.clone(),
    "cast": lambda x: x.double(),
    "softmax": lambda x: x.softmax(1),
}


def images() -> Any:
    block = np.random.default_rng(0).standard_normal((2, 6, 6, 4)).astype(np.float32)
    return tg.tensor(block).permute(0, 3, 1, 2).detach().requires_grad_()


@pytest.mark.parametrize("step", STEPS)
def test_channels_last_goes_in_and_comes_out(step: str) -> None:
    x = images()
    assert is_channels_last(x.detach().numpy()) and x.shape == (2, 4, 6, 6)
    y = STEPS[step](x)
    assert is_channels_last(y.detach().numpy())


@pytest.mark.parametrize("step", STEPS)
def test_the_gradient_is_channels_last_too(step: str) -> None:
    x = images()
    y = STEPS[step](x)
    (y * y).sum().backward()
    assert is_channels_last(x.grad.numpy())


def test_convolution_turns_row_major_images_into_channels_last() -> None:
    x = tg.tensor(np.ones((2, 4, 6, 6), np.float32))
    assert not is_channels_last(x.numpy()) and is_channels_last(STEPS["conv2d"](x).numpy())
