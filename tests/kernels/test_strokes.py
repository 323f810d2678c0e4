"""The strokes of a gather: every product that counts is made once, and none that sees only padding."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops.kernels.strokes import Sections, Stroke, pieces, sections, whole

C, MOST = 64, 96
STEP = 3
"""How far apart pixels of the destination lie."""


@st.composite
def small_maps(draw: st.DrawFn) -> tuple[int, tuple[int, int], tuple[int, int], list[int], list[int], tuple[int, int]]:
    """Images, output size, stride, the rows and columns of the taps, and the size of the source."""
    images, grid = draw(st.integers(1, 3)), (draw(st.integers(2, 5)), draw(st.integers(2, 5)))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    top, left, apart = draw(st.integers(0, 1)), draw(st.integers(0, 1)), draw(st.integers(1, 2))
    up = [k * apart - top for k in range(3)]
    size = ((grid[0] - 1) * stride[0] + up[-1] + draw(st.integers(0, 1)), (grid[1] - 1) * stride[1] + 2 - left)
    return images, grid, stride, up, [k - left for k in range(3)], size


def made(found: Sections, images: int, weights: int) -> Counter[tuple[int, int, int]]:
    """How often the strokes multiply each (destination, source, row of weights)."""
    count: Counter[tuple[int, int, int]] = Counter()
    for s in found.strokes:
        for m in range(s.row, s.row + images * s.pixels):
            for t in range(s.n_t):
                for k in range(0, s.n_k, C // 2):  # one number of each half of a pixel's channels will do
                    source = int(found.rows[m] + found.taps[s.tap + t] + k)
                    count[int(found.places[m]), source, s.weights + t * s.n_k + k] += 1
    return count


@given(small_maps())
def test_sections_make_each_product_inside_the_images_once(drawn: tuple) -> None:
    images, grid, stride, up, left, size = drawn
    height, width = (grid[0] - 1) * stride[0] + up[-1] - up[0] + 1, (grid[1] - 1) * stride[1] + 3
    source, target = (stride[0] * width * C, stride[1] * C, height * width * C), (grid[1] * STEP, STEP, 1000)
    found = sections(images, grid, stride, up, left, size, C, MOST, source, target)
    if found is None:
        return
    wanted = {
        (
            n * target[2] + i * target[0] + j * STEP,
            n * source[2] + ((i * stride[0] + u - up[0]) * width + j * stride[1] + v - left[0]) * C + c,
            (p * 3 + q) * C + c,
        )
        for n, i, j in np.ndindex(images, *grid)
        for p, u in enumerate(up)
        for q, v in enumerate(left)
        for c in range(0, C, C // 2)
        if 0 <= i * stride[0] + u < size[0] and 0 <= j * stride[1] + v < size[1]
    }
    assert made(found, images, 9 * C) == Counter(wanted)
    for row in {s.row for s in found.strokes}:  # the sums of a section begin once, and end once
        mine = [s for s in found.strokes if s.row == row]
        assert [s.first for s in mine] == [True] + [False] * (len(mine) - 1)
        assert [s.last for s in mine] == [False] * (len(mine) - 1) + [True]


def test_a_map_of_four_by_four_leaves_a_sixth_of_its_products_out() -> None:
    found = sections(3, (4, 4), (2, 2), [-1, 0, 1], [-1, 0, 1], (8, 8), 256, 256, (4608, 512, 20736), (1, 1, 1))
    assert found is not None
    products = sum(s.pixels * s.n_t * s.n_k for s in found.strokes)
    assert products == round(16 * 9 * 256 * (11 / 12) ** 2)


def test_a_large_map_and_short_runs_have_no_sections() -> None:
    taps = [-1, 0, 1]
    assert sections(1, (64, 64), (1, 1), taps, taps, (64, 64), 256, 256, (16896, 256, 0), (1, 1, 1)) is None
    assert sections(3, (4, 4), (2, 2), taps, taps, (8, 8), 16, 256, (288, 32, 0), (1, 1, 1)) is None


@given(st.integers(1, 50), st.integers(1, 300), st.integers(1, 300))
def test_whole_strokes_take_all_taps_in_order(taps: int, n_k: int, most: int) -> None:
    found: list[Stroke] = whole(taps, n_k, most)
    assert [s.tap for s in found] == [sum(s.n_t for s in found[:k]) for k in range(len(found))]
    assert sum(s.n_t for s in found) == taps and all(s.weights == s.tap * n_k for s in found)
    assert all(s.n_t == 1 or s.n_t * n_k <= most for s in found)
    assert [k for k, s in enumerate(found) if s.first] == [0] and [k for k, s in enumerate(found) if s.last] == [
        len(found) - 1
    ]


@given(st.integers(1, 5000), st.integers(1, 400))
def test_pieces_are_equal(run: int, most: int) -> None:
    assert run % pieces(run, most) == 0
