"""Layers that only keep settings hand them, and their input, to the function that does the work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ArgumentError, AutogradError, DTypeError, ShapeError, TinygradError


def drawn(*shape: int) -> tg.Tensor:
    return tg.rand(*shape, dtype=tg.float64, generator=tg.Generator().manual_seed(3))


def same(a: tg.Tensor, b: tg.Tensor) -> bool:
    return np.array_equal(a.detach().numpy(), b.detach().numpy())


SHAPES = {1: (2, 3, 4), 2: (2, 3, 4, 5), 3: (1, 2, 3, 4, 5)}
MODES = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular", "Zero": "constant"}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", MODES)
def test_a_padding_layer_pads_every_side_in_its_mode(kind: str, rank: int) -> None:
    layer, x = getattr(nn, f"{kind}Pad{rank}d"), drawn(*SHAPES[rank])
    sides = (1, 2, 0, 1, 2, 1)[: 2 * rank]
    assert same(layer(sides)(x), F.pad(x, sides, mode=MODES[kind]))
    assert same(layer(1)(x), F.pad(x, (1,) * 2 * rank, mode=MODES[kind]))
    assert issubclass(layer, getattr(nn, f"ConstantPad{rank}d")) == (kind == "Zero")


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_constant_stands_around_what_was_given(rank: int) -> None:
    x = drawn(*SHAPES[rank])
    y = getattr(nn, f"ConstantPad{rank}d")(1, 7.5)(x)
    assert same(y, F.pad(x, (1,) * 2 * rank, value=7.5)) and y.numpy().max() == 7.5


def test_going_round_wants_a_batch_or_a_sample() -> None:
    with pytest.raises(ShapeError, match=r"expected \(N, C, H, W\) or \(C, H, W\)"):
        nn.CircularPad2d((1, 1))(drawn(3, 4))


CASES: list[tuple[nn.Module, tuple[tg.Tensor, ...], Callable[..., tg.Tensor]]] = [
    (nn.UpsamplingNearest2d(scale_factor=2), (drawn(1, 2, 3, 3),), lambda x: F.interpolate(x, scale_factor=2)),
    (
        nn.UpsamplingBilinear2d((5, 4)),
        (drawn(1, 2, 3, 3),),
        lambda x: F.interpolate(x, (5, 4), mode="bilinear", align_corners=True),
    ),
    (nn.LPPool1d(1, 2), (drawn(2, 3, 4),), lambda x: x[..., ::2] + x[..., 1::2]),
    (nn.PairwiseDistance(1, 0.0), (drawn(4, 3), drawn(4, 3) * 2), lambda a, b: (a - b).abs().sum(-1)),
    (nn.HingeEmbeddingLoss(2.0), (drawn(4), tg.tensor([1.0, -1, 1, -1])), lambda x, t: F.hinge_embedding_loss(x, t, 2)),
    (nn.SoftMarginLoss(), (drawn(4), -tg.ones(4, dtype=tg.float64)), lambda x, t: x.exp().add(1).log().mean()),
    (nn.Softmax2d(), (drawn(3, 2, 2),), lambda x: F.softmax(x, 0)),
    (nn.Dropout3d(1.0), (drawn(2, 3, 2, 2),), lambda x: x * 0),
    (nn.BatchNorm3d(2).double(), (drawn(*SHAPES[3]),), lambda x: F.batch_norm(x, None, None, training=True)),
    (nn.InstanceNorm3d(2), (drawn(*SHAPES[3]),), lambda x: F.instance_norm(x)),
]


@pytest.mark.parametrize(("layer", "inputs", "expected"), CASES, ids=lambda v: type(v).__name__)
def test_a_layer_is_its_function(layer: nn.Module, inputs: tuple[tg.Tensor, ...], expected: Callable) -> None:
    assert np.allclose(layer(*inputs).detach().numpy(), expected(*inputs).detach().numpy(), rtol=1e-12)


def test_signals_are_put_back_where_pooling_found_their_maxima() -> None:
    x = drawn(2, 3, 6)
    y = nn.MaxUnpool1d(2)(*nn.MaxPool1d(2, return_indices=True)(x))
    assert y.shape == x.shape and same(nn.MaxPool1d(2)(y), nn.MaxPool1d(2)(x)) and (y.numpy() == 0).sum() == 18


def test_a_bilinear_layer_is_linear_in_both_inputs() -> None:
    layer, x, y = nn.Bilinear(3, 4, 2).double(), drawn(5, 3), drawn(5, 4)
    assert [tuple(p.shape) for p in layer.parameters()] == [(2, 3, 4), (2,)]
    assert max(np.abs(p.detach().numpy()).max() for p in layer.parameters()) <= 1 / np.sqrt(3)
    expected = tg.einsum("ni,oij,nj->no", x, layer.weight, y) + layer.bias
    assert np.allclose(layer(x, y).detach().numpy(), expected.detach().numpy())


@pytest.mark.parametrize("layer", [nn.ReLU(inplace=True), nn.ELU(inplace=True), nn.Dropout(inplace=True)])
def test_in_place_a_leaf_is_refused_and_nothing_else_is_changed(layer: nn.Module) -> None:
    x = (drawn(3) - 1).requires_grad_()
    with pytest.raises(AutogradError, match="inplace=True on a leaf"):
        layer(x)
    between = x * 1
    layer(between)
    assert same(between, x)


REFUSED: list[tuple[type[TinygradError], str, Callable[[], object]]] = [
    (ArgumentError, "in1_features is 0", lambda: nn.Bilinear(0, 1, 1)),
    (ArgumentError, "padding is 'same'; give an int or 2", lambda: nn.ConvTranspose2d(1, 1, 3, padding="same")),
    (ArgumentError, "give ints", lambda: nn.Unflatten(0, (2, 0.5))),
    (ArgumentError, "no sizes", lambda: nn.Unflatten(0, ())(drawn(1))),
    (ShapeError, r"the table has shape \(2, 2\); give \(3, 2\)", lambda: nn.Embedding(3, 2, _weight=drawn(2, 2))),
    (DTypeError, "the weight float32", lambda: nn.PReLU()(drawn(2))),
    (ShapeError, r"expected \(N, C, H, W\)", lambda: nn.Softmax2d()(drawn(2))),
    (ArgumentError, "give 2 sizes, or 4", lambda: nn.ConvTranspose2d(1, 1, 3)(drawn(1, 1, 3, 3), [5])),
    (ArgumentError, "give an int or a pair", lambda: nn.LPPool2d(2, (2,))(drawn(1, 2, 2))),
    (ArgumentError, "give a finite number", lambda: nn.Softshrink(float("inf"))(drawn(2))),
    (ArgumentError, "inf is no size", lambda: nn.Upsample(scale_factor=float("inf"))(drawn(1, 1, 2, 2))),
    (ArgumentError, "give one size", lambda: nn.MaxUnpool1d(2)(drawn(1, 2), tg.tensor([[0, 2]]), [1, 4])),
]


@pytest.mark.parametrize(("kind", "words", "call"), REFUSED, ids=lambda v: v if isinstance(v, str) else "")
def test_what_cannot_be_meant_is_refused(kind: type[TinygradError], words: str, call: Callable[[], object]) -> None:
    with pytest.raises(kind, match=words):
        call()
