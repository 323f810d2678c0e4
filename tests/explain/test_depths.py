"""Images that a unit likes raise it, classes that differ lie apart, and every layer's maps are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn, viz
from tinygrad_cv.explain import draw_embedding, embed, feature_pyramid, maximize, principal_components, record
from tinygrad_cv.ops.errors import ArgumentError, ShapeError


@pytest.fixture(scope="module")
def network() -> nn.Module:
    tg.manual_seed(0)
    body = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(4, 12, 3), nn.ReLU()]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(12 * 16, 6), nn.ReLU(), nn.Linear(6, 3))


def test_the_image_of_a_matched_filter_is_the_filter() -> None:
    """A unit that multiplies with a pattern is raised most by the pattern itself."""
    pattern = np.sin(np.arange(49)).reshape(7, 7).astype(np.float32)
    net = nn.Sequential(nn.Flatten(), nn.Linear(49, 2, bias=False))
    with tg.no_grad():
        net[1].weight[1] = tg.tensor(pattern.ravel())
    image, values = maximize(net, (1, 7, 7), 1, blur=0)
    cosine = (image[0] * pattern).sum() / np.linalg.norm(image) / np.linalg.norm(pattern)
    assert cosine > 0.99 and values == sorted(values) and len(values) == 101


def test_a_unit_of_a_layer_grows_and_the_network_stays_as_it_was(network: nn.Module) -> None:
    before = {name: p.numpy().copy() for name, p in network.state_dict().items()}
    for options in ({"layer": "3"}, {"layer": "3", "at": (2, 1)}, {}):
        _, values = maximize(network, (1, 12, 12), 2, steps=30, **options)
        assert values[-1] > max(values[0], 0) + 0.1
    assert all(np.array_equal(p.numpy(), before[name]) for name, p in network.state_dict().items())
    with pytest.raises(ArgumentError, match=r"unit is 9, but the result has the shape \(1, 3\); give one from 0 to 2"):
        maximize(network, (1, 12, 12), 9)


def test_principal_components_are_the_directions_of_largest_variance() -> None:
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    known = rng.standard_normal((200, 5)) * (5, 2, 0.1, 0.1, 0.1)
    found, shares = principal_components(known @ turn + 7)
    for k in range(2):
        assert abs(np.corrcoef(found[:, k], known[:, k])[0, 1]) > 0.99
    np.testing.assert_allclose(shares, np.var(known, 0)[:2] / np.var(known, 0).sum(), rtol=0.05)
    with pytest.raises(ShapeError, match=r"rows are \(1, 3\) for 2 directions"):
        principal_components(np.ones((1, 3)))


def test_embeddings_are_what_the_last_layer_is_given(network: nn.Module) -> None:
    x = np.random.default_rng(0).standard_normal((7, 1, 12, 12)).astype(np.float32)
    rows = embed(network, x, batch=3)
    np.testing.assert_allclose(rows, network[:8](tg.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert embed(network, x, "2").shape == (7, 4 * 36)
    svg = draw_embedding(rows, [0, 0, 1, 1, 2, 2, 2], names=["cat", "dog", "owl"]).svg
    assert svg.count("<circle") == 7 + 3 and "owl  (3)" in svg


def test_classes_far_apart_are_drawn_apart() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 8)) + 20 * np.eye(8)[np.repeat([0, 1, 2], 20)]
    found, _ = principal_components(rows)
    centres = found.reshape(3, 20, 2).mean(1)
    gaps = [np.linalg.norm(centres[i] - centres[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(gaps) > 10 * found.reshape(3, 20, 2).std(1).max()


def test_the_pyramid_has_a_row_for_every_layer_with_maps(network: nn.Module) -> None:
    x = np.random.default_rng(0).random((1, 12, 12), dtype=np.float32)
    svg = feature_pyramid(network, x, channels=3).svg
    layers = [n for n, node in record(network, x).names.items() if len(node.shape) == 4]
    assert layers == ["0", "1", "2", "3", "4"] and svg.count("<image") == 1 + 3 * 5
    assert "12 maps of 4 × 4" in svg and "each value sees 8 × 8" in svg
    with pytest.raises(ArgumentError, match="6 has no maps"):
        feature_pyramid(network, x, layers=["6"])


def test_thirty_two_filters_make_a_grid_of_four_by_eight() -> None:
    weights: Any = np.random.default_rng(0).random((32, 3, 5, 5))
    for scale in ("each", "all"):
        chart = viz.filters(weights, scale=scale, zoom=10)
        assert chart.image is not None and chart.image.size == (32 + 8 * 55 - 5, 32 + 4 * 55 - 5)
    small = viz.filters(np.concatenate([weights[:1], weights[1:2] / 10]), scale="all", zoom=1, columns=1)
    pixels = np.asarray(small.image.convert("L"), int)
    assert pixels[16:21, 16:21].max() > 150 > 60 > pixels[26:31, 16:21].max()
