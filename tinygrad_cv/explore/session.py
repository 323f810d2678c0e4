"""A network under exploration: runs of single images, and every question that can be asked about one of them.

There is no web in here. Nothing in here may run twice at a time; the server sees to that.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv import explain
from tinygrad_cv.explain.overlay import unit_range
from tinygrad_cv.explain.receptive_field import look_back
from tinygrad_cv.explore.program import Program, Source, Step, read_program
from tinygrad_cv.explore.subject import Subject
from tinygrad_cv.ops.errors import ArgumentError, DataError, ShapeError, TinygradError
from tinygrad_cv.ops.kernels import get_num_threads, set_num_threads
from tinygrad_cv.train.metrics import probabilities
from tinygrad_cv.typing import Array

KEPT = 4
INLINE = 300_000
"""Values that are sent with the answer at once; larger networks are asked for their maps one by one."""
SMALL = 5_000_000
"""Multiply-adds below which one thread is enough. LeNet takes 0.8 ms with one or two of them on idle cores, and where
others compete for the cores 32 ms with two."""
MOST = 64
"""Maps of a layer that are drawn."""
METHODS = {
    "cam": explain.cam, "grad_cam": explain.grad_cam, "grad_cam_plus_plus": explain.grad_cam_plus_plus,
    "saliency": explain.saliency,
}  # fmt: skip


@dataclass(eq=False)
class Answer:
    """What a network made of one image (C, H, W) with pixels in [0, 1]."""

    number: int
    pixels: Array
    program: Program
    scores: Array
    shares: Array
    seconds: float


class NetworkError(TinygradError):
    """A network's forward pass raised something."""


class Gone(DataError):
    """An answer that is no longer kept."""


class Session:
    """Runs of one subject. The last few answers are kept, so that questions about them can be asked."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.answers: OrderedDict[int, Answer] = OrderedDict()
        self._count = 0
        self._small = False

    def run(self, pixels: Array) -> Answer:
        """Show the network an image.

        Raises
        ------
        ShapeError, DataError, NetworkError
            It has another size, or holds values that are no brightness; or the network fails on it.
        """
        wanted = self.subject.input_size
        if pixels.shape != wanted:
            raise ShapeError(f"explore: the image has the shape {pixels.shape}; give {wanted}")
        if not (np.isfinite(pixels).all() and pixels.min() >= -1e-3 and pixels.max() <= 1.001):
            raise DataError("explore: the image has values outside [0, 1]; give brightness from 0 to 1")
        begun = time.perf_counter()
        threads = get_num_threads()
        try:
            if self._small:
                set_num_threads(1)
            program = read_program(self.subject.model, self.subject.normalised(pixels))
        except TinygradError:
            raise
        except Exception as error:  # whatever somebody's own forward method does
            reason = " ".join(str(error).split()) or "no reason given"
            raise NetworkError(f"explore: the network fails with {type(error).__name__}: {reason}") from error
        finally:
            set_num_threads(threads)
        self._small = sum(program.work(step) for step in program.steps) < SMALL
        scores = np.asarray(program.recording.output._data)
        scores = scores.reshape(len(scores), -1)[0].astype(np.float64) if scores.ndim <= 2 else np.zeros(0)
        self._count += 1
        answer = Answer(self._count, pixels, program, scores, _shares(scores), time.perf_counter() - begun)
        self.answers[answer.number] = answer
        while len(self.answers) > KEPT:
            self.answers.popitem(last=False)
        return answer

    def answer(self, number: int) -> Answer:
        """An answer that was given, if it is still kept."""
        if number not in self.answers:
            raise Gone("explore: this answer has made room for newer ones; show the image again")
        return self.answers[number]

    def maps(self, answer: Answer, place: int) -> Array:
        """The maps of a step, (C, H, W), or its row of numbers, (N,); the first 64 maps of more."""
        value = answer.program.value(("step", self._place(answer, place)))[0]
        return value[:MOST] if value.ndim == 3 else value

    def inline(self, answer: Answer) -> list[Array] | None:
        """The maps of all shown steps, or None where there are too many for one message."""
        shown = [s for s in answer.program.steps if s.is_shown]
        if sum(math.prod(s.shape) for s in shown) > INLINE:
            return None
        return [answer.program.recording.values[s.node][0] for s in shown]

    def region(self, answer: Answer, source: Sequence[Any], box: Sequence[Sequence[int]]) -> Array:
        """A box of the numbers behind a source.

        Raises
        ------
        ArgumentError
            There is no such source, or no such box in it, or it is larger than a million numbers.
        """
        kind, place = source[0], int(source[1])
        limit = {"image": 1, "step": len(answer.program.steps), "constant": len(answer.program.constants)}.get(kind, 0)
        if not 0 <= place < limit:
            raise ArgumentError(f"explore: there is no {kind} {place}; there are {limit}")
        checked: Source = (str(kind), place)
        array = answer.program.value(checked)
        parts = [(int(low), int(high)) for low, high in box]
        sound = len(parts) == array.ndim and all(0 <= a < b <= n for (a, b), n in zip(parts, array.shape))
        if not sound or math.prod(b - a for a, b in parts) > 1_000_000:
            raise ArgumentError(f"explore: the box {parts} does not lie in an array of shape {array.shape}")
        return np.asarray(array[tuple(slice(a, b) for a, b in parts)])

    def field(self, answer: Answer, place: int, index: Sequence[int]) -> dict[str, Any]:
        """The receptive field of one value as [top, left, bottom, right]: in the image, and with its padding."""
        step = answer.program.steps[self._place(answer, place)]
        box = _unit(step, index)
        found = {}
        for name, clip in (("inside", True), ("full", False)):
            seen = look_back(answer.program.recording, step.node, box, clip)
            found[name] = None if seen is None else [seen[2][0], seen[3][0], seen[2][1], seen[3][1]]
        return found

    def evidence(self, answer: Answer, method: str, target: int) -> Array:
        """Where in the image a class is seen, as bytes (H, W).

        Raises
        ------
        ArgumentError
            The method does not apply to this network, and why.
        """
        if method not in METHODS:
            raise ArgumentError(f"explore: there is no explanation {method!r}; there are {', '.join(METHODS)}")
        image = self.subject.normalised(answer.pixels)[None]
        found = METHODS[method](self.subject.model, image, target)
        found = np.abs(found).sum(1) if found.ndim == 4 else found
        return np.rint(255 * unit_range(found)[0]).astype(np.uint8)

    def filters(self) -> list[dict[str, Any]]:
        """The classical filter that each filter of a first convolution resembles; empty where there is none."""
        first = next((p for p in self._parameters() if p.ndim == 4), None)
        if first is None or first.shape[2] != first.shape[3] or first.shape[2] < 3:
            return []
        matches = explain.nearest_classical(np.asarray(first._data)[:MOST])
        return [{"name": m.name, "score": round(m.score, 3), "chance": round(m.chance, 3)} for m in matches]

    def _parameters(self) -> list[Any]:
        return list(self.subject.model.parameters()) if hasattr(self.subject.model, "parameters") else []

    @staticmethod
    def _place(answer: Answer, place: int) -> int:
        if not 0 <= place < len(answer.program.steps):
            raise ArgumentError(f"explore: there is no step {place}; there are {len(answer.program.steps)}")
        return place


def _unit(step: Step, index: Sequence[int]) -> tuple[tuple[int, int], ...]:
    at = [int(k) for k in index]
    if len(at) != len(step.shape) or any(not 0 <= k < n for k, n in zip(at, step.shape)):
        raise ArgumentError(f"explore: {step.name} has the shape {step.shape} and no element {tuple(at)}")
    return tuple((k, k + 1) for k in at)


def _shares(scores: Array) -> Array:
    """Probabilities: the softmax of scores, or the values themselves where they are probabilities already."""
    if not scores.size or not np.isfinite(scores).all():
        return np.zeros(len(scores))
    if scores.min() >= 0 and abs(scores.sum() - 1) < 1e-4:
        return scores
    return np.asarray(probabilities(scores[None])[0])
