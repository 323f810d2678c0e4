"""Taking over a state: everything is compared first, and either all that fits is copied or nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from .parameter import is_lazy

if TYPE_CHECKING:
    from .module import Module


class Result(NamedTuple):
    """What ``load_state_dict`` returns: the names that found no value, and the values that found no name."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return f"Result(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def load(module: Module, state: Mapping[str, Any], strict: bool, assign: bool) -> Result:
    """Copy the entries of ``state`` into the module's parameters and buffers; see ``Module.load_state_dict``."""
    if not isinstance(state, Mapping):
        raise ArgumentError(
            f"load_state_dict: expected a dict from names to tensors, got {type(state).__name__}; "
            f"give what state_dict() returns"
        )
    homes = module.state_dict(keep_vars=True)
    fitting, shapes = [], []
    for name, home in homes.items():
        if name not in state:
            continue
        value = state[name]
        if _is_extra(name) or is_lazy(home) or np.shape(value) == home.shape:
            fitting.append(name)
        else:
            shapes.append(f"{name} is {home.shape} here, {tuple(np.shape(value))} in the state")
    missing = [name for name in homes if name not in state and not _is_optional(module, name)]
    unexpected = [name for name in state if name not in homes]
    if shapes or (strict and (missing or unexpected)):
        kind = ShapeError if shapes else ArgumentError
        raise kind(_report(type(module).__name__, len(homes), fitting, missing, unexpected, shapes))
    for name in fitting:
        _take_over(module, name, homes[name], state[name], assign)
    return Result(missing, unexpected)


def _take_over(module: Module, name: str, home: Any, value: Any, assign: bool) -> None:
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    if _is_extra(name):
        owner.set_extra_state(value)
        return
    data = np.asarray(value._data if isinstance(value, Tensor) else value)
    if is_lazy(home):
        home.materialize(data.shape)
    if assign:
        new = type(home)(data)
        new.requires_grad = home.requires_grad
        setattr(owner, last, new)
        return
    np.copyto(home._data, data, casting="unsafe")
    if home._version is not None:
        home._version.count += 1


def _is_extra(name: str) -> bool:
    return name.rpartition(".")[2] == "_extra_state"


def _is_optional(module: Module, name: str) -> bool:
    path, _, last = name.rpartition(".")
    return last in module.get_submodule(path)._optional


def _report(
    kind: str, total: int, fitting: list[str], missing: list[str], unexpected: list[str], shapes: list[str]
) -> str:
    lines = [
        f"load_state_dict: {kind} cannot take this state, and nothing was loaded; "
        f"{len(fitting)} of its {total} entries fit"
    ]
    for title, names in (
        ("matched", fitting),
        ("missing", missing),
        ("unexpected", unexpected),
        ("other shapes", shapes),
    ):
        if names:
            shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
            lines.append(f"  {title} ({len(names)}): {shown}")
    lines.append(f"  {_advice(missing, unexpected, shapes)}")
    return "\n".join(lines)


def _advice(missing: list[str], unexpected: list[str], shapes: list[str]) -> str:
    if missing and unexpected:
        for name in unexpected:
            end = next((m for m in missing if name.endswith("." + m)), None)
            if end is not None and f"{name[: -len(end)]}{missing[0]}" in unexpected:
                return f"every name begins with {name[: -len(end)]!r}; take that off the names of the state"
    if shapes:
        return "build the model with the sizes of the state, or leave these entries out of it and give strict=False"
    return "give strict=False to load what fits and leave the rest as it is"
