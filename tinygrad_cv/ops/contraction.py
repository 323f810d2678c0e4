"""Sums of products by index letters: everything becomes permutations and one batched matrix product per pair."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Value
from .errors import ArgumentError, DimError, DTypeError, ShapeError
from .index import getitem
from .matrix import matmul, same_dtype
from .reduce import sum as total
from .shape import permute, reshape

__all__ = [
    "einsum", "tensordot",
]  # fmt: skip

Letters = list[str]


def einsum(equation: Any, *operands: Any) -> Value:
    """Multiply operands and sum over the index letters that the result does not name.

    Parameters
    ----------
    equation : letters of each operand, separated by commas, and of the result behind '->', as in 'bij,bjk->bik'.
        Without '->' the result has the letters that occur once, in alphabetical order. '...' stands for further
        dimensions, which broadcast. A letter that an operand names twice takes its diagonal.
    operands : tensors; or a sequence of them. Also PyTorch's other form: einsum(a, [0, 1], b, [1, 2], [0, 2]).

    Examples
    --------
    >>> import numpy as np
    >>> einsum("ij,kj->ik", np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not all(hasattr(x, "ndim") for x in operands):
        raise DTypeError(f"einsum: the operands are {[type(x).__name__ for x in operands]}; give tensors")
    inputs, output = _read(equation, operands)
    sizes: dict[str, int] = {}
    for letters, x in zip(inputs, operands):
        for letter, n in zip(letters, x.shape):
            if sizes.setdefault(letter, n) not in (n, 1) and n != 1:
                raise ShapeError(
                    f"einsum: index {letter!r} of {equation!r} has sizes {sizes[letter]} and {n}; make them "
                    "equal, or one of them 1"
                )
            sizes[letter] = max(sizes[letter], n) if 0 not in (sizes[letter], n) else 0
    y, held = _diagonal(operands[0], inputs[0])
    for i, x in enumerate(operands[1:], 1):
        x, letters = _diagonal(x, inputs[i])
        needed = {c for ls in [*inputs[i + 1 :], output] for c in ls}
        y, held = _pair(y, held, x, letters, needed)
    y, held = _sum_out(y, held, set(output))
    for c in output:
        if c not in held:  # every operand has size 1 there, and it was folded away
            raise ArgumentError(
                f"einsum: the result names {c!r}, which no operand of {equation!r} has; name it there, or leave it out"
            )
    return permute(y, *[held.index(c) for c in output]) if output else y


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Turn einsum(a, [0, 1], b, [1, 2], [0, 2]) into an equation."""
    operands, subscripts = list(arguments[0::2]), list(arguments[1::2])
    result = operands.pop() if len(arguments) % 2 else None
    if result is not None and hasattr(result, "ndim"):
        raise ArgumentError("einsum: the last tensor has no list of indices; give one behind each tensor")

    def letters(indices: Sequence[Any]) -> str:
        if any(i is not Ellipsis and not 0 <= i < 52 for i in indices):
            raise ArgumentError(f"einsum: indices {list(indices)}; give numbers from 0 to 51")
        return "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in indices)

    equation = ",".join(letters(s) for s in subscripts)
    return equation if result is None else f"{equation}->{letters(result)}", tuple(operands)


def _read(equation: str, operands: Sequence[Value]) -> tuple[list[Letters], Letters]:
    """Return the letters of each operand and of the result; the dimensions of '...' are numbered from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ArgumentError(f"einsum: {equation!r} speaks of {len(terms)} operands, {len(operands)} were given")
    hidden = 0
    inputs = []
    for term, x in zip(terms, operands):
        named = len(term.replace("...", "", 1))
        more = x.ndim - named
        if more < 0 or (more and "..." not in term):
            raise ShapeError(
                f"einsum: {term!r} names {named} dimensions of an operand {x.shape}; name each, or use '...'"
            )
        hidden = max(hidden, more if "..." in term else 0)
        inputs.append(_letters(term, more, equation))
    if arrow:
        output = _letters(right, hidden if "..." in right else 0, equation)
    else:
        flat = [c for ls in inputs for c in ls]
        output = [str(-i) for i in range(hidden, 0, -1)] + sorted(
            c for c in set(flat) if flat.count(c) == 1 and c.isalpha()
        )
    known = {c for ls in inputs for c in ls}
    for c in output:
        if output.count(c) > 1 or c not in known:
            raise ArgumentError(
                f"einsum: the result of {equation!r} names {c!r} twice, or no operand has it; name each index once"
            )
    return inputs, output


def _letters(term: str, hidden: int, equation: str) -> Letters:
    before, dots, after = term.partition("...")
    if not all(c in string.ascii_letters for c in before + after):
        raise ArgumentError(
            f"einsum: {equation!r} holds something other than letters, commas, '...' and '->'; write it like "
            "'ij,jk->ik'"
        )
    return [*before, *(str(-i) for i in range(hidden, 0, -1)), *after] if dots else list(before)


def _diagonal(x: Value, letters: Letters) -> tuple[Value, Letters]:
    """Keep one of each letter: where an operand names one twice, take the diagonal."""
    for c in dict.fromkeys(letters):
        while letters.count(c) > 1:
            first = letters.index(c)
            second = letters.index(c, first + 1)
            n, m = x.shape[first], x.shape[second]
            if n != m:
                raise ShapeError(
                    f"einsum: index {c!r} is named twice by an operand {x.shape} with sizes {n} and {m}; only a "
                    "square has a diagonal"
                )
            rest = [i for i in range(x.ndim) if i not in (first, second)]
            x = getitem(permute(x, first, second, *rest), (np.arange(n), np.arange(n)))
            letters = [c, *(letters[i] for i in rest)]
    return x, letters


def _sum_out(x: Value, letters: Letters, keep: set[str]) -> tuple[Value, Letters]:
    """Add up over the letters that nobody needs any more."""
    drop = tuple(i for i, c in enumerate(letters) if c not in keep)
    return (total(x, drop), [c for c in letters if c in keep]) if drop else (x, letters)


def _pair(a: Value, la: Letters, b: Value, lb: Letters, needed: set[str]) -> tuple[Value, Letters]:
    """Multiply two operands: of their common letters those still needed are the batch, the others are summed over."""
    a, la = _sum_out(a, la, needed | set(lb))
    b, lb = _sum_out(b, lb, needed | set(la))
    # a size of 1 in one operand alone broadcasts: there it is no index at all
    sa, sb = dict(zip(la, a.shape)), dict(zip(lb, b.shape))
    single_a = [c for c in la if c in sb and sa[c] == 1 != sb[c]]
    single_b = [c for c in lb if c in sa and sb[c] == 1 != sa[c]]
    a, la = reshape(a, [sa[c] for c in la if c not in single_a]), [c for c in la if c not in single_a]
    b, lb = reshape(b, [sb[c] for c in lb if c not in single_b]), [c for c in lb if c not in single_b]
    a, la = _sum_out(a, la, needed | set(lb))
    b, lb = _sum_out(b, lb, needed | set(la))
    size = {**sb, **sa, **{c: sb[c] for c in lb}, **{c: sa[c] for c in la}}
    batch = [c for c in la if c in lb and c in needed]
    inner = [c for c in la if c in lb and c not in needed]
    rows, columns = [c for c in la if c not in lb], [c for c in lb if c not in la]

    def grouped(x: Value, letters: Letters, *groups: Letters) -> Value:
        order = [letters.index(c) for g in groups for c in g]
        x = permute(x, *order) if order else x
        return reshape(x, [math.prod(size[c] for c in g) for g in groups])

    y = matmul(grouped(a, la, batch, rows, inner), grouped(b, lb, batch, inner, columns))
    letters = batch + rows + columns
    return reshape(y, [size[c] for c in letters]), letters


def tensordot(a: Value, b: Value, dims: Any = 2) -> Value:
    """Sum products over pairs of dimensions: the last ``dims`` of a with the first of b, or two lists of dimensions."""
    if isinstance(dims, int) or getattr(dims, "ndim", 1) == 0:
        count = int(dims)
        if count < 0 or count > min(a.ndim, b.ndim):
            raise ArgumentError(
                f"tensordot: dims is {count} for tensors {a.shape} and {b.shape}; give at most {min(a.ndim, b.ndim)}"
            )
        over_a, over_b = list(range(a.ndim - count, a.ndim)), list(range(count))
    else:
        pairs = [np.asarray(ds).reshape(-1) for ds in dims] if np.iterable(dims) and not isinstance(dims, str) else []
        if len(pairs) != 2 or any(ds.dtype.kind not in "iu" and ds.size for ds in pairs):
            raise ArgumentError(f"tensordot: dims is {dims!r}; give a number, or two lists of dimensions")
        over_a, over_b = (ds.tolist() for ds in pairs)
    if len(over_a) != len(over_b):
        raise ArgumentError(f"tensordot: {len(over_a)} dimensions {over_a} meet {len(over_b)} {over_b}; give as many")
    for x, over in ((a, over_a), (b, over_b)):
        if any(not -x.ndim <= d < x.ndim for d in over):
            raise DimError(
                f"tensordot: dims {over} for a tensor {x.shape}; give numbers from {-x.ndim} to {x.ndim - 1}"
            )
    over_a, over_b = [d % a.ndim for d in over_a], [d % b.ndim for d in over_b]
    if len(set(over_a)) != len(over_a) or len(set(over_b)) != len(over_b):
        raise ArgumentError(f"tensordot: dims {over_a} and {over_b} name a dimension twice; name each once")
    same_dtype("tensordot", a, b)
    for i, j in zip(over_a, over_b):
        n, m = a.shape[i], b.shape[j]
        if n != m and 1 not in (n, m):
            raise ShapeError(f"tensordot: dimension {i} of {a.shape} meets dimension {j} of {b.shape}; make them equal")
        if n != m:  # a size of 1 broadcasts, so the other side is summed
            a, b = (total(a, i, True), b) if m == 1 else (a, total(b, j, True))
    keep_a, keep_b = ([d for d in range(x.ndim) if d not in over] for x, over in ((a, over_a), (b, over_b)))
    inner = math.prod(a.shape[d] for d in over_a)
    left = reshape(permute(a, *keep_a, *over_a), (math.prod(a.shape[d] for d in keep_a), inner))
    right = reshape(permute(b, *over_b, *keep_b), (inner, math.prod(b.shape[d] for d in keep_b)))
    return reshape(matmul(left, right), [a.shape[d] for d in keep_a] + [b.shape[d] for d in keep_b])
