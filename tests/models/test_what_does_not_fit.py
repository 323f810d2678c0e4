"""Whatever does not fit a network of the zoo is refused in words that name the layer, and the size that would fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import models, nn
from tinygrad_cv.models import registry
from tinygrad_cv.nn.utils import load_partial
from tinygrad_cv.ops.errors import ArgumentError, ShapeError

ZOO = models.list_models()


def untrained(name: str, **config: Any) -> nn.Module:
    """A network whose weights were never filled, for what ends before they matter."""
    with registry.unfilled():
        return models.get_model(name, **config)


@pytest.mark.parametrize("name", ZOO)
def test_other_channels_name_the_layer_and_the_images_that_fit(name: str) -> None:
    net = untrained(name)
    c, h, w = models.input_size(net)
    with pytest.raises(ShapeError) as caught:
        net(torch.zeros(1, c + 1, h, w))
    message = str(caught.value)
    layers = [path for path, module in net.named_modules() if path and not list(module.children())]
    assert any(message.startswith(f"{path}: ") for path in layers) or message.startswith("hog: "), message
    assert f"got x {(1, c + 1, h, w)}; give (N, {c}, " in message


@pytest.mark.parametrize("name", [n for n in ZOO if getattr(untrained(n), "smallest", None) != 1])
def test_a_small_image_names_the_layer_and_the_least_that_fits(name: str) -> None:
    net = untrained(name).eval()
    c, h, w = models.input_size(net)
    if net.smallest is None:
        side, words = h - 3, f"give (N, {c}, {h}, {w})"
    else:
        side, words = net.smallest - 1, f"with H and W of at least {net.smallest}"
    anything = np.errstate(all="ignore")  # memory that was never filled
    with torch.no_grad(), anything, pytest.raises(ShapeError) as caught:
        net(torch.zeros(1, c, side, side))
    assert words in str(caught.value)
    layers = [path for path, module in net.named_modules() if path and not list(module.children())]
    assert any(str(caught.value).startswith(f"{path}: ") for path in layers), str(caught.value)


@pytest.mark.parametrize("name", ZOO)
def test_another_number_of_classes_names_the_last_layer(name: str) -> None:
    ten, three = untrained(name, num_classes=10), untrained(name, num_classes=3)
    last = [path for path, p in three.named_parameters() if 3 in p.shape][-1]
    with pytest.raises(ShapeError) as caught:
        three.load_state_dict(ten.state_dict())
    message = str(caught.value)
    assert f"{last} is (3," in message
    assert "matched (" in message and "other shapes (" in message or name in ("softmax_regression", "hog_softmax")


@pytest.mark.parametrize(("name", "other"), list(zip(ZOO, ZOO[1:] + ZOO[:1])))
def test_the_state_of_another_network_is_refused_with_a_list(name: str, other: str) -> None:
    state, net = untrained(other).state_dict(), untrained(name)
    if {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in net.state_dict().items()}:
        assert {name, other} == {"lenet", "lenet5"}  # one network in two forms
        return
    with pytest.raises((ShapeError, ArgumentError), match="nothing was loaded") as caught:
        net.load_state_dict(state)
    assert any(f"  {kind} (" in str(caught.value) for kind in ("missing", "unexpected", "other shapes"))


def test_a_partial_load_takes_what_fits_and_lists_the_rest() -> None:
    trained, net = models.resnet20(num_classes=10), models.resnet20(num_classes=3)
    start, state = net.fc.weight._data.copy(), dict(trained.state_dict())
    del state["bn1.weight"]
    state["head.weight"] = torch.zeros(2)
    found = load_partial(net, state)
    assert found.missing == ["bn1.weight"] and found.unexpected == ["head.weight"]
    assert list(found.mismatched) == ["fc.weight", "fc.bias"] and len(found.matched) == len(state) - 3
    assert (net.conv1.weight._data == trained.conv1.weight._data).all()
    assert (net.fc.weight._data == start).all()
    for part in (f"matched ({len(found.matched)})", "missing (1): bn1.weight", "unexpected (1): head.weight",
                 "other shapes (2): fc.weight is (3, 64) here, (10, 64) in the state"):  # fmt: skip
        assert part in str(found)


def test_a_partial_load_of_nothing_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no entry of this state fits CifarResNet"):
        load_partial(models.resnet20(), models.simple_cnn().state_dict() | {"fc.weight": torch.zeros(1)})
