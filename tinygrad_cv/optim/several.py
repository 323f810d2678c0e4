"""Several optimisers that step as one: filters to Muon, say, and what is no matrix to SGD."""

from __future__ import annotations

from typing import Any

from ..ops.errors import ArgumentError
from .optimizer import Group, Optimizer


class Several(Optimizer):
    """Optimisers of different kinds for different parameters, used like one.

    Their groups stand in ``param_groups`` one after the other, so that one schedule serves all.

    Parameters
    ----------
    optimizers
        At least one; no two of them hold the same parameter.

    Raises
    ------
    ArgumentError
        No optimiser is given, or a parameter belongs to two of them.

    Examples
    --------
    >>> from tinygrad_cv import nn, optim
    >>> layer = nn.Linear(4, 3)
    >>> both = Several(optim.Muon([layer.weight], lr=0.02), optim.SGD([layer.bias], lr=0.1))
    >>> [group["lr"] for group in both.param_groups]
    [0.02, 0.1]
    """

    def __init__(self, *optimizers: Optimizer) -> None:
        if not optimizers:
            raise ArgumentError("Several: got no optimiser; give at least one")
        self.optimizers = optimizers
        self.defaults = {}
        self.param_groups: list[Group] = [group for each in optimizers for group in each.param_groups]
        owned = [id(p) for group in self.param_groups for p in group["params"]]
        if len(set(owned)) < len(owned):
            raise ArgumentError("Several: a parameter belongs to two optimisers; give each to one only")

    @property
    def state(self) -> dict[Any, dict[str, Any]]:  # type: ignore[override]
        """What all of them remember."""
        return {p: state for each in self.optimizers for p, state in each.state.items()}

    def add_param_group(self, param_group: Group) -> None:
        """Refused: it would be nobody's."""
        raise ArgumentError("Several: it owns no group itself; add the group to one of its optimisers before")

    def step(self, closure: Any = None) -> Any:
        """Let each of them update its parameters; return the value of ``closure``, which computes the gradients."""
        first, *others = self.optimizers
        loss = first.step(closure)
        for each in others:
            each.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the states in their order."""
        return {"optimizers": [each.state_dict() for each in self.optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` returned."""
        states = state_dict["optimizers"]
        if len(states) != len(self.optimizers):
            raise ArgumentError(f"Several: {len(states)} states for {len(self.optimizers)} optimisers; build it alike")
        for each, state in zip(self.optimizers, states, strict=True):
            each.load_state_dict(state)
