"""The optimiser and the schedule that a `Config` names, for the network at hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinygrad_cv import optim
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.train.config import Config

WHITENING_EPOCHS = 3
"""After so many epochs, the offsets of a whitening layer rest."""


def build_optimizer(config: Config, model: Module) -> optim.Optimizer:
    """Build what updates the network's weights.

    - "adamw": weight decay for all parameters.
    - "sgd": Nesterov's momentum, weight decay for matrices and filters alone.
    - "muon": filters by Muon with ``lr`` and ``momentum``. The rest by SGD with momentum 0.85 and rates of their own
      (decoupled: the decay of a step does not depend on the rate): ``head_lr`` for matrices, ``bias_lr`` for offsets.

    Raises
    ------
    ArgumentError
        Muon is to train a network without filters.
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    if config.optimizer == "adamw":
        return optim.AdamW(learned, lr=config.lr, weight_decay=config.weight_decay)
    if config.optimizer == "muon":
        return _muon(config, model)
    matrices, others = [p for p in learned if p.ndim > 1], [p for p in learned if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": config.weight_decay}]
    groups += [{"params": others, "weight_decay": 0.0}] if others else []
    return optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0)


def _muon(config: Config, model: Module) -> optim.Optimizer:
    first = {name for name, _ in model.named_parameters() if name.startswith("whiten.")}
    learned = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    filters = [p for n, p in learned if p.ndim == 4]
    if not filters:
        raise ArgumentError(f"optimizer: muon is for filters, and {config.model} has none; give sgd or adamw")
    head_lr = config.lr if config.head_lr is None else config.head_lr
    bias_lr = config.lr if config.bias_lr is None else config.bias_lr
    decay = config.weight_decay
    parts: list[tuple[list[Any], float, dict[str, Any]]] = [
        ([p for n, p in learned if n in first and p.ndim < 2], bias_lr, {"until": WHITENING_EPOCHS}),
        ([p for n, p in learned if n not in first and p.ndim < 2], bias_lr, {}),
        ([p for n, p in learned if p.ndim in (2, 3)], head_lr, {}),
    ]
    groups = [{"params": ps, "lr": lr, "weight_decay": decay / lr, **more} for ps, lr, more in parts if ps]
    muon = optim.Muon(filters, lr=config.lr, weight_decay=0.0, momentum=config.momentum, unit_filters=True)
    return optim.Several(muon, optim.SGD(groups, momentum=0.85, nesterov=True)) if groups else muon


def build_schedule(config: Config, optimizer: optim.Optimizer, steps: int) -> Any:
    """Build the schedule for epochs of ``steps`` steps; it is told of every step.

    "cycle" rises and falls along cosines (Smith and Topin 2017). The others rise linearly in the share ``warm_up`` of
    all steps, then "linear" falls to zero along a line, "cosine" along a cosine, "stairs" by 5 % every 5 epochs, and
    "flat" stays. A parameter group with ``until`` follows a line to zero at the end of that epoch.
    """
    total = steps * config.epochs
    if config.schedule == "cycle":
        return optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=config.lr, total_steps=total + 1, pct_start=config.warm_up, cycle_momentum=False
        )
    rising = round(config.warm_up * total)

    def share(t: int) -> float:
        if t < rising:
            return (t + 1) / (rising + 1)
        done = min(1.0, (t - rising) / max(1, total - rising))
        if config.schedule == "linear":
            return 1 - done
        if config.schedule == "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        return 0.95 ** (t // steps // 5) if config.schedule == "stairs" else 1.0

    def until(epochs: int) -> Callable[[int], float]:
        return lambda t: max(0.0, 1 - t / (min(epochs, config.epochs) * steps))

    shares = [until(group["until"]) if "until" in group else share for group in optimizer.param_groups]
    return optim.lr_scheduler.LambdaLR(optimizer, shares)
