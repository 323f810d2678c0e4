"""Windows of a few numbers: any count of lines, pixels and filters, whichever way they share vectors and loads."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv.ops import kernels


@given(
    st.sampled_from([(1, 5), (1, 3), (3, 3)]), st.integers(1, 2), st.integers(1, 11), st.integers(1, 10),
    st.sampled_from([1, 6, 8, 16, 20]), st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]), st.integers(0, 2),
    st.sampled_from([(1, 1), (2, 1)]), st.integers(0, 9),
)  # fmt: skip
def test_small_windows_give_the_maps_of_the_exact_convolution(
    window: tuple[int, int], N: int, lines: int, pixels: int, OC: int, stride: tuple[int, int], border: int,
    dilation: tuple[int, int], seed: int,
) -> None:  # fmt: skip
    (C, k), rng = window, np.random.default_rng(seed)
    size = [(n - 1) * s + d * (k - 1) + 1 for n, s, d in zip((lines, pixels), stride, dilation, strict=True)]
    padding = (border if border < size[0] / 2 else 0, 0, 0, border if border < size[1] else 0)
    x = rng.standard_normal((N, size[0] - padding[0], size[1] - padding[3], C)).astype(np.float32)
    w, b = rng.standard_normal((OC, C, k, k)).astype(np.float32), rng.standard_normal(OC).astype(np.float32)
    g = rng.standard_normal((N, lines, pixels, OC)).astype(np.float32)
    s = {"stride": stride, "padding": padding, "dilation": dilation}
    y, gw = kernels.conv2d(x, w, bias=b, algorithm="direct", **s), kernels.conv2d_grad_w(x, g, (k, k), **s)
    x, w, b, g = (a.astype(float) for a in (x, w, b, g))
    for found, exact in ((y, kernels.conv2d(x, w, bias=b, **s)), (gw, kernels.conv2d_grad_w(x, g, (k, k), **s))):
        assert found.shape == exact.shape
        assert np.abs(found - exact).max() <= 1e-5 * max(1.0, np.abs(exact).max())


@given(st.integers(1, 9), st.sampled_from([6, 16, 20]))
def test_what_is_no_line_of_the_image_is_neither_read_nor_written(lines: int, OC: int) -> None:
    rng = np.random.default_rng(lines)
    x = rng.standard_normal((1, lines + 4, 12, 1)).astype(np.float32)
    w = rng.standard_normal((OC, 1, 5, 5)).astype(np.float32)
    one, more = np.full((2, lines + 8, 12, 1), np.nan, np.float32), np.full((3, lines + 4, 12, 1), np.nan, np.float32)
    one[0, : lines + 4], more[0] = x[0], x[0]
    alone = kernels.conv2d(x, w, algorithm="direct")
    assert np.array_equal(kernels.conv2d(one, w, algorithm="direct")[0, :lines], alone[0])
    assert np.array_equal(kernels.conv2d(more, w, algorithm="direct")[0], alone[0])
