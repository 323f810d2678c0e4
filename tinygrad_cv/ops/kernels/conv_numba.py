"""Convolution in compiled code: which algorithm, which plan, which buffers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...typing import Array
from . import (
    conv_im2col,
    depthwise,
    depthwise_3x3,
    grouped,
    plans,
    scatter,
    small_window,
    stream,
    winograd,
    winograd_plans,
)
from .cost import (
    Geometry,
    choose_algorithm,
    forward_algorithm,
    get_algorithm,
    scatter_pays,
    side_by_side,
    streams,
    winograd_variant,
)
from .direct import add_slices, gather, pack, weight_sums
from .jit import get_num_threads
from .memory import empty, flat, scratch, zeros
from .micro import NO_FLOOR
from .product import no_bias, padded_bias
from .simd import LANES
from .winograd_cut import Variant
from .winograd_filters import AS_THEY_LIE, PACKED, TURNED

Pair = tuple[int, int]
Quad = tuple[int, int, int, int]

_ZERO = np.float32(0)
_TAP = np.zeros(1, np.int64)
_NONE = np.zeros(0, np.float32)


@lru_cache(maxsize=1024)
def _tap_places(p: tuple[int, ...], q: tuple[int, ...], s_h: int, s_w: int) -> Array:
    return np.array(p) * s_h + np.array(q) * s_w


def _packed(
    w: Array, p: tuple[int, ...], q: tuple[int, ...], n_k: int, columns: int, groups: int, backward: bool, scale: Array
) -> Array:
    """Filters as panels, taps in the order (p, q); backward, filters and channels change roles.

    Any order of memory is read in place; only a w with gaps in memory is copied.
    """
    try:
        memory = flat(w)
    except ValueError:
        w = np.ascontiguousarray(w)
        memory = flat(w)
    s_o, s_c, s_h, s_w = w.strides
    s_o, s_c = s_o // 4, s_c // 4
    s_k, s_n = (s_o, s_c) if backward else (s_c, s_o)
    out = scratch("weights", groups * len(p) * n_k * plans.panels(columns))
    pack(
        get_num_threads(), memory, _tap_places(p, q, s_h // 4, s_w // 4), n_k, s_k, columns, s_n, groups,
        s_o * (w.shape[0] // groups), out, scale,
    )  # fmt: skip
    return out


def _gather(
    plan: plans.Gather, source: Array, w: Array, bias: Array | None, to: Array, backward: bool, floor: np.float32,
    scale: Array,
) -> None:  # fmt: skip
    sizes = plan.sizes
    workers = min(get_num_threads(), plan.band.tasks)
    gather(
        workers, flat(source), _packed(w, plan.p, plan.q, sizes.CG, sizes.OCG, sizes.groups, backward, scale),
        padded_bias(bias, sizes.OC), flat(to), plan.rows, plan.places, plan.taps, plan.strokes, plan.band, sizes, floor,
        scratch("buffers", max(1, workers * sizes.buffer)),
    )  # fmt: skip


def _packed_square(w: Array, backward: bool, scale: Array) -> Array:
    """Filters as panels in the order [panel, k, tap, column], as `winograd` reads them; backward, taps run down."""
    taps = w.shape[2] * w.shape[3]
    s_o, s_c, s_h, s_w = w.strides
    if s_h != s_w * w.shape[3]:
        w = np.ascontiguousarray(w)
        s_o, s_c, s_h, s_w = w.strides
    inner, column = (s_o, s_c) if backward else (s_c, s_o)
    steps, columns = (w.shape[0], w.shape[1]) if backward else (w.shape[1], w.shape[0])
    first, step = ((taps - 1) * s_w // 4, -s_w // 4) if backward else (0, s_w // 4)
    out = scratch("weights", steps * taps * plans.panels(columns))
    starts = first + inner // 4 * _count(steps)
    pack(get_num_threads(), flat(w), starts, taps, step, columns, column // 4, 1, 0, out, scale)
    return out


@lru_cache(maxsize=64)
def _count(n: int) -> Array:
    return np.arange(n)


NEAR = 1 << 20
"""Weights at most that Winograd reads where they lie, a panel of each line at a time, if it does so once. Two threads,
ms: 1x128x16x16 0.40 instead of 0.45, 1x256x8x8 0.58 instead of 0.75; but 64x512x4x4 10.4 instead of 9.7."""


def _winograd(
    variant: Variant,
    source: Array,
    w: Array,
    bias: Array | None,
    to: Array,
    pad: Pair,
    backward: bool,
    floor: np.float32,
    scale: Array,
) -> None:
    (N, H, W, C), (_, OH, OW, OC) = source.shape, to.shape
    workers = get_num_threads()
    plan = winograd_plans.forward(variant, N, H, W, C, OC, (OH, OW), *pad, workers)
    once = plan.tiles.blocks == 1 or plan.tiles.u_step
    if once and w.size <= NEAR and w.transpose(2, 3, 1, 0).flags.c_contiguous:
        order, filters, factors = (TURNED if backward else AS_THEY_LIE), flat(w), scale
    else:
        order, filters, factors = PACKED, _packed_square(w, backward, scale), _NONE
    x, y, b = flat(source), flat(to), padded_bias(bias, OC)
    buffers = scratch("buffers", workers * plan.tiles.size)
    vs, us = _beforehand(plan, buffers)
    for p in (*plan.before, plan.tiles):
        at_once = min(workers, p.blocks * p.groups)
        winograd.winograd(
            at_once, x, filters, factors, order, b, no_bias(OC), y, plan.rows, plan.places, _TAP, p, floor, vs, us,
            buffers,
        )  # fmt: skip


def _beforehand(plan: winograd_plans.Plan, buffers: Array) -> tuple[Array, Array]:
    """Room for what is transformed for all tasks; what a task transforms by itself stays in its buffer."""
    vs = scratch("tiles", plan.v_size) if plan.v_size else buffers
    return vs, scratch("filters", plan.u_size) if plan.u_size else buffers


def _choice(geometry: Geometry, wish: str) -> tuple[str, Variant]:
    return _chosen(geometry, get_algorithm() if wish == "auto" else wish)


def _forward_choice(geometry: Geometry, wish: str) -> tuple[str, Variant]:
    return _chosen(geometry, get_algorithm() if wish == "auto" else wish, _forward_algorithm)


def _forward_algorithm(geometry: Geometry, wish: str) -> str:
    """`forward_algorithm`, and "stream" for what is direct but has few pixels."""
    chosen = forward_algorithm(geometry, wish)
    return "stream" if chosen == "direct" and streams(geometry) else chosen


@lru_cache(maxsize=4096)
def _chosen(
    geometry: Geometry, wish: str, choose: Callable[[Geometry, str], str] = choose_algorithm
) -> tuple[str, Variant]:
    return choose(geometry, wish), winograd_variant(geometry) or Variant(0, 0)


_scatters = lru_cache(maxsize=4096)(scatter_pays)


def conv2d(
    x: Array, w: Array, stride: Pair, padding: Quad, dilation: Pair, groups: int, bias: Array | None, relu: bool,
    algorithm: str, scale: Array | None,
) -> Array:  # fmt: skip
    N, H, W, C = x.shape
    OC, kernel = w.shape[0], (w.shape[2], w.shape[3])
    out = output_size((H, W), kernel, stride, padding, dilation)
    chosen, variant = _forward_choice(Geometry(N, C, OC, out, kernel, stride, dilation, groups), algorithm)
    if chosen == "im2col":
        return conv_im2col.conv2d(x, w, stride, padding, dilation, groups, bias, relu, algorithm, scale)
    y = empty((N, *out, OC))
    floor = _ZERO if relu else NO_FLOOR
    factors = _NONE if scale is None else flat(scale)
    if y.size == 0:
        pass
    elif chosen == "winograd":
        _winograd(variant, x, w, bias, y, (padding[0], padding[2]), False, floor, factors)
    elif chosen == "stream":
        stream.convolve(x, w, padded_bias(bias, OC), y, stride, padding, dilation, floor, factors)
    elif groups == C == OC > 1:
        launch = depthwise.forward(N, H, W, C, kernel, out, stride, padding, dilation)
        _depthwise(launch, x, _scaled(w, factors), bias, y, floor)
    elif G := side_by_side(C, OC, groups, LANES):
        side = grouped.forward(G, N, H, W, C, kernel, out, stride, padding, dilation)
        _grouped(side, x, _scaled(w, factors), bias, y, floor)
    elif small_window.fits(C, kernel, dilation, groups):
        small = small_window.plan(N, H, W, C, OC, kernel, out, stride, padding, dilation)
        _small(small, x, _scaled(w, factors), bias, y, floor)
    else:
        plan = plans.forward(N, H, W, C, OC, kernel, out, stride, padding, dilation, groups)
        _gather(plan, x, w, bias, y, False, floor, factors)
    return y


def conv2d_grad_x(
    g: Array, w: Array, x_hw: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, OH, OW, OC = g.shape
    C, kernel = w.shape[1] * groups, (w.shape[2], w.shape[3])
    geometry = Geometry(N, OC, C, x_hw, kernel, stride, dilation, groups)
    chosen, variant = _choice(geometry, algorithm)
    if chosen == "im2col":
        return conv_im2col.conv2d_grad_x(g, w, x_hw, stride, padding, dilation, groups, algorithm)
    if g.size and w.size and _scatters(geometry, (OH, OW), get_algorithm() if algorithm == "auto" else algorithm):
        return scatter.grad_x(g, w, x_hw, stride, padding)
    if chosen == "winograd":
        gx = empty((N, *x_hw, C))
        if gx.size:
            pad = (kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[2])
            _winograd(variant, g, w, None, gx, pad, True, NO_FLOOR, _NONE)
        return gx
    if groups == C == OC > 1:
        at_once, gaps = depthwise.backward_at_once(N, *x_hw, C, kernel, (OH, OW), stride, padding, dilation)
        gx = (zeros if gaps else empty)((N, *x_hw, C))
        for launch in at_once if gx.size else ():
            _depthwise(launch, g, w, None, gx, NO_FLOOR)
        return gx
    if G := side_by_side(C, OC, groups, LANES):
        parts, gaps = grouped.backward(G, N, *x_hw, C, kernel, (OH, OW), stride, padding, dilation)
        gx = (zeros if gaps else empty)((N, *x_hw, C))
        for part in parts if gx.size else ():
            _grouped(part, g, w, None, gx, NO_FLOOR)
        return gx
    launches, gaps = plans.backward(N, *x_hw, C, OC, kernel, (OH, OW), stride, padding, dilation, groups)
    gx = (zeros if gaps else empty)((N, *x_hw, C))
    if gx.size:
        for plan in launches:
            _gather(plan, g, w, None, gx, True, NO_FLOOR, _NONE)
    return gx


def conv2d_grad_w(
    x: Array, g: Array, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair, groups: int, algorithm: str
) -> Array:
    N, H, W, C = x.shape
    _, OH, OW, OC = g.shape
    chosen, variant = _choice(Geometry(N, C, OC, (OH, OW), kernel, stride, dilation, groups), algorithm)
    if chosen == "im2col":
        return conv_im2col.conv2d_grad_w(x, g, kernel, stride, padding, dilation, groups, algorithm)
    gw = empty((*kernel, C // groups, OC))
    if g.size == 0:
        gw.fill(0)
    elif gw.size == 0:
        pass
    elif chosen == "winograd":
        workers = get_num_threads()
        cut = winograd_plans.weights(variant, N, H, W, C, OC, (OH, OW), padding[0], padding[2], workers)
        slices = cut.tiles.slices
        parts, buffers = _parts(gw, slices), scratch("buffers", workers * cut.tiles.size)
        vs, us = _beforehand(cut, buffers)
        for p in (*cut.before, cut.tiles):
            at_once = min(workers, p.slices * p.chunks * p.groups)
            winograd.winograd_weights(
                at_once, flat(x), flat(g), no_bias(OC), parts, cut.rows, cut.places, _TAP, p, vs, us, buffers
            )
        _add(parts, gw, slices)
    elif groups == C == OC > 1:
        launch = depthwise.forward(N, H, W, C, kernel, (OH, OW), stride, padding, dilation)
        slices = min(plans.PARTS, N * OH)
        parts = _zero_parts(slices, gw.size)
        sums = depthwise_3x3.weight_sums if launch.grid.square else depthwise.weight_sums
        sums(get_num_threads(), flat(x), flat(g), parts, launch.rise, launch.slide, launch.grid, slices)
        add_slices(get_num_threads(), parts, gw.size, slices, flat(gw))
    elif G := side_by_side(C, OC, groups, LANES):
        _grouped_weights(grouped.weights(G, N, H, W, C, kernel, (OH, OW), stride, padding, dilation), x, g, gw)
    elif small_window.fits(C, kernel, dilation, groups):
        _small_weights(small_window.plan(N, H, W, C, OC, kernel, (OH, OW), stride, padding, dilation), x, g, gw)
    else:
        plan = plans.weights(N, H, W, C, OC, kernel, (OH, OW), stride, padding, dilation, groups)
        sizes = plan.sizes
        workers = min(get_num_threads(), sizes.slices * sizes.chunks)
        parts = _parts(gw, sizes.slices)
        weight_sums(
            workers, flat(x), flat(g), no_bias(OC), parts, plan.rows, plan.places, plan.taps, plan.band, sizes,
            scratch("buffers", workers * (sizes.buffer + sizes.panel)),
        )  # fmt: skip
        _add(parts, gw, sizes.slices)
    return gw.transpose(3, 2, 0, 1)


def _depthwise(
    launch: depthwise.Launch, source: Array, w: Array, bias: Array | None, to: Array, floor: np.float32
) -> None:
    convolve = depthwise_3x3.convolve if launch.grid.square else depthwise.convolve
    convolve(
        get_num_threads(), flat(source), _filters(w), padded_bias(bias, w.shape[0]), flat(to), launch.rise,
        launch.slide, launch.p, launch.q, launch.grid if launch.grid.square else launch.grids, floor,
    )  # fmt: skip


def _small(plan: small_window.Plan, x: Array, w: Array, bias: Array | None, y: Array, floor: np.float32) -> None:
    (band, sizes, rows, *_), taps, kind, _ = plan
    workers = min(get_num_threads(), band.tasks)
    small_window.convolve(
        workers, flat(x), _filters(w), padded_bias(bias, sizes.OC), flat(y), rows,
        taps, kind, band, sizes, floor, scratch("buffers", max(1, workers * sizes.buffer)),
    )  # fmt: skip


def _small_weights(plan: small_window.Plan, x: Array, g: Array, gw: Array) -> None:
    (band, sizes, rows, *_), taps, kind, most = plan
    slices, workers = min(plans.PARTS, band.tasks), get_num_threads()
    parts = scratch("parts", slices * gw.size)
    small_window.weight_sums(
        workers, flat(x), flat(g), parts, rows, taps, kind, most, band, sizes, slices,
        scratch("buffers", max(1, workers * sizes.buffer)),
    )  # fmt: skip
    add_slices(workers, parts, gw.size, slices, flat(gw))


def _grouped(launch: grouped.Launch, source: Array, w: Array, bias: Array | None, to: Array, floor: np.float32) -> None:
    d, workers = launch.grid, get_num_threads()
    weights = _filters(w)[launch.order]
    grouped.grouped(
        workers, flat(source), weights, padded_bias(bias, d.C), flat(to), launch.rise, launch.slide, launch.taps, d,
        w.shape[1], launch.width, floor, scratch("buffers", workers * launch.rise.size * launch.width * d.C),
    )  # fmt: skip


def _grouped_weights(launch: grouped.Launch, x: Array, g: Array, gw: Array) -> None:
    d, workers = launch.grid, get_num_threads()
    slices, size = min(plans.PARTS, d.N * d.PH), launch.order.size
    parts, sums = _zero_parts(slices, size), np.empty(size, np.float32)
    grouped.grouped_weights(
        workers, flat(x), flat(g), parts, launch.rise, launch.slide, launch.taps, d, gw.shape[2], launch.pixels,
        launch.width, slices, scratch("buffers", workers * launch.rise.size * launch.width * d.C),
    )  # fmt: skip
    add_slices(workers, parts, size, slices, sums)
    flat(gw)[launch.order] = sums


def _scaled(w: Array, scale: Array) -> Array:
    return w * scale.reshape(-1, 1, 1, 1) if scale.size else w


def _filters(w: Array) -> Array:
    """The numbers of w in the order (KH, KW, C, OC)."""
    return flat(np.ascontiguousarray(w.transpose(2, 3, 1, 0)))


def _zero_parts(slices: int, size: int) -> Array:
    """Room for the slices of a sum that is added to, at zero."""
    parts = scratch("parts", slices * size)
    parts[: slices * size] = 0
    return parts


def _parts(gw: Array, slices: int) -> Array:
    return scratch("parts", slices * gw.size) if slices > 1 else flat(gw)


def _add(parts: Array, gw: Array, slices: int) -> None:
    if slices > 1:
        add_slices(get_num_threads(), parts, gw.size, slices, flat(gw))


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Quad, dilation: Pair) -> Pair:
    """Return (OH, OW) of a convolution of an image of ``size``."""
    OH = (size[0] + padding[0] + padding[1] - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    OW = (size[1] + padding[2] + padding[3] - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    return OH, OW
