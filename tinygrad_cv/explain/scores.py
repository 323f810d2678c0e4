"""The scores of a network, and their gradients with respect to any value that was recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.autograd import grad, no_grad
from tinygrad_cv.explain.recording import Recording
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.typing import Array

Target = int | Sequence[int] | Array | None


def classes(scores: Array, target: Target) -> Array:
    """The class to be explained in each image: those named, or those with the highest scores."""
    if scores.ndim != 2:
        raise ShapeError(f"explain: the network returned the shape {scores.shape}; scores of classes have (N, K)")
    n, k = scores.shape
    chosen = scores.argmax(1) if target is None else np.broadcast_to(np.asarray(getattr(target, "_data", target)), (n,))
    if chosen.dtype.kind not in "iu" or (n and not 0 <= chosen.min() <= chosen.max() < k):
        raise ArgumentError(f"explain: target is {target!r} for {k} classes; give a class from 0 to {k - 1} per image")
    return chosen


def score_gradient(recording: Recording, wrt: Tensor, target: Target) -> Array:
    """The gradient of each image's chosen score with respect to a recorded value, in that value's shape."""
    scores = recording.output
    seed = np.zeros(scores.shape, scores.dtype)
    seed[np.arange(len(seed)), classes(np.asarray(scores._data), target)] = 1
    if not scores.requires_grad:
        raise ArgumentError("explain: the scores do not depend on the image; check what forward returns")
    (g,) = grad(scores, wrt, Tensor(seed), retain_graph=True, materialize_grads=True)
    return np.asarray(g._data)


def scores_of(model: Callable[[Any], Any], images: Array, batch: int = 64) -> Array:
    """The scores (N, K) of many images, in evaluation mode, without recording."""
    modules = list(model.modules()) if hasattr(model, "modules") else []
    modes = [(module, module.training) for module in modules]
    try:
        for module in modules:
            module.training = False
        with no_grad():
            parts = [model(Tensor(images[i : i + batch])) for i in range(0, len(images), batch)]
    finally:
        for module, mode in modes:
            module.training = mode
    return np.concatenate([np.asarray(part._data) for part in parts])
