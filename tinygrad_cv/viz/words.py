"""How shapes, counts and settings are written in drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def shape_words(shape: Sequence[int], dtype: Any = "float32") -> str:
    """A shape, with the dtype where it is not the usual one.

    >>> shape_words((1, 6, 28, 28)), shape_words((), "float64"), shape_words((2,), "int64")
    ('1×6×28×28', 'scalar float64', '2 int64')
    """
    sizes = "×".join(map(str, shape)) if shape else "scalar"
    return sizes if str(dtype) == "float32" else f"{sizes} {dtype}"


def count_words(count: int) -> str:
    """A count, exact as long as that is readable.

    >>> count_words(61706), count_words(25_557_032), count_words(4_089_184_256)
    ('61,706', '25.6 M', '4.09 G')
    """
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return f"{count:,}"


def budget_words(parameters: int, multiply_adds: int) -> str:
    """What something costs; nothing where it costs nothing.

    >>> budget_words(156, 117600), budget_words(0, 0), budget_words(1, 0)
    ('156 parameters, 117,600 madds', '', '1 parameter')
    """
    parts = []
    if parameters:
        parts.append(f"{count_words(parameters)} parameter{'s' if parameters != 1 else ''}")
    if multiply_adds:
        parts.append(f"{count_words(multiply_adds)} madds")
    return ", ".join(parts)


def window_words(thing: Any) -> str:
    """The window of a layer, as people write it; nothing for what has none.

    >>> from types import SimpleNamespace
    >>> window_words(SimpleNamespace(kernel_size=(3, 3), stride=2, padding=1, groups=1))
    '3×3 /2 pad 1'
    """
    kernel = getattr(thing, "kernel_size", None)
    if kernel is None:
        return ""
    parts = [_pair(kernel, "×")]
    if parts == [str(kernel)]:
        parts = [f"{kernel}×{kernel}"]
    settings = (("stride", 1, "/"), ("padding", 0, "pad "), ("dilation", 1, "dilated "), ("groups", 1, "groups "))
    for name, usual, sign in settings:
        value = getattr(thing, name, usual)
        if value is not None and _single(value) != usual:
            parts.append(sign + _pair(_single(value), "×"))
    return " ".join(parts)


def _single(value: Any) -> Any:
    """One number for a sequence of equal ones."""
    if isinstance(value, Sequence) and not isinstance(value, str) and len(set(value)) == 1:
        return value[0]
    return value


def _pair(value: Any, between: str) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return between.join(map(str, value))
    return str(value)
