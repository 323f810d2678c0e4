"""The networks of the papers: counts, names of weights, sizes of images, and what is said where they do not fit."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import tinygrad_cv as torch
from tinygrad_cv import models, nn
from tinygrad_cv.nn.blocks import Inception, PlainConv2d
from tinygrad_cv.ops.errors import ArgumentError, ShapeError

KEYS = Path(__file__).with_name("keys")

COUNTS = {
    "cifar_cnn": 94_666, "hog_softmax": 3_250, "nin": 7_439_608, "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496, "mobilenet_v2": 3_504_872, "efficientnet_b0": 5_288_548, "ghostnet": 5_182_508,
    "densenet121": 7_978_856, "googlenet": 13_004_888, "resnet18": 11_689_512, "resnet20": 269_722,
    "se_resnet18": 11_778_592, "airbench": 1_972_792,
}  # fmt: skip
LARGE = {
    "alexnet": 61_100_840, "alexnet_2012": 60_965_224, "vgg11": 132_863_336, "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160,
    "resnet152": 60_192_808, "resnext50_32x4d": 25_028_904, "wide_resnet50_2": 68_883_240, "resnet110": 1_727_962,
    "se_resnet50": 28_088_024, "efficientnet_b1": 7_794_184, "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232, "efficientnet_b4": 19_341_616, "densenet161": 28_681_000,
    "densenet169": 14_149_480, "densenet201": 20_013_928,
}  # fmt: skip
SMALL_FORMS = (
    "resnet18 resnet20 se_resnet18 nin googlenet mobilenet_v2 efficientnet_b0 squeezenet1_0 squeezenet1_1 densenet121 "
    "ghostnet"
).split()


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "parameters"), COUNTS.items())
def test_parameter_counts_are_those_of_the_papers(name: str, parameters: int) -> None:
    assert count(models.get_model(name)) == parameters


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters"), LARGE.items())
def test_parameter_counts_of_large_networks_are_those_of_the_papers(name: str, parameters: int) -> None:
    assert count(models.get_model(name)) == parameters


def test_the_notes_numbers_come_from_forms_of_the_same_networks() -> None:
    assert count(models.cifar_cnn(batch_norm=True)) == 94_858
    assert count(models.googlenet(aux_logits=False)) == 6_624_904
    assert [count(models.hog_softmax(cell=c)) for c in (8, 4, 2)] == [3_250, 17_650, 81_010]
    assert count(models.hog_softmax(cell=2, orientations=10)) == 90_010
    assert count(models.nin(num_classes=10, image_size=32)) == 966_986
    parts = (192, 64, 96, 128, 16, 32)
    assert count(Inception(*parts, 32, conv_block=PlainConv2d, large=5)) == 163_696
    assert count(Inception(*parts, 0, conv_block=PlainConv2d, large=5)) == 157_520


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * ("vgg" in p.stem)) for p in sorted(KEYS.glob("*.txt"))],
)
def test_weights_have_torchvisions_names_and_shapes(path: Path) -> None:
    rows = dict(line.split() for line in path.read_text().splitlines())
    expected = {k: () if shape == "-" else tuple(int(n) for n in shape.split("x")) for k, shape in rows.items()}
    state = models.get_model(path.stem).state_dict()
    assert list(state) == list(expected)
    assert {k: v.shape for k, v in state.items()} == expected


@pytest.mark.parametrize("name", SMALL_FORMS)
def test_a_small_form_fits_small_images_and_other_channels(name: str) -> None:
    model = models.get_model(name, in_channels=1, image_size=32, num_classes=7)
    assert models.input_size(model) == (1, 32, 32)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("name", ["nin", "squeezenet1_0", "squeezenet1_1", "densenet121", "googlenet"])
def test_the_smallest_image_is_the_smallest(name: str) -> None:
    model = models.get_model(name, num_classes=3).eval()
    side = model.smallest
    assert model(torch.zeros(1, 3, side, side)).shape == (1, 3)
    with pytest.raises(ShapeError, match=rf"H and W of at least {side}"):
        model(torch.zeros(1, 3, side - 1, side - 1))


@pytest.mark.parametrize("name", [*COUNTS, "se_resnet34", "vgg11"])
def test_each_class_says_where_it_comes_from(name: str) -> None:
    builder = models.get_model_builder(name)
    cls = getattr(models, str(inspect.signature(builder, eval_str=False).return_annotation))
    assert "Source:" in str(inspect.getdoc(cls))


def test_a_wrong_number_of_channels_names_the_layer_and_the_images_that_fit() -> None:
    with pytest.raises(ShapeError, match=r"features.0.0: conv2d: x has 1 channels .* give \(N, 3, H, W\)"):
        models.mobilenet_v2()(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ShapeError, match=r"classifier.1: linear: .* CifarCNN got x .* give \(N, 3, 32, 32\)"):
        models.cifar_cnn()(torch.zeros(1, 3, 28, 28))


def test_the_state_of_another_network_is_refused_with_a_list() -> None:
    state = models.squeezenet1_0().state_dict()
    with pytest.raises(ShapeError, match=r"(?s)SqueezeNet cannot take .*matched.*missing.*unexpected.*other shapes"):
        models.squeezenet1_1().load_state_dict(state)


def test_another_number_of_classes_is_seen_in_the_last_layer() -> None:
    with pytest.raises(ShapeError, match=r"other shapes \(2\): classifier.1.weight is \(5, 4096\) here"):
        models.cifar_cnn(5).load_state_dict(models.cifar_cnn(10).state_dict())


def test_googlenet_returns_its_auxiliary_scores_in_training_only() -> None:
    net = models.googlenet(num_classes=4)
    y = net(torch.zeros(2, 3, 48, 48))
    assert isinstance(y, models.GoogLeNetOutputs) and [s.shape for s in y] == [(2, 4)] * 3
    assert net.eval()(torch.zeros(2, 3, 48, 48)).shape == (2, 4)


def test_settings_without_a_meaning_are_refused() -> None:
    with pytest.raises(ArgumentError, match="version is '2'"):
        models.SqueezeNet("2")
    with pytest.raises(ArgumentError, match="give rows"):
        models.MobileNetV2(inverted_residual_setting=[(1, 2, 3)])
    with pytest.raises(ShapeError, match="images of at least 67 x 67"):
        models.nin(image_size=65)
