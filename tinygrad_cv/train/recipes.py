"""Recipes: named settings for a data set and a network, found on held-out training images and measured in the ladder.

A recipe is what differs from the defaults of a `config.Config`, and nothing else. ``tinygrad-cv train --recipe NAME``
and ``tinygrad-cv ladder`` run it.
"""

from __future__ import annotations

from typing import Any

from tinygrad_cv.models import closest
from tinygrad_cv.ops.errors import ArgumentError

PLAIN: dict[str, Any] = {"data": "cifar10", "keep": "last"}

MUON: dict[str, Any] = {
    # the rates are per image of a batch of 2000, the decay per step; K. Jordan's airbench94_muon, 2024
    "optimizer": "muon", "schedule": "linear", "warm_up": 0.0, "lr": 0.24, "momentum": 0.6, "bias_lr": 0.053 * 2000,
    "head_lr": 0.67 * 2000, "weight_decay": 2e-6 * 2000, "batch_size": 1000, "accumulate": 2, "label_smoothing": 0.2,
    "keep": "last",
}  # fmt: skip

RECIPES: dict[str, dict[str, Any]] = {
    "cifar10-softmax": PLAIN | {
        "model": "softmax_regression", "optimizer": "adamw", "lr": 1e-3, "epochs": 10, "batch_size": 256,
        "augment": "flip",
    },
    "cifar10-two-layer": PLAIN | {
        "model": "two_layer_net", "options": {"hidden": 200}, "lr": 1e-3, "epochs": 15, "batch_size": 128,
        "augment": "flip", "weight_decay": 0.05,
    },
    "cifar10-hog": PLAIN | {
        "model": "hog_softmax", "options": {"cell": 4}, "lr": 1e-2, "epochs": 6, "batch_size": 256, "augment": "flip",
        "look": "flip",
    },
    "cifar10-cnn": PLAIN | {
        "model": "cifar_cnn", "lr": 2e-3, "epochs": 3, "batch_size": 64, "augment": "none",
    },
    "cifar10-cnn-best": PLAIN | {
        "model": "cifar_cnn", "lr": 3e-3, "epochs": 16, "batch_size": 128, "augment": "reflect+flip", "average": 0.999,
        "weight_decay": 0.05, "look": "flip",
    },
    "cifar10-resnet20": PLAIN | {
        "model": "resnet20", "optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4, "schedule": "linear",
        "warm_up": 0.1, "epochs": 40, "batch_size": 128, "augment": "shift+flip", "look": "flip",
    },
    "cifar10-resnet18": PLAIN | {
        "model": "resnet18", "options": {"image_size": 32}, "optimizer": "sgd", "lr": 0.1, "weight_decay": 5e-4,
        "schedule": "linear", "warm_up": 0.1, "epochs": 6, "batch_size": 128, "augment": "shift+flip",
        "look": "flip",
    },
    "cifar10-94": MUON | {
        "data": "cifar10", "model": "airbench", "epochs": 9, "augment": "alternate+reflect", "look": "flip+shift",
    },
    "mnist-99.4": MUON | {
        "data": "mnist", "model": "airbench", "options": {"widths": [32, 64, 64]}, "epochs": 6, "augment": "shift",
        "batch_size": 500, "accumulate": 1, "bias_lr": 0.053 * 500, "head_lr": 0.67 * 500, "weight_decay": 2e-6 * 500,
        "label_smoothing": 0.1,
    },
    "fashion-mnist-93": MUON | {
        "data": "fashion-mnist", "model": "airbench", "options": {"widths": [32, 128, 128]}, "epochs": 8,
        "augment": "alternate+shift", "look": "flip", "batch_size": 500, "accumulate": 2, "bias_lr": 0.053 * 1000,
        "head_lr": 0.67 * 1000, "weight_decay": 2e-6 * 1000,
    },
}  # fmt: skip


def named(name: str) -> dict[str, Any]:
    """The settings of a recipe.

    Raises
    ------
    ArgumentError
        There is none of that name.
    """
    if name not in RECIPES:
        raise ArgumentError(f"recipe: there is no recipe {name!r}; {suggest(name, RECIPES)}")
    return RECIPES[name]


def suggest(name: str, known: Any) -> str:
    """The end of a sentence about an unknown name."""
    near = closest(name, known)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
