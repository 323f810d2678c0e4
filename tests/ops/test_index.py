"""Cases of selecting elements and putting them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import index as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray
Shape = tuple[int, ...]


def an_index(d: Draw, shape: Shape) -> Any:
    """An integer, slices, an integer array that repeats itself, or a mask."""
    n = shape[0]
    kinds: list[Any] = [
        slice(None),
        slice(None, None, -1),
        slice(1, None, 2),
        (Ellipsis, slice(0, 1)),
        (None, slice(None)),
    ]
    if n:
        kinds += [
            d.integer(0, n - 1),
            -1,
            d.integers((d.integer(1, 3),), 0, n - 1),
            d.integers((n,), 0, 1).astype(bool),
        ]
        kinds += [(d.integers((2, 1), -n, n - 1), slice(None))[: len(shape)]]
    return d.choice(kinds)


def positions(index: Any, shape: Shape) -> Array:
    """The flat position that every element of a selection comes from."""
    return np.arange(int(np.prod(shape))).reshape(shape)[index]


def take(d: Draw) -> Sample:
    shape = d.shape(1)
    index = an_index(d, shape)

    def truth(x: Array) -> Array:
        at = positions(index, shape)
        return np.array([x.ravel()[k] for k in at.ravel()], np.float64).reshape(at.shape)

    return Sample(family.Take(index, shape), (d.array(shape),), truth)


def put(d: Draw) -> Sample:
    shape = d.shape(1)
    index = an_index(d, shape)
    at = positions(index, shape)

    def truth(x: Array) -> Array:
        y = np.zeros(int(np.prod(shape)))
        for k, v in zip(at.ravel(), x.ravel()):
            y[k] += v
        return y.reshape(shape)

    return Sample(family.Put(index, shape), (d.array(at.shape),), truth)


def replace(d: Draw) -> Sample:
    shape = d.shape(1)
    index = d.choice([slice(None, None, -1), slice(1, None, 2), slice(0, 1), (Ellipsis, slice(0, 2))])
    select = family.Take(index, shape)
    at = positions(index, shape)

    def truth(x: Array, v: Array) -> Array:
        y = x.astype(np.float64).ravel().tolist()
        for k, new in zip(at.ravel(), v.ravel()):
            y[k] = new
        return np.array(y, np.float64).reshape(shape)

    return Sample(family.Replace(select), (d.array(shape), d.array(at.shape)), truth)


def along(d: Draw) -> tuple[int, Shape, Array]:
    """A dimension, a shape, and indices along it that may repeat themselves."""
    shape = d.shape(1)
    dim = d.integer(0, len(shape) - 1)
    count = d.integer(1, 3) if shape[dim] else 0
    wanted = tuple(count if i == dim else n for i, n in enumerate(shape))
    return dim, shape, d.integers(wanted, 0, max(shape[dim] - 1, 0))


def moved(at: Shape, dim: int, k: int) -> Shape:
    return (*at[:dim], int(k), *at[dim + 1 :])


def gather(d: Draw) -> Sample:
    dim, shape, index = along(d)

    def truth(x: Array, at: Array) -> Array:
        y = np.empty(at.shape)
        for place in np.ndindex(at.shape):
            y[place] = x[moved(place, dim, at[place])]
        return y

    return Sample(family.Gather(dim, shape), (d.array(shape), index), truth)


def scatter_add(d: Draw) -> Sample:
    dim, shape, index = along(d)

    def truth(x: Array, at: Array) -> Array:
        y = np.zeros(shape)
        for place in np.ndindex(at.shape):
            y[moved(place, dim, at[place])] += x[place]
        return y

    return Sample(family.ScatterAdd(dim, shape), (d.array(index.shape), index), truth)


X, AT = np.zeros((2, 3)), np.zeros((2, 3), np.int64)

CASES = [
    Case(
        family.Take,
        take,
        linear=("x",),
        laws_left_out={"nothing_given_is_changed_or_kept": "a selection by arrays is a copy, one by slices a view"},
        errors=[
            (lambda: ops.getitem(X, 5), "for a tensor of shape (2, 3)"),
            (lambda: ops.getitem(X, np.zeros(1)), "give integers or booleans"),
            (lambda: ops.index_select(X, 0, AT), "expected a vector"),
        ],
    ),
    Case(family.Put, put, linear=("x",)),
    Case(family.Replace, replace, linear=("x", "v")),
    Case(
        family.Gather,
        gather,
        linear=("x",),
        errors=[
            (lambda: ops.gather(X, 0, AT + 2), "an index of 2 along dimension 0 of size 2"),
            (lambda: ops.gather(X, 0, X), "expected integers"),
            (lambda: ops.gather(X, 0, AT[0]), "index has 1 dimensions"),
        ],
    ),
    Case(
        family.ScatterAdd,
        scatter_add,
        linear=("x",),
        errors=[
            (lambda: ops.scatter_add(X, 0, AT, X[:1]), "smaller than index"),
            (lambda: ops.scatter(X, 0, AT, X, reduce="mean"), "reduce is 'mean'"),
            (lambda: ops.masked_fill(X, X, 0), "expected bool"),
            (lambda: ops.topk(X, 4), "k is 4"),
        ],
    ),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
