"""Image grids hold every pixel they were given, magnified by whole numbers."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinygrad_cv import viz
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.viz.grids import SPACE


def embedded(picture: viz.Chart) -> list[np.ndarray]:
    """The pictures inside the SVG."""
    links = re.findall(r"data:image/png;base64,([^\"]+)", picture.svg)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(link)))) for link in links]


@given(st.integers(1, 9), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4),
       st.integers(1, 4), st.integers(0, 2**32 - 1))  # fmt: skip
def test_every_pixel_comes_back_from_the_grid(
    n: int, c: int, h: int, w: int, columns: int, zoom: int, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (n, c, h, w), dtype=np.uint8)
    (sheet,) = embedded(viz.images(values, columns=columns, scale="none", zoom=zoom))
    for i in range(n):
        y, x = i // columns * (h * zoom + SPACE), i % columns * (w * zoom + SPACE)
        block = sheet[y : y + h * zoom, x : x + w * zoom]
        expected = np.broadcast_to(values[i].transpose(1, 2, 0), (h, w, 3)).repeat(zoom, 0).repeat(zoom, 1)
        np.testing.assert_array_equal(block, expected)


def test_scaling_is_per_picture_or_common_to_all_panels() -> None:
    small, large = np.array([[[0.0, 0.5]]]), np.array([[[0.0, 1.0]]])
    each = embedded(viz.filters(small, large, zoom=1))
    assert [s[0, 1, 0] for s in each] == [255, 255]
    common = embedded(viz.filters(small, large, zoom=1, scale="all"))
    assert [s[0, 1, 0] for s in common] == [128, 255]


def test_zero_is_neutral_in_signed_colors() -> None:
    (sheet,) = embedded(viz.images(np.array([[[-1.0, 0.0, 0.2]]]), colors="signed", zoom=1))
    low, zero, high = sheet[0].astype(int)
    assert len(set(zero)) == 1 and low[2] > low[0] and high[0] > high[2]


def test_colour_filters_make_the_four_by_eight_grid() -> None:
    weights = np.random.default_rng(0).normal(size=(32, 3, 5, 5))
    (sheet,) = embedded(viz.filters(weights, zoom=4))
    assert sheet.shape == (4 * (20 + SPACE) - SPACE, 8 * (20 + SPACE) - SPACE, 3)


def test_other_channel_counts_are_spread_into_single_pictures() -> None:
    (sheet,) = embedded(viz.feature_maps(np.zeros((1, 6, 4, 4)), columns=3, zoom=1))
    assert sheet.shape == (2 * (4 + SPACE) - SPACE, 3 * (4 + SPACE) - SPACE, 3)


@pytest.mark.parametrize("scale", ["each", "all", "none"])
def test_values_that_are_not_finite_leave_the_others_readable(scale: str) -> None:
    (sheet,) = embedded(viz.images(np.array([[[np.nan, 0.0, 1.0, np.inf]]]), zoom=1, scale=scale))
    assert sheet[0, 1, 0] == 0 and sheet[0, 2, 0] == 255


def test_the_png_holds_the_same_panels() -> None:
    picture = viz.filters(np.eye(3)[None], np.eye(3)[None, ::-1], title="filters")
    sheet = np.asarray(Image.open(io.BytesIO(picture.png)))
    panel = embedded(picture)[1]
    height, width = panel.shape[:2]
    assert any(
        np.array_equal(sheet[y : y + height, -16 - width : -16], panel) for y in range(len(sheet) - height)
    )


def test_no_pictures_and_captions_are_fine() -> None:
    assert "<svg" in viz.images(np.zeros((0, 1, 3, 3))).svg
    assert ">a &lt; b<" in viz.images(np.zeros((1, 40, 40)), captions=["a < b"], zoom=4).svg


def test_images_refuse_what_they_cannot_draw() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 2\)"):
        viz.images(np.zeros((2, 2)))
    with pytest.raises(ArgumentError, match="scale 'loud'"):
        viz.images(np.zeros((1, 2, 2)), scale="loud")
    with pytest.raises(ArgumentError, match="count from 1"):
        viz.images(np.zeros((1, 2, 2)), columns=0)
    with pytest.raises(ShapeError, match="those of one image"):
        viz.feature_maps(np.zeros((2, 3, 4, 4)))
