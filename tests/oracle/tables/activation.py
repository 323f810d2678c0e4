"""Activation functions."""

from __future__ import annotations

from typing import Any

from tests.oracle.draws import Draw, sample


def operand(d: Draw) -> Any:
    return d.any_dtype(d.shape()) if d.chance(12) else d.tensor(d.shape())


@sample(
    "F.relu6",
    "F.selu",
    "F.silu",
    "F.mish",
    "F.hardswish",
    "F.hardsigmoid",
    "F.tanhshrink",
    "F.softsign",
    "F.logsigmoid",
    "F.sigmoid",
    "F.tanh",
    "selu",
)
def plain(d: Draw) -> Any:
    return (operand(d),), {}


@sample("F.leaky_relu")
def leaky(d: Draw) -> Any:
    return (operand(d),), d.pick({}, {"negative_slope": d.pick(0.2, 0.0, -0.3, 2)})


@sample("F.elu", "F.celu")
def elu(d: Draw, path: str) -> Any:
    return (operand(d),), d.pick({}, {"alpha": d.pick(0.5, 2.0, 1)})


@sample("F.hardtanh")
def hardtanh(d: Draw) -> Any:
    return (operand(d),), d.pick({}, {"min_val": d.pick(-2, -0.5, 0.0, 3), "max_val": d.pick(0.5, 1.0, 2)})


@sample("F.hardshrink", "F.softshrink")
def shrink(d: Draw) -> Any:
    return (operand(d),), d.pick({}, {"lambd": d.pick(1.0, 0.5, 0.0, 2.0, -1.0)})


@sample("F.softplus")
def softplus(d: Draw) -> Any:
    x = d.tensor(d.shape(), -40, 40, ties=0) if d.chance(30) else d.tensor(d.shape(), ties=0)
    return (x,), d.pick({}, {"beta": d.pick(0.5, 2, 3.0)}, {"beta": 2, "threshold": d.pick(1, 5, 20)}, {"threshold": 2})


@sample("F.threshold")
def threshold(d: Draw) -> Any:
    return (operand(d), d.pick(0.5, -1, 0), d.pick(0, 2.0, -1)), {}


@sample("F.gelu")
def gelu(d: Draw) -> Any:
    return (operand(d),), d.pick({}, {"approximate": d.pick("none", "tanh", "sigmoid")})


@sample("F.prelu", "prelu")
def prelu(d: Draw) -> Any:
    x = d.tensor(d.shape(), ties=0)
    channels = x.array.shape[1] if x.array.ndim > 1 else 1
    return (x, d.tensor(d.pick((1,), (channels,), (), (channels + 1,)))), {}


@sample("F.glu")
def glu(d: Draw) -> Any:
    shape = list(d.shape(0, 4))
    i = d.dim(len(shape))
    if shape and -len(shape) <= i < len(shape) and d.chance(90):
        shape[i] = shape[i] * 2
    return (d.tensor(shape),), {"dim": i} if d.chance(70) else {}


@sample("softmax", "log_softmax", "F.softmax", "F.log_softmax", "F.softmin", "Tensor.softmax")
def softmax(d: Draw) -> Any:
    x = d.tensor(d.shape()) if d.chance(85) else d.any_dtype(d.shape())
    import numpy as np

    return (x,), {
        "dim": d.dim(x.array.ndim),
        **({"dtype": np.dtype(d.pick("float64", "float32"))} if d.chance(25) else {}),
    }
