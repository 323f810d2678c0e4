"""Convolution in compiled code: which algorithm, which plan, which buffers."""

from __future__ import annotations

import numpy as np

from ...typing import Array
from . import plans
from .direct import add_slices, gather, pack, weight_sums
from .jit import get_num_threads
from .memory import empty, flat, scratch, zeros
from .micro import NO_FLOOR, WIDTH

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]

_ZERO = np.float32(0)


def _bias(bias: Array | None, filters: int) -> Array:
    """The bias with room for a whole panel beyond its end."""
    held = scratch("bias" if bias is not None else "no bias", filters + 2 * WIDTH)
    held[:filters] = 0 if bias is None else bias
    return held


def _elements(w: Array) -> tuple[Array, list[int]]:
    """The memory of w and its strides, counted in elements; only a w with gaps in memory is copied."""
    try:
        memory = flat(w)
    except ValueError:
        w = np.ascontiguousarray(w)
        memory = flat(w)
    return memory, [stride // 4 for stride in w.strides]


def _packed(w: Array, plan: plans.Gather, backward: bool) -> Array:
    memory, (s_o, s_c, s_h, s_w) = _elements(w)
    sizes = plan.sizes
    out = scratch("weights", sizes.groups * sizes.K * plans.panels(sizes.OCG))
    taps = plan.p * s_h + plan.q * s_w
    s_k, s_n = (s_o, s_c) if backward else (s_c, s_o)
    s_g = s_o * w.shape[0] // sizes.groups
    pack(memory, taps, sizes.CG, s_k, sizes.OCG, s_n, sizes.groups, s_g, out, get_num_threads())
    return out


def _run(
    plan: plans.Gather, source: Array, w: Array, bias: Array | None, to: Array, backward: bool, floor: np.float32
) -> None:
    workers = min(get_num_threads(), plan.band.tasks)
    gather(
        flat(source), _packed(w, plan, backward), _bias(bias, plan.sizes.OC), flat(to), plan.rows, plan.places,
        plan.taps, plan.band, plan.sizes, floor, scratch("source", max(1, workers * plan.sizes.buffer)), workers,
    )  # fmt: skip


def conv2d(
    x: Array, w: Array, stride: Pair, padding: Quad, dilation: Pair, groups: int, bias: Array | None, relu: bool,
    algorithm: str,
) -> Array:  # fmt: skip
    N, H, W, C = x.shape
    OC, kernel = w.shape[0], (w.shape[2], w.shape[3])
    out = output_size((H, W), kernel, stride, padding, dilation)
    y = empty((N, *out, OC))
    if y.size:
        plan = plans.forward(N, H, W, C, OC, kernel, out, stride, padding, dilation, groups)
        _run(plan, x, w, bias, y, False, _ZERO if relu else NO_FLOOR)
    return y


def conv2d_grad_x(
    g: Array, w: Array, x_hw: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, OH, OW, OC = g.shape
    C, kernel = w.shape[1] * groups, (w.shape[2], w.shape[3])
    launches, gaps = plans.backward(N, *x_hw, C, OC, kernel, (OH, OW), stride, padding, dilation, groups)
    gx = (zeros if gaps else empty)((N, *x_hw, C))
    if gx.size:
        for plan in launches:
            _run(plan, g, w, None, gx, True, NO_FLOOR)
    return gx


def conv2d_grad_w(
    x: Array, g: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, H, W, C = x.shape
    _, OH, OW, OC = g.shape
    gw = empty((*kernel, C // groups, OC))
    if g.size == 0:
        gw.fill(0)
    elif gw.size:
        plan = plans.weights(N, H, W, C, OC, kernel, (OH, OW), stride, padding, dilation, groups)
        sizes = plan.sizes
        workers = min(get_num_threads(), sizes.slices * sizes.blocks)
        parts = scratch("parts", sizes.slices * gw.size) if sizes.slices > 1 else flat(gw)
        buffers = scratch("source", workers * (sizes.buffer + sizes.panel))
        weight_sums(
            flat(x),
            flat(g),
            _bias(None, OC),
            parts,
            plan.rows,
            plan.places,
            plan.taps,
            plan.band,
            sizes,
            buffers,
            workers,
        )
        if sizes.slices > 1:
            add_slices(parts, gw.size, sizes.slices, flat(gw), get_num_threads())
    return gw.transpose(3, 2, 0, 1)


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair) -> Pair:
    """Return (OH, OW) of a convolution of an image of ``size``."""
    OH, OW = (
        (size[k] + padding[2 * k] + padding[2 * k + 1] - dilation[k] * (kernel[k] - 1) - 1) // stride[k] + 1
        for k in (0, 1)
    )
    return OH, OW
