"""Taking over a state: everything is compared first, and either all that fits is copied or nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from .parameter import is_lazy, overwrite

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


class Comparison(NamedTuple):
    """How a state and a module fit together: names on both sides, on one side alone, and on both with other shapes.

    Attributes
    ----------
    matched, missing, unexpected : names; ``missing`` has no value in the state, ``unexpected`` none in the module.
    mismatched : for each name that has two shapes, a clause that says both.
    """

    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    mismatched: dict[str, str]

    def __str__(self) -> str:
        lines = []
        for title, names in (
            ("matched", self.matched),
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("other shapes", list(self.mismatched.values())),
        ):
            if names:
                shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
                lines.append(f"  {title} ({len(names)}): {shown}")
        return "\n".join(lines)


def compare(module: Module, state: Mapping[str, Any]) -> Comparison:
    """Compare the names and shapes of ``state`` with the module's parameters and buffers; change nothing."""
    homes = module.state_dict(keep_vars=True)
    matched, shapes = [], {}
    for name, home in homes.items():
        if name not in state:
            continue
        value = state[name]
        if not (_is_extra(name) or hasattr(value, "dtype")):
            raise ArgumentError(f"load_state_dict: {name} is of type {type(value).__name__}; give a tensor or an array")
        if _is_extra(name) or is_lazy(home) or np.shape(value) in _fitting(home.shape):
            matched.append(name)
        else:
            shapes[name] = f"{name} is {home.shape} here, {tuple(np.shape(value))} in the state"
    missing = [name for name in homes if name not in state and not _is_optional(module, name)]
    return Comparison(matched, missing, [name for name in state if name not in homes], shapes)


def _fitting(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes that may be loaded: a number may be a vector of one, as the oldest states have it."""
    return (shape,) if shape else ((), (1,))


def load_partial(module: Module, state: Mapping[str, Any]) -> Comparison:
    """Copy every entry of ``state`` that fits, leave the rest of the module as it is, and say what became of each.

    For going on from a network with, for example, another number of classes: its last layer is listed under
    ``mismatched`` and keeps its own start.

    Raises
    ------
    ArgumentError
        Nothing fits at all.
    """
    found = compare(module, state)
    if not found.matched:
        raise ArgumentError(
            f"load_partial: no entry of this state fits {type(module).__name__}; it is another network's\n{found}"
        )
    load(module, {name: state[name] for name in found.matched}, strict=False, assign=False)
    return found


def load(module: Module, state: Mapping[str, Any], strict: bool, assign: bool) -> Result:
    """Copy the entries of ``state`` into the module's parameters and buffers; see ``Module.load_state_dict``."""
    if not isinstance(state, Mapping):
        raise ArgumentError(
            f"load_state_dict: expected a dict from names to tensors, got {type(state).__name__}; "
            f"give what state_dict() returns"
        )
    state = dict(state)
    places = [(path, m, m._hooks) for path, m in module.named_modules(remove_duplicate=False) if m._hooks is not None]
    for path, owner, hooks in places:
        for hook in hooks.load_before:
            hook(owner, state, f"{path}." if path else "", {}, strict, [], [], [])
    found = compare(module, state)
    result = Result(found.missing, found.unexpected)
    after = [(owner, hook) for _, owner, hooks in reversed(places) for hook in hooks.load_after]
    _refuse(module, found, strict and not after)
    homes = module.state_dict(keep_vars=True)
    for name in found.matched:
        _take_over(module, name, homes[name], state[name], assign)
    for owner, hook in after:
        hook(owner, result)
    _refuse(module, found, strict)
    return result


def _refuse(module: Module, found: Comparison, strict: bool) -> None:
    """Raise if not all fits that must fit."""
    if found.mismatched or (strict and (found.missing or found.unexpected)):
        kind = ShapeError if found.mismatched else ArgumentError
        total = len(module.state_dict(keep_vars=True))
        raise kind(
            f"load_state_dict: {type(module).__name__} cannot take this state, and nothing was loaded; "
            f"{len(found.matched)} of its {total} entries fit\n{found}\n  {_advice(found)}"
        )


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
    overwrite(home, data.reshape(home.shape), "unsafe")


def _is_extra(name: str) -> bool:
    return name.rpartition(".")[2] == "_extra_state"


def _is_optional(module: Module, name: str) -> bool:
    path, _, last = name.rpartition(".")
    return last in module.get_submodule(path)._optional


def _advice(found: Comparison) -> str:
    if found.missing and found.unexpected:
        for name in found.unexpected:
            end = next((m for m in found.missing if name.endswith("." + m)), None)
            if end is not None and f"{name[: -len(end)]}{found.missing[0]}" in found.unexpected:
                return f"every name begins with {name[: -len(end)]!r}; take that off the names of the state"
    if found.mismatched:
        return "build the model with the sizes of the state, or take what fits with nn.utils.load_partial"
    return "give strict=False to load what fits and leave the rest as it is"
