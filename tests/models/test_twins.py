"""The same weights give the same scores and gradients as torchvision's networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import models, nn

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SIDES = {"alexnet": 71, "vgg11": 32, "vgg16_bn": 32}
NAMES = (
    "alexnet vgg11 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2 googlenet mobilenet_v2 efficientnet_b0 "
    "efficientnet_b4 squeezenet1_0 squeezenet1_1 densenet121"
).split()


def prepared(name: str, dtype: Any, training: bool) -> nn.Module:
    """A network with weights and running statistics drawn at random, and without dropout."""
    tg.manual_seed(1)
    net = models.get_model(name, num_classes=10)
    rng = np.random.default_rng(2)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0  # type: ignore[assignment]
        if isinstance(module, nn.BatchNorm2d):
            c = module.num_features
            for tensor, low, high in (
                (module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5),
                (module.running_mean, -0.2, 0.2), (module.running_var, 0.7, 1.5),
            ):  # fmt: skip
                tensor._data[...] = rng.uniform(low, high, c)
        elif isinstance(module, nn.Conv2d):
            spread = np.sqrt(2 / np.prod(module.weight.shape[1:]))
            module.weight._data[...] = rng.normal(0, spread, module.weight.shape)
        elif isinstance(module, nn.Linear):
            module.weight._data[...] = rng.normal(0, np.sqrt(1 / module.in_features), module.weight.shape)
    return net.to(dtype).train(training)


def relative(ours: Any, theirs: Any) -> float:
    a, b = np.asarray(ours, np.float64), theirs.detach().numpy().astype(np.float64)
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))


def compare(name: str, kind: str, training: bool) -> tuple[float, float]:
    """The greatest relative difference of scores, and of the gradients of all parameters."""
    import torch

    from tests.models.twins import TWINS, Twin

    dtype = np.dtype(kind)
    net = prepared(name, dtype, training)
    side = SIDES.get(name, 64)
    x = np.random.default_rng(3).normal(size=(3, 3, side, side)).astype(dtype)
    state = {k: torch.from_numpy(np.array(v.numpy(), order="C")) for k, v in net.state_dict().items()}
    learned = [k for k, _ in net.named_parameters()]
    for k in learned:
        state[k].requires_grad_()
    theirs = TWINS[name](Twin(state, training), torch.from_numpy(x))
    y = net(tg.from_numpy(x))
    y = tg.cat(list(y), 1) if isinstance(y, tuple) else y
    g = np.random.default_rng(4).normal(size=y.shape).astype(dtype)
    theirs.backward(torch.from_numpy(g))
    y.backward(tg.from_numpy(g))
    pairs = []
    for k, p in net.named_parameters():
        grad = state[k].grad
        assert (grad is None) == (p.grad is None), k
        if grad is not None:
            pairs.append((p.grad.numpy().astype(np.float64), grad.numpy().astype(np.float64)))
    # a shift before a norm has no effect, so its gradient is 0 but for rounding: measured against the greatest one
    floor = 1e-6 * max(np.linalg.norm(b) for _, b in pairs)
    worst = max(np.linalg.norm(a - b) / max(np.linalg.norm(b), floor) for a, b in pairs)
    return relative(y.detach().numpy(), theirs), float(worst)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_scores_and_gradients_are_torchvisions_in_float64(name: str, training: bool) -> None:
    scores, gradients = compare(name, "f8", training)
    assert scores < 1e-9 and gradients < 1e-7, (scores, gradients)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_torchvisions_in_float32(name: str) -> None:
    scores, gradients = compare(name, "f4", False)
    assert scores < 1e-4 and gradients < 1e-2, (scores, gradients)
