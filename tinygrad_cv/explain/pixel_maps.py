"""Which pixels a score depends on: from gradients with respect to the image, or by covering parts of it.

Every function takes a network, images (N, C, H, W) or (C, H, W), and a class per image (``target``; the one with the
highest score if None). The network runs in evaluation mode and stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv.explain.recording import as_images, record
from tinygrad_cv.explain.scores import Target, classes, score_gradient, scores_of
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.tensors.random import Generator, default_generator
from tinygrad_cv.typing import Array

Model = Callable[[Any], Any]


def gradient(model: Model, images: Any, target: Target = None) -> Array:
    """The derivative of the score with respect to the image, (N, C, H, W), with its sign."""
    recording = record(model, images)
    return score_gradient(recording, recording.input, target)


def saliency(model: Model, images: Any, target: Target = None) -> Array:
    """The largest absolute derivative over the channels of each pixel, (N, H, W).

    Source: K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", ICLR workshop 2014, section 3.
    """
    return np.abs(gradient(model, images, target)).max(1)


def smooth_grad(
    model: Model,
    images: Any,
    target: Target = None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    generator: Generator | None = None,
) -> Array:
    """`saliency` of the mean gradient over noisy copies of the image, (N, H, W).

    The gradient of a network with kinks changes from one pixel's grey to the next; its mean over a neighbourhood does
    not.

    Parameters
    ----------
    samples : copies of each image.
    noise : the standard deviation, as a share of the image's range.

    Source: D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """
    if samples < 1 or noise < 0:
        raise ArgumentError(f"smooth_grad: samples is {samples} and noise {noise}; give at least 1, and 0 or more")
    x = as_images(images)
    target = classes(scores_of(model, x), target)
    width = noise * (x.max((1, 2, 3), keepdims=True) - x.min((1, 2, 3), keepdims=True))
    draw = (generator or default_generator).numpy
    total = np.zeros_like(x)
    for _ in range(samples):
        total += gradient(model, x + width * draw.standard_normal(x.shape).astype(x.dtype), target)
    return np.abs(total / samples).max(1)


def integrated_gradients(
    model: Model, images: Any, target: Target = None, *, baseline: Any = 0.0, steps: int = 32
) -> Array:
    """What each value of the image adds to the score, compared with a baseline: (N, C, H, W), with its sign.

    (x - x0) times the mean gradient on the straight way from the baseline x0 to the image x. The values of an image add
    up to its score minus the baseline's, but for the error of the midpoint rule.

    Parameters
    ----------
    baseline : a number, or an array that fits the images: the image that shows nothing.
    steps : points on the way.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017, equation 3.
    """
    if steps < 1:
        raise ArgumentError(f"integrated_gradients: steps is {steps}; give at least 1")
    x = as_images(images)
    start = np.broadcast_to(np.asarray(getattr(baseline, "_data", baseline), x.dtype), x.shape)
    target = classes(scores_of(model, x), target)
    total = np.zeros_like(x)
    for k in range(steps):
        total += gradient(model, start + (x - start) * x.dtype.type((k + 0.5) / steps), target)
    return (x - start) * total / steps


def guided_backprop(model: Model, images: Any, target: Target = None) -> Array:
    """The gradient, with what is negative dropped on its way through every ReLU: (N, C, H, W).

    gx = g where g > 0 and x > 0, else 0. The recorded ReLUs are what is changed, not the network's modules, so
    functional and in-place calls count too (ReLU6 as well). The result shows edges that raise the score; it depends
    less on the weights than other explanations do (Adebayo et al. 2018).

    Source: J. Springenberg et al., "Striving for simplicity: the all convolutional net", ICLR workshop 2015.
    """
    recording = record(model, images)
    rectifiers = [n for n in recording.nodes if n.op.name == "Relu" or getattr(n.op, "low", None) == 0]
    if not rectifiers:
        raise ArgumentError("guided_backprop: the network has no ReLU, so nothing would be guided; use saliency")
    for node in rectifiers:
        node.hooks = [*(node.hooks or ()), _keep_positive]
    return score_gradient(recording, recording.input, target)


def _keep_positive(g: Tensor) -> Tensor:
    return Tensor(np.maximum(g._data, 0))


def occlusion(
    model: Model,
    images: Any,
    target: Target = None,
    *,
    window: int | tuple[int, int] = 5,
    stride: int | None = None,
    value: float | None = None,
) -> Array:
    """How much the score falls when a part of the image is covered: (N, H, W), the mean over the covers of a pixel.

    Parameters
    ----------
    window : the cover's size in pixels.
    stride : from one cover to the next; half a window if not given.
    value : what the cover shows; the mean of each channel if not given.

    Source: M. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.
    """
    x = as_images(images)
    size = (window, window) if isinstance(window, int) else tuple(window)
    h, w = x.shape[2:]
    if not (1 <= size[0] <= h and 1 <= size[1] <= w) or (stride is not None and stride < 1):
        raise ShapeError(f"occlusion: a window of {size} with stride {stride} on {h} x {w} pixels; give a smaller one")
    places = [_starts(n, k, stride or max(1, k // 2)) for n, k in zip((h, w), size)]
    before = scores_of(model, x)
    chosen = classes(before, target)
    result = np.zeros((len(x), h, w), x.dtype)
    for n, image in enumerate(x):
        fill = image.mean((1, 2))[:, None, None] if value is None else value
        spots = [(slice(i, i + size[0]), slice(j, j + size[1])) for i in places[0] for j in places[1]]
        covered = np.repeat(image[None], len(spots), 0)
        for k, (rows, columns) in enumerate(spots):
            covered[k, :, rows, columns] = fill
        falls = before[n, chosen[n]] - scores_of(model, covered)[:, chosen[n]]
        times = np.zeros((h, w), x.dtype)
        for fall, (rows, columns) in zip(falls, spots):
            result[n, rows, columns] += fall
            times[rows, columns] += 1
        result[n] /= times
    return result


def _starts(n: int, k: int, stride: int) -> list[int]:
    """Where covers of k begin so that n pixels are covered; the last one touches the end."""
    return sorted({*range(0, n - k + 1, stride), n - k})
