"""Layers without windows: linear maps, embeddings, activations, dropout, normalisation, containers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from tests.oracle.draws import Arg, Call, Draw, layer


def home(d: Draw) -> dict[str, Any]:
    """Where parameters live, and their dtype."""
    return {"device": d.pick(None, "cpu"), "dtype": d.often(np.dtype("float64"), None, np.dtype("float32"))}


def plain_input(d: Draw) -> Arg:
    return d.any_dtype(d.shape()) if d.chance(5) else d.tensor(d.shape())


# --- linear maps, embeddings, shapes ---------------------------------------------------------------------------------


@layer("Linear", "LazyLinear")
def linear(d: Draw, name: str) -> Any:
    n, m = d.int(0, 4), d.often(d.int(0, 4), -1)
    required = {"in_features": n, "out_features": m} if name == "Linear" else {"out_features": m}
    x = d.tensor((*d.shape(0, 3), d.often(n, n + 1)))
    return *d.spelled(required, {"bias": d.pick(True, False), **home(d)}), (x,), (x,)


@layer("Bilinear")
def bilinear(d: Draw) -> Any:
    n, m, k = d.int(1, 3), d.int(1, 3), d.often(d.int(0, 3), 0, -1)
    lead = d.shape(0, 2)
    required = {"in1_features": d.often(n, 0), "in2_features": m, "out_features": k}
    x, y = d.tensor((*lead, n)), d.tensor((*d.often(lead, (*lead, 2)), m))
    return *d.spelled(required, {"bias": d.pick(True, False), **home(d)}), (x, y)


@layer("Identity")
def identity(d: Draw) -> Any:
    return (*d.pick(((), {}), ((3, "a"), {"b": 1})), (plain_input(d),))


@layer("Flatten")
def flatten(d: Draw) -> Any:
    shape = d.shape()
    return *d.spelled({}, {"start_dim": d.dim(len(shape)), "end_dim": d.dim(len(shape))}), (d.tensor(shape),)


@layer("Unflatten")
def unflatten(d: Draw) -> Any:
    shape = list(d.shape(1, 3))
    i = d.dim(len(shape))
    size = d.often((d.int(1, 3), d.int(1, 2)), (2, -1), (-1,), [2, 2], (), (2, 2.5))
    if -len(shape) <= i < len(shape) and d.chance(90):
        shape[i] = int(np.prod([abs(int(n)) for n in size], dtype=int))
    return *d.spelled({"dim": i, "unflattened_size": size}, {}), (d.tensor(shape),)


@layer("Embedding", orders=1)
def embedding(d: Draw) -> Any:
    n, size = d.int(1, 5), d.int(0, 3)
    width = d.often(size, -1)
    x = d.integers(d.shape(0, 3), 0, n - 1, d.pick(np.int64, np.int64, np.int32))
    if d.chance(3) and x.array.size:
        x.array.flat[0] = n
    optional = {
        "padding_idx": d.pick(None, d.int(-n, n - 1), d.often(0, n, -n - 1)),
        "max_norm": d.pick(None, None, 1.0, 0.5),
        "norm_type": d.pick(2.0, 1.0, 3, float("inf")),
        "scale_grad_by_freq": d.pick(False, True),
        "sparse": False,
    }
    args, kwargs = d.spelled({"num_embeddings": n, "embedding_dim": width}, optional)
    if len(args) < 7 and d.chance(50):
        kwargs.update(home(d))
    if len(args) < 7 and d.chance(10):
        kwargs.update(_weight=d.tensor(d.often((n, size), (n + 1, size)), grad=False), _freeze=d.pick(True, False))
    return args, kwargs, (x,)


# --- activations -----------------------------------------------------------------------------------------------------


@layer("Sigmoid", "Tanh", "Tanhshrink", "Softsign", "LogSigmoid")
def plain(d: Draw) -> Any:
    return (), {}, (plain_input(d),)


@layer("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid")
def inplace(d: Draw) -> Any:
    return *d.spelled({}, {"inplace": d.often(False, True)}), (plain_input(d),)


ACTIVATIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "LeakyReLU": {"negative_slope": (0.01, 0.2, 0, -0.5), "inplace": (False, False, True)},
    "ELU": {"alpha": (1.0, 0.5, 2), "inplace": (False, False, True)},
    "CELU": {"alpha": (1.0, 0.5, 2), "inplace": (False, False, True)},
    "GELU": {"approximate": ("none", "tanh", "tanh", "sigmoid")},
    "Hardshrink": {"lambd": (0.5, 0, 1.0, -1)},
    "Softshrink": {"lambd": (0.5, 0, 1.0, 2, -1)},
    "Softplus": {"beta": (1.0, 2, 0.5), "threshold": (20.0, 1, 2)},
}


@layer(*ACTIVATIONS)
def activation(d: Draw, name: str) -> Any:
    # (second derivatives on the threshold of softplus may differ)
    x = d.tensor(d.shape(), ties=0) if name == "Softplus" else plain_input(d)
    return *d.spelled({}, {k: d.pick(*v) for k, v in ACTIVATIONS[name].items()}), (x,)


@layer("Hardtanh")
def hardtanh(d: Draw) -> Any:
    limits = {"min_val": d.pick(-1.0, -0.5, 0, 3), "max_val": d.pick(1.0, 0.5, 2)}
    return *d.spelled({}, {**limits, "inplace": d.often(False, True)}), (plain_input(d),)


@layer("Threshold")
def threshold(d: Draw) -> Any:
    required = {"threshold": d.pick(0.5, -1, 0), "value": d.pick(0, 2.0, -1)}
    return *d.spelled(required, {"inplace": d.often(False, True)}), (plain_input(d),)


@layer("PReLU")
def prelu(d: Draw) -> Any:
    shape = d.shape()
    channels = shape[1] if len(shape) > 1 else 1
    optional = {"num_parameters": d.often(d.pick(1, channels), channels + 1), "init": d.pick(0.25, 0.1, 1), **home(d)}
    return *d.spelled({}, optional), (d.tensor(shape, ties=0),)


@layer("GLU", "Softmax", "LogSoftmax", "Softmin")
def along(d: Draw, name: str) -> Any:
    shape = list(d.shape())
    i = d.dim(len(shape))
    if name == "GLU":
        last = i if -len(shape) <= i < len(shape) else -1
        if shape and d.chance(90):
            shape[last] *= 2
    return *d.spelled({}, {"dim": i}), (d.tensor(shape),)


@layer("Softmax2d")
def softmax2d(d: Draw) -> Any:
    return (), {}, (d.tensor(d.shape(*d.often((3, 4), (1, 5)))),)


@layer("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
def dropout(d: Draw, name: str) -> Any:
    rank = int(name[-2]) + d.pick(1, 2) if name[-1] == "d" else d.int(0, 4)
    x = d.tensor(d.shape(rank, rank))
    args, kwargs = d.spelled({"p": d.pick(0.0, 1.0, 0, 1, d.often(0.0, -0.1, 1.5))}, {"inplace": d.often(False, True)})
    return args, kwargs, (x,)


# --- normalisation ---------------------------------------------------------------------------------------------------


def running(d: Draw, name: str) -> tuple[Any, dict[str, Any]]:
    c = d.int(1, 3)
    required = {} if name.startswith("Lazy") else {"num_features": d.often(c, c + 1, 0, -1)}
    optional = {
        "eps": d.pick(1e-5, 1e-3, 0.1),
        "momentum": d.pick(0.1, 0.5, 0.0, 1, None),
        "affine": d.pick(True, False),
        "track_running_stats": d.pick(True, False),
        **home(d),
        "*bias": d.pick(True, False),
    }
    return c, d.spelled(required, optional)


@layer("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d")
def batch_norm(d: Draw, name: str) -> Any:
    c, (args, kwargs) = running(d, name)
    ranks = {"1": (0, 1), "2": (2,), "3": (3,)}[name[-2]]

    def images() -> tuple[Arg]:
        # (two values to a channel have a gradient near 0, which PyTorch's channels-last kernel rounds to 0; for a
        # single image whose order of memory has two readings, its gradient is not that of its value)
        rank = d.often(d.pick(*ranks), 3 - ranks[0])
        n = d.pick(0, 1, 3, 4)
        shape = (n, c, *d.shape(rank, rank, d.chance(10)))
        return (Arg(d.values(shape, ties=0)) if n == 1 else d.tensor(shape, ties=0),)

    return args, kwargs, *(images() for _ in range(d.int(1, 3)))


@layer(
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d",
)  # fmt: skip
def instance_norm(d: Draw, name: str) -> Any:
    c, (args, kwargs) = running(d, name)
    rank = int(name[-2])
    # (PyTorch's statistics of no image are NaN; ours stay)
    empty = kwargs.get("track_running_stats", name.startswith("Lazy")) is False and len(args) < 5

    def images() -> tuple[Arg]:
        lead = () if d.chance(20) else (d.pick(0, 1, 2) if empty else d.int(1, 2),)
        inner = d.often(rank, rank + 1, rank - 1)
        return (d.tensor((*lead, d.often(c, c + 1), *d.shape(inner, inner, d.chance(10))), ties=0),)

    return args, kwargs, *(images() for _ in range(d.int(1, 3)))


@layer("LayerNorm")
def layer_norm(d: Draw) -> Any:
    shape = d.shape(1, 4)
    tail = d.often(shape[-d.int(1, len(shape)) :], (9,), ())
    normalized = tail[0] if len(tail) == 1 and d.chance(50) else d.pick(tail, list(tail))
    optional = {"eps": d.pick(1e-5, 0.1), "elementwise_affine": d.pick(True, False), "bias": d.pick(True, False)}
    return *d.spelled({"normalized_shape": normalized}, {**optional, **home(d)}), (d.tensor(shape, ties=0),)


@layer("GroupNorm")
def group_norm(d: Draw) -> Any:
    groups = d.int(1, 3)
    c = groups * d.int(1, 2)
    n = d.pick(0, 1, 2)  # (images without pixels give PyTorch's weight the gradient NaN; ours is 0)
    x = d.tensor((n, d.often(c, c + 1), *d.shape(0, 3, n == 0 and d.chance(30))), ties=0)
    required = {"num_groups": d.often(groups, 0, -1), "num_channels": d.often(c, c + 1, 0)}
    optional = {"eps": d.pick(1e-5, 0.1), "affine": d.pick(True, False), **home(d), "*bias": d.pick(True, False)}
    return *d.spelled(required, optional), (x,)


@layer("LocalResponseNorm")
def local_response_norm(d: Draw) -> Any:
    x = d.tensor((d.int(0, 2), d.int(1, 5), *d.shape(d.often(1, 0), 3, d.chance(10))))
    optional = {"alpha": d.pick(1e-4, 0.5, 1), "beta": d.pick(0.75, 1.0, 0.5), "k": d.pick(1.0, 2, 0.5)}
    return *d.spelled({"size": d.often(d.int(1, 5), 0)}, optional), (x,)


# --- containers ------------------------------------------------------------------------------------------------------


def children(d: Draw) -> list[Call]:
    kinds = [
        Call("nn.Linear", (3, 3), {"bias": d.pick(True, False)}),
        Call("nn.ReLU", ()),
        Call("nn.Sequential", (Call("nn.Tanh", ()), Call("nn.BatchNorm1d", (3,)))),
        Call("nn.Dropout", (0.0,)),
    ]
    return [d.pick(*kinds) for _ in range(d.int(0, 4))]


def network(d: Draw) -> tuple[list[Call], tuple[int, ...]]:
    """A small network for images, and the shape of its input: what follows a convolution or a norm is fused with it."""
    n, c = d.pick(0, 1, 2, 3), d.int(1, 3)
    shape = (n, c, d.int(5, 8), d.int(5, 8))
    layers = []
    for _ in range(d.int(1, 3)):
        wide = d.int(1, 3)
        layers.append(Call("nn.Conv2d", (c, wide, d.int(1, 3)), {"padding": d.int(0, 1), "bias": d.pick(True, False)}))
        c = wide
        if d.chance(60):
            layers.append(Call("nn.BatchNorm2d", (c,), {"affine": d.pick(True, False)}))
        if d.chance(70):
            kinds = (Call("nn.ReLU", (d.pick(True, False),)), Call("nn.LeakyReLU", (0.1,)), Call("nn.Hardswish", ()))
            layers.append(d.pick(*kinds))
    if d.chance(40):
        layers.append(d.pick(Call("nn.MaxPool2d", (2, 1, 1)), Call("nn.AvgPool2d", (2, 1))))
    if d.chance(40):
        layers += [Call("nn.AdaptiveAvgPool2d", (1,)), Call("nn.Flatten", ()), Call("nn.Linear", (c, 2))]
    return layers, shape


@layer("Sequential")
def sequential(d: Draw) -> Any:
    if d.chance(50):
        parts, shape = network(d)
        return tuple(parts), {}, *((d.tensor(shape, ties=0),) for _ in range(d.int(1, 2)))
    inside = children(d)
    # (PyTorch takes names from an OrderedDict alone)
    args = tuple(inside) if d.chance(60) else (OrderedDict((f"part{i}", part) for i, part in enumerate(inside)),)
    return d.often(args, (*args, 3), (None,)), {}, (d.tensor((d.int(2, 4), 3), ties=0),)


@layer("ModuleList", "ModuleDict")
def modules(d: Draw, name: str) -> Any:
    inside: Any = children(d)
    if name == "ModuleDict":
        inside = (
            {f"part{i}": part for i, part in enumerate(inside)}
            if d.chance(60)
            else [[f"p{i}", part] for i, part in enumerate(inside)]
        )
    return *d.pick(((inside,), {}), ((), {"modules": inside}), ((), {})), *()


@layer("ParameterList", "ParameterDict")
def parameters(d: Draw, name: str) -> Any:
    values: Any = [
        d.pick(d.tensor(d.shape(), grad=False), Call("nn.Parameter", (d.tensor(d.shape(0, 2), grad=False),)))
        for _ in range(d.int(0, 3))
    ]
    if name == "ParameterDict":
        values = {f"p{i}": value for i, value in enumerate(values)}
    return ((values,), {}) if d.chance(80) else ((), {})
