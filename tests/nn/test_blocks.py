"""The blocks of the papers keep the laws that make them what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import nn
from tinygrad_cv.nn import blocks
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.testing import gradcheck


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def close(a: Any, b: Any, atol: float = 1e-5) -> bool:
    return bool(np.allclose(a.detach().numpy(), b.detach().numpy(), atol=atol))


BLOCKS: dict[str, tuple[Any, int]] = {
    "se": (lambda: blocks.SEBlock(4, 2), 4 * 2 + 2 + 2 * 4 + 4),
    "squeeze": (lambda: blocks.SqueezeExcitation(4, 3), 2 * 4 * 3 + 3 + 4),
    "separable": (lambda: blocks.DepthwiseSeparable(4, 6), 9 * 4 + 8 + 24 + 12),
    "dynamic": (lambda: blocks.DynamicConv2d(4, 6, 3, padding=1, experts=2), 2 * (216 + 6) + 4 + 1 + 2 + 2),
    "ghost": (lambda: blocks.GhostModule(4, 6), 12 + 6 + 27 + 6),
    "inception": (lambda: blocks.Inception(4, 2, 3, 4, 1, 2, 2), 8 + 4 + 12 + 6 + 108 + 8 + 4 + 2 + 18 + 4 + 8 + 4),
    "deformable": (lambda: blocks.ModulatedDeformConv2d(4, 6, 3, padding=1), 216 + 6 + 27 * 36 + 27),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_parameters_are_as_many_as_the_formula_says(name: str) -> None:
    build, parameters = BLOCKS[name]
    assert count(build()) == parameters


@pytest.mark.parametrize("name", BLOCKS)
def test_the_derivative_of_each_block_is_that_of_differences(name: str) -> None:
    torch.manual_seed(3)
    block = BLOCKS[name][0]().double().eval()
    if name == "deformable":
        nn.init.normal_(block.predictor.weight, std=0.1)
    x = torch.randn(2, 4, 4, 4, dtype=np.float64, requires_grad=True)
    assert gradcheck(lambda x, *_: block(x), [x, *block.parameters()])


def test_squeeze_and_excitation_scales_whole_channels() -> None:
    x = torch.rand(2, 8, 3, 3) + 1
    for block in (blocks.SEBlock(8, 4), blocks.SqueezeExcitation(8, 2)):
        factor = (block(x) / x).detach().numpy()
        assert np.allclose(factor, factor[:, :, :1, :1]) and 0 < factor.min() < factor.max() < 1


def test_dynamic_convolution_with_one_expert_is_a_convolution() -> None:
    x = torch.randn(3, 4, 5, 5)
    layer = blocks.DynamicConv2d(4, 6, 3, stride=2, padding=1, experts=1, groups=2)
    assert close(layer(x), F.conv2d(x, layer.weight[0], layer.bias[0], 2, 1, 1, 2))


def test_dynamic_convolution_mixes_the_filters_of_each_image_by_its_shares() -> None:
    x = torch.randn(2, 4, 5, 5)
    layer = blocks.DynamicConv2d(4, 6, 3, experts=3, temperature=1.0)
    p = layer.shares(x)
    for n in range(2):
        w = sum(p[n, i] * layer.weight[i] for i in range(3))
        b = sum(p[n, i] * layer.bias[i] for i in range(3))
        assert close(layer(x)[n], F.conv2d(x[n : n + 1], w, b)[0])


def test_equal_filters_make_dynamic_convolution_blind_to_the_image() -> None:
    layer = blocks.DynamicConv2d(2, 3, 3, experts=4)
    layer.weight._data[...] = layer.weight._data[:1].copy()
    layer.bias._data[...] = layer.bias._data[:1].copy()
    x = torch.randn(2, 2, 4, 4)
    assert close(layer(x), F.conv2d(x, layer.weight[0], layer.bias[0]))


@pytest.mark.parametrize("modulated", [False, True])
def test_a_deformable_layer_starts_as_a_convolution(modulated: bool) -> None:
    layer = blocks.ModulatedDeformConv2d(3, 4, 3, stride=2, padding=1, modulated=modulated)
    x = torch.randn(2, 3, 7, 7)
    assert close(layer(x), F.conv2d(x, layer.weight, layer.bias, 2, 1))


def test_ghost_copies_come_from_the_channels_before_them() -> None:
    ghost = blocks.GhostModule(4, 6).eval()
    x = torch.randn(1, 4, 5, 5)
    y = ghost(x)
    assert close(y[:, :3], ghost.primary_conv(x)) and close(y[:, 3:], ghost.cheap_operation(y[:, :3]))
    assert blocks.GhostModule(4, 5)(x).shape == (1, 5, 5, 5)


def test_inception_keeps_the_size_and_joins_its_paths() -> None:
    block = blocks.Inception(4, 1, 2, 3, 1, 2, 4, large=5).eval()
    x = torch.randn(2, 4, 6, 5)
    y = block(x)
    assert y.shape == (2, 10, 6, 5)
    assert close(y[:, :1], block.branch1(x)) and close(y[:, 6:], block.branch4(x))
    assert blocks.Inception(4, 1, 2, 3, 1, 2, 0)(x).shape == (2, 6, 6, 5)


@pytest.mark.parametrize("channels", [64, 512])
def test_separable_convolution_saves_more_than_the_notes_say(channels: int) -> None:
    full = nn.Conv2d(channels, channels, 3, bias=False)
    parts = blocks.DepthwiseSeparable(channels, channels, norm_layer=None)
    weights = sum(p.numel() for n, p in parts.named_parameters() if n.endswith("weight"))
    saved = 1 - weights / count(full)
    assert 0.87 < saved < 0.89  # the notes: 0.70


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = blocks.StochasticDepth(0.25, "row")
    y = layer(torch.ones(4000, 2, 1, 1)).numpy()
    assert set(np.unique(y.round(4))) == {0.0, np.float32(1.3333)}
    assert np.array_equal(y[:, 0], y[:, 1]) and abs(y.mean() - 1) < 0.05
    assert len(np.unique(blocks.StochasticDepth(0.5, "batch")(torch.ones(50, 1)).numpy())) == 1
    x = torch.ones(3, 1)
    assert layer.eval()(x) is x


def test_channel_numbers_are_rounded_as_the_papers_do() -> None:
    assert [blocks.make_divisible(v) for v in (3, 11, 12, 17.9, 35.2)] == [8, 16, 16, 24, 32]


def test_a_convolution_with_a_norm_has_no_bias_and_keeps_the_size() -> None:
    layer = blocks.Conv2dNormActivation(3, 4, 5, dilation=2)
    assert layer[0].bias is None and layer(torch.zeros(1, 3, 9, 9)).shape == (1, 4, 9, 9)
    assert blocks.Conv2dNormActivation(3, 4, norm_layer=None, activation_layer=None)[0].bias is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: blocks.SEBlock(4)(torch.zeros(1, 3, 2, 2)), r"give \(N, 4, H, W\)"),
        (lambda: blocks.SEBlock(4, 0), "reduction is 0"),
        (lambda: blocks.DynamicConv2d(4, 4, 3)(torch.zeros(1, 3, 5, 5)), r"give \(N, 4, H, W\)"),
        (lambda: blocks.DynamicConv2d(4, 4, 3, experts=0), "at least one expert"),
        (lambda: blocks.DynamicConv2d(4, 4, 3, groups=3), "groups is 3"),
        (lambda: blocks.DeformConv2d(4, 4, 3, groups=3), "groups is 3"),
        (lambda: blocks.GhostModule(4, 4, ratio=1), "ratio is 1"),
        (lambda: blocks.Inception(4, 1, 1, 1, 1, 1, 1, large=4), "give an odd side"),
        (lambda: blocks.stochastic_depth(torch.ones(1), 2.0, "row"), "p is 2.0"),
        (lambda: blocks.stochastic_depth(torch.ones(1), 0.5, "all"), "mode is 'all'"),
    ],
)
def test_blocks_refuse_what_has_no_meaning(call: Any, message: str) -> None:
    with pytest.raises(TinygradError, match=message):
        call()
