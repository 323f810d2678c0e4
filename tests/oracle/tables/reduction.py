"""Many values become one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.oracle.draws import Draw, sample


def over(d: Draw, x: Any) -> dict[str, Any]:
    dims = d.dims(x.array.ndim)
    if dims is None:
        return d.pick({}, {"dim": None}) if d.chance(70) else {"dim": None, "keepdim": True}
    return {"dim": dims, **({"keepdim": d.pick(True, False)} if d.chance(50) else {})}


def operand(d: Draw, percent: int = 15, zero: bool = True) -> Any:
    shape = d.shape(0, 4, zero)
    return d.any_dtype(shape) if d.chance(percent) else d.tensor(shape)


@sample("sum", "mean", "Tensor.sum", "Tensor.mean")
def sums(d: Draw) -> Any:
    x = operand(d)
    more = {"dtype": np.dtype(d.pick("float64", "float32"))} if d.chance(15) else {}
    return (x,), {**over(d, x), **more}


@sample("var", "std", "Tensor.var", "Tensor.std", "var_mean", "std_mean")
def spread(d: Draw) -> Any:
    x = operand(d)
    kind = d.int(0, 3)
    if kind == 0:
        return (x,), {"unbiased": d.pick(True, False)}
    more = d.pick({}, {"unbiased": d.pick(True, False)}, {"correction": d.pick(0, 1, 2, 0.5)}, {"correction": None})
    where = over(d, x)
    if "dim" not in where and "unbiased" not in more:
        where["dim"] = None
    return (x,), {**where, **more}


@sample("amax", "amin", "Tensor.amax")
def extremes(d: Draw) -> Any:
    x = operand(d, zero=d.chance(20))
    where = over(d, x)
    if where.get("dim", 0) is None:
        where.pop("dim")
    return (x,), where


@sample("Tensor.max", "Tensor.min", "median")
def forms(d: Draw) -> Any:
    x = operand(d, zero=d.chance(20))
    if d.chance(30):
        return (x,), {}
    return (x, d.dim(x.array.ndim)), {"keepdim": True} if d.chance(30) else {}


@sample("argmax", "argmin", "Tensor.argmax")
def positions(d: Draw) -> Any:
    x = operand(d, zero=d.chance(20))
    return (x,), d.pick(
        {}, {"dim": d.dim(x.array.ndim)}, {"dim": d.dim(x.array.ndim), "keepdim": True}, {"keepdim": True}
    )


@sample("prod", "Tensor.prod")
def prod(d: Draw) -> Any:
    x = operand(d)
    if d.chance(35):
        return (x,), {}
    more = {"dtype": np.dtype(d.pick("float64", "float32"))} if d.chance(15) else {}
    return (x, d.dim(x.array.ndim)), {**({"keepdim": True} if d.chance(30) else {}), **more}


@sample("cumsum", "cumprod", "Tensor.cumsum")
def running(d: Draw) -> Any:
    x = operand(d)
    return (x, d.dim(x.array.ndim)), {"dtype": np.dtype("float64")} if d.chance(15) else {}


@sample("logsumexp", "Tensor.logsumexp")
def logsumexp(d: Draw) -> Any:
    x = operand(d)
    dims = d.dims(x.array.ndim)
    return (x, 0 if dims is None else dims), {"keepdim": True} if d.chance(30) else {}


@sample("norm", "Tensor.norm")
def norm(d: Draw) -> Any:
    x = operand(d, 8)
    p = d.pick(2, 1, "fro", math.inf, -math.inf, 0, 3, 2.5, 1.5)
    if d.chance(25):
        return (x,), {}
    dims = d.dims(x.array.ndim)
    if dims is None:
        return (x, p), {}
    return (x, p, dims), {"keepdim": True} if d.chance(30) else {}


@sample("all", "any", "Tensor.all")
def truth(d: Draw) -> Any:
    x = d.any_dtype(d.shape()) if d.chance(60) else d.bools(d.shape())
    where = over(d, x)
    if where.get("dim", 0) is None:
        where = {}
    return (x,), where


@sample("count_nonzero")
def count(d: Draw) -> Any:
    x = operand(d)
    dims = d.dims(x.array.ndim)
    return (x,), {} if dims is None else {"dim": dims}


@sample("F.normalize")
def normalize(d: Draw) -> Any:
    x = d.tensor(d.shape(1, 4), ties=0)
    dims = d.dims(x.array.ndim)
    return (x,), d.pick(
        {"dim": 0},
        {"p": d.pick(1, 2, 3.0, math.inf), "dim": 0 if dims is None else dims},
        {"dim": -1, "eps": d.pick(1e-6, 2.0)},
    )
