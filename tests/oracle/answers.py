"""PyTorch's answers to some of the drawn calls, kept in a file: they can be checked where PyTorch is not installed.

    python -m tests.oracle --record        writes the file anew; after a change of what is drawn this must be done

A line holds the function, the seed of the draw, a checksum of the arguments, and then either ``refused`` or what came
out: results, gradients for fixed incoming ones, and gradients of these, each as shape, dtype and a weighted sum.
"""

from __future__ import annotations

import math
import random
import warnings
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import tests.oracle.tables  # noqa: F401
from tests.oracle.draws import SAMPLES, Arg, Call, Draw
from tests.oracle.run import TOLERANCE, dtype_name, flat, run

FILE = Path(__file__).with_name("answers.txt")
ACCEPTED, REFUSED, TRIED = 3, 1, 60
"""How many calls of each function are kept, and among how many they are sought."""


def draw(name: str, seed: int) -> Call:
    """Return a call of a function."""
    with np.errstate(all="ignore"):
        return SAMPLES[name](Draw(random.Random(f"{name} {seed}")))


def checksum(call: Call) -> str:
    return f"{zlib.crc32(repr(call).encode()):08x}"


def digest(t: Any) -> str:
    """Return the shape, the dtype, and the sum of the values with weights that tell their places apart."""
    a = t.detach().numpy().astype(np.float64)
    weights = np.cos(np.arange(a.size) + 1.0).reshape(a.shape)
    a = np.nan_to_num(a, nan=7.25, posinf=11.5, neginf=-13.75)
    return f"{'x'.join(map(str, a.shape))}:{dtype_name(t)}:{float((a * weights).sum()):.10g}"


def answer(call: Call, library: str) -> str:
    """Return what a call gives in a library, as the words of a line."""
    home = import_module(library)
    result, leaves, error = run(call, library)
    if error is not None:
        return "refused"
    outputs = [t for t in flat(result) if isinstance(t, home.Tensor)]
    words = [digest(t) for t in outputs]
    numbers = np.random.default_rng(7)
    for order in range(1, call.orders + 1):
        outputs = [t for t in outputs if t.requires_grad]
        if not outputs or not leaves or not all(np.isfinite(t.detach().numpy()).all() for t in outputs):
            break
        incoming = [
            home.from_numpy(numbers.normal(size=tuple(t.shape)).astype(dtype_name(t))).requires_grad_() for t in outputs
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = home.autograd.grad(outputs, leaves, incoming, create_graph=True, allow_unused=True)
        outputs = [t for t in found if t is not None]
        words += [f"d{order}", *("none" if t is None else digest(t) for t in found)]
        if order == 1:
            leaves = [*leaves, *incoming]
    return " ".join(words)


def agree(ours: str, theirs: str, call: Call) -> bool:
    """Tell whether two answers are the same but for rounding; a gradient of zeros may also be none."""
    coarse = max((TOLERANCE.get(str(a.array.dtype), 0.0) for a in call.args if isinstance(a, Arg)), default=0.0)
    a, b = ours.split(), theirs.split()
    if len(a) != len(b):
        return False
    for x, y in zip(a, b):
        if x == y or ("none" in (x, y) and float(max(x, y, key=len).split(":")[2]) == 0):
            continue
        if x.count(":") != 2 or y.count(":") != 2 or x.split(":")[:2] != y.split(":")[:2]:
            return False
        dtype, p, q = x.split(":")[1], float(x.split(":")[2]), float(y.split(":")[2])
        bound = max(TOLERANCE.get(dtype, 0.0), coarse)
        if not math.isclose(p, q, rel_tol=20 * bound, abs_tol=20 * bound):
            return False
    return True


def recorded() -> dict[str, list[tuple[int, str, str]]]:
    """Return (seed, checksum, answer) of every kept call, by function."""
    kept: dict[str, list[tuple[int, str, str]]] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name, seed, check, words = line.split(" ", 3)
        kept.setdefault(name, []).append((int(seed), check, words))
    return kept


def record() -> int:
    """Write the file with calls in which both libraries agree in full; return how many there are."""
    from tests.oracle.compare import compare

    lines = []
    for name in SAMPLES:
        room = {True: REFUSED, False: ACCEPTED}
        for seed in range(1000, 1000 + TRIED):
            call = draw(name, seed)
            if not any(room.values()) or compare(call) is not None:
                continue
            try:
                theirs = answer(call, "torch")
            except (RuntimeError, NotImplementedError):  # PyTorch has no second derivative here
                continue
            if room[theirs == "refused"] and agree(answer(call, "tinygrad_cv"), theirs, call):
                room[theirs == "refused"] -= 1
                lines.append(f"{name} {seed} {checksum(call)} {theirs}")
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
