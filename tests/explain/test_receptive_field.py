"""The receptive field is a box that holds every pixel with a gradient, and no smaller box does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv import models, nn
from tinygrad_cv.explain.field_picture import draw_fields
from tinygrad_cv.explain.receptive_field import ReceptiveField, Region, receptive_fields
from tinygrad_cv.ops.errors import ArgumentError, DimError

Layer = Callable[[Any], Any]
CHANNELS = 4


def positive(*shape: int) -> Any:
    """Weights without which nothing can cancel."""
    return tg.ones(*shape) / np.prod(shape[1:])


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Kernel, stride, padding, dilation."""
    k = draw(st.integers(1, 4))
    return k, draw(st.integers(1, 3)), draw(st.integers(0, k // 2)), draw(st.integers(1, 3))


@st.composite
def layers(draw: st.DrawFn, linear: bool, depth: int = 2) -> Layer:
    """A layer that takes maps to maps; ``linear`` ones lose no pixel to a zero derivative and leave none out."""
    kinds = ["conv", "avg", "transposed", "pad", "up", "adaptive", "im2col"] + ["branch", "residual"] * (depth > 0)
    kinds += [] if linear else ["max", "relu", "reflect", "softmax", "slice", "replace", "shuffle", "resize"]
    kind = draw(st.sampled_from(kinds))
    k, s, p, d = draw(windows())
    s, d = (min(s, k), 1) if linear else (s, d)
    if kind == "conv":
        groups = draw(st.sampled_from([1, 2, 4]))
        return lambda x: F.conv2d(x, positive(CHANNELS, CHANNELS // groups, k, k), None, s, p, d, groups)
    if kind == "transposed":
        return lambda x: F.conv_transpose2d(x, positive(CHANNELS, CHANNELS, k, k), None, s, min(p, k - 1), 0, 1, d)
    if kind == "im2col":
        return lambda x: (positive(CHANNELS, CHANNELS * k * k) @ F.unfold(x, k)).reshape(
            x.shape[0], CHANNELS, x.shape[2] - k + 1, x.shape[3] - k + 1
        )
    if kind in ("branch", "residual"):
        left, right = draw(layers(linear, depth - 1)), draw(layers(linear, depth - 1))

        def both(x: Any) -> Any:
            a, b = left(x), x if kind == "residual" else right(x)
            a, b = (F.interpolate(v, size=(x.shape[2], x.shape[3])) for v in (a, b))
            return a + b if kind == "residual" else tg.cat([a[:, :2], b[:, 2:]], 1)

        return both
    inplace = draw(st.booleans())
    simple: dict[str, Layer] = {
        "avg": lambda x: F.avg_pool2d(x, k, s, p),
        "max": lambda x: F.max_pool2d(x, k, s, p),
        "relu": lambda x: F.relu(x * 1, inplace),
        "pad": lambda x: F.pad(x, (p, k, s, d)),
        "reflect": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
        "slice": lambda x: x[:, :, 1:, : x.shape[3] - 1 : s],
        "replace": lambda x: replaced(x, k),
        "up": lambda x: F.interpolate(x, scale_factor=2),
        "resize": lambda x: F.interpolate(x, size=(5, 9), mode="bilinear"),
        "adaptive": lambda x: F.adaptive_avg_pool2d(x, (max(1, x.shape[2] - k), 3)),
        "shuffle": lambda x: tg.cat([F.pixel_shuffle(x, 2)] * CHANNELS, 1),
        "softmax": lambda x: F.softmax(x, 1),
    }
    return simple[kind]


def replaced(x: Any, k: int) -> Any:
    """The first rows overwritten by the last ones."""
    y = x * 1
    y[:, :, :k] = x[:, :, max(0, x.shape[2] - k) :] * 2
    return y


@st.composite
def networks(draw: st.DrawFn, linear: bool) -> Layer:
    """Up to four layers; one that does not fit what came before is left out."""
    drawn = draw(st.lists(layers(linear), min_size=1, max_size=4))

    def forward(x: Any) -> Any:
        for layer in drawn:
            try:
                y = layer(x)
            except tg.ops.errors.TinygradError:
                continue
            x = y if 0 < min(y.shape) and max(y.shape) < 30 else x
        return x * 1

    return forward


def support(field: ReceptiveField, row: int, column: int) -> Region:
    """The smallest box around the pixels with a gradient."""
    hit = np.nonzero(field.effective(row, column))
    if not hit[0].size:
        return Region(0, 0, 0, 0)
    return Region(*(int(a.min()) for a in hit), *(int(a.max()) + 1 for a in hit))


def units(field: ReceptiveField, data: st.DataObject) -> tuple[int, int]:
    h, w = field.shape[2:]
    return data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))


def images(h: int, w: int) -> Any:
    return np.random.default_rng(h * w).random((1, CHANNELS, h, w)) + 0.5


def inside(network: Layer, h: int, w: int, data: st.DataObject) -> None:
    """The law: a unit's box holds every pixel that has a gradient."""
    field = receptive_fields(network, images(h, w))[-1]
    if field.shape[2] * field.shape[3] > 1:
        row, column = units(field, data)
        box, seen = field.box(row, column), support(field, row, column)
        assert seen == (0, 0, 0, 0) or (box.top <= seen.top and box.left <= seen.left)
        assert box.bottom >= seen.bottom and box.right >= seen.right


@given(networks(linear=False), st.integers(4, 11), st.integers(4, 11), st.data())
def test_the_gradient_lies_inside_the_box(network: Layer, h: int, w: int, data: st.DataObject) -> None:
    inside(network, h, w, data)


@pytest.mark.slow
@settings(max_examples=1000)
@given(networks(linear=False), st.integers(4, 11), st.integers(4, 11), st.data())
def test_the_gradient_lies_inside_the_box_of_a_thousand_networks(
    network: Layer, h: int, w: int, data: st.DataObject
) -> None:
    inside(network, h, w, data)


@given(networks(linear=True), st.integers(4, 11), st.integers(4, 11), st.data())
def test_no_smaller_box_holds_the_gradient_of_positive_weights(
    network: Layer, h: int, w: int, data: st.DataObject
) -> None:
    field = receptive_fields(network, images(h, w))[-1]
    if field.shape[2] * field.shape[3] > 1:
        row, column = units(field, data)
        assert field.box(row, column) == support(field, row, column)


def test_conv_pool_conv_pool_sees_5_6_14_16() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2), nn.Conv2d(4, 4, 5), nn.MaxPool2d(2))
    fields = list(receptive_fields(net, (1, 3, 32, 32)))
    assert [f.size for f in fields] == [(5, 5), (6, 6), (14, 14), (16, 16)]
    assert [f.jump for f in fields] == [(1, 1), (2, 2), (2, 2), (4, 4)]
    assert [f.start for f in fields] == [(2.5, 2.5), (3, 3), (7, 7), (8, 8)]


def test_padding_moves_the_start_and_is_clipped_from_the_box() -> None:
    field = receptive_fields(nn.Conv2d(1, 1, (5, 3), stride=2, padding=(2, 1)), (1, 1, 9, 9))[0]
    assert (field.size, field.jump, field.start) == ((5, 3), (2, 2), (0.5, 0.5))
    assert field.box(0, 0) == (0, 0, 3, 2) and field.box(0, 0, clip=False) == (-2, -1, 3, 2)
    assert field.box(-1, 2) == (6, 3, 9, 6)


def test_a_residual_network_sees_the_union_of_its_paths() -> None:
    fields = receptive_fields(models.get_model("resnet20"), (1, 3, 32, 32))
    assert fields["layer1.0.Add"].size == (7, 7)
    assert fields["layer1"].size == (15, 15) and fields["layer3"].size == (81, 81)
    assert str(fields).splitlines()[1].split() == ["conv1", "Conv2d", "16x32x32", "3", "1", "0.5"]


def test_a_module_that_runs_twice_has_two_fields() -> None:
    conv = nn.Conv2d(2, 2, 3)
    fields = receptive_fields(nn.Sequential(conv, conv), (1, 2, 9, 9))
    assert [(f.name, f.size[0]) for f in fields] == [("0", 3), ("0#2", 5)]


def test_a_layer_or_unit_that_is_not_there_is_refused() -> None:
    fields = receptive_fields(nn.Conv2d(1, 1, 3), (1, 1, 5, 5))
    with pytest.raises(DimError, match="no row 3"):
        fields[0].box(3, 0)
    with pytest.raises(ArgumentError, match="there is no layer 'a'; there are Conv2d"):
        fields["a"]


def test_the_drawing_shows_a_box_for_each_layer_that_sees_more() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    svg = draw_fields(receptive_fields(net, (1, 1, 8, 8)), at=(0, 0)).svg
    assert svg.count("data-layer") == 2 and "0: rows 0 to 1, columns 0 to 1" in svg
    assert "sees 4 x 4, 3 x 3 in the image" in svg
