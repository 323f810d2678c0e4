"""The progress bar: loss, accuracy, images per second, time left. Only on a terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from tinygrad_cv.train.callbacks import Callback

if TYPE_CHECKING:
    from tinygrad_cv.train.trainer import Trainer


def is_live(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal on which a line can be drawn over and over."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


class Progress(Callback):
    """One bar for the whole training, drawn on ``stream`` where that is a terminal.

    It shows the mean loss and accuracy of the epoch under way (on the images as they were trained on), the
    accuracy on the test images after the last complete epoch, and the speed of the training steps.

    It is drawn anew at most every ``interval`` seconds.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 0.1) -> None:
        self.stream, self.interval = stream or sys.stderr, interval
        self._bar: Any = None
        self._shown = 0.0

    def on_fit_start(self, trainer: Trainer) -> None:
        if not is_live(self.stream):
            return
        from tqdm.auto import tqdm

        steps = -(-len(trainer.loader) // trainer.accumulate)
        self._bar = tqdm(
            desc=f"epoch {trainer.epoch + 1}/{trainer.epochs}",
            total=steps * trainer.epochs,
            initial=trainer.step,
            file=self.stream,
            dynamic_ncols=True,
            leave=False,
            bar_format="{desc} |{bar}| {postfix[0]}{remaining} left",
            postfix=[""],
        )

    def on_step_end(self, trainer: Trainer) -> None:
        if self._bar is None or time.monotonic() - self._shown < self.interval:
            return
        self._shown = time.monotonic()
        self._bar.n = trainer.step
        self._bar.set_description_str(f"epoch {trainer.epoch + 1}/{trainer.epochs}", refresh=False)
        self._bar.postfix[0] = f"{summary_of(trainer)}, "
        self._bar.refresh()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def summary_of(trainer: Trainer) -> str:
    """The numbers beside the bar."""
    tally = trainer.tally
    text = f"loss {tally.loss:.3f}, accuracy {100 * tally.accuracy:.1f} %"
    if trainer.history and "test_accuracy" in trainer.history[-1]:
        text += f", test {100 * trainer.history[-1]['test_accuracy']:.1f} %"
    speed = tally.count / max(trainer.epoch_seconds, 1e-9)
    return f"{text}, {speed:,.0f} images/s"
