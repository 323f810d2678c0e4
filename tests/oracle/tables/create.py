"""Making tensors, and promoting dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draws import Draw, sample


def kind(d: Draw, percent: int = 40) -> dict[str, Any]:
    return {"dtype": np.dtype(d.pick("float64", "float32", "int64", "bool", "uint8"))} if d.chance(percent) else {}


@sample("zeros", "ones")
def filled(d: Draw) -> Any:
    shape = d.shape()
    if d.chance(4):
        shape = (2, -1)
    return ((shape,) if d.chance(50) or not shape else shape), kind(d)


@sample("full")
def full(d: Draw) -> Any:
    return (d.shape(), d.pick(1, 2.5, True, 0)), kind(d)


@sample("eye")
def eye(d: Draw) -> Any:
    return ((d.int(0, 4),) if d.chance(50) else (d.int(0, 4), d.int(0, 4))), kind(d)


@sample("arange")
def arange(d: Draw) -> Any:
    numbers = d.pick(
        (d.int(0, 5),),
        (d.int(-3, 3), d.int(3, 6)),
        (0, d.int(1, 7), d.pick(1, 2, 3)),
        (1.0, 2.5, 0.25),
        (5, d.int(0, 5), -1),
        (5, 2),
        (d.float(0, 3),),
        (0, 3, 0),
    )
    whole = all(isinstance(n, int) for n in numbers)  # PyTorch rounds the step itself to an integer dtype
    kinds = ("float64", "float32", "int64", "uint8") if whole else ("float64", "float32")
    return numbers, {"dtype": np.dtype(d.pick(*kinds))} if d.chance(30) else {}


@sample("linspace")
def linspace(d: Draw) -> Any:
    return (d.pick(0, -1.0, 2), d.pick(1, 3.5, -2), d.pick(0, 1, 2, 5, 6)), {
        "dtype": np.dtype(d.pick("float64", "float32"))
    } if d.chance(40) else {}


@sample("zeros_like", "ones_like")
def like(d: Draw) -> Any:
    return (d.any_dtype(d.shape()),), kind(d, 25)


@sample("full_like")
def full_like(d: Draw) -> Any:
    return (d.any_dtype(d.shape()), d.pick(1, 2.5, 0)), kind(d, 25)


@sample("tensor", "as_tensor")
def tensor(d: Draw) -> Any:
    data = d.pick(
        1,
        2.5,
        True,
        [1, 2],
        [[1.0, 2.0], [3.0, 4.0]],
        [],
        [[]],
        [True, False],
        [1, 2.5],
        [[1], [2, 3]],
        (1, 2),
        [[1, 2], (3, 4)],
        [1, True],
        "text",
        None,
    )
    return (data,), kind(d, 30)


@sample("result_type", "promote_types", "can_cast")
def promotion(d: Draw, path: str) -> Any:
    names = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
    if path != "result_type":
        return (np.dtype(d.pick(*names)), np.dtype(d.pick(*names))), {}
    return (d.any_dtype(d.pick((), (2,))), d.pick(d.any_dtype(d.pick((), (2,))), 1, 2.5, True)), {}


@sample("Tensor.new_zeros", "Tensor.new_ones", "Tensor.new_full", "Tensor.new_tensor")
def new(d: Draw, path: str) -> Any:
    x = d.any_dtype(d.shape(0, 2))
    x.grad = False
    if path.endswith("full"):
        return (x, (2, 3), 1), {}
    return ((x, [1, 2]) if path.endswith("tensor") else (x, (2, 3))), {}


@sample(
    "Tensor.add_", "Tensor.sub_", "Tensor.mul_", "Tensor.div_", "Tensor.copy_", "Tensor.__iadd__", "Tensor.__isub__",
    "Tensor.__imul__", "Tensor.__itruediv__",
)  # fmt: skip
def arithmetic_(d: Draw, path: str) -> Any:
    shape = d.shape()
    x = d.any_dtype(shape) if d.chance(30) else d.tensor(shape)
    x.grad = False
    other = d.any_dtype(d.broadcast(shape)) if d.chance(40) else d.tensor(d.broadcast(shape))
    if d.chance(30) and path != "Tensor.copy_":
        other = d.pick(2, 0.5, True)
    return (x, other), {"alpha": 2} if path in ("Tensor.add_", "Tensor.sub_") and d.chance(30) else {}


@sample(
    "Tensor.zero_",
    "Tensor.neg_",
    "Tensor.exp_",
    "Tensor.sqrt_",
    "Tensor.abs_",
    "Tensor.relu_",
    "Tensor.sigmoid_",
    "Tensor.tanh_",
    "Tensor.log_",
    "Tensor.square_",
    "Tensor.floor_",
    "Tensor.round_",
    "Tensor.reciprocal_",
    "Tensor.rsqrt_",
    "Tensor.ceil_",
    "Tensor.sin_",
    "Tensor.cos_",
    "Tensor.sign_",
)
def unary_(d: Draw) -> Any:
    x = d.any_dtype(d.shape()) if d.chance(20) else d.tensor(d.shape(), 0.2, 3)
    x.grad = False
    return (x,), {}


@sample("Tensor.fill_", "Tensor.pow_", "Tensor.clamp_", "Tensor.masked_fill_")
def number_(d: Draw, path: str) -> Any:
    x = d.any_dtype(d.shape()) if d.chance(20) else d.tensor(d.shape(), 0.2, 3)
    x.grad = False
    if "masked" in path:
        return (x, d.bools(d.broadcast(x.array.shape)), d.pick(1, 0.5)), {}
    return (x, d.pick(2, 0.5, 1)), {}
