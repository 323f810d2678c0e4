"""Selecting, sorting, writing by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draws import Arg, Draw, sample


def operand(d: Draw, low: int = 0, high: int = 3) -> Any:
    shape = d.shape(low, high)
    return d.any_dtype(shape) if d.chance(10) else d.tensor(shape)


@sample("index_select", "Tensor.index_select")
def index_select(d: Draw) -> Any:
    x = operand(d, 1)
    i = d.dim(x.array.ndim)
    n = x.array.shape[i] if -x.array.ndim <= i < x.array.ndim else 1
    index = d.integers(d.shape(1, 1) if n else (0,), 0, max(n - 1, 0), d.pick(np.int64, np.int32))
    if d.chance(4):
        index = d.integers((2,), -1, n)
    return (x, i, index), {}


def places(d: Draw, shape: tuple[int, ...], i: int, exact: bool = False) -> Arg:
    """Indices along dimension i, not larger than the input elsewhere."""
    if not shape:
        return d.integers(d.pick((), (), (1,)), 0, 0)
    j = i % len(shape) if -len(shape) <= i < len(shape) else 0
    sizes = [
        d.size() if k == j else (n if exact else d.int(min(n, 1) if d.chance(80) else 0, n))
        for k, n in enumerate(shape)
    ]
    if shape[j] == 0:
        sizes[j] = 0
    return d.integers(sizes, 0, max(shape[j] - 1, 0))


@sample("gather", "Tensor.gather")
def gather(d: Draw) -> Any:
    x = operand(d)
    i = d.dim(x.array.ndim)
    index = places(d, x.array.shape, i)
    if d.chance(4) and index.array.size:
        index.array.flat[0] = 99
    return (x, i, index), {}


@sample("take_along_dim", "Tensor.take_along_dim")
def take_along_dim(d: Draw) -> Any:
    x = operand(d)
    if d.chance(20):
        n = x.array.size
        return (x, d.integers(d.shape(1, 2) if n else (0,), 0, max(n - 1, 0))), {}
    i = d.dim(x.array.ndim)
    index = places(d, x.array.shape, i, True)
    shape = list(index.array.shape)
    for k in range(len(shape)):
        if k != i % max(len(shape), 1) and d.chance(25) and shape[k]:
            shape[k] = 1
    index = Arg(index.array[tuple(slice(n) for n in shape)], False)
    return (x, index), {"dim": i}


def sources(d: Draw, index: Arg) -> Arg:
    return d.tensor([n + (d.int(0, 1) if d.chance(20) else 0) for n in index.array.shape])


@sample("scatter_add", "Tensor.scatter_add", "Tensor.scatter_add_")
def scatter_add(d: Draw, path: str) -> Any:
    x = d.tensor(d.shape(0, 3), grad=not path.endswith("_"))
    i = d.dim(x.array.ndim)
    index = places(d, x.array.shape, i)
    return (x, i, index, sources(d, index)), {}


@sample("scatter", "Tensor.scatter")
def scatter(d: Draw) -> Any:
    x = d.tensor(d.shape(0, 3))
    i = d.dim(x.array.ndim)
    index = places(d, x.array.shape, i)
    if index.array.ndim and -x.array.ndim <= i < x.array.ndim:  # no place twice: PyTorch leaves open which one stays
        n, k = x.array.shape[i] if x.array.ndim else 1, index.array.shape[i]
        k = min(n, k)
        index = Arg(
            np.argsort(
                np.random.default_rng(d.int(0, 999)).random(
                    [n if j == i % index.array.ndim else m for j, m in enumerate(index.array.shape)]
                ),
                axis=i,
            )[tuple(slice(k) if j == i % index.array.ndim else slice(None) for j in range(index.array.ndim))],
            False,
        )
    if d.chance(30):
        return (x, i, index, d.pick(1.5, 2, 0)), {"reduce": "add"} if d.chance(20) else {}
    return (x, i, index, sources(d, index)), {}


@sample("index_add", "Tensor.index_add")
def index_add(d: Draw) -> Any:
    x = d.tensor(d.shape(1, 3))
    i = d.dim(x.array.ndim, False)
    n = x.array.shape[i]
    index = d.integers(d.shape(1, 1) if n else (0,), 0, max(n - 1, 0))
    shape = list(x.array.shape)
    shape[i] = index.array.size
    return (x, i, index, d.tensor(shape)), {"alpha": 2} if d.chance(30) else {}


@sample("masked_fill", "Tensor.masked_fill")
def masked_fill(d: Draw) -> Any:
    shape = d.shape(0, 3)
    x = operand(d) if d.chance(10) else d.tensor(shape)
    mask = d.bools(d.broadcast(x.array.shape)) if d.chance(95) else d.any_dtype(shape)
    return (x, mask, d.pick(0, 1.5, -2, d.tensor(()), d.tensor((1,)))), {}


@sample("masked_select", "Tensor.masked_select")
def masked_select(d: Draw) -> Any:
    shape = d.shape(0, 3)
    pair = [d.broadcast(shape), shape]
    d.source.shuffle(pair)
    return (d.tensor(pair[0]), d.bools(pair[1])), {}


@sample("topk", "Tensor.topk")
def topk(d: Draw) -> Any:
    x = d.distinct(d.shape(0, 3))
    i = d.dim(x.array.ndim)
    n = x.array.shape[i] if x.array.ndim and -x.array.ndim <= i < x.array.ndim else 1
    return (x, d.int(0, n + (1 if d.chance(10) else 0)), i), {"largest": d.pick(True, False)} if d.chance(50) else {}


@sample("sort", "Tensor.sort", "argsort", "Tensor.argsort")
def sort(d: Draw) -> Any:
    x = operand(d) if d.chance(40) else d.distinct(d.shape(0, 3))
    settings: dict[str, Any] = {"dim": d.dim(x.array.ndim), "descending": d.pick(True, False)}
    if x.grad is False or d.chance(40):
        settings["stable"] = True
    return (x,), {**settings, "stable": True}


@sample("nonzero", "Tensor.nonzero", "argwhere")
def nonzero(d: Draw, path: str) -> Any:
    x = operand(d) if d.chance(50) else d.bools(d.shape(0, 3))
    return (x,), {"as_tuple": True} if path == "nonzero" and d.chance(30) else {}


@sample("unique", "Tensor.unique")
def unique(d: Draw) -> Any:
    x = d.integers(d.shape(0, 3), -2, 3) if d.chance(50) else d.tensor(d.shape(0, 3), grad=False, ties=100)
    more = {"dim": d.dim(x.array.ndim)} if d.chance(30) and x.array.ndim else {}
    return (x,), {
        **more,
        **d.pick(
            {}, {"return_inverse": True}, {"return_counts": True}, {"return_inverse": True, "return_counts": True}
        ),
    }


@sample("bincount", "Tensor.bincount")
def bincount(d: Draw) -> Any:
    x = d.integers(d.shape(1, 1), 0, 5, d.pick(np.int64, np.int32, np.uint8))
    if d.chance(5):
        x = d.integers((3,), -1, 2)
    more: dict[str, Any] = {"minlength": d.int(0, 8)} if d.chance(40) else {}
    if d.chance(40):
        more["weights"] = d.tensor(x.array.shape, grad=False)
    return (x,), more


@sample("F.one_hot")
def one_hot(d: Draw) -> Any:
    x = d.integers(d.shape(0, 3), 0, 4)
    return (x,), {"num_classes": d.pick(5, 7, 3, -1, 0)} if d.chance(60) else {}


@sample("F.embedding")
def embedding(d: Draw) -> Any:
    rows = d.int(1, 5)
    at = d.integers(d.shape(0, 3), 0, rows - (0 if d.chance(4) else 1), d.pick(np.int64, np.int32))
    more: dict[str, Any] = {}
    orders = 2
    if d.chance(40):
        more["padding_idx"] = d.int(-rows, rows - 1)
    if d.chance(20):
        more["scale_grad_by_freq"] = True
        orders = 1  # PyTorch's second derivative forgets the frequencies
    weight = d.tensor((rows, d.int(1, 3)))
    if d.chance(15):
        weight.grad = False
        more.update(max_norm=d.pick(1.0, 2.0), norm_type=d.pick(2.0, 1.0))
    return (at, weight), more, orders


@sample("Tensor.__getitem__")
def getitem(d: Draw) -> Any:
    x = operand(d, 1, 4)
    parts: list[Any] = []
    for n in x.array.shape[: d.int(0, x.array.ndim)]:
        kind = d.int(0, 7)
        if kind == 0 and n:
            parts.append(d.int(-n, n - 1))
        elif kind == 1:
            parts.append(slice(d.pick(None, 0, 1, -2), d.pick(None, 2, -1), d.pick(None, 1, 2)))
        elif kind == 2:
            parts.append(None)
            parts.append(slice(None))
        elif kind == 3 and n:
            parts.append(d.integers(d.pick((2,), (1,), (2, 2), (), (2,)), -n, n - 1))
        elif kind == 4 and n:
            parts.append([d.int(-n, n - 1), d.int(0, n - 1)])
        elif kind == 5:
            parts.append(d.bools((n,)))
        else:
            parts.append(slice(None))
    if d.chance(15):
        parts = [Ellipsis, *parts] if len(parts) < x.array.ndim else parts
    if d.chance(8):
        return (x, d.bools(x.array.shape)), {}
    if len(parts) == 1 and d.chance(50):
        return (x, parts[0]), {}
    return (x, tuple(parts)), {}


@sample("take", "Tensor.take")
def take(d: Draw) -> Any:
    x = operand(d)
    n = x.array.size
    return (x, d.integers(d.shape(0, 2) if n else (0,), 0, max(n - 1, 0))), {}
