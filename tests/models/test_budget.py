"""Budgets are those of the literature, and stated numbers get a verdict with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_cv import models, nn
from tinygrad_cv.models.budget import budget
from tinygrad_cv.models.claims import check_notes, digits, explain_count, small_networks
from tinygrad_cv.nn.blocks import DynamicConv2d


@pytest.mark.parametrize(
    ("name", "millions"),
    [("lenet5", 0.4165), ("mobilenet_v2", 300.774), ("resnet18", 1814.073), ("squeezenet1_1", 349.152)],
)
def test_multiply_adds_are_those_of_the_literature(name: str, millions: float) -> None:
    assert budget(models.get_model(name)).multiply_adds / 1e6 == pytest.approx(millions, abs=5e-4)


def test_formulas_say_how_the_numbers_come_about() -> None:
    rows = {row.path: row for row in budget(models.cifar_cnn(batch_norm=True)).rows}
    assert rows["features.0"].formula == "(3*5*5 + 1) * 32 = 2,432"
    assert rows["features.0"].work == "32*32 * 3*5*5 * 32 = 2,457,600"
    assert rows["features.1"].formula == "2 * 32 = 64"
    assert rows["features.1"].learned == "weight, bias, statistics (measured)"
    assert "kernel_size=(5, 5)" in rows["features.0"].chosen and rows["features.0"].activations == 32 * 32 * 32


@pytest.mark.parametrize("name", ["cifar_cnn", "resnet20", "mobilenet_v2", "ghostnet", "googlenet", "densenet121"])
def test_the_sum_of_the_rows_is_the_network(name: str) -> None:
    net = models.get_model(name, image_size=32)
    told = budget(net)
    assert told.parameters == told.trainable == sum(p.numel() for p in net.parameters())
    assert told.multiply_adds == sum(row.multiply_adds for row in told.rows) > told.parameters


def test_a_batch_costs_as_much_as_its_images() -> None:
    one, four = (budget(models.cifar_cnn(), batch=n) for n in (1, 4))
    assert four.multiply_adds == 4 * one.multiply_adds and four.activations == 4 * one.activations
    assert four.parameters == one.parameters


def test_functional_work_counts_and_shared_weights_count_once() -> None:
    assert budget(DynamicConv2d(4, 6, 3, experts=2), (4, 5, 5)).multiply_adds == 3 * 3 * 9 * 4 * 6 + 2 * 222 + 4 + 2
    shared = nn.Linear(4, 4)
    told = budget(nn.Sequential(shared, shared), (4,))
    assert told.parameters == 20


def test_a_budget_leaves_the_network_as_it_was() -> None:
    net = models.cifar_cnn(batch_norm=True)
    net.features[1].eval()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    budget(net)
    assert net.training and not net.features[1].training
    assert all(np.array_equal(v.numpy(), before[k]) for k, v in net.state_dict().items())
    assert all(not m._hooks or not m._hooks.after for m in net.modules())


def test_memory_limits_the_batch_by_activations_not_by_pixels() -> None:
    told = budget(models.resnet18())
    n = told.largest_batch(8 * 2**30)
    assert 100 < n < 8 * 2**30 // (224 * 224 * 3 * 4)  # the notes' rule allows 14,266
    assert told.largest_batch(10**6) == 0
    needed = 4 * told.weight_bytes + n * 2 * told.activations * 4
    assert needed <= 8 * 2**30 < needed + 2 * told.activations * 4


def test_every_number_of_the_notes_gets_its_reason() -> None:
    found = {name: str(finding) for name, finding in check_notes().items()}
    assert "94,666 parameters, not 66,000" in found["CNN of 66 thousand parameters"]
    assert "32 filters 7x7 and 64 filters 5x5 without padding: 66,250" in found["CNN of 66 thousand parameters"]
    assert found["two layers, 614 thousand"].endswith("616,610 parameters, not 614,400: that is fc1 without its bias")
    assert "6.5 times" in found["ten times fewer parameters"]
    assert "as stated" in found["softmax on pixels, 30 thousand"]
    assert "10 directions have 90,010" in found["softmax on HOG, 90 thousand"]
    assert "save 87% (64 channels) to 89%" in found["separable convolution saves 70 %"]
    assert "gives 16 maps of 10 x 10" in found["LeNet's 6@10x10"]


@pytest.mark.parametrize(
    ("name", "stated", "term"),
    [
        ("googlenet", 6_624_904, "everything but aux1 and aux2"),
        ("cifar_cnn", 53_696, "the Conv2d layers alone"),
        ("cifar_cnn", 94_560, "everything but the biases"),
        ("simple_cnn", 41_854, "the Linear layers alone"),
        ("cifar_cnn", 51_264, "features.3 alone"),
        ("cifar_cnn", 70_001, "24,665 too few"),
    ],
)
def test_a_difference_gets_a_name(name: str, stated: int, term: str) -> None:
    finding = explain_count(models.get_model(name), stated)
    assert not finding.agrees and finding.term.endswith(term)


def test_rounded_numbers_agree_within_their_digits() -> None:
    assert explain_count(models.cifar_cnn(), 95_000).agrees and not explain_count(models.cifar_cnn(), 94_600).agrees
    assert [digits(n) for n in (66_000, 94_666, 614_400, 1_000_000)] == [500, 0, 0, 500_000]
    assert (66_250, "32 filters 7x7 and 64 filters 5x5 without padding: 66,250") in list(small_networks(66_000, 500))
