"""Templates become the networks that they spell."""

from __future__ import annotations

import pytest

import tinygrad_cv as torch
from tinygrad_cv import models, nn
from tinygrad_cv.models.template import from_template
from tinygrad_cv.ops.errors import ArgumentError

NOTES = "INPUT -> [CONV -> RELU -> POOL]*2 -> [FC -> RELU]*1 -> OUTPUT"


def kinds(net: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in net.layers]


def test_the_notes_template_is_the_notes_network() -> None:
    net = from_template("[CONV -> RELU -> POOL]*2 -> FC", channels=[32, 64], kernel_size=5)
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in models.cifar_cnn().parameters()) == 94_666
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_brackets_repeat_also_within_each_other() -> None:
    assert kinds(from_template(NOTES)) == kinds(from_template("[[conv->relu]*1 -> pool]*2 -> fc -> relu -> fc"))
    twice = from_template("[[CONV -> RELU]*2 -> POOL]*2 -> FC")
    assert kinds(twice) == [*["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"] * 2, "Flatten", "Linear"]
    assert kinds(from_template("[CONV -> RELU -> POOL]*0 -> FC")) == ["Flatten", "Linear"]


def test_a_single_width_doubles_with_each_pooling() -> None:
    net = from_template("[CONV -> POOL]*3 -> GAP -> FC", channels=8)
    assert [m.out_channels for m in net.layers if isinstance(m, nn.Conv2d)] == [8, 16, 32]
    assert net(torch.zeros(1, 3, 50, 40)).shape == (1, 10)


def test_every_word_has_a_layer() -> None:
    net = from_template("CONV->BN->TANH->AVGPOOL->FC->BN->SIGMOID->DROPOUT->FC", hidden=[7], image_size=8)
    assert kinds(net)[1:4] == ["BatchNorm2d", "Tanh", "AvgPool2d"] and kinds(net)[6] == "BatchNorm1d"
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("CONV -> RELLU -> FC", "there is no word 'RELLU'"),
        ("[CONV -> FC", "leaves a bracket open"),
        ("CONV] -> FC", "closes a bracket"),
        ("CONV*2 -> FC", "follows no bracket"),
        ("CONV -> RELU", "end it with -> FC"),
        ("FC -> CONV -> FC", "CONV follows an affine layer"),
        ("[CONV -> POOL]*6 -> FC", "an image_size of at least 64"),
        ("CONV ? FC", "cannot read ' ? FC'"),
    ],
)
def test_a_template_that_means_nothing_is_refused(template: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        from_template(template)
    assert message in str(caught.value)


def test_lists_that_are_too_short_are_refused() -> None:
    with pytest.raises(ArgumentError, match="channels has 1 numbers for 2 layers"):
        from_template(NOTES, channels=[3])
