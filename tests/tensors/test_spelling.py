"""Other spellings mean what the plain ones mean: ``axis``, sizes by name, ``out=``, and what means nothing here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv.ops.errors import ArgumentError, AutogradError, DTypeError

X = tg.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "spelled, plain",
    [
        (lambda: tg.sum(X, axis=1), lambda: X.sum(1)),
        (lambda: X.mean(axis=0, keepdims=True), lambda: X.mean(0, True)),
        (lambda: tg.ones(size=(2, 3)), lambda: tg.ones(2, 3)),
        (lambda: X.reshape(shape=(3, 2)), lambda: X.reshape(3, 2)),
        (lambda: tg.broadcast_to(X, size=(4, 2, 3)), lambda: X.expand(4, 2, 3)),
        (lambda: tg.zeros(2, 3, device="cpu", pin_memory=True), lambda: tg.zeros(2, 3)),
        (lambda: tg.exp(X, out=tg.empty(2, 3)), lambda: X.exp()),
    ],
)
def test_another_spelling_means_the_same(spelled: Callable[[], Any], plain: Callable[[], Any]) -> None:
    assert np.array_equal(spelled(), plain()) and spelled().shape == plain().shape


def test_out_is_written_and_returned() -> None:
    out = tg.zeros(2, 3)
    assert tg.exp(X, out=out) is out and np.array_equal(out, X.exp())
    values, places = tg.zeros(2), tg.zeros(2, dtype=tg.int64)
    found = tg.max(X, 1, out=(values, places))
    assert found.values is values and values.tolist() == [2, 5] and places.tolist() == [2, 2]


def test_out_of_another_shape_is_given_new_memory_with_a_warning() -> None:
    out = tg.zeros(4)
    with pytest.warns(UserWarning, match=r"out has shape \(4,\), the result \(2, 3\)"):
        tg.exp(X, out=out)
    assert np.array_equal(out, X.exp())


def test_a_graph_that_saved_what_out_overwrites_refuses() -> None:
    out = tg.ones(2, 3)
    w = tg.ones(2, 3, requires_grad=True)
    y = (w * out).sum()
    tg.exp(X, out=out)
    with pytest.raises(AutogradError):
        y.backward()


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda: tg.exp(tg.ones(2, requires_grad=True), out=tg.zeros(2)), AutogradError, "out= records no gradient"),
        (lambda: tg.exp(X, out=(tg.zeros(2, 3), tg.zeros(2, 3))), ArgumentError, "2 tensors for 1 results"),
        (lambda: tg.exp(X, out=tg.zeros(2, 3, dtype=tg.int64)), DTypeError, "which cannot hold it"),
        (lambda: tg.relu(X, out=X), TypeError, "unexpected keyword argument 'out'"),
        (lambda: tg.zeros(2, device="cuda"), ArgumentError, "there is no device 'cuda' here"),
        (lambda: tg.reshape(X, 3, 2), ArgumentError, "give the tensor and one sequence, as in reshape(x, (2, 3))"),
    ],
)
def test_what_no_spelling_means_is_said(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert words in str(error.value)
