"""Whole training steps and inference, against PyTorch: same weights, same batch, same threads, in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .networks import NETWORKS
from .timing import interleave


def _ours(name: str, batch: int, training: bool, state: dict[str, Any], x: Any, t: Any) -> Callable[[], Any]:
    import tinygrad_cv as tg
    from tinygrad_cv import nn, optim

    build = NETWORKS[name][0]
    model = build(nn)
    model.load_state_dict({k: tg.tensor(v) for k, v in state.items()})
    inputs, targets = tg.tensor(x), tg.tensor(t)
    if not training:
        model.eval()

        def infer() -> Any:
            with tg.no_grad():
                return model(inputs)

        return infer
    model.train()
    optimiser = optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> Any:
        optimiser.zero_grad()
        loss = tg.cross_entropy(model(inputs), targets)
        loss.backward()
        optimiser.step()
        return loss

    return step


def _torch(name: str, training: bool, x: Any, t: Any, channels_last: bool, model: Any) -> Callable[[], Any]:
    import copy

    import torch

    model = copy.deepcopy(model)
    inputs, targets = torch.tensor(x), torch.tensor(t)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    if not training:
        model.eval()

        def infer() -> Any:
            with torch.no_grad():
                return model(inputs)

        return infer
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> Any:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimiser.step()
        return loss

    return step


def row(name: str, training: bool, batch: int | None = None, rounds: int = 15, seconds: float = 6.0) -> dict[str, Any]:
    """Measure one network: seconds of each side, the ratio PyTorch's best / ours, and the first losses or outputs."""
    import torch

    build, shape, classes = NETWORKS[name]
    shape = shape if batch is None else (batch, *shape[1:])
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    t = rng.integers(0, classes, shape[0])
    torch.manual_seed(0)
    model = build(torch.nn)
    state = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    candidates = {
        "ours": _ours(name, shape[0], training, state, x, t),
        "torch": _torch(name, training, x, t, False, model),
        "torch channels-last": _torch(name, training, x, t, True, model),
    }
    first = [np.asarray(candidates[k]().detach()) for k in ("ours", "torch")]
    difference = float(np.abs(first[0] - first[1]).max() / max(np.abs(first[1]).max(), 1e-30))
    times = interleave(candidates, rounds, seconds, least=0.05)  # steps follow one another, as in training
    best = min(times["torch"], times["torch channels-last"])
    return {
        "name": name,
        "batch": shape[0],
        "ours_ms": times["ours"] * 1e3,
        "torch_ms": times["torch"] * 1e3,
        "torch_channels_last_ms": times["torch channels-last"] * 1e3,
        "ratio": best / times["ours"],
        "difference": difference,
    }


def _chosen(quick: bool, names: list[str] | None) -> list[str]:
    """Return the networks to measure: those whose names contain one of ``names``, or the first four, or all."""
    if names is not None:
        return [name for name in NETWORKS if any(wish.lower() in name.lower() for wish in names)]
    return list(NETWORKS)[: 4 if quick else None]


def training_rows(quick: bool = False, names: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Training steps of all networks."""
    for name in _chosen(quick, names):
        yield row(name, True, seconds=3.0 if quick else 8.0)


def inference_rows(quick: bool = False, names: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Inference of all networks, one image and 64."""
    for name in _chosen(quick, names):
        for batch in (1, 64):
            yield row(name, False, batch, seconds=2.0 if quick else 5.0)
