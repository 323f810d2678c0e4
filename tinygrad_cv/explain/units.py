"""What a unit likes best: an image that makes it large, found by climbing its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv.autograd import grad
from tinygrad_cv.explain.recording import record
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.tensors.random import Generator
from tinygrad_cv.typing import Array

BLUR = np.array([1.0, 2.0, 1.0]) / 4


def maximize(
    model: Callable[[Any], Any],
    shape: tuple[int, int, int],
    unit: int,
    layer: str | None = None,
    *,
    at: tuple[int, int] | None = None,
    steps: int = 100,
    rate: float = 0.1,
    blur: int = 4,
    shrink: float = 0.01,
    generator: Generator | None = None,
) -> tuple[Array, list[float]]:
    """Search for an image that makes a unit as large as possible.

    x <- x + rate g / rms(g), from faint noise, g being the derivative of the unit's value with respect to the image.
    Blurring now and then, and shrinking x a little, keep fine patterns away that please the unit and nobody else.

    Parameters
    ----------
    model : a network; it runs in evaluation mode and stays as it was.
    shape : (C, H, W) of the image.
    unit : a channel of the layer, or a class.
    layer : a name from ``record(...).names``; the network's result if not given.
    at : row and column in the layer's maps; the mean over the whole map if not given.
    steps, rate : how many steps, and how large they are.
    blur : smooth the image after every so many steps; 0 for never.
    shrink : by which share the image shrinks in each step.
    generator : where the noise comes from; seeded with 0 if not given.

    Returns
    -------
    The image (C, H, W), and the unit's value before each step and at the end.

    Source: D. Erhan, Y. Bengio, A. Courville, P. Vincent, "Visualizing higher-layer features of a deep network", 2009;
    J. Yosinski et al., "Understanding neural networks through deep visualization", ICML workshop 2015.
    """
    if steps < 1 or rate <= 0:
        raise ArgumentError(f"maximize: steps is {steps} and rate {rate}; give at least one step, and a rate above 0")
    draw = (generator or Generator().manual_seed(0)).numpy
    x = (0.1 * draw.standard_normal((1, *shape))).astype(np.float32)
    values = []
    for step in range(steps + 1):
        recording = record(model, x, values=True)
        node = recording.find(layer) if layer is not None else recording.output.grad_fn
        if node is None:
            raise ArgumentError("maximize: the result does not depend on the image; check what forward returns")
        if not 0 <= unit < node.shape[1]:
            raise ArgumentError(
                f"maximize: unit is {unit}, but {layer or 'the result'} has the shape {node.shape}; "
                f"give one from 0 to {node.shape[1] - 1}"
            )
        seed = _seed(node.shape, unit, at)
        values.append(float((recording.values[node] * seed).sum()))
        if step == steps:
            break
        handle = recording.tensor(node)
        (g,) = grad(handle, recording.input, Tensor(seed.astype(node.dtype)))
        slope = np.asarray(g._data)
        size = float(np.sqrt(np.mean(slope * slope)))
        if size == 0 and step == 0:
            raise ArgumentError(f"maximize: unit {unit} of {layer or 'the result'} is dead: its gradient is zero")
        x = (1 - shrink) * x + (rate / size * slope if size else 0)
        if blur and step % blur == blur - 1 and step < steps - blur:
            x = _blurred(x)
        x = x.astype(np.float32)
    return x[0], values


def _seed(shape: tuple[int, ...], unit: int, at: tuple[int, int] | None) -> Array:
    """Weights whose product with a layer's values is the unit's."""
    seed = np.zeros(shape, np.float32)
    if len(shape) != 4:
        seed[:, unit] = 1
    elif at is None:
        seed[:, unit] = 1 / (shape[2] * shape[3])
    else:
        seed[:, unit, at[0], at[1]] = 1
    return seed


def _blurred(x: Array) -> Array:
    """Each pixel with its neighbours, weighted 1-2-1 both ways; the edge is repeated."""
    for axis in (2, 3):
        widths = [(0, 0)] * 4
        widths[axis] = (1, 1)
        wide = np.pad(x, widths, mode="edge")
        n = x.shape[axis]
        x = sum(weight * np.take(wide, range(k, k + n), axis) for k, weight in enumerate(BLUR))
    return x
