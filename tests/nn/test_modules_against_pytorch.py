"""Every layer means what PyTorch's layer of the same name means: printed form, state, values, gradients, statistics."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn

pytestmark = pytest.mark.oracle

IMAGE, SIGNAL, ROWS = (2, 4, 7, 6), (2, 4, 9), (3, 6)
Case = tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...], int]


def case(name: str, *args: Any, x: tuple[int, ...] = IMAGE, inputs: int = 1, **settings: Any) -> Case:
    return name, args, settings, x, inputs


WINDOWS = [
    {},
    {"padding": 1},
    {"stride": 2, "padding": 1, "dilation": 2},
    {"groups": 2, "bias": False},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
    *({"padding": 2, "padding_mode": mode, "stride": 2} for mode in ("reflect", "replicate", "circular")),
    {"padding": "same", "padding_mode": "reflect"},
]
TRANSPOSED = [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2, "dilation": 2, "bias": False}]
MAX_POOLS = [
    {},
    {"stride": 1, "padding": 1},
    {"ceil_mode": True},
    {"dilation": 2, "stride": 1},
    {"return_indices": True},
]
AVG_POOLS = [{}, {"stride": 1, "padding": 1, "count_include_pad": False}, {"ceil_mode": True}]
NORMS = [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}, {"bias": False}, {"eps": 0.1}]
INSTANCES = [{}, {"affine": True}, {"track_running_stats": True, "momentum": 0.3}]
PLAIN = (
    "ReLU ReLU6 LeakyReLU PReLU ELU CELU SELU GELU SiLU Mish Hardtanh Hardswish Hardsigmoid Hardshrink Softshrink "
    "Tanhshrink Softsign Softplus LogSigmoid GLU Tanh Sigmoid Softmax LogSoftmax Softmin Identity Flatten"
).split()

CASES: list[Case] = [
    case("Linear", 6, 5, x=ROWS),
    case("Linear", 6, 5, bias=False),
    case("Flatten", 2),
    case("Unflatten", 1, (2, 2)),
    *(case("Conv2d", 4, 6, 3, **s) for s in WINDOWS),
    case("Conv2d", 4, 6, (2, 3), padding=(1, 2)),
    case("Conv2d", 4, 6, 3, x=(4, 7, 6)),
    *(case("Conv1d", 4, 6, 3, x=SIGNAL, **s) for s in WINDOWS),
    *(case("ConvTranspose2d", 4, 6, 3, **s) for s in TRANSPOSED),
    *(case("ConvTranspose1d", 4, 6, 3, x=SIGNAL, **s) for s in TRANSPOSED),
    *(case("MaxPool2d", 2, **s) for s in MAX_POOLS),
    *(case("MaxPool1d", 2, x=SIGNAL, **s) for s in MAX_POOLS),
    *(case("AvgPool2d", 3, **s) for s in [*AVG_POOLS, {"divisor_override": 5}]),
    *(case("AvgPool1d", 3, x=SIGNAL, **s) for s in AVG_POOLS),
    case("LPPool2d", 2, (2, 3), stride=1),
    case("AdaptiveAvgPool2d", (None, 2)),
    case("AdaptiveMaxPool2d", (3, 2), return_indices=True),
    case("AdaptiveAvgPool1d", 4, x=SIGNAL),
    case("AdaptiveMaxPool1d", 4, x=SIGNAL),
    *(case("BatchNorm2d", 4, **s) for s in NORMS),
    *(case("BatchNorm1d", 4, x=SIGNAL, **s) for s in NORMS),
    *(case("BatchNorm1d", 6, x=ROWS, **s) for s in NORMS),
    *(case("InstanceNorm2d", 4, **s) for s in INSTANCES),
    *(case("InstanceNorm1d", 4, x=SIGNAL, **s) for s in INSTANCES),
    case("InstanceNorm2d", 4, x=(4, 5, 5)),
    case("LayerNorm", 6, x=ROWS),
    case("LayerNorm", (7, 6), bias=False),
    case("LayerNorm", 6, elementwise_affine=False),
    case("GroupNorm", 2, 4),
    case("GroupNorm", 4, 4, affine=False),
    case("LocalResponseNorm", 3),
    case("LocalResponseNorm", 2, alpha=0.1, beta=0.5, k=2.0),
    case("Dropout", 0.0),
    *(case(name) for name in PLAIN),
    case("PReLU", 4),
    case("LeakyReLU", 0.2),
    case("ELU", 0.5),
    case("CELU", 2.0),
    case("GELU", "tanh"),
    case("Hardtanh", -2.0, 0.5),
    case("Hardshrink", 0.2),
    case("Softshrink", 0.2),
    case("Softplus", 2.0, 1.0),
    case("Threshold", 0.1, -3.0),
    case("GLU", 1),
    case("Softmax", x=ROWS),
    case("LogSoftmax", dim=-1),
    case("Softmin", dim=0),
    case("PixelShuffle", 2),
    case("PixelUnshuffle", 2, x=(2, 3, 4, 6)),
    case("ChannelShuffle", 2),
    *(case("Upsample", scale_factor=2, mode=mode) for mode in ("nearest", "bilinear", "bicubic", "area")),
    *(case("Upsample", size=(5, 9), mode=mode) for mode in ("nearest", "bilinear", "bicubic", "area")),
    case("Upsample", scale_factor=(1.5, 2.0), mode="bilinear", align_corners=True),
    *(case(f"{kind}2d", (1, 2, 0, 3)) for kind in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")),
    case("ConstantPad2d", 2, 3.5),
    case("Unfold", 2, padding=1, stride=2),
    case("Fold", (4, 5), (2, 2), x=(2, 12, 12)),
    case("CosineSimilarity", 2, 1e-4, inputs=2),
]


@pytest.fixture
def torch() -> Any:
    library = pytest.importorskip("torch")
    before = library.get_default_dtype(), tg.get_default_dtype()
    library.set_default_dtype(library.float64)
    tg.set_default_dtype(tg.float64)
    yield library
    library.set_default_dtype(before[0])
    tg.set_default_dtype(before[1])


def same(ours: Any, theirs: Any, what: str) -> None:
    a, b = np.asarray(ours._data), theirs.detach().numpy()
    assert a.shape == b.shape and a.dtype == b.dtype, f"{what}: {a.shape} {a.dtype} here, {b.shape} {b.dtype} there"
    assert np.allclose(a, b, rtol=1e-7, atol=1e-9), what  # PyTorch rounds the 1/6 of hardsigmoid to float32


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("drawn", CASES, ids=lambda c: f"{c[0]}{c[1]}{c[2]}{len(c[3])}")
def test_a_layer_agrees_with_pytorch(drawn: Case, training: bool, torch: Any) -> None:
    name, args, settings, shape, count = drawn
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(torch.nn, name)(*args, **settings).train(training)
        ours = getattr(nn, name)(*args, **settings).train(training)
        assert repr(ours) == repr(theirs)
        values = {
            k: rng.random(tuple(v.shape)) if v.is_floating_point() else v.numpy()
            for k, v in theirs.state_dict().items()
        }
        assert list(ours.state_dict()) == list(values)
        ours.load_state_dict(values)
        theirs.load_state_dict({k: torch.as_tensor(v) for k, v in values.items()})
        for _ in range(2):
            arrays = [rng.standard_normal(shape) for _ in range(count)]
            xs, ts = (
                [tg.tensor(a, requires_grad=True) for a in arrays],
                [torch.tensor(a, requires_grad=True) for a in arrays],
            )
            y, t = ours(*xs), theirs(*ts)
            for i, (a, b) in enumerate(zip(y if isinstance(y, tuple) else [y], t if isinstance(t, tuple) else [t])):
                same(a, b, f"output {i}")
            y, t = (y[0], t[0]) if isinstance(y, tuple) else (y, t)
            g = rng.standard_normal(y.shape)
            y.backward(tg.tensor(g))
            t.backward(torch.tensor(g))
            for a, b in [*zip(xs, ts), *zip(ours.parameters(), theirs.parameters())]:
                same(a.grad, b.grad, "gradient")
        for k, v in theirs.state_dict().items():
            same(ours.state_dict()[k], v, k)


RNG = np.random.default_rng(2)
SCORES, OTHER, PROBABLE = RNG.standard_normal((5, 4)), RNG.standard_normal((5, 4)), RNG.random((5, 4))
CLASSES, WEIGHTS, SIGNS = RNG.integers(0, 4, 5), RNG.random(4), np.array([1, -1, 1, 1, -1])
LOGS, YES = np.log(PROBABLE), (OTHER > 0) * 1.0
LOSSES: list[tuple[str, dict[str, Any], list[np.ndarray], list[np.ndarray]]] = [
    ("CrossEntropyLoss", {}, [SCORES], [CLASSES]),
    ("CrossEntropyLoss", {"weight": WEIGHTS}, [SCORES], [CLASSES]),
    ("CrossEntropyLoss", {"ignore_index": 1}, [SCORES], [CLASSES]),
    ("CrossEntropyLoss", {"weight": WEIGHTS, "label_smoothing": 0.2, "ignore_index": 2}, [SCORES], [CLASSES]),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, [SCORES], [PROBABLE / PROBABLE.sum(1, keepdims=True)]),
    ("NLLLoss", {"weight": WEIGHTS}, [LOGS], [CLASSES]),
    *((name, {}, [SCORES], [OTHER]) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")),
    ("SmoothL1Loss", {"beta": 0.3}, [SCORES], [OTHER]),
    ("HuberLoss", {"delta": 0.3}, [SCORES], [OTHER]),
    ("BCELoss", {"weight": WEIGHTS}, [PROBABLE], [YES]),
    ("BCEWithLogitsLoss", {"weight": WEIGHTS, "pos_weight": 2 * WEIGHTS}, [SCORES], [YES]),
    ("KLDivLoss", {}, [LOGS], [PROBABLE[::-1].copy()]),
    ("KLDivLoss", {"log_target": True}, [LOGS], [LOGS[::-1].copy()]),
    ("CosineEmbeddingLoss", {"margin": 0.1}, [SCORES, OTHER], [SIGNS]),
    ("MarginRankingLoss", {"margin": 0.1}, [SCORES[:, 0], OTHER[:, 0]], [SIGNS * 1.0]),
    *(("TripletMarginLoss", s, [SCORES, OTHER, PROBABLE], []) for s in ({}, {"p": 1.0, "margin": 2.0}, {"swap": True})),
    *(("MultiMarginLoss", s, [SCORES], [CLASSES]) for s in ({}, {"p": 2, "margin": 0.5}, {"weight": WEIGHTS})),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "settings", "inputs", "targets"), LOSSES)
def test_a_loss_agrees_with_pytorch(
    name: str, settings: dict[str, Any], inputs: list[np.ndarray], targets: list[np.ndarray], reduction: str, torch: Any
) -> None:
    def build(library: Any, make: Any) -> Any:
        return getattr(library, name)(
            reduction=reduction, **{k: make(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = build(nn, tg.tensor), build(torch.nn, torch.tensor)
        assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
        xs, ts = (
            [tg.tensor(a, requires_grad=True) for a in inputs],
            [torch.tensor(a, requires_grad=True) for a in inputs],
        )
        y, t = ours(*xs, *map(tg.tensor, targets)), theirs(*ts, *map(torch.tensor, targets))
        same(y, t, "loss")
        y.sum().backward()
        t.sum().backward()
    for a, b in zip(xs, ts):
        same(a.grad, b.grad, "gradient")


def test_a_state_goes_from_pytorch_into_ours_and_back(torch: Any) -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(36, 2)
    )
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    same(ours(tg.tensor(x)), theirs(torch.tensor(x)), "output")
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
