"""Arithmetic, comparisons and functions of one element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draws import Arg, Draw, sample


def anywhere(d: Draw, path: str) -> Any:
    return (d.any_dtype(d.shape()) if d.chance(25) else d.tensor(d.shape()),), {}


sample(
    "exp", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "sigmoid", "erf", "floor", "ceil", "trunc",
    "sign", "neg", "abs", "square", "isnan", "isinf", "isfinite", "Tensor.abs", "Tensor.exp", "Tensor.tanh",
    "Tensor.sigmoid", "Tensor.sign", "Tensor.floor", "Tensor.neg", "Tensor.square", "relu", "F.relu",
    "logical_not", "positive", "negative", "absolute", "exp2", "frac",
)(anywhere)  # fmt: skip


@sample("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "Tensor.sqrt", "Tensor.log", "Tensor.rsqrt")
def positive(d: Draw) -> Any:
    if d.chance(20):
        return (d.any_dtype(d.shape()),), {}
    return (d.tensor(d.shape(), 0.1, 4.0),), {}


@sample("log1p")
def above_minus_one(d: Draw) -> Any:
    return (d.tensor(d.shape(), -0.9, 3.0),), {}


@sample("asin", "acos")
def unit(d: Draw) -> Any:
    return (d.tensor(d.shape(), -0.95, 0.95),), {}


def two(d: Draw, low: float = -3.0, high: float = 3.0) -> tuple[Any, Any]:
    shape = d.shape()
    other = d.broadcast(shape)
    pair = [shape, other] if d.chance(50) else [other, shape]
    if d.chance(25):
        return d.any_dtype(pair[0]), d.any_dtype(pair[1])
    if d.chance(20):
        return d.tensor(shape, low, high), d.pick(2, 0, 1.5, -0.5, True, 3)
    return d.tensor(pair[0], low, high), d.tensor(pair[1], low, high)


@sample("add", "sub", "Tensor.add", "Tensor.sub")
def scaled(d: Draw) -> Any:
    return two(d), {"alpha": d.pick(1, 2, 0.5, -1)} if d.chance(40) else {}


@sample("mul", "maximum", "minimum", "Tensor.mul", "Tensor.maximum", "subtract", "multiply", "max", "min")
def binary(d: Draw) -> Any:
    return two(d), {}


@sample(
    "eq", "ne", "lt", "le", "gt", "ge", "Tensor.__eq__", "Tensor.__lt__", "logical_and", "logical_or", "logical_xor"
)
def comparison(d: Draw) -> Any:
    return two(d), {}


@sample("bitwise_and", "bitwise_or", "bitwise_xor")
def bitwise(d: Draw) -> Any:
    return (d.any_dtype(d.shape(0, 2)), d.any_dtype(())), {}


@sample("bitwise_not")
def bitwise_one(d: Draw) -> Any:
    return (d.any_dtype(d.shape(0, 2)),), {}


@sample("div", "Tensor.div", "divide", "true_divide")
def division(d: Draw, path: str) -> Any:
    a, b = two(d)
    if isinstance(b, Arg) and d.chance(70):
        b.array[...] = np.where(b.array == 0, b.array.dtype.type(1), b.array)
    if path != "true_divide" and d.chance(40):
        return (a, b), {"rounding_mode": d.pick("floor", "trunc", None, "floor", "trunc", "round")}
    return (a, b), {}


@sample("floor_divide", "remainder", "fmod")
def whole_division(d: Draw) -> Any:
    a, b = two(d)
    if isinstance(b, Arg):
        b.array[...] = np.where(b.array == 0, b.array.dtype.type(1), b.array)
    elif b == 0:
        b = 2
    return (a, b), {}


@sample("pow", "Tensor.pow")
def power(d: Draw, path: str) -> Any:
    kind = d.int(0, 4)
    if kind == 0:
        return (d.tensor(d.shape(), 0.2, 3.0), d.pick(2, 3, 0.5, -1, 0, 2.0, -1.5, 1, 1.0, 4)), {}
    if kind == 1:
        return (d.tensor(d.shape(), -3, 3), d.pick(2, 3, 0, 1, 4, 2.0, 3.0)), {}
    if kind == 2 and path == "pow":
        return (d.pick(2, 3.0, 0.5, 1), d.tensor(d.shape(), -2, 2)), {}
    if kind == 3:
        return (d.any_dtype(d.shape()), d.pick(2, 3, 0.5, 0, -1, True)), {}
    shape = d.shape()
    return (d.tensor(shape, 0.2, 3.0), d.tensor(d.broadcast(shape), -2, 2)), {}


@sample("clamp", "Tensor.clamp", "clip")
def clamp(d: Draw) -> Any:
    kind, shape = d.int(0, 3), d.shape()
    if kind == 0:
        return (d.tensor(shape), d.tensor(d.broadcast(shape), ties=0), d.tensor(d.broadcast(shape), ties=0)), {}
    if kind == 1:
        return (d.tensor(shape),), {"min": d.tensor(d.broadcast(shape))}
    x = d.any_dtype(shape) if d.chance(20) else d.tensor(shape)
    limits = {"min": d.pick(None, -1, -0.5, 0, 1.5), "max": d.pick(None, 1, 0.5, -1, 2)}
    return (x,), limits


@sample("where")
def where(d: Draw) -> Any:
    a, b = two(d)
    shape = d.broadcast(a.array.shape)
    condition = d.bools(shape) if d.chance(90) else d.any_dtype(shape)
    return (condition, a, b), {}


@sample("lerp", "Tensor.lerp")
def lerp(d: Draw) -> Any:
    shape = d.shape()
    weight = d.float(-1, 2) if d.chance(50) else d.tensor(d.broadcast(shape))
    end = d.tensor(d.broadcast(shape)) if d.chance(92) else d.any_dtype(shape)
    return (d.tensor(shape), end, weight), {}


@sample("addcmul", "addcdiv", "Tensor.addcmul")
def addc(d: Draw) -> Any:
    shape = d.shape()
    third = d.tensor(d.broadcast(shape), 0.3, 3.0) if d.chance(92) else d.any_dtype(shape)
    return (d.tensor(shape), d.tensor(d.broadcast(shape)), third), {"value": d.pick(1, 2, -0.5)}


@sample("round", "Tensor.round")
def rounding(d: Draw) -> Any:
    x = d.any_dtype(d.shape()) if d.chance(20) else d.tensor(d.shape())
    return (x,), {"decimals": d.pick(0, 1, -1, 2)} if d.chance(40) and x.array.dtype.kind == "f" else {}


@sample("allclose", "isclose")
def close(d: Draw) -> Any:
    x = d.tensor(d.shape(), grad=False)
    y = Arg(x.array + d.pick(0.0, 1e-9, 1e-6, 1e-3), False)
    return (x, y), d.pick({}, {"rtol": 1e-3}, {"atol": 1e-4}, {"equal_nan": True})


@sample("equal")
def equal(d: Draw) -> Any:
    x = d.tensor(d.shape(), grad=False)
    return (x, d.pick(x, d.tensor(d.shape(), grad=False))), {}


@sample(
    "Tensor.__rsub__",
    "Tensor.__rpow__",
    "Tensor.__truediv__",
    "Tensor.__floordiv__",
    "Tensor.__mod__",
    "Tensor.__rtruediv__",
)
def symbols(d: Draw, path: str) -> Any:
    x = d.tensor(d.shape(), 0.3, 3.0) if d.chance(70) else d.integers(d.shape(), 1, 5, d.pick(np.int64, np.int32))
    return (x, d.pick(2, 1.5, 3)), {}
