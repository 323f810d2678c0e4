"""torchvision's own networks, for comparison; tests that ask for them are skipped where it is not installed."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import models, nn
from tinygrad_cv.models import registry

SMALL = "resnet18 mobilenet_v2 efficientnet_b0 squeezenet1_0 squeezenet1_1 densenet121 googlenet".split()
MIDDLE = (
    "alexnet resnet34 resnet50 resnext50_32x4d efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 "
    "densenet169 densenet201"
).split()
HUGE = (
    "vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn resnet101 resnet152 resnext101_32x8d wide_resnet50_2 "
    "wide_resnet101_2 densenet161"
).split()
EVERY = sorted(SMALL + MIDDLE + HUGE)


def torchvision() -> Any:
    """Return torchvision.

    Where its compiled operators do not fit the installed torch, the import stops at the declaration of ``nms``, which
    no classifier uses. The two missing names are declared then, and it is imported once more.
    """
    torch = pytest.importorskip("torch")
    try:
        return importlib.import_module("torchvision")
    except ImportError:
        return pytest.skip("torchvision is not installed")
    except RuntimeError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    names = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        names.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    vision = importlib.import_module("torchvision")
    vision.declared_by_the_tests = names  # the declaration ends with the object that made it
    return vision


def calm(net: Any) -> Any:
    """Take what is random out of a network, of either library."""
    for module in net.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth"):
            module.p = 0.0
    return net


def built(name: str, **config: Any) -> Any:
    """torchvision's network; googlenet is told its present start, which it announces to change."""
    library = torchvision()
    importlib.import_module("torch").manual_seed(1)
    start = {"init_weights": True} if name == "googlenet" else {}
    return getattr(library.models, name)(weights=None, **start, **config)


def pair(name: str, dtype: str, training: bool, **config: Any) -> tuple[nn.Module, Any]:
    """Our network and torchvision's, with the weights that torchvision started from, loaded with strict=True."""
    torchvision()
    import torch

    theirs = calm(built(name, **config)).to(getattr(torch, dtype)).train(training)
    with registry.unfilled():
        ours = calm(models.get_model(name, weights=None, **config)).to(np.dtype(dtype)).train(training)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def one_tensor(scores: Any, joined: Any) -> Any:
    """The scores, or, of a network with auxiliary heads, all of them side by side."""
    return joined(list(scores), 1) if isinstance(scores, tuple) else scores


def gradients(ours: nn.Module, theirs: Any, side: int = 64) -> tuple[float, float, float, float]:
    """The greatest differences of scores, image gradients, parameter gradients, and statistics after the run.

    Scores and the image's gradient are compared with their greatest element; each parameter's gradient by norms. A
    shift before a norm has no effect, so its gradient is zero but for rounding: the norms are not taken as less than
    a millionth of the greatest.
    """
    import torch

    dtype = np.dtype(next(ours.parameters()).dtype)
    rng = np.random.default_rng(2)
    images = rng.normal(size=(3, 3, side, side)).astype(dtype)
    a, b = tg.tensor(images, requires_grad=True), torch.from_numpy(images).requires_grad_()
    y, z = one_tensor(ours(a), tg.cat), one_tensor(theirs(b), torch.cat)
    g = rng.normal(size=y.shape).astype(dtype)
    y.backward(tg.from_numpy(g))
    z.backward(torch.from_numpy(g))
    expected = {k: p.grad for k, p in theirs.named_parameters()}
    found = {k: p.grad for k, p in ours.named_parameters()}
    assert {k for k, v in expected.items() if v is None} == {k for k, v in found.items() if v is None}
    grads = [(wide(found[k]), wide(v)) for k, v in expected.items() if v is not None]
    floor = 1e-6 * max(np.linalg.norm(v) for _, v in grads)
    worst = max(np.linalg.norm(u - v) / max(np.linalg.norm(v), floor) for u, v in grads)
    after = ours.state_dict()
    kept = [(wide(after[k]), wide(v)) for k, v in theirs.state_dict().items() if "running" in k]
    statistics = max((float(np.abs(u - v).max()) for u, v in kept), default=0.0)
    return relative(y, z), relative(a.grad, b.grad), float(worst), statistics


def wide(tensor: Any) -> np.ndarray:
    """The numbers of either library's tensor in float64."""
    return np.asarray(tensor.detach().numpy(), np.float64)


def relative(ours: Any, theirs: Any) -> float:
    """The greatest difference as a share of the greatest element."""
    u, v = wide(ours), wide(theirs)
    return float(np.abs(u - v).max() / max(np.abs(v).max(), 1e-300))
