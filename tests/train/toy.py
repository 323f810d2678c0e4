"""A data set and a network that train in milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_cv as torch
from tinygrad_cv import nn, optim, train
from tinygrad_cv.utils.data import DataLoader, TensorDataset


def blobs(n: int = 60, seed: int = 0) -> TensorDataset:
    """Three classes of points in the plane, as images (1, 1, 2), easy to tell apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = np.array([[0, 2], [2, -1], [-2, -1]])
    points = (centres[labels] + 0.5 * rng.normal(size=(n, 2))).astype(np.float32)
    return TensorDataset(points.reshape(n, 1, 1, 2), labels)


def network(dropout: float = 0.0) -> nn.Module:
    """A small network with batch norm and dropout, whose state is more than its weights."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3)
    )


def loader(data: Any = None, batch_size: int = 8) -> DataLoader:
    return DataLoader(blobs() if data is None else data, batch_size, shuffle=True, generator=1)


def trainer(seed: int = 0, dropout: float = 0.0, **options: Any) -> train.Trainer:
    torch.manual_seed(seed)
    model = network(dropout)
    optimizer = options.pop("optimizer", None) or optim.AdamW(model.parameters(), lr=options.pop("lr", 0.02))
    return train.Trainer(model, optimizer, **options)


def bits(model: nn.Module) -> bytes:
    return b"".join(value._data.tobytes() for value in model.state_dict().values())


class Stop(train.Callback):
    """Ends the loop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_step_end(self, trainer: train.Trainer) -> None:
        if trainer.step == self.steps:
            trainer.stop_reason = "enough"
