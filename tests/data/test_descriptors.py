"""SIFT and SURF find blobs where and as large as they are, and see the same in a brighter or a turned image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tinygrad_cv.data.points import bilinear, dense_points, maxima, refine
from tinygrad_cv.data.sift import oriented, pyramid, sift, sift_points
from tinygrad_cv.data.surf import integral_image, surf, surf_points
from tinygrad_cv.ops.errors import TinygradError

SIDE = 65  # 2^n + 1: halving leaves the first and the last pixel, so that octaves of a turned image are turned


def bell(x: float, y: float, sigma: float, side: int = SIDE) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def clouds(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Blobs of all sizes, light and dark, from 0 to 1."""
    random = np.random.default_rng(seed)
    x = sum(random.choice([-1, 1]) * bell(*random.uniform(8, side - 8, 2), random.uniform(1.5, 6), side)
            for _ in range(40))  # fmt: skip
    return (x - x.min()) / np.ptp(x)


def quarter_turn(points: np.ndarray) -> np.ndarray:
    """Where `np.rot90` takes points; it turns against the clock, angles count with it."""
    x, y, scale, angle = points.T
    return np.stack([y, SIDE - 1 - x, scale, angle - math.pi / 2], 1)


def in_order(points: np.ndarray) -> np.ndarray:
    points = points.copy()
    points[:, 3] %= 2 * math.pi
    return points[np.lexsort(points.round(4).T)]


@pytest.mark.parametrize("sigma", [2.5, 4.0, 6.0, 8.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_blob_is_found_at_its_centre_and_at_its_scale(sigma: float, sign: int) -> None:
    image = 0.5 + sign * bell(30.3, 34.6, sigma) / 2
    # Two Gaussians of s and 2^(1/3) s differ most on a bell of their geometric mean.
    for points, ratio, within in ((sift_points(image), 2 ** (-1 / 6), 0.02), (surf_points(image), 0.74, 0.06)):
        assert len(points) and np.allclose(points[:, :2], [30.3, 34.6], atol=0.06)
        assert np.allclose(points[:, 2], ratio * sigma, rtol=within)


def test_points_need_contrast_and_no_edges() -> None:
    faint, edge = 0.05 * bell(32, 32, 4), np.broadcast_to(bell(32, 32, 4)[32], (SIDE, SIDE))
    assert len(sift_points(faint)) == len(surf_points(faint)) == 0
    assert len(sift_points(faint, contrast=0.005)) and len(surf_points(faint, threshold=1e-6))
    assert len(sift_points(edge)) == 0 and len(surf_points(edge)) == 0
    assert len(sift_points(np.full((20, 30), 0.3))) == 0


@pytest.mark.parametrize(("find", "describe"), [(sift_points, sift), (surf_points, surf)])
def test_a_turned_image_has_turned_points_with_the_same_descriptors(find: Any, describe: Any) -> None:
    image = clouds()
    points, turned = find(image), np.rot90(image)
    assert len(points) > 3
    assert np.allclose(in_order(find(turned)), in_order(quarter_turn(points)), atol=1e-6)
    assert np.allclose(describe(turned, quarter_turn(points)), describe(image, points), atol=1e-9)
    assert not np.allclose(describe(turned, quarter_turn(points) * [1, 1, 1, 0]), describe(image, points), atol=0.1)


@pytest.mark.parametrize(("describe", "size"), [(sift, 128), (surf, 64)])
def test_descriptors_ignore_brightness_and_contrast_and_have_length_one(describe: Any, size: int) -> None:
    image = clouds()
    points = dense_points(image.shape, 9, 1.7)
    seen = describe(image, points)
    assert seen.shape == (49, size) and np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-4)
    assert np.allclose(describe(0.3 * image + 0.2, points), seen, atol=1e-4)
    assert abs(describe(image.T, points) - seen).max() > 0.1


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0, -1.1])
def test_a_slope_fills_one_direction_and_turns_its_point(angle: float) -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    slope = (columns * math.cos(angle) + rows * math.sin(angle)) / 100
    point = np.array([[32, 32, 2.0, angle]])
    cells = sift(slope, point).reshape(16, 8)
    assert np.allclose(cells[:, 1:], 0, atol=1e-3) and (cells[:, 0] > 0.01).all()
    sums = surf(slope, point).reshape(16, 4)
    assert np.allclose(sums[:, [1, 3]], 0, atol=1e-6) and np.allclose(sums[:, 0], sums[:, 2])
    (found,) = oriented(slope, point * [1, 1, 1, 0])
    assert math.isclose(found[3] % (2 * math.pi), angle % (2 * math.pi), abs_tol=0.03)


def test_no_number_of_sift_is_much_above_the_cut() -> None:
    spot = np.zeros((33, 33))
    spot[10:, 18:] = 1
    seen = sift(spot, np.array([[16, 16, 2.0, 0.3]]))
    assert 0.2 < seen.max() < 0.5  # 0.2, divided by what the cut has left of the length


def test_the_flat_has_zeros_and_no_point_has_no_row() -> None:
    flat = np.full((3, 16, 16), 200, np.uint8)
    for describe, size in ((sift, 128), (surf, 64)):
        y = describe(flat, dense_points(flat.shape))
        assert y.dtype == np.float32 and y.shape == (16, size) and abs(y).max() < 1e-2
        assert describe(flat, np.zeros((0, 4))).shape == (0, size)


def test_bytes_and_channels_are_read_as_their_mean_from_0_to_1() -> None:
    image = (255 * clouds()).astype(np.uint8)
    colours = np.stack([image / 255 * 0.5, image / 255, image / 255 * 1.5])
    assert np.allclose(sift_points(image), sift_points(colours), atol=1e-2)
    assert np.allclose(surf_points(image), surf_points(colours), atol=1e-2)


def test_the_integral_image_is_the_sum_of_plain_loops() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 7)).astype(np.uint8)
    table = integral_image(x)
    for i in range(6):
        for j in range(8):
            assert table[i, j] == sum(int(x[p, q]) for p in range(i) for q in range(j))
    continued = np.pad(x, 3, mode="edge").astype(np.int64)
    corner = bilinear(table, np.array([-2.0, 9.0]), np.array([-1.0, 8.0]))
    assert corner[0] == 2 * int(x[0, 0])  # two columns to the left, one row above: both signs turn
    assert corner[1] == continued[3:11, 3:12].sum()


def test_levels_of_the_pyramid_are_smoothed_as_they_say() -> None:
    image = bell(32, 32, 3.0)
    for octave, levels in enumerate(pyramid(image)[:2]):
        pixel = 2.0 ** (octave - 1)
        for k, level in enumerate(levels):
            rows, columns = np.mgrid[: len(level), : len(level)] * pixel - 32
            spread = ((rows**2 + columns**2) * level).sum() / level.sum() / 2
            smoothed = (pixel * 1.6 * 2 ** (k / 3)) ** 2 - 0.5**2
            if 9 + smoothed < 20:  # wider ones are cut by the frame
                assert math.isclose(spread, 9 + smoothed, rel_tol=0.02)


def test_a_parabola_has_its_top_where_refinement_says() -> None:
    level, row, column = np.mgrid[:5, :9, :9]
    top = np.array([2.3, 4.4, 3.8])
    x = 1 - (level - top[0]) ** 2 / 9 - (row - top[1]) ** 2 / 20 - (column - top[2]) ** 2 / 30
    x -= (row - top[1]) * (column - top[2]) / 40
    assert np.array_equal(maxima(x, 0.5), [[2, 4, 4]])
    for start in ([2, 4, 4], [2, 5, 2]):
        place, height, _ = refine(x, np.array([start]))
        assert np.allclose(place, [top]) and np.allclose(height, 1)


def test_the_grid_is_centred_and_has_its_step() -> None:
    points = dense_points((3, 20, 31), step=6, scale=1.5)
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    assert np.allclose(np.diff(x), 6) and np.allclose(np.diff(y), 6)
    assert math.isclose(x.mean(), 15) and math.isclose(y.mean(), 9.5)
    assert len(points) == 15 and (points[:, 2:] == [1.5, 0]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sift(np.zeros((16, 16)), [[3, 20, 1, 0]]), "x=3, y=20, scale=1, angle=0; give x from 0 to 15"),
        (lambda: surf(np.zeros((16, 16)), [[3, 3, 0, 0], [3, 3, 1, 0]]), "1 of 2 points cannot be read"),
        (lambda: sift(np.zeros((16, 16)), [[3, 3, 1]]), "points have shape (1, 3); give (P, 4)"),
        (lambda: sift(np.zeros((16, 7)), np.zeros((0, 4))), "16 x 7 pixels; give at least 8 a side"),
        (lambda: surf_points(np.zeros((28, 40))), "28 x 40 pixels; give at least 29 a side"),
        (lambda: sift_points(np.zeros((1, 1, 16, 16))), "give one image, (H, W) or (C, H, W)"),
        (lambda: sift_points(np.full((9, 9), np.nan)), "81 of 81 values of the image are not finite"),
        (lambda: sift_points(np.zeros((9, 9)), edge=0.5), "an edge of at least 1"),
        (lambda: surf_points(np.zeros((32, 32)), octaves=0), "at least one octave"),
        (lambda: dense_points((8, 8), step=0), "step=0, scale=2.0; give numbers above zero"),
        (lambda: dense_points((8,)), "give (..., H, W)"),
        (lambda: integral_image(np.zeros((1, 2, 2))), "give one plane, (H, W)"),
    ],
)
def test_what_has_no_meaning_is_refused(call: Any, message: str) -> None:
    with pytest.raises(TinygradError) as caught:
        call()
    assert message in str(caught.value)
