"""A sum of ReLUs is a line with kinks: a small network bends one into a curve."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_cv import functional as F
from tinygrad_cv import nn, optim
from tinygrad_cv.autograd import enable_grad
from tinygrad_cv.explain.lessons.film import Film, Scene
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.tensors.random import Generator
from tinygrad_cv.typing import Array
from tinygrad_cv.viz.svg import GRID, INK, MUTED

LEFT, TOP, WIDTH, HEIGHT = 44.0, 56.0, 560.0, 260.0
SHOWN = (0, 5, 10, 20, 40, 70, 110, 160, 230, 320, 430, 560, 720, 900, 1100)


def film(units: int = 8) -> Film:
    """One hidden layer of ReLUs learns a sine; its kinks, where a unit switches on, move to where the curve bends."""
    x = np.linspace(-math.pi, math.pi, 121, dtype=np.float32)[:, None]
    y = np.sin(x)
    base = Scene()
    base.text(LEFT, 26, f"{units} ReLUs learn a sine", 16, INK, bold=True)
    for v in (-1, 0, 1):
        base.way([_at(-math.pi, v), _at(math.pi, v)], GRID, 1)
        base.text(LEFT - 8, _at(0, v)[1] + 4, str(v), 11, MUTED, "end")
    base.way([_at(float(a), float(b)) for a, b in zip(x[:, 0], y[:, 0])], "#9aa5b1", 2)
    base.text(LEFT, TOP + HEIGHT + 44, "grey: the sine; blue: the network; ticks: where a unit has its kink", 12, MUTED)
    frames = []
    for step, loss, fit, kinks in _training(units, x, y):
        scene = Scene()
        scene.way([_at(float(a), float(np.clip(b, -1.6, 1.6))) for a, b in zip(x[:, 0], fit)], "#0072b2", 2.6)
        inside = [k for k in kinks if abs(k) <= math.pi]
        for k in inside:
            scene.way([(_at(k, 0)[0], TOP + HEIGHT + 4), (_at(k, 0)[0], TOP + HEIGHT + 18)], "#d55e00", 2.4)
        told = f"step {step}: mean square error {loss:.3g}, {len(inside)} kinks in view"
        scene.text(LEFT + WIDTH, 26, told, 13, INK, "end")
        frames.append(scene)
    said = "A network of one hidden layer with ReLUs is linear between its kinks; learning moves kinks and slopes."
    return Film(f"{units} ReLUs learn a sine", said, LEFT + WIDTH + 24, TOP + HEIGHT + 60, base, frames, 0.7)


def _training(units: int, x: Array, y: Array) -> list[tuple[int, float, Array, list[float]]]:
    """The shown steps with the error, the fit, and where the units have their kinks."""
    draw = Generator().manual_seed(4).numpy
    first, last = nn.Linear(1, units), nn.Linear(units, 1)
    learned = [*first.parameters(), *last.parameters()]
    sign = np.where(draw.random(units) < 0.5, -1, 1)
    at = draw.uniform(-2.5, 2.5, units)  # the unit relu(s (x - at)) has its kink there
    starts = (sign[:, None], -sign * at, 0.3 * draw.standard_normal((1, units)), np.zeros(1))
    for parameter, start in zip(learned, starts):
        parameter._data[...] = start
    optimizer = optim.Adam(learned, lr=0.02)
    found = []
    with enable_grad():
        for step in range(SHOWN[-1] + 1):
            fit = last(F.relu(first(Tensor(x))))
            loss = F.mse_loss(fit, Tensor(y))
            if step in SHOWN:
                w, b = learned[0]._data[:, 0], learned[1]._data
                kinks = [float(-o / s) for s, o in zip(w, b) if s]
                found.append((step, float(loss.item()), np.array(fit._data[:, 0]), kinks))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return found


def _at(x: float, y: float) -> tuple[float, float]:
    return LEFT + (x + math.pi) / (2 * math.pi) * WIDTH, TOP + (1.6 - y) / 3.2 * HEIGHT
