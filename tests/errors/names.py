"""What the calls of the catalogue are written with: rooms, and a few small tensors."""

from __future__ import annotations

from typing import Any

import tinygrad_cv as tg
from tinygrad_cv import autograd, data, datasets, functional, io, models, nn, optim, transforms, zeros

NAMES: dict[str, Any] = {
    "tg": tg,
    "F": functional,
    "nn": nn,
    "optim": optim,
    "autograd": autograd,
    "data": data,
    "datasets": datasets,
    "transforms": transforms,
    "models": models,
    "io": io,
    "zeros": zeros,
    "ones": tg.ones,
    "x": zeros(2, 3),
    "ints": zeros(2, 3).long(),
    "mask": zeros(2, 3) > 0,
    "index": tg.tensor([[0, 1, 2], [2, 1, 0]]),
    "labels": tg.tensor([0, 2]),
    "weights": zeros(5, 3),
    "img": zeros(2, 3, 8, 8),
    "kernel": zeros(4, 3, 3, 3),
    "sound": zeros(2, 3, 8),
    "leaf": (leaf := zeros(2, 3).requires_grad_()),
    "sgd": optim.SGD([leaf], 0.1),
    "dots": data.TensorDataset(zeros(4, 2), zeros(4)),
}
