"""Trading time for memory: inside a checkpoint nothing is kept for the backward pass; what it needs is computed again.

Chen et al. 2016, "Training deep nets with sublinear memory cost". The function runs as usual, but every value that it
would save is replaced by a number; the first derivative that asks for one runs the function a second time and collects
the values in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.graph import saved_tensors_hooks
from ..autograd.mode import enable_grad
from ..ops.errors import ArgumentError, AutogradError
from ..tensors.random import get_rng_state, set_rng_state

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Frame:
    """One checkpointed call: how to run it again, and the values of its second run."""

    def __init__(self, run: Callable[[], Any], preserve_rng_state: bool) -> None:
        self.run = run
        self.state = get_rng_state() if preserve_rng_state else None
        self.count = 0
        self.values: dict[int, Any] = {}

    def pack(self, value: Any) -> int:
        """Keep a number in the place of a value."""
        self.count += 1
        return self.count - 1

    def unpack(self, number: int) -> Any:
        """Return a value by its number, running the function again where it is not at hand."""
        if number not in self.values:
            self.again()
        return self.values.pop(number)

    def again(self) -> None:
        """Run the function a second time, with the same random numbers, and collect what it saves."""
        collected: list[Any] = []

        def collect(value: Any) -> None:
            collected.append(value)

        def refuse(value: Any) -> Any:
            raise AutogradError(
                "checkpoint: the second run differentiated its own graph; do that outside the checkpoint"
            )

        now = get_rng_state()
        if self.state is not None:
            set_rng_state(self.state)
        try:
            with enable_grad(), saved_tensors_hooks(collect, refuse):
                self.run()
        finally:
            if self.state is not None:
                set_rng_state(now)
        if len(collected) != self.count:
            raise AutogradError(
                f"checkpoint: the function saved {self.count} values in its first run and {len(collected)} in the "
                "second; "
                "it must do the same every time (draw random numbers from the default generator, change nothing "
                "global)"
            )
        self.values = dict(enumerate(collected))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return ``function(*args, **kwargs)`` without keeping what its backward pass needs; that is computed again then.

    Parameters
    ----------
    use_reentrant : accepted and ignored; there is one way, which works with ``grad`` and any arguments.
    preserve_rng_state : draw the same random numbers in the second run (for dropout).

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = checkpoint(lambda x: (x * x).exp().sum(), x)
    >>> y.backward()
    >>> [round(g, 3) for g in x.grad.tolist()]
    [5.437, 218.393]
    """
    frame = _Frame(lambda: function(*args, **kwargs), preserve_rng_state)
    with saved_tensors_hooks(frame.pack, frame.unpack):
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Sequence[Callable[[Any], Any]], segments: int, input: Any, use_reentrant: bool | None = None
) -> Any:
    """Run functions one after the other in ``segments`` checkpoints; the last segment keeps its values.

    ``use_reentrant`` as in `checkpoint`.
    """
    steps = list(functions)
    if not 1 <= segments <= len(steps):
        raise ArgumentError(
            f"checkpoint_sequential: {segments} segments for {len(steps)} functions; give 1 to {len(steps)}"
        )
    size = len(steps) // segments

    def run(part: Sequence[Callable[[Any], Any]], x: Any) -> Any:
        for step in part:
            x = step(x)
        return x

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(run, steps[start : start + size], input)
    return run(steps[size * (segments - 1) :], input)
