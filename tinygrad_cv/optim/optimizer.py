"""What all optimisers share: parameter groups, state, and both as plain values that a file can hold.

An optimiser collects, for each group, the arrays of its parameters, their gradients and their state, and calls one
function that updates them all in place. So the formula stands alone, and a kernel can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..autograd import enable_grad, no_grad
from ..autograd.fusion import settle
from ..autograd.node import Version, user_line
from ..ops.errors import ArgumentError, AutogradError, DTypeError, ShapeError
from ..tensors import Tensor
from ..typing import Array

Group = dict[str, Any]


class Optimizer:
    """Base of the optimisers.

    Parameters
    ----------
    params : the parameters; or (name, parameter) pairs; or groups, dicts with 'params' and settings of their own.
    defaults : the settings of groups that do not give their own.

    Attributes
    ----------
    param_groups : a list of dicts; change a setting such as ``group["lr"]`` and the next step obeys.
    state : what is remembered for each parameter.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[Group] = []
        if isinstance(params, Tensor):
            raise DTypeError(f"{self._name}: params is one tensor; give a list, as in [x], or model.parameters()")
        given = list(params)
        if not given:
            raise ArgumentError(f"{self._name}: the parameter list is empty; give model.parameters(), called anew")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with settings of their own, in the midst of training if need be."""
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise ArgumentError(f"{self._name}: a group must be a dict with 'params'; got {param_group!r:.80}")
        group = dict(param_group)
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        if params and isinstance(params[0], tuple):
            group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        known = {p for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise DTypeError(f"{self._name}: parameter {i} is a {type(p).__name__}; give tensors")
            if p._node is not None:
                raise AutogradError(
                    f"{self._name}: parameter {i} of shape {p.shape} was made by an operation; give leaves"
                )
            if p in known:
                raise ArgumentError(
                    f"{self._name}: parameter {i} of shape {p.shape} is given twice; put each into one group only"
                )
            known.add(p)
            self._check_parameter(i, p)
        if not params:
            raise ArgumentError(
                f"{self._name}: a group has no parameters; leave it out, or call model.parameters() anew"
            )
        group["params"] = params
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self._check_settings(group)
        self.param_groups.append(group)

    def _check_parameter(self, i: int, p: Tensor) -> None:
        """Refuse a parameter that this optimiser cannot update."""
        p.shape  # noqa: B018  # one that has no shape yet (of a lazy layer) says so

    def _check_settings(self, group: Group) -> None:
        """Refuse settings outside their range."""
        self._at_least_0(group, "lr", "weight_decay", "momentum", "eps")
        for i, beta in enumerate(group.get("betas", ())):
            if not 0 <= beta < 1:
                raise ArgumentError(f"{self._name}: betas[{i}] is {beta}; give a number from 0 to below 1")

    def _at_least_0(self, group: Group, *names: str) -> None:
        for name in names:
            if name in group and not group[name] >= 0:
                raise ArgumentError(f"{self._name}: {name} is {group[name]}; give a number of at least 0")

    def _fraction(self, group: Group, *names: str) -> None:
        for name in names:
            if not 0 <= group[name] <= 1:
                raise ArgumentError(f"{self._name}: {name} is {group[name]}; give a number from 0 to 1")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad = None if set_to_none else Tensor(np.zeros_like(p.grad._data))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have a gradient; return the value of ``closure``, which computes the gradients."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        settle()
        with no_grad():
            for group in self.param_groups:
                params = [p for p in group["params"] if p.grad is not None]
                if params:
                    self._update(group, params)
                    _count_writes(params)
        return loss

    def _update(self, group: Group, params: list[Tensor]) -> None:
        """Update the parameters of one group, all of which have a gradient."""
        raise TypeError(f"{self._name} defines no _update")

    def _state(self, p: Tensor, start: Callable[[Tensor], dict[str, Any]]) -> dict[str, Any]:
        state = self.state.get(p)
        if not state:
            state = self.state[p] = start(p)
        return state

    # --- as plain values --------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the state, from which an equal optimiser continues exactly; parameters are replaced by numbers."""
        number: dict[Tensor, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(p, len(number))
            groups.append({**group, "params": [number[p] for p in group["params"]]})
        return {"state": {number[p]: dict(s) for p, s in self.state.items() if p in number}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` returned (of this framework or of PyTorch); values are copied."""
        groups, states = state_dict["param_groups"], state_dict["state"]
        here, there = [len(g["params"]) for g in self.param_groups], [len(g["params"]) for g in groups]
        if here != there:
            raise ArgumentError(
                f"{self._name}: the state has groups of {there} parameters, this optimiser {here}; "
                f"build it for the same model"
            )
        by_number: dict[int, Tensor] = {}
        for mine, theirs in zip(self.param_groups, groups):
            by_number.update(zip(theirs["params"], mine["params"]))
        unknown = [k for k in states if int(k) not in by_number]
        if unknown:
            raise ArgumentError(f"{self._name}: the state speaks of parameters {unknown}, which its groups do not list")
        loaded = {
            by_number[int(k)]: {name: _own(self._name, name, v, by_number[int(k)]) for name, v in state.items()}
            for k, state in states.items()
        }
        for mine, theirs in zip(self.param_groups, groups):
            mine.update({k: v for k, v in theirs.items() if k not in ("params", "param_names")})
        self.state = loaded

    def __repr__(self) -> str:
        lines = [f"{self._name} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k not in ("params", "param_names")]
        return "\n".join([*lines, ")"])


def arrays(params: Iterable[Tensor]) -> list[Array]:
    """Return the arrays behind tensors."""
    return [p._data for p in params]


def gradients(params: Iterable[Tensor], maximize: bool = False) -> list[Array]:
    """Return the arrays of the gradients; their negatives to climb instead of to descend."""
    found = [p.grad._data for p in params if p.grad is not None]
    return [-g for g in found] if maximize else found


def zeros(p: Tensor) -> Tensor:
    """Return zeros that lie in memory as the parameter does."""
    return Tensor(np.zeros_like(p._data))


def _count_writes(params: list[Tensor]) -> None:
    """Let a graph that was recorded with the old values refuse to differentiate with the new ones."""
    line = user_line()
    for p in params:
        version = p._version
        if version is None:
            version = p._version = Version()
        version.count += 1
        version.line = line


def _own(optimizer: str, name: str, value: Any, p: Tensor) -> Any:
    """Return a copy of a state's value: a number, or a tensor that lies in memory as the parameter does."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    a = value._data if isinstance(value, Tensor) else np.asarray(value)
    if a.ndim == 0 and p.ndim:
        return int(a) if name == "step" else float(a)
    if name == "step":
        return int(a)
    if a.shape != p.shape:
        raise ShapeError(
            f"{optimizer}: {name} has shape {a.shape} in the state, its parameter {p.shape}; build the same model"
        )
    own = np.empty_like(p._data)
    np.copyto(own, a, casting="same_kind")
    return Tensor(own)
