"""Ctrl-C without half a step: the first one asks the loop to end after the step under way."""

from __future__ import annotations

import signal
import threading
from typing import Any

from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.trainer import Trainer

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interruption(Callback):
    """Turns Ctrl-C and SIGTERM into ``trainer.stop_reason``; a second Ctrl-C interrupts at once.

    Put it before `Checkpoints`, which then saves the very step. As a context it also catches a signal that
    comes before the loop begins. Outside the main thread, where Python delivers no signals, it does nothing.

    Attributes
    ----------
    signal : the signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._ask) for s in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _ask(self, number: int, frame: Any) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)

    def on_step_end(self, trainer: Trainer) -> None:
        if self.signal is not None:
            trainer.stop_reason = SIGNALS[self.signal]

    def on_epoch_end(self, trainer: Trainer) -> None:
        self.on_step_end(trainer)
