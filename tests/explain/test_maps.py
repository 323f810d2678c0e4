"""Explanations point at what a network has learned to see, and no longer when its weights are random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv import models, nn, optim
from tinygrad_cv.explain.class_maps import cam, grad_cam, grad_cam_plus_plus
from tinygrad_cv.explain.overlay import overlay
from tinygrad_cv.explain.pixel_maps import (
    gradient,
    guided_backprop,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
)
from tinygrad_cv.explain.recording import record
from tinygrad_cv.explain.scores import scores_of
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

SIDE, PATCH = 20, 8
METHODS: dict[str, Callable[..., Array]] = {
    "saliency": saliency,
    "smooth_grad": lambda *a: smooth_grad(*a, samples=10, generator=tg.Generator().manual_seed(0)),
    "integrated_gradients": lambda *a: integrated_gradients(*a, steps=8).sum(1),
    "guided_backprop": lambda *a: np.abs(guided_backprop(*a)).max(1),
    "occlusion": lambda *a: occlusion(*a, stride=3),
    "cam": cam,
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
}


class Awkward(nn.Module):
    """A module that runs twice, a ReLU that writes in place, a functional one, and a mean instead of a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.conv2(self.relu(self.conv1(x))))
        return self.fc(self.relu(self.conv2(x)).mean((2, 3)))


def planted(n: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Noise; in the images of class 1, stripes somewhere. Returns images, classes and corners."""
    x = rng.normal(0, 0.3, (n, 1, SIDE, SIDE)).astype(np.float32)
    y, corners = rng.integers(0, 2, n), rng.integers(0, SIDE - PATCH + 1, (n, 2))
    for i in np.flatnonzero(y):
        r, c = corners[i]
        x[i, 0, r : r + PATCH, c : c + PATCH] = np.sign(np.sin(2.83 * np.arange(PATCH) + 0.5))
    return x, y, corners


@pytest.fixture(scope="module")
def trained() -> tuple[Awkward, Array, Array]:
    """A network that tells stripes from noise, images with stripes, and where the stripes are."""
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    model = Awkward()
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01)
    for _ in range(60):
        x, y, _ = planted(64, rng)
        loss = F.cross_entropy(model(tg.tensor(x)), tg.tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y, corners = planted(24, rng)
    assert (scores_of(model, x).argmax(1) == y).all()
    return model, x[y == 1], corners[y == 1]


def share_on_patch(maps: Array, corners: Array) -> Array:
    """For each map, how much of its top decile lies on the patch."""
    shares = []
    for values, (r, c) in zip(maps, corners):
        rows, columns = np.unravel_index(np.argsort(values.ravel())[-values.size // 10 :], values.shape)
        shares.append(((rows >= r) & (rows < r + PATCH) & (columns >= c) & (columns < c + PATCH)).mean())
    return np.array(shares)


@pytest.mark.parametrize("name", METHODS)
def test_the_top_decile_lies_on_the_planted_patch_and_random_weights_destroy_it(
    name: str, trained: tuple[Awkward, Array, Array]
) -> None:
    model, x, corners = trained
    found = share_on_patch(METHODS[name](model, x, 1), corners)
    tg.manual_seed(1)
    destroyed = share_on_patch(METHODS[name](Awkward(), x, 1), corners)
    assert found.min() >= 0.8 and destroyed.mean() <= found.mean() - 0.25, (found, destroyed)


@pytest.mark.parametrize("name", METHODS)
def test_functional_in_place_and_module_calls_are_explained_alike(name: str) -> None:
    tg.manual_seed(2)
    conv, norm, fc = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def functional(x: Any) -> Any:
        norm.eval()
        return F.linear(F.relu(norm(F.conv2d(x, conv.weight, conv.bias))).mean((2, 3)), fc.weight, fc.bias)

    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), fc]
    modules, written = (nn.Sequential(conv, norm, nn.ReLU(inplace), *head) for inplace in (False, True))
    x = np.random.default_rng(0).standard_normal((2, 1, 9, 9)).astype(np.float32)
    first, *others = (METHODS[name](model, x) for model in (modules, written, functional))
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-4, atol=1e-6)


def test_explaining_leaves_modes_and_gradients_as_they_were() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(18, 2)
    )
    model[1].eval()
    mean = model[1].running_mean.numpy().copy()
    x = np.random.default_rng(0).standard_normal((1, 5, 5)).astype(np.float32)
    assert np.array_equal(grad_cam(model, x), grad_cam(model, x))
    occlusion(model, x, window=2)
    assert [m.training for m in model] == [True, False, True, True, True, True]
    assert model[0].weight.grad is None and np.array_equal(model[1].running_mean.numpy(), mean)


def test_the_mean_of_a_class_activation_map_is_the_score() -> None:
    tg.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
    )
    x = tg.randn(2, 3, 8, 8)
    scores = np.asarray(model(x).detach())
    offset = np.asarray(model[4].bias.detach())
    for k in range(4):
        np.testing.assert_allclose(cam(model, x, k).mean((1, 2)), scores[:, k] - offset[k], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ([nn.Flatten(), nn.Linear(4 * 36, 3)], "comes Linear .*their mean over all pixels is taken; use grad_cam"),
        ([nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 3)], "comes a maximum"),
        ([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4), nn.Linear(4, 3)], "2 linear layers"),
        (
            [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)],
            "global pooling and Tanh",
        ),
    ],
)
def test_cam_refuses_a_head_without_pooling_and_says_why(head: list[nn.Module], reason: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), *head)
    with pytest.raises(ArgumentError, match=f"cam: behind the last maps \\(1, 4x6x6\\).*{reason}"):
        cam(model, (1, 1, 8, 8))
    assert grad_cam(model, (1, 1, 8, 8)).shape == (1, 8, 8)


@pytest.mark.parametrize("name", ["resnet20", "squeezenet1_1", "mobilenet_v2"])
def test_cam_takes_the_networks_that_end_in_a_global_pooling(name: str) -> None:
    assert cam(models.get_model(name, num_classes=3).eval(), (1, 3, 32, 32)).shape == (1, 32, 32)


@pytest.mark.parametrize(
    ("name", "layer"), [("lenet", "features.4"), ("resnet20", "layer3.2.relu#2"), ("cifar_cnn", "features.4")]
)
def test_the_target_layer_is_found(name: str, layer: str) -> None:
    model = models.get_model(name)
    found = record(model, (1, *models.input_size(model)))
    assert found.name(found.find(None)) == layer


def test_a_map_is_drawn_where_its_units_look() -> None:
    """Without padding, the middle of the map looks at the middle of the image, not at a shifted place."""
    model = nn.Sequential(nn.Conv2d(1, 1, 5), nn.ReLU(), nn.Conv2d(1, 1, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with tg.no_grad():
        for conv in (model[0], model[2]):
            conv.weight.zero_()
            conv.weight[0, 0, 2, 2] = 1
            conv.bias.zero_()
    x = np.zeros((1, 1, 13, 13), np.float32)
    x[0, 0, 5, 8] = 1
    assert np.unravel_index(grad_cam(model, x)[0].argmax(), (13, 13)) == (5, 8)


def test_integrated_gradients_add_up_to_the_difference_of_the_scores() -> None:
    tg.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 2)).double()
    x = np.random.default_rng(0).standard_normal((2, 1, 6, 6))
    parts = integrated_gradients(model, x, 0, baseline=0.5, steps=200)
    difference = scores_of(model, x)[:, 0] - scores_of(model, np.full_like(x, 0.5))[:, 0]
    np.testing.assert_allclose(parts.sum((1, 2, 3)), difference, rtol=1e-4)


def test_guided_backprop_drops_what_is_negative_at_every_relu() -> None:
    signs = tg.tensor([[[[1.0, -1.0], [2.0, 1.0]]]])

    def model(x: Any) -> Any:
        return (F.relu(x) * signs).sum((1, 2, 3)).reshape(1, 1)

    x = np.array([[[[1.0, 1.0], [-1.0, 3.0]]]], np.float32)
    assert gradient(model, x).tolist() == [[[[1, -1], [0, 1]]]]
    assert guided_backprop(model, x).tolist() == [[[[1, 0], [0, 1]]]]
    with pytest.raises(ArgumentError, match="no ReLU"):
        guided_backprop(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), x)


def test_occlusion_measures_the_fall_of_the_score() -> None:
    x = np.zeros((1, 1, 6, 6), np.float32)
    x[0, 0, 1, 1] = 2
    fall = occlusion(lambda t: t.sum((2, 3)), x, 0, window=2, value=0)
    assert fall[0, :3, :3].tolist() == [[2, 2, 1], [2, 2, 1], [1, 1, 0.5]] and fall[0, 3:].max() == 0


def test_what_cannot_be_explained_is_refused_with_a_reason() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 3))
    with pytest.raises(ArgumentError, match="target is 3 for 3 classes; give a class from 0 to 2"):
        saliency(model, (1, 1, 5, 5), 3)
    with pytest.raises(ShapeError, match=r"returned the shape \(1, 2, 3, 3\)"):
        saliency(model[0], (1, 1, 5, 5))
    with pytest.raises(ArgumentError, match="no layer 'conv'; there are 0, 1, 2"):
        grad_cam(model, (1, 1, 5, 5), layer="conv")
    with pytest.raises(ShapeError, match="no value in this network is a map"):
        grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(25, 3)), (1, 1, 5, 5))
    with pytest.raises(ShapeError, match="give a smaller one"):
        occlusion(model, (1, 1, 5, 5), window=6)


def test_an_overlay_shows_every_map_beside_the_image() -> None:
    x = np.random.default_rng(0).random((2, 1, 6, 6))
    drawn = overlay(x, {"a": x[:, 0], "b": np.zeros((2, 3, 6, 6))}, captions=["one", "two"])
    assert drawn.image is not None and drawn.svg.count("<image") == 3 and ">b<" in drawn.svg
    with pytest.raises(ShapeError, match="overlay: the map 'a'"):
        overlay(x, {"a": x[:, 0, :3]})
