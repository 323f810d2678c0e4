"""The networks have the sizes that the papers and notes state, and a registry that refuses nonsense."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import models, nn
from tinygrad_cv.models import registry
from tinygrad_cv.ops.errors import ArgumentError

COUNTS = {
    "softmax_regression": 30_730,
    "two_layer_net": 616_610,
    "simple_convnet": 433_890,
    "simple_cnn": 44_426,
    "lenet5": 61_706,
    "lenet": 61_706,
}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "parameters"), COUNTS.items())
def test_parameter_counts_are_those_of_the_literature(name: str, parameters: int) -> None:
    assert count(models.get_model(name)) == parameters


@pytest.mark.parametrize("name", COUNTS)
def test_each_model_scores_the_images_it_was_built_for(name: str) -> None:
    model = models.get_model(name)
    assert model(torch.zeros(2, *models.input_size(model))).shape == (2, 10)


@pytest.mark.parametrize("name", COUNTS)
def test_each_model_fits_other_images_and_classes(name: str) -> None:
    model = models.get_model(name, in_channels=2, image_size=20, num_classes=3)
    assert models.input_size(model) == (2, 20, 20)
    assert model(torch.zeros(1, 2, 20, 20)).shape == (1, 3)


@pytest.mark.parametrize("name", COUNTS)
def test_each_model_says_where_it_comes_from(name: str) -> None:
    cls = type(models.get_model(name))
    assert "Source:" in inspect.getdoc(cls)  # type: ignore[operator]
    assert "Parameters:" in inspect.getdoc(cls)  # type: ignore[operator]


def test_lenet_runs_through_the_shapes_of_its_paper() -> None:
    x, shapes = torch.zeros(1, 1, 28, 28), []
    net = models.LeNet5()
    for layer in [*net.features, *net.classifier]:
        x = layer(x)
        shapes.append(x.shape[1:])
    assert shapes[:6] == [(6, 28, 28), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 10, 10), (16, 5, 5)]
    assert shapes[6:] == [(400,), (120,), (120,), (84,), (84,), (10,)]


def test_lenet_comes_as_drawn_and_as_built_today() -> None:
    def kinds(net: nn.Module) -> set[type]:
        return {type(m) for m in net.modules()}

    assert {nn.Sigmoid, nn.AvgPool2d} <= kinds(models.lenet5()) and nn.ReLU not in kinds(models.lenet5())
    assert {nn.ReLU, nn.MaxPool2d} <= kinds(models.lenet()) and nn.Sigmoid not in kinds(models.lenet())


def test_simple_convnet_has_the_relu_that_its_listing_forgot() -> None:
    net = models.SimpleConvNet()
    net.conv1.weight.data, net.conv1.bias.data = net.conv1.weight._data * 0, net.conv1.bias._data - 1
    hidden = []
    net.fc1.register_forward_hook(lambda module, args, output: hidden.append(args[0]))
    net(torch.zeros(1, 1, 28, 28))
    assert np.all(hidden[0].detach().numpy() == 0)


@pytest.mark.parametrize(("name", "key"), [("LeNet-5", "lenet5"), ("simplecnn", "simple_cnn"), ("LENET", "lenet")])
def test_capitals_and_dashes_do_not_matter(name: str, key: str) -> None:
    assert models.get_model_builder(name) is models.get_model_builder(key)


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no model 'lenett'; did you mean lenet"):
        models.get_model("lenett")
    with pytest.raises(ArgumentError, match=r"no model 'qqqq'; there are .*lenet"):
        models.get_model("qqqq")


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match="lenet takes no hiden; it takes num_classes"):
        models.get_model("lenet", hiden=3)


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))
    models.register_model("my_net")(lambda: nn.Linear(2, 2))
    assert "my_net" in models.list_models()
    with pytest.raises(ArgumentError, match="'my_net' belongs to"):
        models.register_model("my_net")(lambda: nn.Linear(2, 2))


def test_counting_fills_no_weights_and_undoes_itself() -> None:
    torch.manual_seed(0)
    with registry.unfilled():
        assert count(models.lenet()) == 61_706
    first = models.lenet()
    torch.manual_seed(0)
    assert np.array_equal(first.features[0].weight._data, models.lenet().features[0].weight._data)


def test_the_list_can_be_filtered() -> None:
    assert models.list_models(include="lenet*") == ["lenet", "lenet5"]
    assert "lenet5" not in models.list_models(exclude=["*5"])
    assert models.list_models() == sorted(models.list_models())


@pytest.mark.parametrize(("name", "size"), [("lenet", 8), ("simple_cnn", 12), ("simple_convnet", 5)])
def test_an_image_that_is_too_small_is_refused(name: str, size: int) -> None:
    with pytest.raises(ArgumentError, match=f"leave nothing of {size} x {size}"):
        models.get_model(name, image_size=size)


def test_unknown_parts_of_lenet_are_refused() -> None:
    with pytest.raises(ArgumentError, match="activation='swish'"):
        models.LeNet5(activation="swish")
