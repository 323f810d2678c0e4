"""Where in the image the evidence for a class lies: class activation maps.

All three weigh the channels of a layer's maps and add them up. The layer need not be named: it is the finest map from
which the scores are computed, found in the recorded graph. Every unit's value is drawn where its receptive field is
centred, so maps of networks without padding are not shifted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv.autograd.node import Node
from tinygrad_cv.explain.receptive_field import measure
from tinygrad_cv.explain.recording import Recording, is_map, record
from tinygrad_cv.explain.scores import Target, score_gradient
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.typing import Array

Model = Callable[[Any], Any]


def cam(model: Model, images: Any, target: Target = None) -> Array:
    """Class activation map: the last maps, weighted by what the classifier makes of their means. (N, H, W).

    M = sum over k of w[c, k] A[k], for scores sum over k of w[c, k] mean(A[k]) + b[c]. The mean of M over the maps'
    pixels is then the score itself (without its offset), so each pixel's share in it is exact.

    Raises
    ------
    ArgumentError
        Between the last maps and the scores stands something else than a global average pooling and at most one linear
        layer; the message names it.

    Source: B. Zhou et al., "Learning deep features for discriminative localization", CVPR 2016.
    """
    recording = record(model, images, values=True)
    node = _pooled(recording)
    maps = recording.values[node]
    slopes = score_gradient(recording, recording.tensor(node), target)  # w[c, k] / number of pixels, everywhere
    return on_image(recording, node, (maps * slopes).sum(1) * (maps.shape[2] * maps.shape[3]))


def grad_cam(model: Model, images: Any, target: Target = None, layer: str | None = None) -> Array:
    """Grad-CAM: the maps of a layer, weighted by the mean gradient of the score, where the sum is positive. (N, H, W).

    Parameters
    ----------
    layer : a name from ``record(...).names`` such as "features.3"; found by itself if not given.

    Source: R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks", ICCV 2017, equations 1 and 2.
    """
    recording, node, maps, slopes = _maps(model, images, target, layer)
    weights = slopes.mean((2, 3), keepdims=True)
    return on_image(recording, node, np.maximum((weights * maps).sum(1), 0))


def grad_cam_plus_plus(model: Model, images: Any, target: Target = None, layer: str | None = None) -> Array:
    """Grad-CAM++: the weight of a channel is a mean over the pixels that raise the score. (N, H, W).

    w[k] = sum of alpha relu(g), alpha = g^2 / (2 g^2 + g^3 sum of A[k]), so that a small object counts as much as a
    large one. Higher derivatives are powers of the first since the score is taken as the logarithm of the output.
    ``layer`` is as for `grad_cam`.

    Source: A. Chattopadhay et al., "Grad-CAM++: generalized gradient-based visual explanations", WACV 2018, eq. 19.
    """
    recording, node, maps, slopes = _maps(model, images, target, layer)
    square = slopes * slopes
    below = 2 * square + square * slopes * maps.sum((2, 3), keepdims=True)
    alpha = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    weights = (alpha * np.maximum(slopes, 0)).sum((2, 3), keepdims=True)
    return on_image(recording, node, np.maximum((weights * maps).sum(1), 0))


def _maps(model: Model, images: Any, target: Target, layer: str | None) -> tuple[Recording, Node, Array, Array]:
    recording = record(model, images, values=True)
    node = recording.find(layer)
    if len(node.shape) != 4:
        raise ArgumentError(f"grad_cam: layer {layer!r} has the shape {node.shape}; give one with maps (N, C, H, W)")
    return recording, node, recording.values[node], score_gradient(recording, recording.tensor(node), target)


def on_image(recording: Recording, node: Node, values: Array) -> Array:
    """Maps (N, h, w) as large as the image, each unit's value at the centre of its receptive field."""
    field = measure(recording, node)
    for axis, size in enumerate(recording.input.shape[2:]):
        centres = field.start[axis] + field.jump[axis] * np.arange(values.shape[axis + 1])
        pixels = np.arange(size) + 0.5
        right = np.clip(np.searchsorted(centres, pixels), 1, max(len(centres) - 1, 1))
        left = np.minimum(right, len(centres) - 1) - (len(centres) > 1)
        gap = field.jump[axis] or 1.0
        share = np.clip((pixels - centres[left]) / gap, 0, 1).astype(values.dtype)
        share = share.reshape(-1, *(1,) * (1 - axis))
        low, high = np.take(values, left, axis + 1), np.take(values, np.minimum(right, len(centres) - 1), axis + 1)
        values = low * (1 - share) + high * share
    return values


def _pooled(recording: Recording) -> Node:
    """The maps whose means become the scores through one linear layer at most; refuses where there are none."""
    pool = next((n for n in reversed(recording.nodes) if _is_mean(n)), None)
    last = pool.inputs[0] if pool is not None else next((n for n in reversed(recording.nodes) if is_map(n)), None)
    if not isinstance(last, Node):
        raise ArgumentError(
            "cam: no maps lie between the image and the scores; give a network that convolves its images"
        )
    behind = [n for n in recording.nodes if n.number > last.number]
    shown = f"behind the last maps ({recording.name(last)}, {'x'.join(map(str, last.shape[1:]))})"
    if pool is None:
        what = next((n for n in behind if n.op.name not in ("Reshape", "Permute", "Clone")), last)
        kind = "a maximum" if what.op.name in ("AdaptiveMaxPool2d", "MaxPool2d", "ExtremeOf") else what.op.name
        raise ArgumentError(
            f"cam: {shown} comes {kind} ({recording.name(what)}), but a class activation map exists only where their "
            "mean over all pixels is taken; use grad_cam, or end the network with a global average pooling and one "
            "linear layer"
        )
    linear = [n for n in behind if n.op.name in ("Linear", "MatMul")]
    bent = next((n for n in behind if n.op.name not in _LINEAR), None)
    if bent is not None or len(linear) > 1:
        extra = f"{len(linear)} linear layers" if bent is None else f"{bent.op.name} ({recording.name(bent)})"
        raise ArgumentError(
            f"cam: {shown} stand a global pooling and {extra}; a class activation map needs the pooling and one "
            "linear layer alone; use grad_cam"
        )
    return last


_LINEAR = {"AdaptiveAvgPool2d", "AvgPool2d", "Sum", "Mul", "Div", "Reshape", "Permute", "Linear", "MatMul", "Add",
           "Expand", "Clone", "Cast"}  # fmt: skip


def _is_mean(node: Node) -> bool:
    """Whether a node takes the mean (or the sum) of maps over all their pixels."""
    maps = node.inputs[0]
    if not isinstance(maps, Node) or len(maps.shape) != 4:
        return False
    if node.op.name in ("AdaptiveAvgPool2d", "AvgPool2d"):
        return node.shape[2:] == (1, 1)
    return node.op.name == "Sum" and {2, 3} == set(getattr(node.op, "dims", ()))
