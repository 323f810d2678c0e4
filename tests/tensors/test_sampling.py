"""Draws at random: what is promised of every draw, and of many together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_cv as tg
from tinygrad_cv.ops.errors import ArgumentError, DTypeError

MANY = 20_000
CALLS = {
    "rand": lambda g: tg.rand(3, 4, generator=g),
    "randn": lambda g: tg.randn((3, 4), generator=g),
    "randint": lambda g: tg.randint(2, 9, (5,), generator=g),
    "randperm": lambda g: tg.randperm(9, generator=g),
    "rand_like": lambda g: tg.rand_like(tg.zeros(2, 3), generator=g),
    "randn_like": lambda g: tg.randn_like(tg.zeros(2, 3), generator=g),
    "randint_like": lambda g: tg.randint_like(tg.zeros(40), 9, generator=g),
    "bernoulli": lambda g: tg.bernoulli(tg.full((40,), 0.5), generator=g),
    "multinomial": lambda g: tg.multinomial(tg.ones(2, 30), 5, generator=g),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_seed_decides_the_draw_and_a_generator_goes_on(name: str) -> None:
    one, other = (tg.Generator().manual_seed(7) for _ in range(2))
    first = CALLS[name](one)
    assert np.array_equal(first, CALLS[name](other))
    assert not np.array_equal(first, CALLS[name](one))
    tg.manual_seed(3)
    common = CALLS[name](None)
    tg.manual_seed(3)
    assert np.array_equal(common, CALLS[name](None))


@given(n=st.integers(0, 50), low=st.integers(-5, 5), width=st.integers(1, 6))
def test_draws_keep_to_their_range(n: int, low: int, width: int) -> None:
    drawn = tg.randint(low, low + width, (n,))
    assert drawn.shape == (n,) and drawn.dtype == tg.int64 and ((drawn >= low) & (drawn < low + width)).all()
    assert sorted(tg.randperm(n).tolist()) == list(range(n))
    share = tg.rand(n, dtype=tg.float64)
    assert share.dtype == tg.float64 and ((share >= 0) & (share < 1)).all()


def test_many_draws_have_the_promised_distribution() -> None:
    tg.manual_seed(0)
    five = 5 / np.sqrt(MANY)  # deviations of the mean of as many draws
    uniform, normal = tg.rand(MANY), tg.randn(MANY)
    assert abs(uniform.mean().item() - 0.5) < five * np.sqrt(1 / 12)
    assert abs(normal.mean().item()) < five and abs(normal.var().item() - 1) < five * np.sqrt(2)
    assert abs(tg.bernoulli(tg.full((MANY,), 0.3)).mean().item() - 0.3) < five * np.sqrt(0.21)
    assert abs(tg.bernoulli(tg.zeros(MANY), 0.7).mean().item() - 0.7) < five * np.sqrt(0.21)


@pytest.mark.parametrize("replacement", [False, True])
def test_classes_come_as_often_as_their_weights_say(replacement: bool) -> None:
    tg.manual_seed(0)
    weights = tg.tensor([1.0, 0.0, 3.0, 4.0])
    drawn = tg.multinomial(weights.expand(MANY, 4), 1, replacement)
    assert drawn.shape == (MANY, 1)
    found = np.bincount(drawn.numpy().ravel(), minlength=4) / MANY
    np.testing.assert_allclose(found, [1 / 8, 0, 3 / 8, 1 / 2], atol=5 * 0.5 / np.sqrt(MANY))


def test_without_replacement_each_class_comes_once() -> None:
    drawn = tg.multinomial(tg.rand(30, 6), 6)
    assert (drawn.sort(1).values == tg.arange(6)).all()
    assert tg.multinomial(tg.tensor([0.0, 2.0]), 3, replacement=True).tolist() == [1, 1, 1]


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: tg.rand(2, dtype=tg.int64), DTypeError, "rand: dtype int64 holds no fractions"),
    (lambda: tg.randint(3, 3, (2,)), ArgumentError, "no integer lies in [3, 3)"),
    (lambda: tg.randint(3), ArgumentError, "give (high, size) or (low, high, size)"),
    (lambda: tg.randperm(-1), ArgumentError, "n is -1"),
    (lambda: tg.bernoulli(tg.tensor([2.0])), ArgumentError, "probabilities from 0 to 1"),
    (lambda: tg.multinomial(tg.tensor([1, 2]), 1), DTypeError, "weights have dtype int64"),
    (lambda: tg.multinomial(tg.tensor([1.0, -2.0]), 1), ArgumentError, "finite numbers of at least 0"),
    (lambda: tg.multinomial(tg.tensor([1.0, 2.0]), 3), ArgumentError, "3 draws from 2 classes"),
    (lambda: tg.multinomial(tg.zeros(2), 1), ArgumentError, "all weights of a row are 0"),
]


@pytest.mark.parametrize(("call", "kind", "words"), BAD, ids=[words for _, _, words in BAD])
def test_what_cannot_be_drawn_is_said(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert words in str(error.value)


def test_dropout_takes_an_array_as_every_function_does() -> None:
    x = np.ones((2, 3, 4, 4), np.float32)
    for array in (x, x.transpose(0, 3, 1, 2)):
        y = tg.functional.dropout(array, 0.5)
        assert isinstance(y, np.ndarray) and set(np.unique(y)) <= {0.0, 2.0}
