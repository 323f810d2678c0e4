"""The page of a live recording: the drawing, a slider over the steps, histograms, and what looks wrong.

One HTML file that loads nothing; a policy in its head forbids it to. Its form is in ``live.html`` beside this file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.drawing import draw
from tinygrad_cv.viz.live import LiveStep
from tinygrad_cv.viz.module_view import drawn_call, parameters_of, sketch_modules, unit_of
from tinygrad_cv.viz.statistics import Stats, byte_words
from tinygrad_cv.viz.trace import Call
from tinygrad_cv.viz.words import shape_words

BINS = 31
VANISHED, EXPLODED = 1e-6, 1e2
"""A gradient below or above this many times its weights, both as roots of mean squares. A millionth of a float32 is
near the last of its bits, so that steps of usual size no longer change it."""


def page(steps: Sequence[LiveStep], title: str) -> str:
    """The page of recorded steps as HTML."""
    if not steps:
        raise ArgumentError("watch: nothing was recorded; call the model inside the block, with gradients switched on")
    first = steps[0].trace
    depth = _depth(first.root)
    sketch, _, _ = sketch_modules(first, depth, ops=False)
    sketch.title = ""
    units: dict[str, dict[str, Any]] = {}
    for box in sketch.boxes:
        units[box.id] = {"name": " · ".join(box.lines[:2]), "lines": box.lines[2:], "kind": box.kind}
    told = [_step(step, depth) for step in steps]
    data = {
        "steps": [{"number": s.number, "loss": _json(s.loss)} for s in steps],
        "units": {id_: unit | _over_steps(id_, told) for id_, unit in units.items()},
    }
    _flag_the_dead(data, told)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    form = Path(__file__).with_name("live.html").read_text(encoding="utf-8")
    parts = {"{title}": escape(title), "{svg}": draw(sketch).strip(), "{data}": text}
    for mark, content in parts.items():
        form = form.replace(mark, content)
    return form


def _depth(call: Call) -> int:
    return max((1 + _depth(inner) for inner in call.inner), default=0)


def _step(step: LiveStep, depth: int) -> dict[str, dict[str, Any]]:
    """What one step says of each box."""
    found: dict[str, dict[str, Any]] = {}
    for number, one in enumerate(step.trace.steps):
        unit = found.setdefault(unit_of(number, one, depth), {"ms": 0.0, "back": 0.0, "bytes": 0})
        unit["ms"] += one.seconds * 1e3
        unit["back"] += one.back_seconds * 1e3
        unit["bytes"] += one.nbytes
        unit["shape"] = shape_words(one.shape, one.dtype)
        unit["values"] = one.value, step.samples.get(("value", ("step", number)))
        unit["gradients"] = one.gradient, step.samples.get(("gradient", ("step", number)))
        if number in step.silent:
            unit["silent"] = step.silent[number]
        call = drawn_call(one, depth)
        if call is not None and parameters_of(call):
            unit["call"] = call.name
    places = {name: place for place, (name, _) in enumerate(step.trace.parameters)}
    for unit in found.values():
        prefix = unit.get("call")
        names = [n for n in places if prefix is not None and n.startswith(f"{prefix}.")]
        unit["weights"] = {
            name.removeprefix(f"{prefix}."): (
                (step.weights[name], step.samples.get(("value", ("parameter", places[name])))),
                (step.trace.gradients.get(("parameter", places[name])),
                 step.samples.get(("gradient", ("parameter", places[name])))),
                len(step.trace.parameters[places[name]][1].shape) > 1,
            )
            for name in names
        }  # fmt: skip
        unit["flags"] = _flags(unit)
    return found


def _flags(unit: dict[str, Any]) -> list[list[str]]:
    """What looks wrong in one box in one step: a kind, and a sentence."""
    flags = []
    for what in ("values", "gradients"):
        stats = unit[what][0]
        if stats is not None and stats.broken:
            flags.append(["broken", f"{stats.broken:,} of {stats.size:,} {what} are not finite"])
    for name, ((weight, _), (gradient, _), matters) in unit["weights"].items():
        if gradient is None or not matters:
            continue
        if gradient.broken:
            flags.append(["broken", f"the gradient of {name} is not finite"])
        elif weight.rms and gradient.rms < VANISHED * weight.rms:
            times = gradient.rms / weight.rms
            flags.append(["vanishing", f"the gradient of {name} is {times:.1e} times its size: it hardly learns"])
        elif weight.rms and gradient.rms > EXPLODED * weight.rms:
            times = gradient.rms / weight.rms
            flags.append(["exploding", f"the gradient of {name} is {times:.1e} times its size"])
    return flags


def _over_steps(id_: str, told: Sequence[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """One box over all steps, ready for JSON; a step in which the box did not run has null."""
    here = [step.get(id_) for step in told]
    weights = list(dict.fromkeys(name for unit in here if unit for name in unit["weights"]))
    last = next((unit for unit in reversed(here) if unit), None)
    if last is None:
        return {}
    silent = [None if u is None or "silent" not in u else [int(u["silent"].sum()), int(u["silent"].size)] for u in here]
    return {
        "shape": last["shape"],
        "bytes": byte_words(last["bytes"]),
        "ms": [None if u is None else round(u["ms"], 4) for u in here],
        "back": [None if u is None else round(u["back"], 4) for u in here],
        "values": _series([None if u is None else u["values"] for u in here], common=True),
        "gradients": _series([None if u is None else u["gradients"] for u in here], common=False),
        "weights": {
            name: [
                _series([None if u is None else u["weights"].get(name, _NONE)[k] for u in here], common=k == 0)
                for k in (0, 1)
            ]
            for name in weights
        },
        "silent": silent if any(silent) else None,
        "flags": [[] if u is None else u["flags"] for u in here],
    }


_NONE: tuple[Any, Any, bool] = ((None, None), (None, None), False)


def _series(parts: Sequence[tuple[Stats | None, Array | None] | None], common: bool) -> list[Any]:
    """Statistics with a histogram for every step; on one range of numbers for all steps if ``common``."""
    given = [(None, None) if part is None else part for part in parts]
    finite = [None if sample is None else sample[np.isfinite(sample)] for _, sample in given]
    held = [s for s in finite if s is not None and s.size]
    shared = _range(np.concatenate(held)) if common and held else None
    rows: list[Any] = []
    for (stats, _), numbers in zip(given, finite):
        if stats is None:
            rows.append(None)
            continue
        row: dict[str, Any] = {"words": str(stats), "rms": _json(stats.rms)}
        if numbers is not None and numbers.size and stats.size > 1:
            low, high = shared or _range(numbers)
            counts, _ = np.histogram(numbers, BINS, (low, high))
            row |= {"low": low, "high": high, "bins": counts.tolist()}
        rows.append(row)
    return rows


def _range(numbers: Array) -> tuple[float, float]:
    low, high = float(numbers.min()), float(numbers.max())
    if not high > low:
        reach = abs(low) / 2 or 0.5
        low, high = low - reach, high + reach
    return low, high


def _flag_the_dead(data: dict[str, Any], told: Sequence[dict[str, dict[str, Any]]]) -> None:
    """Flag rectifiers of which channels are silent: in this step, and, which weighs more, from it to the last one."""
    for id_, unit in data["units"].items():
        masks = [step[id_].get("silent") if id_ in step else None for step in told]
        for place, mask in enumerate(masks):
            if mask is None or not mask.any():
                continue
            later = [m for m in masks[place:] if m is not None and m.shape == mask.shape]
            dead = int(np.logical_and.reduce(later).sum())
            words = f"{int(mask.sum())} of {mask.size} channels are zero for the whole batch"
            if dead and len(later) > 1:
                words += f", {dead} of them in every recorded step from here on"
            kind = "dead" if dead and (len(later) > 1 or len(masks) == 1 or place == len(masks) - 1) else "silent"
            unit["flags"][place].append([kind, words])


def _json(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value

