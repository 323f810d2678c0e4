"""Numbers that notes and papers state about networks, held against the networks themselves.

A stated number that is not the network's is compared with everything that can be counted in it (one layer, the weights
without the biases, one path left out, ...), so that the difference gets a name instead of a shrug.

Examples
--------
>>> from tinygrad_cv import models
>>> print(explain_count(models.two_layer_net(), 614_400))
TwoLayerNet has 616,610 parameters, not 614,400: that is fc1 without its bias
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.budget import Budget, budget
from tinygrad_cv.models.cifar_cnn import cifar_cnn
from tinygrad_cv.models.hog_softmax import hog_softmax
from tinygrad_cv.models.lenet import lenet5
from tinygrad_cv.models.softmax_regression import softmax_regression
from tinygrad_cv.models.two_layer import two_layer_net


@dataclass(frozen=True)
class Finding:
    """What became of one stated number.

    Attributes
    ----------
    what : what was stated something about.
    stated, actual : the two numbers (or shapes).
    agrees : whether they are the same, within the digits that were stated.
    term : what explains the difference; '' if nothing that can be counted does.
    """

    what: str
    stated: Any
    actual: Any
    agrees: bool
    term: str = ""

    def __str__(self) -> str:
        if self.agrees:
            return f"{self.what}, as stated: {_show(self.stated)}"
        tail = f": {self.term}" if self.term else ""
        return f"{self.what}, not {_show(self.stated)}{tail}"


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def digits(stated: int) -> int:
    """Return half of the last digit that a rounded number states: 500 for 66,000, 0 for 94,666.

    Numbers that end in fewer than three zeros count as exact.
    """
    zeros = len(str(stated)) - len(str(stated).rstrip("0"))
    return 10**zeros // 2 if zeros >= 3 else 0


def explain_count(model: nn.Module, stated: int, told: Budget | None = None) -> Finding:
    """Compare a stated number of parameters with a network, and name the term that explains the difference."""
    told = told or budget(model)
    actual, slack = told.parameters, digits(stated)
    what = f"{told.name} has {actual:,} parameters"
    if abs(actual - stated) <= slack:
        return Finding(what, stated, actual, True)
    for count, name in _parts(model, told):
        if count and abs(count - stated) <= slack:
            return Finding(what, stated, actual, False, f"that is {name}")
    return Finding(what, stated, actual, False, f"{abs(actual - stated):,} too {'few' if stated < actual else 'many'}")


def _parts(model: nn.Module, told: Budget) -> Iterator[tuple[int, str]]:
    """Yield everything that somebody may have counted instead of all parameters, simplest first."""
    named = list(model.named_parameters())
    biases = sum(p.numel() for n, p in named if n.endswith("bias"))
    norms = {path for path, m in model.named_modules() if isinstance(m, (nn.BatchNorm2d, nn.BatchNorm1d))}
    of_norms = sum(p.numel() for n, p in named if n.rpartition(".")[0] in norms)
    rows = [row for row in told.rows if row.parameters]
    for row in rows:
        own = model.get_submodule(row.path)._parameters.get("bias")
        yield row.parameters, f"{row.path} alone"
        if own is not None:
            yield row.parameters - own.numel(), f"{row.path} without its bias"
    yield told.parameters - biases, "everything but the biases"
    yield told.parameters - of_norms, "everything but the norms"
    for kind in ("Conv2d", "Linear"):
        yield sum(row.parameters for row in rows if row.kind == kind), f"the {kind} layers alone"
    for name, child in model.named_children():
        count = sum(p.numel() for p in child.parameters())
        yield told.parameters - count, f"everything but {name}"
        yield count, f"{name} alone"
    children = [(name, sum(p.numel() for p in child.parameters())) for name, child in model.named_children()]
    for (a_name, a_count), (b_name, b_count) in itertools.combinations([c for c in children if c[1]], 2):
        yield told.parameters - a_count - b_count, f"everything but {a_name} and {b_name}"
    for a, b in itertools.combinations(rows[:40], 2):
        yield told.parameters - a.parameters - b.parameters, f"everything but {a.path} and {b.path}"


def small_networks(stated: int, slack: int) -> Iterator[tuple[int, str]]:
    """Yield networks of two convolutions and an affine layer, on 3 x 32 x 32 pixels, with a stated parameter count.

    All of 8 to 64 and 16 to 128 channels (powers of two), sides 3, 5 and 7, with and without padding.
    """
    sides, few, many = (3, 5, 7), (8, 16, 32, 64), (16, 32, 64, 128)
    for a, b, k, m, padded in itertools.product(few, many, sides, sides, (True, False)):
        q = 8 if padded else ((32 - k + 1) // 2 - m + 1) // 2
        count = (3 * k * k + 1) * a + (a * m * m + 1) * b + (b * q * q + 1) * 10
        if q > 0 and abs(count - stated) <= slack:
            padding = "with" if padded else "without"
            yield count, f"{a} filters {k}x{k} and {b} filters {m}x{m} {padding} padding: {count:,}"


def _cnn_66k() -> Finding:
    found = explain_count(cifar_cnn(), 66_000)
    others = sorted(small_networks(66_000, 500), key=lambda pair: abs(pair[0] - 66_250))
    drawn = [text for _, text in others if text.startswith("32 filters 5x5 and 64 filters 5x5")]
    term = drawn[0] if drawn else f"no padding of the network drawn gives it; another network would: {others[0][1]}"
    return Finding(found.what, found.stated, found.actual, False, term)


def _ratio() -> Finding:
    many, few = budget(two_layer_net()).parameters, budget(cifar_cnn()).parameters
    ratio = round(many / few, 1)
    what = f"two layers have {ratio} times the parameters of the convolutional network ({many:,} / {few:,})"
    term = f"both counts are wrong; 614 / 66 is {614 / 66:.1f}"
    return Finding(what, 10, ratio, False, term)


def _hog_90k() -> Finding:
    found = explain_count(hog_softmax(), 90_000)
    fits = {f"{c} pixels, {o} directions": budget(hog_softmax(cell=c, orientations=o)).parameters
            for c in (8, 4, 2) for o in (9, 10)}  # fmt: skip
    near = [f"cells of {name} have {n:,}" for name, n in fits.items() if abs(n - 90_000) <= 500]
    return Finding(found.what, found.stated, found.actual, False, "; ".join(near))


def _separable() -> Finding:
    saved = [1 - (9 * c + c * c) / (9 * c * c) for c in (64, 512)]
    what = f"depthwise-separable 3x3 filters save {saved[0]:.0%} (64 channels) to {saved[1]:.0%} (512 channels)"
    few = next(c for c in range(1, 99) if 1 - (9 * c + c * c) / (9 * c * c) >= 0.70)
    return Finding(what, 0.70, round(saved[0], 3), False, f"the share saved is 1 - 1/9 - 1/C: 70 % is C = {few}")


def _lenet_maps() -> Finding:
    rows = budget(lenet5()).rows
    shape = next(row.output for row in rows if row.path == "features.3")[1:]
    what = f"LeNet-5's second convolution gives {shape[0]} maps of {shape[1]} x {shape[2]}"
    return Finding(what, (6, 10, 10), shape, False, "6 is the number of maps that it reads")


NOTES: dict[str, Callable[[], Finding]] = {
    "CNN of 66 thousand parameters": _cnn_66k,
    "two layers, 614 thousand": lambda: explain_count(two_layer_net(), 614_400),
    "ten times fewer parameters": _ratio,
    "softmax on pixels, 30 thousand": lambda: explain_count(softmax_regression(), 30_730),
    "softmax on HOG, 90 thousand": _hog_90k,
    "separable convolution saves 70 %": _separable,
    "LeNet's 6@10x10": _lenet_maps,
}
"""What the study notes state, and how to check it."""


def check_notes() -> dict[str, Finding]:
    """Check everything in `NOTES`."""
    return {name: check() for name, check in NOTES.items()}
