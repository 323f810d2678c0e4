"""Cases of the functions of one operand."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import elementwise as family
from tinygrad_cv.ops.op import REGISTRY
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

INTEGERS = [n / 1.0 for n in range(-3, 4)]
HALVES = [n + 0.5 for n in range(-3, 3)]
STEPS = {  # how: by Python's own mathematics, and where it jumps
    np.floor: (math.floor, INTEGERS),
    np.ceil: (math.ceil, INTEGERS),
    np.trunc: (math.trunc, INTEGERS),
    np.rint: (round, HALVES),
    np.sign: (lambda x: math.copysign(1.0, x), (0.0,)),
}

# name: the function by Python's own mathematics, where it is defined, and where it has kinks or jumps
TABLE = {
    "Exp": (math.exp, (-2, 2), ()),
    "Expm1": (math.expm1, (-2, 2), ()),
    "Log": (math.log, (0.3, 3), ()),
    "Log1p": (math.log1p, (-0.7, 2), ()),
    "Sin": (math.sin, (-3, 3), ()),
    "Cos": (math.cos, (-3, 3), ()),
    "Asin": (math.asin, (-0.8, 0.8), ()),
    "Atan": (math.atan, (-3, 3), ()),
    "Tanh": (math.tanh, (-2, 2), ()),
    "Erf": (math.erf, (-2, 2), ()),
    "Sigmoid": (lambda x: 1 / (1 + math.exp(-x)), (-3, 3), ()),
    "Log1pexp": (lambda x: math.log(1 + math.exp(x)), (-3, 3), ()),
    "Abs": (abs, (-2, 2), (0.0,)),
    "Relu": (lambda x: x if x > 0 else 0.0, (-2, 2), (0.0,)),
}
KINKS = {"Abs", "Relu"}


def one_by_one(function):
    return lambda x: np.array([function(v) for v in x.ravel().tolist()], np.float64).reshape(x.shape)


def from_table(name: str) -> Case:
    function, (low, high), away = TABLE[name]
    op = REGISTRY[name]

    def draw(d: Draw) -> Sample:
        return Sample(op(), (d.array(d.shape(), low, high, away),), one_by_one(function))

    def kinks(d: Draw) -> Sample:
        x = d.array(d.shape(1), low, high, away)
        x[d.generator().random(x.shape) < 0.5] = 0.0
        return Sample(op(), (x,), one_by_one(function))

    return Case(op, draw, kinks=kinks if name in KINKS else None, order=3 if name == "Log1pexp" else 2)


def relu_grad(d: Draw) -> Sample:
    shape = d.shape()
    return Sample(
        family.ReluGrad(), (d.array(shape), d.array(shape, away=[0.0])),
        lambda t, value: np.array([a if v > 0 else 0.0 for a, v in zip(t.ravel(), value.ravel())]).reshape(t.shape),
    )  # fmt: skip


def sigmoid_grad(d: Draw) -> Sample:
    shape = d.shape()
    return Sample(family.SigmoidGrad(), (d.array(shape), d.array(shape)), lambda t, v: t * v * (1 - v))


def tanh_grad(d: Draw) -> Sample:
    shape = d.shape()
    return Sample(family.TanhGrad(), (d.array(shape), d.array(shape)), lambda t, v: t * (1 - v * v))


def steps(d: Draw) -> Sample:
    how = d.choice(list(STEPS))
    truth, away = STEPS[how]
    return Sample(family.Steps(how), (d.array(d.shape(), -2.4, 2.4, away),), one_by_one(truth))


def limits(d: Draw) -> tuple[float | None, float | None]:
    return d.choice([(-1.0, 0.5), (None, 0.5), (-1.0, None)])


def clamped(low: float | None, high: float | None):
    def one(v: float) -> float:
        if low is not None and v < low:
            return low
        return high if high is not None and v > high else v

    return one_by_one(one)


def clamp(d: Draw) -> Sample:
    low, high = limits(d)
    return Sample(family.Clamp(low, high), (d.array(d.shape(), away=(-1.0, 0.5)),), clamped(low, high))


def clamp_at_limits(d: Draw) -> Sample:
    low, high = limits(d)
    x = d.generator().choice([-2.0, -1.0, 0.0, 0.5, 1.0], d.shape(1))
    return Sample(family.Clamp(low, high), (x,), clamped(low, high))


CASES = [
    *map(from_table, TABLE),
    Case(family.Steps, steps),
    Case(family.ReluGrad, relu_grad, linear=("t",)),
    Case(family.SigmoidGrad, sigmoid_grad),
    Case(family.TanhGrad, tanh_grad),
    Case(
        family.Clamp, clamp, kinks=clamp_at_limits,
        errors=[(lambda: ops.clamp(np.zeros(2)), "both limits are None")],
    ),
]  # fmt: skip

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
