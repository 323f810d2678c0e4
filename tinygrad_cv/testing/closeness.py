"""Comparing values: `assert_close`, with a report that says where and how far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..ops.errors import ArgumentError
from ..typing import Array, DType

TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""(relative, absolute) by dtype, PyTorch's; whatever is not of floating point must be equal."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere, with equal shapes.

    Parameters
    ----------
    actual, expected : tensors, arrays, numbers, or sequences and mappings of them.
    rtol, atol : both or neither; by default they follow the dtype, as in ``torch.testing.assert_close``.
    equal_nan : let NaN equal NaN.
    check_dtype, check_stride : demand equal dtypes, equal strides too.
    msg : replaces the message, or a function that makes one from it.

    Examples
    --------
    >>> import numpy as np
    >>> assert_close(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
    Traceback (most recent call last):
    ...
    AssertionError: 1 of 2 elements differ; the worst is [1]: 2.0 instead of 2.5 (by 0.5, allowed 3.5e-07)
    """
    if (rtol is None) != (atol is None):
        raise ArgumentError(f"assert_close: rtol is {rtol} and atol {atol}; give both or neither")
    found = _difference(actual, expected, rtol, atol, equal_nan, check_dtype, check_stride)
    if found is not None:
        raise AssertionError(msg(found) if callable(msg) else msg or found)


def _difference(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_dtype: bool,
    check_stride: bool,
) -> str | None:
    settings = (rtol, atol, equal_nan, check_dtype, check_stride)
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"the keys {list(actual)} are not {list(expected)}"
        parts = [(f"[{k!r}]", actual[k], expected[k]) for k in expected]
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return f"there are {len(actual)} items instead of {len(expected)}"
        parts = [(f"[{i}]", a, e) for i, (a, e) in enumerate(zip(actual, expected))]
    else:
        return array_difference(np.asarray(actual), np.asarray(expected), *settings)
    for place, a, e in parts:
        found = _difference(a, e, *settings)
        if found is not None:
            return f"item {place}: {found}"
    return None


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def array_difference(
    actual: Array,
    expected: Array,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    check_stride: bool = False,
) -> str | None:
    """Say in words how two arrays differ, or return None where they are close."""
    if actual.shape != expected.shape:
        return f"the shape is {actual.shape} instead of {expected.shape}"
    if check_dtype and actual.dtype != expected.dtype:
        return f"the dtype is {actual.dtype} instead of {expected.dtype}"
    if check_stride and actual.strides != expected.strides:
        return f"the strides are {actual.strides} instead of {expected.strides}"
    if rtol is None or atol is None:
        both = [tolerance(actual.dtype), tolerance(expected.dtype)]
        rtol, atol = max(r for r, _ in both), max(a for _, a in both)
    a, e = (np.asarray(v, np.complex128 if v.dtype.kind == "c" else np.float64) for v in (actual, expected))
    with np.errstate(invalid="ignore"):
        gap = np.abs(a - e)
        fine = (a == e) | (gap <= atol + rtol * np.abs(e))
    if equal_nan:
        fine |= np.isnan(a) & np.isnan(e)
    if fine.all():
        return None
    worst = np.unravel_index(np.argmax(np.where(fine, -1.0, np.where(np.isnan(gap), np.inf, gap))), gap.shape)
    place = f"[{', '.join(str(int(i)) for i in worst)}]" if worst else "the number"
    allowed = atol + rtol * np.abs(e[worst])
    return (
        f"{np.count_nonzero(~fine)} of {fine.size} elements differ; the worst is {place}: {actual[worst].item()!r} "
        f"instead of {expected[worst].item()!r} (by {gap[worst]:.3g}, allowed {allowed:.3g})"
    )


def tolerance(dtype: DType) -> tuple[float, float]:
    """Return the (relative, absolute) tolerance that suits a dtype."""
    return TOLERANCES.get(dtype.name, (0.0, 0.0))
