"""Cases of the activations that are ops of their own."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_cv.ops import activation as family
from tinygrad_cv.testing import Case, Draw, Sample, law_tests


def one_by_one(function):
    return lambda x: np.array([function(v) for v in x.ravel().tolist()], np.float64).reshape(x.shape)


def gelu(d: Draw) -> Sample:
    truth = one_by_one(lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2)
    return Sample(family.Gelu(), (d.array(d.shape(), -2, 2),), truth)


def silu(d: Draw) -> Sample:
    return Sample(family.Silu(), (d.array(d.shape(), -3, 3),), one_by_one(lambda v: v / (1 + math.exp(-v))))


CASES = [Case(family.Gelu, gelu), Case(family.Silu, silu)]

test_laws = law_tests(CASES)
