"""Laws of deformable convolution, which is made of other ops and has no class of its own."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import ops
from tinygrad_cv.ops.deform import deform_conv2d
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)


def read(image: np.ndarray, y: float, x: float) -> float:
    """The image between its pixels, zeros outside: the definition."""
    total = 0.0
    for i in (int(np.floor(y)), int(np.floor(y)) + 1):
        for j in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
                total += image[i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


def loops(x, offset, w, b, stride, padding, dilation, mask):  # type: ignore[no-untyped-def]
    n, c, _, _ = x.shape
    oc, per_group, kh, kw = w.shape
    oh, ow = offset.shape[2:]
    parts, groups = offset.shape[1] // (2 * kh * kw), c // per_group
    y = np.zeros((n, oc, oh, ow)) + b.reshape(-1, 1, 1)
    for m, o, i, j, k, p, q in np.ndindex(n, oc, oh, ow, per_group, kh, kw):
        channel = o // (oc // groups) * per_group + k
        tap = (channel // (c // parts)) * kh * kw + p * kw + q
        dy, dx = offset[m, 2 * tap, i, j], offset[m, 2 * tap + 1, i, j]
        value = read(x[m, channel], i * stride - padding + p * dilation + dy, j * stride - padding + q * dilation + dx)
        y[m, o, i, j] += w[o, k, p, q] * value * (1 if mask is None else mask[m, tap, i, j])
    return y


def sample(stride: int, padding: int, dilation: int, groups: int, parts: int, masked: bool):  # type: ignore[no-untyped-def]
    x, w, b = RNG.normal(size=(2, 4, 5, 6)), RNG.normal(size=(4, 4 // groups, 2, 3)), RNG.normal(size=4)
    oh, ow = ops.conv2d(x, w, b, stride, padding, dilation, groups).shape[2:]
    offset = RNG.uniform(-1.9, 1.9, (2, 12 * parts, oh, ow))
    offset += np.where(np.abs(offset - np.rint(offset)) < 0.05, 0.1, 0.0)  # away from the kinks at whole pixels
    return x, offset, w, b, stride, padding, dilation, RNG.normal(size=(2, 6 * parts, oh, ow)) if masked else None


SETTINGS = [(1, 0, 1, 1, 1, False), (2, 1, 1, 2, 2, True), (1, 2, 2, 1, 2, True), (1, 1, 1, 4, 1, True)]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_value_is_that_of_loops(settings: tuple[int, ...]) -> None:
    arguments = sample(*settings)  # type: ignore[arg-type]
    assert np.allclose(deform_conv2d(*arguments), loops(*arguments), atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_zero_offsets_are_a_convolution_exactly(groups: int, dtype: str) -> None:
    """Sums of small whole numbers round nowhere, whatever their order, so that equal means equal to the last bit."""
    *arrays, stride, padding, dilation, _ = sample(1, 1, 1, groups, 1, False)
    x, offset, w, b = (tg.tensor(np.rint(3 * a).astype(dtype), requires_grad=True) for a in arrays)
    offset, window = offset.detach() * 0, (stride, padding, dilation)
    mask = tg.ones((*offset.shape[:1], 6, *offset.shape[2:]), dtype=dtype)
    plain = ops.conv2d(x, w, b, *window, groups)
    g = tg.tensor(np.rint(3 * RNG.normal(size=plain.shape)).astype(dtype))
    expected = tg.autograd.grad(plain, (x, w, b), g)
    for settings in ({}, {"mask": mask}):
        y = deform_conv2d(x, offset, w, b, *window, **settings)
        assert np.array_equal(y, plain)
        for ours, theirs in zip(tg.autograd.grad(y, (x, w, b), g), expected):
            assert np.array_equal(ours, theirs)


def test_whole_offsets_read_other_pixels() -> None:
    x, w = RNG.normal(size=(1, 1, 6, 6)), np.ones((1, 1, 1, 1))
    offset = np.zeros((1, 2, 6, 6))
    offset[:, 0], offset[:, 1] = 1, -2
    expected = np.zeros((6, 6))
    expected[:5, 2:] = x[0, 0, 1:, :4]
    assert np.array_equal(deform_conv2d(x, offset, w)[0, 0], expected)


@pytest.mark.parametrize("settings", SETTINGS[1:3])
def test_gradients_of_all_arguments_are_exact(settings: tuple[int, ...]) -> None:
    x, offset, w, b, stride, padding, dilation, mask = sample(*settings)  # type: ignore[arg-type]

    def call(x, offset, w, b, mask):  # type: ignore[no-untyped-def]
        return deform_conv2d(x, offset, w, b, stride, padding, dilation, mask)

    values = [tg.tensor(a, requires_grad=True) for a in (x, offset, w, b, mask)]
    assert gradcheck(call, values)
    assert gradgradcheck(call, values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": np.zeros((1, 17, 4, 4))}, "give (1, 18, 4, 4)"),
        ({"offset": np.zeros((1, 18, 5, 4))}, "offset has shape (1, 18, 5, 4)"),
        ({"mask": np.zeros((1, 8, 4, 4))}, "give (1, 9, 4, 4)"),
        ({"weight": np.zeros((2, 3, 3, 3))}, "give w a divisor of 2"),
        ({"mask": np.zeros((1, 9, 4, 4), "f4")}, "mask float32"),
        ({"input": np.zeros((2, 4, 4))}, "give (N, C, H, W)"),
        ({"input": np.zeros((1, 2, 1, 1)), "padding": 0}, "does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, np.ndarray], message: str) -> None:
    fitting = {"input": np.zeros((1, 2, 4, 4)), "offset": np.zeros((1, 18, 4, 4)), "weight": np.zeros((2, 2, 3, 3))}
    with pytest.raises(TinygradError) as caught:
        deform_conv2d(**{"padding": 1, **fitting, **change})  # type: ignore[arg-type]
    assert message in str(caught.value)
