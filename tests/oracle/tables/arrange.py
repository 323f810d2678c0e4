"""Changing shape and order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.oracle.draws import Draw, sample


def operand(d: Draw, low: int = 0, high: int = 4) -> Any:
    shape = d.shape(low, high)
    return d.any_dtype(shape) if d.chance(10) else d.tensor(shape)


def factors(d: Draw, n: int) -> list[int]:
    """Sizes that multiply to n."""
    if n == 0:
        return [0, d.int(0, 3)]
    out = []
    for p in (2, 3, 5):
        while n % p == 0 and d.chance(70):
            out.append(p)
            n //= p
    out.append(n)
    if d.chance(30):
        out.append(1)
    d.source.shuffle(out)
    return out


@sample("reshape", "Tensor.reshape", "Tensor.view")
def reshape(d: Draw, path: str) -> Any:
    x = operand(d)
    new = factors(d, x.array.size)
    if new and d.chance(40):
        new[d.int(0, len(new) - 1)] = -1
    if d.chance(4):
        new = [*new, 2]
    if x.array.size == 1 and d.chance(20):
        new = []
    return ((x, tuple(new)) if path == "reshape" or d.chance(50) or not new else (x, *new)), {}


@sample("flatten", "Tensor.flatten")
def flatten(d: Draw) -> Any:
    x = operand(d)
    return (x,), d.pick(
        {}, {"start_dim": d.dim(x.array.ndim)}, {"start_dim": d.dim(x.array.ndim), "end_dim": d.dim(x.array.ndim)}
    )


@sample("unflatten", "Tensor.unflatten")
def unflatten(d: Draw) -> Any:
    x = d.tensor(d.shape(1, 4, False))
    i = d.dim(x.array.ndim)
    n = x.array.shape[i] if -x.array.ndim <= i < x.array.ndim else 1
    sizes = factors(d, n)
    if d.chance(30):
        sizes[0] = -1
    return (x, i, tuple(sizes)), {}


@sample("permute", "Tensor.permute")
def permute(d: Draw, path: str) -> Any:
    x = operand(d)
    order = list(range(x.array.ndim))
    d.source.shuffle(order)
    order = [i - len(order) if d.chance(30) else i for i in order]
    if order and d.chance(4):
        order[0] = order[-1]
    return ((x, tuple(order)) if path == "permute" or not order else (x, *order)), {}


@sample("transpose", "Tensor.transpose", "swapaxes")
def transpose(d: Draw) -> Any:
    x = operand(d)
    return (x, d.dim(x.array.ndim), d.dim(x.array.ndim)), {}


@sample("t", "Tensor.t", "ravel", "numel")
def simple(d: Draw) -> Any:
    return (operand(d, 0, 3),), {}


@sample("movedim", "moveaxis")
def movedim(d: Draw) -> Any:
    x = operand(d, 1)
    n = x.array.ndim
    if d.chance(50):
        return (x, d.dim(n), d.dim(n)), {}
    k = d.int(1, n)
    return (x, tuple(d.source.sample(range(n), k)), tuple(d.source.sample(range(n), k))), {}


@sample("squeeze", "Tensor.squeeze")
def squeeze(d: Draw) -> Any:
    x = operand(d)
    dims = d.dims(x.array.ndim)
    return ((x,) if dims is None else (x, dims)), {}


@sample("unsqueeze", "Tensor.unsqueeze")
def unsqueeze(d: Draw) -> Any:
    x = operand(d)
    return (x, d.dim(x.array.ndim + 1)), {}


@sample("cat", "concat")
def cat(d: Draw) -> Any:
    shape = list(d.shape(1, 4))
    i = d.dim(len(shape))
    parts = []
    for _ in range(d.int(1, 3)):
        if d.chance(80):
            shape = list(shape)
            if -len(shape) <= i < len(shape):
                shape[i] = d.size()
            parts.append(d.tensor(shape) if d.chance(90) else d.any_dtype(shape))
        else:
            parts.append(d.tensor((0,)) if d.chance(80) else d.tensor(d.shape()))
    return (parts if d.chance(50) else tuple(parts),), {"dim": i} if d.chance(80) else {}


@sample("stack")
def stack(d: Draw) -> Any:
    shape = d.shape(0, 3)
    parts = [d.tensor(shape) if d.chance(93) else d.any_dtype(shape) for _ in range(d.int(1, 3))]
    return (parts,), {"dim": d.dim(len(shape) + 1)}


@sample("hstack", "vstack")
def stacks(d: Draw) -> Any:
    shape = d.shape(0, 3)
    return ([d.tensor(shape) for _ in range(d.int(1, 3))],), {}


@sample("split", "Tensor.split")
def split(d: Draw) -> Any:
    x = operand(d, 1)
    i = d.dim(x.array.ndim)
    n = x.array.shape[i] if -x.array.ndim <= i < x.array.ndim else 1
    if d.chance(50):
        return (x, d.int(0, 3) if d.chance(10) else d.int(1, 3)), {"dim": i}
    cut = d.int(0, n)
    return (x, [cut, n - cut] if d.chance(95) else [cut, 1]), {"dim": i}


@sample("chunk", "Tensor.chunk")
def chunk(d: Draw) -> Any:
    x = operand(d, 1)
    return (x, d.int(1, 4)), {"dim": d.dim(x.array.ndim)}


@sample("unbind", "Tensor.unbind")
def unbind(d: Draw) -> Any:
    x = operand(d, 1)
    return (x,), {"dim": d.dim(x.array.ndim)}


@sample("narrow", "Tensor.narrow")
def narrow(d: Draw) -> Any:
    x = operand(d, 1)
    i = d.dim(x.array.ndim, False)
    n = x.array.shape[i]
    start = d.int(0, n)
    return (
        x,
        i,
        start - n if d.chance(20) and start < n else start,
        d.int(0, n - start + (1 if d.chance(5) else 0)),
    ), {}


@sample("select", "Tensor.select")
def select(d: Draw) -> Any:
    x = operand(d, 1)
    i = d.dim(x.array.ndim, False)
    return (x, i, d.int(-x.array.shape[i], max(x.array.shape[i] - 1, 0))), {}


@sample("flip", "Tensor.flip")
def flip(d: Draw) -> Any:
    x = operand(d)
    dims = d.dims(x.array.ndim)
    dims = () if dims is None else (dims,) if isinstance(dims, int) else dims
    return (x, dims), {}


@sample("fliplr", "flipud")
def flips(d: Draw) -> Any:
    return (operand(d),), {}


@sample("roll", "Tensor.roll")
def roll(d: Draw) -> Any:
    x = operand(d)
    kind = d.int(0, 2)
    if kind == 0:
        return (x, d.int(-5, 5)), {}
    if kind == 1 or not x.array.ndim:
        return (x, d.int(-5, 5), d.dim(x.array.ndim, x.array.size > 0)), {}
    dims = tuple(d.source.sample(range(x.array.ndim), d.int(1, x.array.ndim)))
    return (x, tuple(d.int(-3, 3) for _ in dims), dims), {}


@sample("rot90", "Tensor.rot90")
def rot90(d: Draw) -> Any:
    x = operand(d)
    n = x.array.ndim
    if n < 2 or d.chance(40):
        return (x,), {}
    return (x, d.int(-5, 5), d.source.sample(range(-n, n), 2)), {}


@sample("Tensor.repeat", "tile", "Tensor.tile")
def repeat(d: Draw, path: str) -> Any:
    x = operand(d, 0, 3)
    count = x.array.ndim + d.int(-1 if d.chance(20) or path != "Tensor.repeat" else 0, 1)
    times = tuple(d.int(0, 3) if d.chance(20) else d.int(1, 3) for _ in range(max(count, 0)))
    return ((x, times) if path == "tile" or d.chance(50) else (x, *times)), {}


@sample("repeat_interleave", "Tensor.repeat_interleave")
def repeat_interleave(d: Draw) -> Any:
    x = operand(d, 0, 3)
    i = None if d.chance(40) else d.dim(x.array.ndim)
    if d.chance(50):
        return (x, d.int(0, 3)), {} if i is None else {"dim": i}
    n = x.array.size if i is None else x.array.shape[i] if -x.array.ndim <= i < x.array.ndim else 1
    return (x, d.integers((d.pick(n, n, n, 1, n + 1),), 0, 3)), {} if i is None else {"dim": i}


@sample("Tensor.expand", "broadcast_to")
def expand(d: Draw, path: str) -> Any:
    shape = d.shape()
    x = d.tensor(d.broadcast(shape))
    shape = tuple(-1 if d.chance(15) else n for n in shape)
    return ((x, shape) if path == "broadcast_to" or not shape or d.chance(50) else (x, *shape)), {}


@sample("broadcast_tensors")
def broadcast_tensors(d: Draw) -> Any:
    shape = d.shape()
    return (d.tensor(shape), d.tensor(d.broadcast(shape))), {}


@sample("tril", "triu", "Tensor.tril")
def triangle(d: Draw) -> Any:
    x = operand(d, 1)
    return (x,), d.pick({}, {"diagonal": d.int(-3, 3)})


@sample("diag", "Tensor.diag")
def diag(d: Draw) -> Any:
    x = operand(d, 1, 2) if d.chance(95) else operand(d)
    return (x,), d.pick({}, {"diagonal": d.int(-3, 3)})


@sample("diagonal", "diag_embed")
def diagonal(d: Draw, path: str) -> Any:
    x = operand(d, 2, 3)
    return (x,), d.pick(
        {}, {"offset": d.int(-2, 2)}, {"offset": d.int(-2, 2), "dim1": -2, "dim2": -1}, {"dim1": 0, "dim2": 1}
    )


@sample("trace")
def trace(d: Draw) -> Any:
    return (operand(d, 2, 2),), {}


@sample("meshgrid")
def meshgrid(d: Draw) -> Any:
    return tuple(d.tensor(d.shape(0, 1)) for _ in range(d.int(1, 3))), {"indexing": d.pick("ij", "xy")}


@sample("F.pad")
def pad(d: Draw) -> Any:
    x = operand(d, 1, 5)
    n = x.array.ndim
    if d.chance(50):
        sizes = tuple(d.int(-2, 3) for _ in range(2 * d.int(0, n)))
        return (x, sizes), d.pick({}, {"value": d.pick(1.5, 0, 2)}, {"mode": "constant", "value": 2.0})
    sizes = tuple(d.int(-1 if d.chance(10) else 0, 3) for _ in range(2 * max(1, n - d.pick(1, 2))))
    mode = d.pick("reflect", "replicate", "circular")
    if mode == "circular":  # with negative sizes PyTorch hands out memory that it never wrote
        sizes = tuple(max(n, 0) for n in sizes)
    return (x, sizes), {"mode": mode}


@sample("F.pixel_shuffle", "F.pixel_unshuffle", "pixel_shuffle")
def pixels(d: Draw, path: str) -> Any:
    r = d.int(1, 3)
    lead = d.shape(0, 2)
    c, h, w = d.int(0, 2), d.int(0, 3), d.int(1, 3)
    if "un" in path:  # PyTorch returns an empty image as it is
        lead, c, h = tuple(max(n, 1) for n in lead), max(c, 1), max(h, 1)
    if d.chance(10):
        return (d.tensor(d.shape(0, 4, False)), r), {}
    shape = (*lead, c, h * r, w * r) if "un" in path else (*lead, c * r * r, h, w)
    return (d.tensor(shape), r), {}


@sample("F.channel_shuffle", "channel_shuffle")
def shuffle(d: Draw) -> Any:
    g = d.int(1, 3)
    return (d.tensor((d.int(1, 2), g * d.int(1, 3) + (1 if d.chance(5) else 0), *d.shape(1, 2, False))), g), {}


@sample(
    "Tensor.contiguous",
    "clone",
    "Tensor.clone",
    "Tensor.float",
    "Tensor.double",
    "Tensor.long",
    "Tensor.bool",
    "Tensor.int",
    "Tensor.half",
    "Tensor.dim",
    "Tensor.numel",
    "Tensor.size",
    "Tensor.tolist",
    "Tensor.is_floating_point",
    "Tensor.element_size",
    "Tensor.nelement",
    "Tensor.byte",
    "Tensor.short",
    "Tensor.detach",
    "is_tensor",
    "is_floating_point",
)
def bare(d: Draw) -> Any:
    return (operand(d),), {}


@sample("Tensor.to", "Tensor.type")
def to(d: Draw) -> Any:
    return (operand(d), np.dtype(d.pick("float64", "float32", "int64", "bool"))), {}


@sample("Tensor.view_as", "Tensor.reshape_as", "Tensor.expand_as")
def like(d: Draw, path: str) -> Any:
    x = operand(d)
    if path.endswith("expand_as"):
        return (d.tensor(d.broadcast(x.array.shape)), x), {}
    return (x, d.tensor(factors(d, math.prod(x.array.shape)), grad=False)), {}
