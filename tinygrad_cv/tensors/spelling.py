"""What PyTorch also accepts: NumPy's names for arguments, sizes by name, ``out=``, and settings that mean nothing here.

The functions of `ops` have one signature each, the one to read. Users of PyTorch write ``x.sum(axis=0)``,
``torch.zeros(size=(2, 3))`` or ``torch.exp(x, out=y)`` as well; `spelled` lets a function take these calls too, at no
cost for calls without keywords.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..autograd.node import user_line, version_of
from ..ops.broadcast import result_type
from ..ops.errors import ArgumentError, AutogradError, DTypeError
from .blame import explained, read_setting, settings

F = TypeVar("F", bound=Callable[..., Any])

OTHER_NAMES = {"axis": "dim", "keepdims": "keepdim"}

OWN_NAMES = {
    "split": {"split_size": "split_size_or_sections", "tensor": "input"},
    "broadcast_to": {"size": "shape"},
}

MEANINGLESS = frozenset({"layout", "pin_memory", "memory_format", "sparse_grad"})
"""Arguments about memory that PyTorch has and that change nothing here."""

WITHOUT_OUT = frozenset(
    """adaptive_avg_pool1d adaptive_avg_pool2d allclose alpha_dropout as_tensor batch_norm bincount broadcast_to chunk
    clone conv1d conv2d conv_transpose1d conv_transpose2d cross_entropy detach dropout einsum embedding equal expand
    flatten flip from_numpy is_tensor linear permute relu repeat repeat_interleave reshape roll rot90 split squeeze
    tensor tile transpose unbind unflatten unique unsqueeze where""".split()
)


def spelled(function: F, *, single: bool = False, name: str = "") -> F:
    """Return ``function``, which also takes PyTorch's other spellings of its arguments.

    An error names the function (by ``name``, where it has several) and the argument that cannot be meant. Settings are
    held against the signature before the call.
    With ``single``, what the function takes one by one (``reshape(x, 2, 3)``, PyTorch's method) comes as one sequence
    (``reshape(x, (2, 3))``, PyTorch's function).
    """
    parameters = inspect.signature(function).parameters
    several = next((n for n, p in parameters.items() if p.kind is p.VAR_POSITIONAL), None)
    names = {old: new for old, new in OTHER_NAMES.items() if new in parameters}
    names.update(OWN_NAMES.get(function.__name__, {}))
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    ignored = MEANINGLESS - set(parameters)
    name = name or function.__name__
    quick = settings(parameters)
    ranked = list(parameters)[: len(parameters) if several is None else list(parameters).index(several)]
    first = next((i for i, n in enumerate(ranked) if n in quick), 99)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            if len(args) > first:
                for i, (parameter, value) in enumerate(zip(ranked[first:], args[first:]), first):
                    if parameter in quick and type(value) not in quick[parameter]:
                        args = (*args[:i], read_setting(name, parameters, parameter, value), *args[i + 1 :])
            if not kwargs and not single:
                return function(*args)
            if kwargs and not open_ended:
                out = kwargs.pop("out", None)
                for other in ignored & kwargs.keys():
                    del kwargs[other]
                device = kwargs.get("device")
                if device is not None and str(device).partition(":")[0] != "cpu":
                    raise ArgumentError(f"{name}: there is no device {str(device)!r} here; 'cpu' is the only one")
                for old in names.keys() & kwargs.keys():
                    kwargs[names[old]] = kwargs.pop(old)
                for other in (several, "size") if several else ():
                    if other in kwargs:
                        args = (*args, kwargs.pop(other))
                for parameter in quick.keys() & kwargs.keys():
                    if type(kwargs[parameter]) not in quick[parameter]:
                        kwargs[parameter] = read_setting(name, parameters, parameter, kwargs[parameter])
                if out is not None:
                    return into(name, out, function, args, kwargs)
            if single and (len(args) > 2 or hasattr([*args, *kwargs.values()][-1], "__index__")):
                raise ArgumentError(f"{name}: give the tensor and one sequence, as in {name}(x, (2, 3))")
            return function(*args, **kwargs)
        except Exception as error:
            told = explained(function, name, error, args, kwargs)
            if told is error:
                raise
            raise told from error

    return call  # type: ignore[return-value]


def into(op: str, out: Any, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function and write what it returns into ``out``, a tensor or several, which is returned."""
    if op in WITHOUT_OUT:
        raise TypeError(f"{op}() got an unexpected keyword argument 'out'")
    outs = out if isinstance(out, (tuple, list)) else (out,)
    results = function(*args, **kwargs)
    parts = results if isinstance(results, tuple) else (results,)
    if any(t.requires_grad for t in (*outs, *parts)):
        raise AutogradError(
            f"{op}: out= records no gradient, and an operand or out requires one; use the returned value instead, or "
            "no_grad()"
        )
    if len(parts) != len(outs):
        raise ArgumentError(f"{op}: {len(outs)} tensors for {len(parts)} results; give as many")
    for t, y in zip(outs, parts):
        _fill(op, t, y)
    return type(results)(*outs) if hasattr(results, "_fields") else out


def _fill(op: str, t: Any, y: Any) -> None:
    """Write ``y`` into the memory of ``t``; another shape gives it new memory, as in PyTorch."""
    if result_type(y, t) != t.dtype and "fiub".index(y.dtype.kind) < "fiub".index(t.dtype.kind):
        raise DTypeError(f"{op}: the result has dtype {y.dtype}, out {t.dtype}, which cannot hold it; give another out")
    if t.shape == y.shape:
        np.copyto(t._data, y._data, casting="unsafe")
    else:
        if t._data.size:
            warnings.warn(f"{op}: out has shape {t.shape}, the result {y.shape}: it is given new memory", stacklevel=4)
        t._data = np.array(y._data, t.dtype)
    version = version_of(t)
    version.count += 1
    version.line = user_line()
