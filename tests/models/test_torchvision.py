"""torchvision's weights go into our networks as they are, and give its scores and gradients."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.theirs import EVERY, HUGE, MIDDLE, SMALL, built, gradients, one_tensor, pair, relative, torchvision
from tinygrad_cv import models, nn
from tinygrad_cv.models import registry

pytestmark = pytest.mark.oracle
KEYS = Path(__file__).with_name("keys")
slow = pytest.mark.slow


def weighed(small: list[str], large: list[str]) -> list[Any]:
    return [*small, *(pytest.param(name, marks=slow) for name in large)]


def described(state: Any) -> list[str]:
    """Names, shapes and kinds of numbers, in order."""
    return [f"{k} {'x'.join(map(str, v.shape)) or '-'} {str(v.dtype).rpartition('.')[2]}" for k, v in state.items()]


@pytest.mark.parametrize("name", EVERY)
def test_names_shapes_dtypes_and_order_are_torchvisions(name: str) -> None:
    torchvision()
    import torch

    with torch.device("meta"):
        expected = described(built(name).state_dict())
    with registry.unfilled():
        assert described(models.get_model(name).state_dict()) == expected
    rows = [line.rpartition(" ")[0] for line in expected]
    if (KEYS / f"{name}.txt").exists():
        assert (KEYS / f"{name}.txt").read_text().splitlines() == rows
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    assert f"{name} {len(rows)} {digest}" in (KEYS / "digests").read_text().splitlines()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", weighed(SMALL[:-2], [*SMALL[-2:], *MIDDLE, *HUGE]))
def test_scores_and_gradients_are_torchvisions_in_float64(name: str, training: bool) -> None:
    side = {"alexnet": 71}.get(name, 64)
    found = gradients(*pair(name, "float64", training), side)
    assert max(found) < 1e-9, found


@pytest.mark.parametrize("name", weighed(SMALL, [*MIDDLE, *HUGE]))
def test_scores_are_torchvisions_in_float32(name: str) -> None:
    import torch

    import tinygrad_cv as tg

    ours, theirs = pair(name, "float32", False)
    images = np.random.default_rng(3).normal(size=(2, 3, 96, 96)).astype("f4")
    with torch.no_grad(), tg.no_grad():
        found = relative(ours(tg.from_numpy(images)), theirs(torch.from_numpy(images)))
    assert found < 1e-4, found


def smooth(net: Any, library: Any) -> Any:
    """Put SiLU in the place of each ReLU and means in the place of each maximum, in either library's network."""
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            kind = type(child).__name__
            if kind in ("ReLU", "ReLU6"):
                setattr(module, name, library.SiLU())
            elif kind == "MaxPool2d":
                window = (child.kernel_size, child.stride, child.padding)
                setattr(module, name, library.AvgPool2d(*window, ceil_mode=child.ceil_mode))
    return net


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", ["squeezenet1_0", pytest.param("resnet50", marks=slow)])
def test_gradients_agree_in_float32_where_the_network_is_smooth(name: str, training: bool) -> None:
    # A ReLU whose input rounds to the other side of 0 lets a gradient through or not, and one such pixel changes the
    # gradient of a deep network by 1e-4 to 1e-1 (torch's float32 against its float64: resnet50 in training 4e-2).
    # Without kinks and jumps what is left is rounding.
    import torch

    ours, theirs = pair(name, "float32", training)
    found = gradients(smooth(ours, nn), smooth(theirs, torch.nn), 96)
    # in training the statistics of three images amplify rounding: 1.1e-4 was seen for resnet50
    assert max(found[:3]) < (3e-4 if training else 1e-4), found


CONFIGS: list[tuple[str, dict[str, Any]]] = [
    ("resnet50", {"replace_stride_with_dilation": [False, True, True], "num_classes": 7}),
    ("resnet18", {"zero_init_residual": True, "num_classes": 3, "progress": False}),
    ("resnet18", {"norm_layer": "group"}),
    ("mobilenet_v2", {"width_mult": 0.5, "dropout": 0.4, "round_nearest": 4}),
    ("squeezenet1_1", {"dropout": 0.1, "num_classes": 12}),
    ("densenet121", {"memory_efficient": True, "drop_rate": 0.0, "bn_size": 2}),
    ("googlenet", {"aux_logits": False, "transform_input": True}),
    ("googlenet", {"dropout": 0.3, "dropout_aux": 0.2, "num_classes": 5}),
    ("efficientnet_b0", {"stochastic_depth_prob": 0.1, "dropout": 0.3, "num_classes": 4}),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=[f"{n}-{'-'.join(c)}" for n, c in CONFIGS])
def test_torchvisions_arguments_mean_the_same(name: str, config: dict[str, Any]) -> None:
    import torch

    import tinygrad_cv as tg

    torchvision()
    grouped = [{**config, "norm_layer": partial(lib.GroupNorm, 8)} for lib in (nn, torch.nn)]
    if config.get("norm_layer") == "group":
        theirs = built(name, **grouped[1]).double()
        ours = models.resnet18(**grouped[0]).double()
        ours.load_state_dict(theirs.state_dict(), strict=True)
    else:
        ours, theirs = pair(name, "float64", False, **config)
    images = np.random.default_rng(3).normal(size=(2, 3, 64, 64))
    y, z = one_tensor(ours(tg.from_numpy(images)), tg.cat), one_tensor(theirs(torch.from_numpy(images)), torch.cat)
    assert relative(y, z) < 1e-9


@pytest.mark.parametrize("name", weighed(SMALL, ["alexnet", "vgg11", "vgg11_bn", "resnet50", "efficientnet_b4"]))
def test_networks_start_from_torchvisions_distributions(name: str) -> None:
    # the log of the ratio of two measured deviations of n numbers has a deviation of 1/sqrt(n) for a normal
    # distribution, and less for a uniform one; the difference of two means sqrt(2/n) deviations
    theirs = built(name)
    ours = models.get_model(name).state_dict()
    for key, value in theirs.state_dict().items():
        a, b = np.asarray(value.numpy(), float).ravel(), np.asarray(ours[key].numpy(), float).ravel()
        if np.ptp(a) == 0:
            assert np.array_equal(a, b), key
        else:
            assert abs(np.log(a.std() / b.std())) < 6 / np.sqrt(a.size), key
            assert abs(a.mean() - b.mean()) < 6 * a.std() * np.sqrt(2 / a.size), key
