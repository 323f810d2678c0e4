"""Whether operations are being recorded: a switch per thread, with the context managers that turn it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    enabled: bool = True
    inference: bool = False
    pack: Callable[[Any, Any], None] | None = None


MODE = _Mode()


class _Switch:
    """A context manager that is also a decorator: the mode holds inside and is restored behind."""

    def __init__(self, enabled: bool, inference: bool = False) -> None:
        self._enabled, self._inference = enabled, inference
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((MODE.enabled, MODE.inference))
        MODE.enabled, MODE.inference = self._enabled, self._inference or MODE.inference

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        MODE.enabled, MODE.inference = self._before.pop()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with type(self)(*self._arguments()):  # a fresh one: generators and threads may overlap
                return function(*args, **kwargs)

        return inside  # type: ignore[return-value]

    def _arguments(self) -> tuple[Any, ...]:
        return ()


class no_grad(_Switch):
    """Record nothing inside; as a context manager or a decorator (also without parentheses).

    ``function`` is what a decorator is given.
    """

    def __new__(cls, function: Any = None) -> Any:
        self = super().__new__(cls)
        if callable(function):
            self.__init__()  # type: ignore[misc]
            return self(function)
        return self

    def __init__(self, function: Any = None) -> None:
        super().__init__(False)


class enable_grad(_Switch):
    """Record inside, even within `no_grad`."""

    def __init__(self) -> None:
        super().__init__(True)


class inference_mode(_Switch):
    """Record nothing inside, for good: what is made there cannot enter a graph's saved values later.

    ``mode`` False changes nothing.
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode, mode)
        self._mode = mode

    def _arguments(self) -> tuple[Any, ...]:
        return (self._mode,)


class set_grad_enabled(_Switch):
    """Record, or not, by a boolean; takes effect at once, and is undone at the end of a ``with`` block.

    ``mode`` is that boolean.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self._mode, self._previous = mode, MODE.enabled
        MODE.enabled = mode

    def __enter__(self) -> None:
        self._before.append((self._previous, MODE.inference))
        MODE.enabled = self._mode

    def __call__(self, function: F) -> F:
        MODE.enabled = self._previous
        return super().__call__(function)

    def _arguments(self) -> tuple[Any, ...]:
        return (self._mode,)


def is_grad_enabled() -> bool:
    """Tell whether operations are being recorded in this thread."""
    return MODE.enabled


def is_inference_mode_enabled() -> bool:
    """Tell whether this thread is inside `inference_mode`."""
    return MODE.inference
