"""Arguments held against the signature: settings before the call, tensors when the call has failed.

A flag that is no bool, or a fraction for a count, would often pass unnoticed; so what the signature calls a ``bool``,
an ``int``, a ``float``, a ``str`` or a dtype is looked at beforehand, at the price of one look at its type, where it
is given at all. That a ``None`` or a list stands where a tensor should shows soon enough: such a call fails, and is
explained here. Shapes, and what a number may be, the functions check themselves.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..ops.broadcast import read_dtype
from ..ops.errors import DTypeError, TinygradError
from .random import Generator

TRUTHS = frozenset(
    """affine antialias bias elementwise_affine inplace recompute_scale_factor reduce return_indices size_average
    track_running_stats""".split()
)
"""Flags that PyTorch's functions and layers, where they are Python's own, take by their truth: 1 and 0 do as well."""


def settings(parameters: Mapping[str, inspect.Parameter]) -> dict[str, frozenset[type]]:
    """Return the types of which a value needs no second look, for every parameter that is a plain setting."""
    kinds = {name: str(p.annotation).split(" | ") for name, p in parameters.items() if name not in TRUTHS}
    plain = {name: of for name, of in kinds.items() if AT_ONCE.keys() >= set(of)}
    return {name: frozenset().union(*(AT_ONCE[kind] for kind in of)) for name, of in plain.items()}


def read_setting(name: str, parameters: Mapping[str, inspect.Parameter], parameter: str, value: Any) -> Any:
    """Return a setting, NumPy's numbers and 0-d tensors as Python's, or refuse what is not as its annotation says."""
    stranger = _stranger(name, parameters, {parameter: value}, strict=False)
    if stranger is not None:
        raise stranger
    return value.item() if isinstance(value, (np.generic, np.ndarray)) or hasattr(type(value), "__record__") else value


def explained(function: Callable[..., Any], name: str, error: Exception, args: Sequence[Any], kwargs: Any) -> Exception:
    """Return the error to raise for a call of ``function``, known to users as ``name``, that ended in ``error``.

    It is the same error, which now names the call, unless an argument is not what its annotation says: then a
    `DTypeError` that says so. Whatever else comes from Python or NumPy is returned unchanged.
    """
    if isinstance(error, TinygradError):
        error.call = "" if str(error.args[0]).startswith((f"{name}:", f"{name} ", f"{name}(")) else name
        if not error.call:
            return error
    elif not isinstance(error, (TypeError, AttributeError, ValueError, IndexError)):
        return error
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:  # Python's own, about missing and unknown arguments, says enough under the name that users know
        own = f"{function.__qualname__}()"
        return TypeError(str(error).replace(own, f"{name}()", 1)) if type(error) is TypeError else error
    stranger = _stranger(name, signature.parameters, given, strict=False)
    if stranger is None and not isinstance(error, TinygradError):
        stranger = _stranger(name, signature.parameters, given, strict=True)
    return stranger or error


def _stranger(
    name: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any], strict: bool
) -> DTypeError | None:
    """Return what to say of the first argument that is not what its annotation says, if there is one.

    With ``strict``, a Python number is no tensor: some functions take one in a tensor's place, and some do not.
    """
    several = inspect.Parameter.VAR_POSITIONAL
    values = {p: _each(value) if parameters[p].kind is several else [value] for p, value in given.items()}
    for parameter, value in ((p, value) for p in values for value in values[p]):
        kinds = str(parameters[parameter].annotation).split(" | ")
        if value is parameters[parameter].default or not all(kind in KINDS for kind in kinds):
            continue
        if any(KINDS[kind][1](value) for kind in kinds) and not (strict and kinds[0] == "Value" and _is_number(value)):
            continue
        what = " or ".join(dict.fromkeys(KINDS[kind][0] for kind in kinds))
        return DTypeError(f"{name}: {parameter} is {_shown(value)}; give {what}")
    return None


def _each(values: tuple[Any, ...]) -> Sequence[Any]:
    """Return what was given one by one, or as one sequence."""
    return values[0] if len(values) == 1 and isinstance(values[0], (list, tuple)) else values


def _shown(value: Any) -> str:
    if _is_value(value):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype}"
    text = " ".join(repr(value).split())
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"


def _is_value(x: Any) -> bool:
    return hasattr(x, "dtype") and hasattr(x, "shape")


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float, np.generic)) and not isinstance(x, (np.complexfloating, np.str_))


def _is_scalar(x: Any, dtypes: str) -> bool:
    """Tell whether x counts as one number of the given kinds: in Python, in NumPy, or as a 0-d tensor."""
    if _is_value(x):
        return x.dtype.kind in dtypes and not x.shape
    return isinstance(x, (bool, int, float)) and np.asarray(x).dtype.kind in dtypes


def _is_integer(x: Any) -> bool:
    return _is_scalar(x, "iu")


def _is_name(x: Any) -> bool:
    return isinstance(x, str)


def _is_dtype(x: Any) -> bool:
    try:
        return x is not None and read_dtype(x) is not None
    except DTypeError:
        return False


def _is_sequence(x: Any, fits: Callable[[Any], bool]) -> bool:
    if _is_value(x):
        return len(x.shape) == 1 and x.dtype.kind in "iu"
    return isinstance(x, Sequence) and not isinstance(x, str) and all(map(fits, x))


def _is_sizes(x: Any) -> bool:
    return _is_sequence(x, _is_integer)


def _is_sizes_or_none(x: Any) -> bool:
    return _is_sequence(x, lambda n: n is None or _is_integer(n))


KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "None": ("None", lambda x: x is None),
    "Value": ("a tensor", lambda x: _is_value(x) or _is_number(x)),
    "Tensor": ("a tensor", _is_value),
    "T": ("a tensor", _is_value),
    "int": ("an integer", _is_integer),
    "float": ("a number", lambda x: _is_scalar(x, "biuf")),
    "bool": ("True or False", lambda x: isinstance(x, (bool, np.bool_))),
    "str": ("a string", lambda x: isinstance(x, str)),
    "Sequence[int]": ("a sequence of integers", _is_sizes),
    "tuple[int, ...]": ("a sequence of integers", _is_sizes),
    "Sequence[int | None]": ("a sequence of integers", _is_sizes_or_none),
    "Sequence[float]": ("a sequence of numbers", lambda x: _is_sequence(x, _is_number)),
    "Sequence[Value]": ("a sequence of tensors", lambda x: _is_value(x) or _is_sequence(x, _is_value)),
    "Size": ("an integer or a sequence of integers", lambda x: _is_integer(x) or _is_sizes(x)),
    "Dim": ("an integer or a sequence of integers", lambda x: x is None or _is_integer(x) or _is_sizes(x)),
    "tuple[int, int, int]": ("three integers", lambda x: _is_sizes(x) and len(x) == 3),
    "DType": ("a dtype, such as float32", _is_dtype),
    "Callable[..., nn.Module]": ("a function that builds a module", callable),
    "PathLike": ("a path", lambda x: isinstance(x, (str, os.PathLike))),
    "bytes": ("bytes", lambda x: isinstance(x, (bytes, bytearray, memoryview))),
    "Mapping[str, Any]": ("a mapping from names", lambda x: isinstance(x, Mapping) and all(map(_is_name, x))),
    "Mapping[str, str]": ("a mapping from names to words", lambda x: isinstance(x, Mapping) and all(map(_is_name, x))),
    "Generator": ("a Generator", lambda x: isinstance(x, Generator)),
}
"""The annotations of public signatures: what to ask for, and what tells whether a value is that."""

AT_ONCE: dict[str, frozenset[type]] = {
    "None": frozenset({type(None)}),
    "bool": frozenset({bool}),
    "int": frozenset({int}),
    "float": frozenset({float, int}),
    "str": frozenset({str}),
    "Generator": frozenset({Generator}),
    "PathLike": frozenset({str, type(Path())}),
    "bytes": frozenset({bytes}),
    "Mapping[str, Any]": frozenset(),
    "Mapping[str, str]": frozenset(),
    "DType": frozenset(type(np.dtype(kind)) for kind in "f2 f4 f8 i1 i2 i4 i8 u1 ?".split()),
}
"""The annotations of settings, and the types that are what they say at first sight."""
