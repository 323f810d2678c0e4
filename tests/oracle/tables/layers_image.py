"""Layers that slide windows over images and signals, or move their pixels; and their lazy forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draws import Arg, Draw, layer
from tests.oracle.tables.image import batch, images, one_or_more
from tests.oracle.tables.layers import home


@layer("Conv1d", "Conv2d", "LazyConv1d", "LazyConv2d")
def conv(d: Draw, name: str) -> Any:
    k = int(name[-2])
    groups = d.pick(1, 1, 1, 2, 3)
    c, oc = groups * d.int(1, 2), groups * d.int(1, 3)
    required = {"in_channels": d.often(c, c + 1, 0, -1), "out_channels": d.often(oc, oc + 1, 0, -1)}
    if name.startswith("Lazy"):
        required.pop("in_channels")
    required["kernel_size"] = d.often(one_or_more(d, 1, 3, k), 0, (2,) * (k + 1), np.int64(2), 1.5)
    padding = d.pick(one_or_more(d, 0, 2, k), one_or_more(d, 0, 2, k), d.often("same", "full"), "valid")
    optional = {
        "stride": 1 if padding == "same" and d.chance(80) else d.often(one_or_more(d, 1, 3, k), 0, -1),
        "padding": d.often(padding, -1),
        "dilation": d.often(one_or_more(d, 1, 2, k), 0),
        "groups": groups,
        "bias": d.pick(True, False),
        "padding_mode": d.often(d.pick("zeros", "zeros", "reflect", "replicate", "circular"), "constant"),
        **home(d),
    }
    args, kwargs = d.spelled(required, optional)
    if groups > 1 and len(args) <= len(required) + 3:
        kwargs["groups"] = d.often(groups, 0, -1)
    return args, kwargs, *((image(d, c, k, 3, 7),) for _ in range(1 + name.startswith("Lazy")))


def image(d: Draw, c: int, k: int, low: int, high: int) -> Arg:
    size = [d.int(low, high) for _ in range(d.often(k, k + 1, k - 1))]
    return d.tensor((*batch(d), d.often(c, c + 1), *size))


@layer("ConvTranspose1d", "ConvTranspose2d", "LazyConvTranspose1d", "LazyConvTranspose2d")
def conv_transpose(d: Draw, name: str) -> Any:
    k = int(name[-2])
    groups = d.pick(1, 1, 1, 2)
    c, oc = groups * d.int(1, 2), groups * d.int(1, 2)
    required = {"in_channels": d.often(c, c + 1), "out_channels": d.often(oc, oc + 1, 0)}
    if name.startswith("Lazy"):
        required.pop("in_channels")
    required["kernel_size"] = d.often(one_or_more(d, 1, 3, k), -1, np.int64(2))
    optional = {
        "stride": d.often(one_or_more(d, 1, 3, k), 0),
        "padding": d.often(one_or_more(d, 0, 1, k), "same", -1),
        "output_padding": d.pick(0, 0, one_or_more(d, 0, 2, k)),
        "groups": groups,
        "bias": d.pick(True, False),
        "dilation": one_or_more(d, 1, 2, k),
        "padding_mode": d.often("zeros", "reflect"),
        **home(d),
    }
    args, kwargs = d.spelled(required, optional)
    if groups > 1 and len(args) <= len(required) + 3:
        kwargs["groups"] = groups
    x = image(d, c, k, 1, 4)
    more: tuple[Any, ...] = ()
    if d.chance(25):  # the size that is wanted, with or without batch and channels
        wanted = [2 * n + d.int(-1, 2) for n in x.array.shape[-k:]]
        more = (d.often(d.pick(wanted, tuple(wanted), [2, oc, *wanted]), wanted[0], [1, *wanted], []),)
    return args, kwargs, (x, *more), *(((x,),) if name.startswith("Lazy") else ())


@layer("MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d")
def pool(d: Draw, name: str) -> Any:
    k, largest = int(name[-2]), name.startswith("Max")
    kernel = d.often(one_or_more(d, 1, 4, k), 0, -1)
    optional: dict[str, Any] = {
        "stride": d.pick(None, one_or_more(d, 1, 3, k), d.often(1, 0)),
        "padding": d.often(one_or_more(d, 0, 1 if d.chance(80) else 2, k), "same", -1),
    }
    if largest:
        optional["dilation"] = d.pick(1, one_or_more(d, 1, 2, k))
        optional["return_indices"] = d.pick(False, True)
    optional["ceil_mode"] = d.pick(False, True)
    if not largest:
        optional["count_include_pad"] = d.pick(True, False)
        if k == 2:
            optional["divisor_override"] = d.pick(None, 3, 7, d.often(1, 0))
    return *d.spelled({"kernel_size": kernel}, optional), (images(d, k, largest),)


@layer("LPPool1d", "LPPool2d")
def lp_pool(d: Draw, name: str) -> Any:
    k = int(name[-2])
    x = d.tensor((*batch(d), d.int(1, 2), *(d.int(2, 6) for _ in range(k))), d.pick(0, 0.1, -3), 3)
    kernel = one_or_more(d, 1, 3, k) if k == 2 else d.int(1, 3)
    required = {"norm_type": d.pick(1, 2, 3, 2.5, 0.5, -1), "kernel_size": kernel}
    stride = d.pick(None, one_or_more(d, 1, 2, k) if k == 2 else d.int(1, 2))
    return *d.spelled(required, {"stride": stride, "ceil_mode": d.pick(False, True)}), (x,)


@layer("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d")
def adaptive(d: Draw, name: str) -> Any:
    k = int(name[-2])
    size = d.int(1, 5) if d.chance(50) or k == 1 else (d.pick(None, d.int(1, 5)), d.int(1, 8))
    optional = {"return_indices": d.pick(False, True)} if "Max" in name else {}
    return *d.spelled({"output_size": d.often(size, (2,) * (k + 1), 0, -1)}, optional), (images(d, k, True),)


@layer("MaxUnpool1d", "MaxUnpool2d")
def unpool(d: Draw, name: str) -> Any:
    k = int(name[-2])
    lead = (*batch(d), d.int(1, 2))
    size = [d.int(1, 3) for _ in range(k)]
    kernel, stride, padding = d.int(2, 3), d.pick(None, 1, 2, 3), 0 if 1 in size else d.often(0, 1)
    step = kernel if stride is None else stride
    full = [(s - 1) * step + kernel - 2 * padding for s in size]
    area = int(np.prod(full))
    n = int(np.prod(size))
    chosen = np.argsort(np.random.default_rng(d.int(0, 999)).random((*lead, max(area, n))), axis=-1)[..., :n]
    where = Arg(chosen.reshape(*lead, *size), False)
    if d.chance(25):
        wanted = [s + d.often(d.int(0, 1), 5) for s in full]
        where = (where, d.pick(wanted, tuple(wanted), [*lead, *wanted]))  # type: ignore[assignment]
    args, kwargs = d.spelled({"kernel_size": kernel}, {"stride": stride, "padding": padding})
    kwargs = {**({"stride": stride, "padding": padding} if len(args) < 2 else {}), **kwargs}
    return args, kwargs, (d.tensor((*lead, *size)), *(where if isinstance(where, tuple) else (where,)))


PADS = [f"{kind}Pad{k}d" for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular") for k in (1, 2, 3)]


@layer(*PADS)
def pad(d: Draw, name: str) -> Any:
    k = int(name[-2])
    # (there PyTorch hands out memory that it never wrote)
    low = 0 if d.chance(80) or name.startswith("Circular") or name == "ReflectionPad3d" else -1
    sides = d.pick(d.int(low, 2), tuple(d.int(low, 2) for _ in range(2 * k)), [d.int(low, 2) for _ in range(2 * k)])
    required = {"padding": d.often(sides, (1,) * (2 * k - 1), 4, (1, 1))}
    if name.startswith("Constant"):
        required["value"] = d.pick(0.0, 3.5, -1)
    rank = d.often(k, k + 1, k - 1)
    x = d.tensor((*batch(d), d.int(1, 2) if d.chance(96) else 0, *(d.int(2, 4) for _ in range(rank))))
    return *d.spelled(required, {}), (x,)


@layer("Upsample")
def upsample(d: Draw) -> Any:
    k = d.pick(1, 2, 2, 2, 3)
    x = d.tensor((d.int(1, 2), d.int(1, 2), *(d.int(1, 5) for _ in range(d.often(k, k + 1)))))
    own = {1: "linear", 2: "bilinear", 3: "trilinear"}[k]
    mode = d.pick("nearest", "area", own, own, "bicubic", "nearest-exact", d.often(own, "cubic"))
    size, scale = None, None
    if d.chance(50):
        size = d.often(one_or_more(d, 1, 8, k), 0, (2,) * (k + 1))
    else:  # (a scale that keeps a size splits PyTorch's two passes; areas may vanish there, and there alone)
        scale = d.pick(2, 1.5, 3.0, tuple(d.pick(2.0, 3, 1.5) for _ in range(k)))
        if k != 2 and mode == "nearest":
            scale = d.pick(3, 2.0)
    if d.chance(2):
        size = scale = None
    align = d.pick(True, False) if mode in (own, "bicubic") and d.chance(60) else None
    optional = {
        "size": size,
        "scale_factor": scale,
        "mode": mode,
        "align_corners": d.often(align, True),
        "recompute_scale_factor": d.pick(None, None, True, False) if scale is not None else d.often(None, True),
    }
    if d.chance(20):
        return tuple(optional.values()), {}, (x,)
    return (), {k: v for k, v in optional.items() if v is not None or d.chance(20)}, (x,)


@layer("UpsamplingNearest2d", "UpsamplingBilinear2d")
def upsampling(d: Draw) -> Any:
    x = d.tensor((d.int(1, 2), d.int(1, 2), *(d.int(1, 5) for _ in range(d.often(2, 3)))))
    size = d.pick(
        {"size": one_or_more(d, 1, 8, 2)}, {"scale_factor": d.pick(2, 3.0, (2, 3.0))}, d.often({"size": 2}, {})
    )
    return (), size, (x,)


@layer("PixelShuffle", "PixelUnshuffle", "ChannelShuffle")
def shuffle(d: Draw, name: str) -> Any:
    r = d.int(1, 3)
    lead = d.often(batch(d), (1, 2))
    key = {"PixelShuffle": "upscale_factor", "PixelUnshuffle": "downscale_factor", "ChannelShuffle": "groups"}[name]
    c, h, w = d.int(1, 2), d.int(1, 3), d.int(1, 3)
    lead = () if name == "PixelUnshuffle" and 0 in lead else lead  # PyTorch returns such an input as it is
    shape = {
        "PixelShuffle": (*lead, c * r * r, h, w),
        "PixelUnshuffle": (*lead, c, h * r, w * r),
        "ChannelShuffle": (d.int(0, 2), c * r, *d.shape(1, 3)),
    }[name]
    return *d.spelled({key: d.often(r, r + 1, 0, -1)}, {}), (d.tensor(shape),)


@layer("Unfold")
def unfold(d: Draw) -> Any:
    x = d.tensor((*batch(d), d.int(1, 3), *(d.int(2, 6) for _ in range(d.often(2, 1)))))
    optional = {k: one_or_more(d, low, 2, 2) for k, low in (("dilation", 1), ("padding", 0), ("stride", 1))}
    return *d.spelled({"kernel_size": d.often(one_or_more(d, 1, 3, 2), 0, (2,))}, optional), (x,)


@layer("Fold")
def fold(d: Draw) -> Any:
    h, w, kh, kw, s, p, dil = d.int(3, 6), d.int(3, 6), d.int(1, 2), d.int(1, 3), d.int(1, 2), d.int(0, 1), d.int(1, 2)
    oh, ow = (h + 2 * p - dil * (kh - 1) - 1) // s + 1, (w + 2 * p - dil * (kw - 1) - 1) // s + 1
    x = d.tensor((*batch(d), d.int(1, 2) * kh * kw, max(oh * ow, 0) + d.often(0, 1)))
    args, kwargs = d.spelled({"output_size": (h, w), "kernel_size": (kh, kw)}, {})
    return args, {**kwargs, "dilation": dil, "padding": p, "stride": s}, (x,)
