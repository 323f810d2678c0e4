"""Starting values have the bounds, moments and shapes that their names promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.nn import init
from tinygrad_cv.ops.errors import ArgumentError, ShapeError


def drawn(function, *args, shape=(40, 20, 3, 3), **kwargs) -> np.ndarray:
    t = tg.empty(*shape)
    assert function(t, *args, generator=tg.Generator().manual_seed(1), **kwargs) is t
    return t.numpy()


def test_uniform_draws_stay_within_their_bound_and_reach_it() -> None:
    fan_in, fan_out = 20 * 9, 40 * 9
    cases = [
        (drawn(init.uniform_, -2.0, 2.0), 2.0),
        (drawn(init.xavier_uniform_, gain=2.0), 2 * math.sqrt(6 / (fan_in + fan_out))),
        (drawn(init.kaiming_uniform_, math.sqrt(5)), 1 / math.sqrt(fan_in)),
        (drawn(init.kaiming_uniform_, mode="fan_out", nonlinearity="relu"), math.sqrt(6 / fan_out)),
    ]
    for values, bound in cases:
        assert np.abs(values).max() <= bound and np.abs(values).max() > 0.99 * bound
        assert abs(values.mean()) < 0.05 * bound


def test_normal_draws_have_their_standard_deviation() -> None:
    fan_in, fan_out = 20 * 9, 40 * 9
    cases = [
        (drawn(init.normal_, 1.0, 3.0) - 1, 3.0),
        (drawn(init.xavier_normal_), math.sqrt(2 / (fan_in + fan_out))),
        (drawn(init.kaiming_normal_, nonlinearity="relu"), math.sqrt(2 / fan_in)),
        (drawn(init.trunc_normal_, std=0.1), 0.1),
    ]
    for values, std in cases:
        assert abs(values.std() / std - 1) < 0.03 and abs(values.mean() / std) < 0.05


def test_truncated_draws_stay_inside() -> None:
    values = drawn(init.trunc_normal_, 0.0, 1.0, -0.5, 1.5)
    assert values.min() >= -0.5 and values.max() <= 1.5 and values.max() > 1.4


def test_orthogonal_matrices_are_orthogonal() -> None:
    for shape in ((6, 4), (4, 6), (5, 2, 3)):
        m = drawn(init.orthogonal_, 2.0, shape=shape).reshape(shape[0], -1)
        product = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
        assert np.allclose(product, 4 * np.eye(min(m.shape)), atol=1e-5)


def test_dirac_filters_hand_their_channels_on() -> None:
    w = init.dirac_(tg.empty(4, 2, 3, 3), groups=2)
    x = tg.randn(1, 4, 5, 5)
    assert np.allclose(tg.conv2d(x, w, padding=1, groups=2).numpy(), x.numpy(), atol=1e-6)


def test_constants_and_the_identity() -> None:
    assert init.ones_(tg.empty(2)).tolist() == [1, 1] and init.zeros_(tg.empty(2)).tolist() == [0, 0]
    assert init.constant_(tg.empty(2), 7).tolist() == [7, 7]
    assert init.eye_(tg.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_the_same_seed_gives_the_same_layer_whatever_the_memory_order() -> None:
    tg.manual_seed(3)
    a = nn.Conv2d(3, 4, 3)
    t = tg.Tensor(np.empty((4, 3, 3, 3), np.float32).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2))
    init.kaiming_uniform_(t, math.sqrt(5), generator=tg.Generator().manual_seed(3))
    assert np.array_equal(a.weight.detach().numpy(), t.numpy())
    assert np.abs(a.bias.detach().numpy()).max() <= 1 / math.sqrt(27)


def test_gains_are_those_of_the_papers() -> None:
    assert init.calculate_gain("tanh") == 5 / 3 and init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 1.0) == 1 and init.calculate_gain("conv2d") == 1
    with pytest.raises(ArgumentError, match="no gain is known for 'swish'"):
        init.calculate_gain("swish")
    with pytest.raises(ArgumentError, match="param is True"):
        init.calculate_gain("leaky_relu", True)


def test_sparse_columns_have_their_share_of_zeros() -> None:
    values = drawn(init.sparse_, 0.3, 2.0, shape=(10, 400))
    assert ((values == 0).sum(0) == 3).all() and abs(values[values != 0].std() / 2 - 1) < 0.05


def test_shapes_without_fans_are_refused() -> None:
    with pytest.raises(ShapeError, match="no fan-in"):
        init.xavier_normal_(tg.empty(3))
    with pytest.raises(ArgumentError, match="fan_in"):
        init.kaiming_normal_(tg.empty(3, 3), mode="fan")
