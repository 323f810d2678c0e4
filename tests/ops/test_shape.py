"""Cases of what changes shape, order or number of elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_cv import ops
from tinygrad_cv.ops import shape as family
from tinygrad_cv.testing import Case, Draw, Sample, error_tests, law_tests

Array = np.ndarray


def reshape(d: Draw) -> Sample:
    source = d.shape(1)
    target = d.choice([source[::-1], (int(np.prod(source)),), (1, *source), (*source, 1), (*source[1:], source[0])])

    def truth(x: Array) -> Array:
        y = np.empty(target)
        for place, value in zip(np.ndindex(target), x.ravel().tolist()):
            y[place] = value
        return y

    return Sample(family.Reshape(target, source), (d.array(source),), truth)


def permute(d: Draw) -> Sample:
    shape = d.shape()
    dims = d.permutation(len(shape))

    def truth(x: Array) -> Array:
        y = np.empty([shape[i] for i in dims])
        for at in np.ndindex(shape):
            y[tuple(at[i] for i in dims)] = x[at]
        return y

    return Sample(family.Permute(dims), (d.array(shape),), truth)


def flip(d: Draw) -> Sample:
    shape = d.shape(1)
    dims = tuple(i for i in range(len(shape)) if d.flag())

    def truth(x: Array) -> Array:
        y = np.empty(shape)
        for at in np.ndindex(shape):
            y[tuple(shape[i] - 1 - k if i in dims else k for i, k in enumerate(at))] = x[at]
        return y

    return Sample(family.Flip(dims), (d.array(shape),), truth)


def margins(d: Draw, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(d.integer(0, 2) for _ in range(rank)), tuple(d.integer(0, 2) for _ in range(rank))


def pad(d: Draw) -> Sample:
    shape, value = d.shape(1), d.choice([0.0, -1.5])
    before, after = margins(d, len(shape))

    def truth(x: Array) -> Array:
        y = np.full([n + b + a for n, b, a in zip(shape, before, after)], value)
        for at in np.ndindex(shape):
            y[tuple(i + b for i, b in zip(at, before))] = x[at]
        return y

    return Sample(family.Pad(before, after, value), (d.array(shape),), truth)


def crop(d: Draw) -> Sample:
    inner = d.shape(1)
    before, after = margins(d, len(inner))
    shape = tuple(n + b + a for n, b, a in zip(inner, before, after))

    def truth(x: Array) -> Array:
        y = np.empty(inner)
        for at in np.ndindex(inner):
            y[at] = x[tuple(i + b for i, b in zip(at, before))]
        return y

    return Sample(family.Crop(before, after), (d.array(shape),), truth)


def cat(d: Draw) -> Sample:
    shape = d.shape(1)
    dim = d.integer(0, len(shape) - 1)
    sizes = tuple(d.size() for _ in range(d.integer(1, 3)))
    parts = [d.array((*shape[:dim], n, *shape[dim + 1 :])) for n in sizes]

    def truth(*xs: Array) -> Array:
        y = np.empty((*shape[:dim], sum(sizes), *shape[dim + 1 :]))
        start = 0
        for x in xs:
            for at in np.ndindex(x.shape):
                y[(*at[:dim], at[dim] + start, *at[dim + 1 :])] = x[at]
            start += x.shape[dim]
        return y

    return Sample(family.Cat(dim, sizes), tuple(parts), truth)


def copied(op: Any) -> Any:
    def draw(d: Draw) -> Sample:
        return Sample(op, (d.array(d.shape()),), lambda x: np.array(x.tolist(), np.float64).reshape(x.shape))

    return draw


X = np.zeros((2, 3))

CASES = [
    Case(
        family.Reshape,
        reshape,
        linear=("x",),
        errors=[
            (lambda: ops.reshape(X, (4,)), "(2, 3) holds 6 elements, (4,) would hold 4"),
            (lambda: ops.reshape(X, (-1, -1)), "more than one size open"),
            (lambda: ops.reshape(X, (-1, 4)), "do not divide"),
            (lambda: ops.flatten(X, 1, 0), "lies behind"),
            (lambda: ops.unflatten(X, 1, (2, 2)), "multiply to 4"),
            (lambda: ops.squeeze(X, 5), "dim=5"),
            (lambda: ops.unsqueeze(X, 4), "dim=4"),
        ],
    ),
    Case(
        family.Permute,
        permute,
        linear=("x",),
        errors=[
            (lambda: ops.permute(X, 0, 0), "no order of the 2 dimensions"),
            (lambda: ops.transpose(X, 0, 2), "dim=2"),
            (lambda: ops.movedim(X, (0, 1), 0), "2 sources"),
        ],
    ),
    Case(family.Flip, flip, linear=("x",), errors=[(lambda: ops.flip(X, (1, 1)), "twice")]),
    Case(family.Pad, pad, linear=("x",)),
    Case(
        family.Crop,
        crop,
        linear=("x",),
        errors=[
            (lambda: ops.narrow(X, 1, 2, 2), "do not lie within dimension 1 of size 3"),
            (lambda: ops.split(X, [1, 1], 1), "add up to 2"),
            (lambda: ops.chunk(X, 0), "at least 1"),
        ],
    ),
    Case(
        family.Cat,
        cat,
        linear=("xs",),
        errors=[
            (lambda: ops.cat([]), "no tensors"),
            (lambda: ops.cat([X, X.T]), "tensor 1 has shape (3, 2)"),
            (lambda: ops.stack([X, X.T]), "stack needs equal shapes"),
            (lambda: ops.roll(X, (1, 2), 0), "2 shifts"),
        ],
    ),
    Case(family.Clone, copied(family.Clone("C")), linear=("x",), label="row-major"),
    Case(family.Clone, copied(family.Clone()), linear=("x",)),
]

test_laws = law_tests(CASES)
test_errors = error_tests(CASES)
