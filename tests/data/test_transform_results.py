"""What single transforms compute, against PIL and against definitions."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from tinygrad_cv import transforms as T
from tinygrad_cv.data.resample import resize, weights
from tinygrad_cv.data.seeds import scope
from tinygrad_cv.data.transforms import colour, steps
from tinygrad_cv.data.transforms.affine import matrices, warp
from tinygrad_cv.data.transforms.policies import PAIRS

from .test_transforms import images


def picture(x: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0)))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).transpose(2, 0, 1).astype(int)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["bilinear", "bicubic", "box", "lanczos"]))
def test_resampling_weights_sum_to_one(size: int, out: int, interpolation: str) -> None:
    a = weights(size, out, interpolation)
    assert a.shape == (out, size)
    np.testing.assert_allclose(a.sum(1), 1, atol=1e-5)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["bilinear", "bicubic", "box", "lanczos"]),
)
def test_resize_is_pils(h: int, w: int, interpolation: str) -> None:
    x = images(n=1)
    expected = pixels(picture(x[0]).resize((w, h), Image.Resampling[interpolation.upper()]))
    # PIL rounds between its two passes; half a level there, half a level at the end
    assert np.abs(resize(x, (h, w), interpolation)[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("h", "w"), [(36, 44), (9, 11), (6, 22), (54, 66)])
def test_nearest_resize_is_pils(h: int, w: int) -> None:
    x = images(n=1)
    expected = pixels(picture(x[0]).resize((w, h), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(resize(x, (h, w), "nearest")[0], expected)


def test_enlarging_without_antialias_is_bilinear_interpolation() -> None:
    x = np.array([0.0, 1.0])[None, None, None]
    np.testing.assert_allclose(resize(x, (1, 4), antialias=False)[0, 0, 0], [0, 0.25, 0.75, 1], atol=1e-6)
    y = np.arange(8.0)[None, None, None]
    np.testing.assert_allclose(resize(y, (1, 4), antialias=False)[0, 0, 0], [0.5, 2.5, 4.5, 6.5], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "max_size", "expected"),
    [(9, None, (9, 11)), (36, None, (36, 44)), ((5, 7), None, (5, 7)), (16, 18, (15, 18))],
)
def test_resize_keeps_proportions_for_one_number(
    size: int, max_size: int | None, expected: tuple[int, int]
) -> None:
    assert T.Resize(size, max_size=max_size)(images()).shape[2:] == expected


def test_random_crop_is_a_window_of_the_padded_image() -> None:
    x = images(n=30)
    padded = np.pad(x, [(0, 0), (0, 0), (3, 3), (3, 3)])
    y = T.RandomCrop((18, 22), padding=3)(x)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (18, 22), axis=(2, 3))
    for k in range(30):
        assert any(np.array_equal(windows[k, :, i, j], y[k]) for i in range(7) for j in range(7))


def test_random_crops_reach_every_place() -> None:
    x = np.tile(np.arange(25, dtype=np.uint8).reshape(1, 1, 5, 5), (2000, 1, 1, 1))
    corners = T.RandomCrop(3)(x)[:, 0, 0, 0]
    counts = np.unique(corners, return_counts=True)
    assert counts[0].tolist() == [0, 1, 2, 5, 6, 7, 10, 11, 12] and counts[1].min() > 160


def test_flips_happen_as_often_as_asked() -> None:
    x = np.zeros((4000, 1, 2, 2), np.uint8)
    x[:, :, :, 0] = 1
    assert abs(T.RandomHorizontalFlip(0.3)(x)[:, 0, 0, 1].mean() - 0.3) < 0.03
    assert T.RandomHorizontalFlip(0)(x) is x and T.RandomVerticalFlip(1)(x).tolist() == x.tolist()


def test_resized_crop_of_everything_is_resize() -> None:
    x = images()
    crop = T.RandomResizedCrop((7, 9), scale=(1, 1), ratio=(22 / 18, 22 / 18))
    np.testing.assert_array_equal(crop(x), T.Resize((7, 9))(x))


def test_resized_crops_have_their_share_of_the_area() -> None:
    boxes = T.RandomResizedCrop(8, scale=(0.2, 0.6), ratio=(0.5, 2)).draw(300, 100, 120)
    assert np.all(boxes[:, 0] + boxes[:, 2] <= 100) and np.all(boxes[:, 1] + boxes[:, 3] <= 120)
    share, ratio = boxes[:, 2] * boxes[:, 3] / 12000, boxes[:, 3] / boxes[:, 2]
    assert 0.19 < share.min() and share.max() < 0.61 and 0.48 < ratio.min() and ratio.max() < 2.1


def test_resized_crop_that_cannot_fit_takes_the_middle() -> None:
    crop = T.RandomResizedCrop(8, scale=(0.9, 1), ratio=(1, 1))
    assert crop.draw(1, 10, 100).tolist() == [[0, 45, 10, 10]]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_quarter_turns_are_exact(angle: int) -> None:
    x = images(h=16, w=16)
    for interpolation in ("nearest", "bilinear"):
        y = T.RandomRotation((angle, angle), interpolation)(x)
        np.testing.assert_array_equal(y, np.rot90(x, angle // 90, axes=(2, 3)))


def test_turn_with_room_shows_the_whole_image() -> None:
    x = images(n=1)
    y = T.RandomRotation((90, 90), expand=True)(x)
    np.testing.assert_array_equal(y, np.rot90(x, 1, axes=(2, 3)))
    turned = T.RandomRotation((30, 30), expand=True)(picture(x[0]))
    assert turned.size == picture(x[0]).rotate(30, expand=True).size or abs(turned.size[0] - 28) <= 1


def test_shift_moves_right_and_down() -> None:
    x = images()
    n = len(x)
    shift = np.tile([[3.0, 2.0]], (n, 1))
    m = matrices(18, 22, np.zeros(n), shift, np.ones(n), np.zeros((n, 2)))
    y = warp(x, m, fill=5)
    np.testing.assert_array_equal(y[:, :, 2:, 3:], x[:, :, :-2, :-3])
    assert (y[:, :, :2] == 5).all() and (y[:, :, :, :3] == 5).all()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_identity_map_is_the_identity(interpolation: str) -> None:
    x = images()
    one = matrices(18, 22, np.zeros(6), np.zeros((6, 2)), np.ones(6), np.zeros((6, 2)))
    np.testing.assert_array_equal(warp(x, one, interpolation), x)


def test_matrix_is_the_inverse_of_the_map_it_is_documented_as() -> None:
    angle, scale, sx, sy, t = 0.3, 1.7, 0.2, -0.4, np.array([3.0, -2.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forward = scale * turn @ np.array([[1, 0], [-np.tan(sy), 1]]) @ np.array([[1, -np.tan(sx)], [0, 1]])
    shear = np.rad2deg([[sx, sy]])
    m = matrices(10, 20, np.rad2deg([angle]), t[None], np.array([scale]), shear)[0]
    p, centre = np.array([4.0, 7.0]), np.array([10.0, 5.0])
    there = centre + t + forward @ (p - centre)
    np.testing.assert_allclose(m.reshape(2, 3) @ [*there, 1], p)


def test_hue_is_the_textbook_turn() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((1, 3, 5, 5)).astype(np.float32)
    x[0, :, 0, 0] = 0.4  # a grey has no hue
    y = colour.hue(x, np.array([0.3]))
    for i in range(5):
        for j in range(5):
            h, s, v = colorsys.rgb_to_hsv(*x[0, :, i, j].tolist())
            np.testing.assert_allclose(y[0, :, i, j], colorsys.hsv_to_rgb((h + 0.3) % 1, s, v), atol=1e-5)


@pytest.mark.parametrize(
    ("step", "enhance", "border"),
    [
        ("Brightness", ImageEnhance.Brightness, 0),
        ("Contrast", ImageEnhance.Contrast, 0),
        ("Color", ImageEnhance.Color, 0),
        ("Sharpness", ImageEnhance.Sharpness, 0),
    ],
)
def test_enhancements_are_pils(step: str, enhance: type, border: int) -> None:
    x = images(n=1)
    for factor in (0.2, 0.8, 1.5, 1.9):
        expected = pixels(enhance(picture(x[0])).enhance(factor))
        got = steps.STEPS[step](x, np.array([factor - 1]), "nearest", 0)[0]  # type: ignore[misc]
        assert np.abs(got.astype(int) - expected).max() <= 2


def test_bytewise_steps_are_pils() -> None:
    x = images(n=3)
    x[1, 0] = 77  # one value only
    x[2, 1] //= 8
    flat = np.zeros(3)
    for k in range(3):
        image = picture(x[k])
        assert np.abs(steps.autocontrast(x, flat)[k] - pixels(ImageOps.autocontrast(image))).max() <= 1
        np.testing.assert_array_equal(steps.equalize(x, flat)[k], pixels(ImageOps.equalize(image)))
        np.testing.assert_array_equal(steps.posterize(x, flat + 3)[k], pixels(ImageOps.posterize(image, 3)))
        np.testing.assert_array_equal(steps.solarize(x, flat + 99)[k], pixels(ImageOps.solarize(image, 99)))
        np.testing.assert_array_equal(steps.invert(x, flat)[k], pixels(ImageOps.invert(image)))


def test_grey_is_pils() -> None:
    x = images(n=1)
    expected = np.asarray(picture(x[0]).convert("L")).astype(int)
    assert np.abs(T.Grayscale()(x)[0, 0].astype(int) - expected).max() <= 1


def test_jitter_of_nothing_changes_nothing() -> None:
    assert T.ColorJitter()(x := images()) is x
    np.testing.assert_array_equal(T.ColorJitter((1, 1), (1, 1), (1, 1), (0, 0))(x), x)


def test_pca_noise_lies_along_the_axes_of_the_data() -> None:
    rng = np.random.default_rng(0)
    x = (
        0.5 + 0.1 * rng.standard_normal((400, 1, 4, 4)) * np.array([1, 0.5, -0.2]).reshape(1, 3, 1, 1)
    ).astype(np.float32)
    noise = T.PCAColorNoise.fit(x, std=1.0)
    np.testing.assert_allclose(noise.eigenvalues[1:], 0, atol=1e-6)
    added = (noise(x) - x)[:, :, 0, 0]
    np.testing.assert_allclose(added[:, 1], 0.5 * added[:, 0], atol=1e-5)
    assert abs(added[:, 0].std() / (noise.eigenvalues[0] * abs(noise.eigenvectors[0, 0])) - 1) < 0.15


def test_erased_rectangles_have_their_share() -> None:
    x = np.ones((400, 1, 40, 40), np.float32)
    y = T.RandomErasing(p=1.0, scale=(0.1, 0.2))(x)
    share = (y == 0).mean((1, 2, 3))
    assert 0.085 < share[share > 0].min() and share.max() < 0.22 and (share > 0).mean() > 0.99


def test_cutout_is_a_square_that_may_hang_over() -> None:
    y = T.Cutout(4)(np.ones((500, 1, 10, 10), np.float32))
    sizes = set((y == 0).sum((1, 2, 3)).tolist())
    assert max(sizes) == 16 and 4 <= min(sizes) < 16


def test_mixup_mixes_images_and_labels_by_the_same_share() -> None:
    x = np.eye(6, dtype=np.float32).reshape(6, 1, 6, 1)
    for per_image in (False, True):
        with scope(1):
            y, shares = T.MixUp(num_classes=6, per_image=per_image)(x, np.arange(6))
        np.testing.assert_allclose(y[:, 0, :, 0], shares, atol=1e-6)
        np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
        assert (len(set(np.round(np.diag(shares), 4))) > 2) == per_image


def test_cutmix_labels_count_the_pixels() -> None:
    x = np.broadcast_to(np.arange(6, dtype=np.float32).reshape(6, 1, 1, 1), (6, 1, 9, 11)).copy()
    for seed in range(20):
        with scope(seed):
            y, shares = T.CutMix(num_classes=6, per_image=True)(x, np.arange(6))
        counted = np.stack([(y == k).mean((1, 2, 3)) for k in range(6)], axis=1)
        np.testing.assert_allclose(counted, shares, atol=1e-6)


def test_policies_have_25_pairs_of_known_steps() -> None:
    for name in PAIRS:
        policy = T.AutoAugment(name)
        assert policy._odds.shape == (25, 2) and policy._odds.max() <= 1 and policy._levels.max() <= 9


def test_five_crops_are_corners_and_middle() -> None:
    x = images()
    crops = T.FiveCrop(6)(x)
    np.testing.assert_array_equal(crops[3], x[:, :, -6:, -6:])
    np.testing.assert_array_equal(crops[4], T.CenterCrop(6)(x))
    assert T.FiveCrop(6)(picture(x[0]))[0].size == (6, 6)
