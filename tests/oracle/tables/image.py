"""Convolution, pooling, normalisation and resampling."""

from __future__ import annotations

from typing import Any

from tests.oracle.draws import Arg, Draw, sample


def one_or_more(d: Draw, low: int, high: int, k: int) -> Any:
    """An int, or one for each axis."""
    if d.chance(50):
        return d.int(low, high)
    return tuple(d.int(low, high) for _ in range(k))


def batch(d: Draw) -> tuple[int, ...]:
    return () if d.chance(12) else (d.pick(0, 1, 2, 2) if d.chance(30) else d.int(1, 2),)


@sample("F.conv1d", "F.conv2d", "conv2d")
def conv(d: Draw, path: str) -> Any:
    k = int(path[-2])
    groups = d.pick(1, 1, 1, 2, 3)
    c, oc = groups * d.int(1, 2), groups * d.int(1, 3)
    size = [d.int(3, 7) for _ in range(k)]
    x = d.tensor((*batch(d), c + (1 if d.chance(3) else 0), *size))
    w = d.tensor((oc, c // groups, *(d.int(1, 3) for _ in range(k))))
    more: dict[str, Any] = {}
    if d.chance(50):
        more["stride"] = one_or_more(d, 1, 3, k)
    if d.chance(60):
        more["padding"] = d.pick(one_or_more(d, 0, 2, k), one_or_more(d, 0, 2, k), "same", "valid")
    if d.chance(40):
        more["dilation"] = one_or_more(d, 1, 2, k)
    if groups > 1:
        more["groups"] = groups
    if d.chance(3):
        more["padding"] = -1
    bias = d.tensor((oc + (1 if d.chance(3) else 0),)) if d.chance(50) else None
    return ((x, w, bias) if d.chance(70) else (x, w)), more


@sample("F.conv_transpose1d", "F.conv_transpose2d")
def conv_transpose(d: Draw, path: str) -> Any:
    k = int(path[-2])
    groups = d.pick(1, 1, 1, 2)
    c, oc = groups * d.int(1, 2), d.int(1, 2)
    x = d.tensor((d.int(1, 2), c, *(d.int(1, 4) for _ in range(k))))
    w = d.tensor((c, oc, *(d.int(1, 3) for _ in range(k))))
    more: dict[str, Any] = {}
    if d.chance(60):
        more["stride"] = one_or_more(d, 1, 3, k)
    if d.chance(50):
        more["padding"] = one_or_more(d, 0, 1, k)
    if d.chance(40):
        more["output_padding"] = one_or_more(d, 0, 2, k)
    if d.chance(40):
        more["dilation"] = one_or_more(d, 1, 2, k)
    if groups > 1:
        more["groups"] = groups
    return (x, w, d.tensor((oc * groups,)) if d.chance(50) else None), more


@sample("F.unfold")
def unfold(d: Draw) -> Any:
    x = d.tensor((*batch(d), d.int(1, 3), d.int(2, 6), d.int(2, 6)))
    more = {k: one_or_more(d, low, 2, 2) for k, low in (("dilation", 1), ("padding", 0), ("stride", 1)) if d.chance(50)}
    return (x, one_or_more(d, 1, 3, 2)), more


@sample("F.fold")
def fold(d: Draw) -> Any:
    h, w, kh, kw, s, p, dil = d.int(3, 6), d.int(3, 6), d.int(1, 2), d.int(1, 3), d.int(1, 2), d.int(0, 1), d.int(1, 2)
    oh, ow = (h + 2 * p - dil * (kh - 1) - 1) // s + 1, (w + 2 * p - dil * (kw - 1) - 1) // s + 1
    x = d.tensor((*batch(d), d.int(1, 2) * kh * kw, max(oh * ow, 0) + (1 if d.chance(4) else 0)))
    return (x, (h, w), (kh, kw)), {"stride": s, "padding": p, "dilation": dil}


def pool_arguments(d: Draw, k: int, dilation: bool) -> tuple[Any, dict[str, Any]]:
    kernel = one_or_more(d, 1, 4, k)
    more: dict[str, Any] = {}
    if d.chance(60):
        more["stride"] = d.pick(None, one_or_more(d, 1, 3, k))
    if d.chance(50):
        more["padding"] = one_or_more(d, 0, 1 if d.chance(80) else 2, k)
    if d.chance(40):
        more["ceil_mode"] = d.pick(True, False)
    if dilation and d.chance(40):
        more["dilation"] = one_or_more(d, 1, 2, k)
    return kernel, more


def images(d: Draw, k: int, distinct: bool = False) -> Arg:
    shape = (*batch(d), d.int(1, 3) if d.chance(96) else 0, *(d.int(2, 7) for _ in range(k)))
    return d.distinct(shape) if distinct and d.chance(50) else d.tensor(shape)


@sample("F.max_pool1d", "F.max_pool2d")
def max_pool(d: Draw, path: str) -> Any:
    k = int(path[-2])
    kernel, more = pool_arguments(d, k, True)
    if d.chance(40):
        more["return_indices"] = True
    return (images(d, k, True), kernel), more


@sample("F.avg_pool1d", "F.avg_pool2d")
def avg_pool(d: Draw, path: str) -> Any:
    k = int(path[-2])
    kernel, more = pool_arguments(d, k, False)
    if "stride" in more and more["stride"] is None and k == 1:
        more.pop("stride")
    if d.chance(40):
        more["count_include_pad"] = d.pick(True, False)
    if k == 2 and d.chance(25):
        more["divisor_override"] = d.pick(1, 3, 7, None, 0)
    return (images(d, k), kernel), more


@sample("F.adaptive_avg_pool1d", "F.adaptive_avg_pool2d", "F.adaptive_max_pool1d", "F.adaptive_max_pool2d")
def adaptive(d: Draw, path: str) -> Any:
    k = int(path[-2])
    size = d.int(1, 5) if d.chance(50) or k == 1 else (d.pick(None, d.int(1, 5)), d.int(1, 8))
    more = {"return_indices": True} if "max" in path and d.chance(40) else {}
    return (images(d, k, True), size), more


@sample("F.lp_pool1d", "F.lp_pool2d")
def lp_pool(d: Draw, path: str) -> Any:
    k = int(path[-2])
    x = d.tensor((*batch(d), d.int(1, 2), *(d.int(2, 6) for _ in range(k))), d.pick(0, 0.1, -3), 3)
    more: dict[str, Any] = {"stride": one_or_more(d, 1, 2, k)} if d.chance(50) else {}
    if d.chance(40):
        more["ceil_mode"] = True
    return (x, d.pick(1, 2, 3, 2.5, 0.5, -1, d.often(2, 0, float("inf"))), one_or_more(d, 1, 3, k)), more


@sample("F.max_unpool1d", "F.max_unpool2d")
def unpool(d: Draw, path: str) -> Any:
    import numpy as np

    k = int(path[-2])
    lead = (*batch(d), d.int(1, 2))
    size = [d.int(1, 3) for _ in range(k)]
    kernel = d.int(2, 3)
    n = int(np.prod(size))
    area = int(np.prod([(s - 1) * kernel + kernel for s in size]))
    chosen = np.argsort(np.random.default_rng(d.int(0, 999)).random((*lead, area)), axis=-1)[..., :n]
    return (d.tensor((*lead, *size)), Arg(chosen.reshape(*lead, *size), False), kernel), {}


def row(d: Draw, n: int, grad: bool, low: float = -3.0) -> Arg:
    """A contiguous vector: PyTorch reads those of batch norm without regard to their strides."""
    return Arg(d.values((n,), low, 3.0), grad)


@sample("F.batch_norm")
def batch_norm(d: Draw) -> Any:
    c = d.int(1, 3)
    # (two values to a channel have a gradient near 0, which PyTorch's channels-last kernel rounds to 0)
    x = d.tensor((d.pick(0, 1, 3, 4), c, *d.shape(0, 3)), ties=0)
    training = d.chance(65)
    running = [row(d, c, False), row(d, c, False, 0.3)]
    if training and d.chance(30):
        running = [None, None]
    more: dict[str, Any] = {"training": training}
    if d.chance(60):
        more.update(weight=row(d, c + (1 if d.chance(3) and x.array.size else 0), True), bias=row(d, c, True))
    if d.chance(40):
        more.update(momentum=d.pick(0.1, 0.5, 0.0), eps=d.pick(1e-3, 0.1))
    return (x, *running), more


@sample("F.layer_norm")
def layer_norm(d: Draw) -> Any:
    shape = d.shape(1, 4)
    k = d.int(1, len(shape))
    tail = shape[-k:]
    more: dict[str, Any] = {}
    if d.chance(60):
        more.update(weight=d.tensor(tail), bias=d.tensor(tail) if d.chance(80) else None)
    if d.chance(30):
        more["eps"] = 0.1
    return (d.tensor(shape, ties=0), list(tail) if d.chance(96) else [9]), more


@sample("F.group_norm")
def group_norm(d: Draw) -> Any:
    g = d.int(1, 3)
    c = g * d.int(1, 2) + (1 if d.chance(4) else 0)
    n = d.pick(0, 1, 2)  # (images without pixels give PyTorch's weight the gradient NaN; ours is 0)
    x = d.tensor((n, c, *d.shape(0, 2, n == 0 and d.chance(30))), ties=0)
    more: dict[str, Any] = dict(weight=d.tensor((c,)), bias=d.tensor((c,))) if d.chance(60) else {}
    return (x, g), {**more, **({"eps": 0.1} if d.chance(30) else {})}


@sample("F.instance_norm")
def instance_norm(d: Draw) -> Any:
    c = d.int(1, 3)
    x = d.tensor((d.pick(1, 2), c, *d.shape(1, 2, False)), ties=0)
    more: dict[str, Any] = dict(weight=d.tensor((c,)), bias=d.tensor((c,))) if d.chance(60) else {}
    if d.chance(40):
        more.update(running_mean=d.tensor((c,), grad=False), running_var=d.tensor((c,), 0.3, 2, grad=False))
        more["use_input_stats"] = d.pick(True, True, False)
    return (x,), {**more, **({"eps": 0.1} if d.chance(30) else {})}


@sample("F.local_response_norm")
def lrn(d: Draw) -> Any:
    x = d.tensor((d.int(1, 2), d.int(1, 5), *d.shape(0, 2, False)))
    return (x, d.int(1, 5)), d.pick({}, {"alpha": 0.5, "beta": 1.0, "k": 2.0}, {"alpha": 1.0})


@sample("F.interpolate", "F.upsample")
def interpolate(d: Draw, path: str) -> Any:
    k = d.pick(1, 2, 2, 2, 3)
    x = d.tensor((d.int(1, 2), d.int(1, 2), *(d.int(1, 5) for _ in range(k))))
    own = {1: "linear", 2: "bilinear", 3: "trilinear"}[k]
    mode = d.pick("nearest", "area", own, own, "bicubic", "bicubic", "nearest-exact", "cubic" if d.chance(5) else own)
    more: dict[str, Any] = {"mode": mode} if mode != "nearest" or d.chance(50) else {}
    if d.chance(50):
        more["size"] = one_or_more(d, 1, 8, k)
    elif d.chance(50):
        more["scale_factor"] = d.pick(2, 0.5, 1.5, 0.7, 3.0)
    else:
        more["scale_factor"] = tuple(
            d.pick(2.0, 0.6, 1.6) for _ in range(k)
        )  # a scale that keeps a size splits PyTorch's two passes
    if d.chance(3):
        more.pop("size", None)
    if mode == "area" and "scale_factor" in more:  # PyTorch lets areas, and these alone, vanish
        more["scale_factor"] = 1.5
    if k != 2 and mode == "nearest" and "scale_factor" in more:  # else PyTorch's backward is not that of its forward
        more["scale_factor"] = d.pick(3, 0.5)
    if mode in (own, "bicubic") and d.chance(60):
        more["align_corners"] = d.pick(True, False)
    if mode == "nearest" and d.chance(3):
        more["align_corners"] = True
    if path == "F.interpolate" and d.chance(25) and "scale_factor" in more:
        more["recompute_scale_factor"] = d.pick(True, False)
    if path == "F.interpolate" and d.chance(15) and mode in ("bilinear", "bicubic"):
        more["antialias"] = True
        if "size" in more:  # with one channel and one column PyTorch mistakes the order of memory
            more["size"] = one_or_more(d, 2, 8, k)
        x = d.tensor((d.int(1, 2), 2, d.int(3, 5), d.int(4, 5)))
    return (x,), more


@sample("F.grid_sample")
def grid_sample(d: Draw) -> Any:
    k = d.pick(2, 2, 2, 3)
    n, c = d.int(1, 2), d.int(1, 2)
    x = d.tensor((n, c, *(d.int(1, 4) for _ in range(k))))
    grid = d.tensor((n + (1 if d.chance(4) else 0), *(d.int(1, 3) for _ in range(k)), k), -1.6, 1.6, ties=0)
    more: dict[str, Any] = {"mode": d.pick("bilinear", "bilinear", "nearest", "bicubic")} if d.chance(70) else {}
    if d.chance(70):
        more["padding_mode"] = d.pick("zeros", "border", "reflection")
    if d.chance(70):
        more["align_corners"] = d.pick(True, False)
    return (x, grid), more


@sample("F.affine_grid")
def affine_grid(d: Draw) -> Any:
    n, k = d.int(1, 2), d.pick(2, 2, 3)
    size = [n + (1 if d.chance(4) else 0), d.int(1, 2), *(d.int(1, 4) for _ in range(k))]
    return (d.tensor((n, k, k + 1)), size), {"align_corners": d.pick(True, False)} if d.chance(70) else {}


@sample("F.dropout", "F.dropout1d", "F.dropout2d", "F.dropout3d")
def dropout(d: Draw, path: str) -> Any:
    rank = {"1d": 3, "2d": 4, "3d": 5}.get(path[-2:], 3)
    x = d.tensor(d.shape(rank, rank))
    settings = d.pick({"training": False}, {"p": 0.0}, {"p": 1.5}, {"p": -0.1}, {"p": 1.0})
    return (x,), settings
