"""A call that fails names the function that was called, and the argument that its signature has no room for."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import functional as F
from tinygrad_cv.ops.errors import DTypeError, ShapeError, TinygradError
from tinygrad_cv.tensors.spelling import spelled
from tinygrad_cv.typing import Value

X = tg.zeros(2, 3)


def message(call: object) -> str:
    with pytest.raises(TinygradError) as caught:
        call()  # type: ignore[operator]
    return str(caught.value)


def test_a_stranger_in_a_tensors_place_is_named_with_what_would_fit() -> None:
    assert message(lambda: F.acos(None)) == "acos: input is None (NoneType); give a tensor"
    assert message(lambda: F.conv2d([1.0], tg.zeros(4, 3, 3, 3))) == "conv2d: input is [1.0] (list); give a tensor"
    assert message(lambda: F.cat([X, None])).startswith("cat: tensors is [tensor(")
    assert message(lambda: X.all(1.5)) == "all: dim is 1.5 (float); give an integer or a sequence of integers"
    assert message(lambda: F.exp(2.0)) == "exp: input is 2.0 (float); give a tensor"


def test_a_composite_is_named_before_the_part_that_found_the_error() -> None:
    assert message(lambda: F.mm(X, X)).startswith("mm: matmul: shapes (2, 3) and (2, 3) do not multiply")
    assert message(lambda: F.subtract(X, tg.zeros(2))).startswith("subtract: sub: shapes (2, 3) and (2,)")
    assert message(lambda: F.sub(X, tg.zeros(2))).startswith("sub: shapes (2, 3) and (2,)")


def test_the_first_error_stays_the_cause() -> None:
    with pytest.raises(DTypeError) as caught:
        F.acos(None)
    assert isinstance(caught.value.__cause__, AttributeError)
    with pytest.raises(ShapeError) as kept:
        F.mm(X, X)
    assert kept.value.__cause__ is None


def test_what_the_arguments_do_not_explain_is_not_blamed_on_them() -> None:
    def broken(input: Value) -> Value:
        raise IndexError("a bug")

    with pytest.raises(IndexError, match="a bug") as caught:
        spelled(broken)(np.zeros(2))
    assert not isinstance(caught.value, TinygradError)


def test_missing_and_unknown_arguments_are_pythons_own_errors() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'weight'") as caught:
        F.conv2d(X)
    assert not isinstance(caught.value, TinygradError)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dims'"):
        F.softmax(X, dims=1)
