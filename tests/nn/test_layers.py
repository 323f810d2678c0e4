"""Layers hold the right parameters and hand them to the right function."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_cv as tg
import tinygrad_cv.nn.functional as F
from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ArgumentError, AutogradError, DTypeError, ShapeError


def image(*shape: int) -> tg.Tensor:
    return tg.randn(*shape, dtype=tg.float64, generator=tg.Generator().manual_seed(5))


def test_linear_counts_its_parameters() -> None:
    assert sum(p.numel() for p in nn.Linear(784, 10).parameters()) == 7850


def test_a_wrong_size_before_linear_shows_the_derivation() -> None:
    layer = nn.Sequential(nn.Flatten(), nn.Linear(100, 2))
    with pytest.raises(ShapeError, match="give the layer in_features=128"):
        layer(tg.ones(3, 8, 4, 4))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_padding_mode_is_padding_before_a_plain_convolution(mode: str) -> None:
    layer = nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode=mode).double()
    x = image(1, 2, 5, 6)
    expected = F.conv2d(F.pad(x, (2, 2, 1, 1), mode=mode), layer.weight, layer.bias)
    assert np.array_equal(layer(x).detach().numpy(), expected.detach().numpy())


def test_same_padding_keeps_the_size_in_every_mode() -> None:
    for mode in ("zeros", "reflect"):
        assert nn.Conv2d(2, 3, (3, 4), padding="same", padding_mode=mode).double()(image(1, 2, 6, 7)).shape == (
            1,
            3,
            6,
            7,
        )


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: nn.Conv2d(3, 8, 3, groups=2), "in_channels=3 does not divide into groups=2"),
        (lambda: nn.Conv2d(4, 7, 3, groups=2), "out_channels=7 does not divide into groups=2"),
        (lambda: nn.Conv2d(4, 7, 3, groups=0), "groups is 0"),
        (lambda: nn.Conv2d(4, 7, (3, 3, 3)), r"kernel_size is \(3, 3, 3\)"),
        (lambda: nn.Conv2d(4, 7, 3, padding="full"), "padding is 'full'"),
        (lambda: nn.Conv2d(4, 7, 3, padding="same", stride=2), "padding='same' keeps the size only at stride 1"),
        (lambda: nn.Conv2d(4, 7, 3, padding_mode="mirror"), "padding_mode is 'mirror'"),
        (lambda: nn.ConvTranspose2d(4, 7, 3, padding_mode="reflect"), "padding_mode is 'reflect'; give 'zeros'"),
        (lambda: nn.Linear(-1, 2), "in_features is -1"),
        (lambda: nn.GroupNorm(3, 4), "4 channels do not divide into 3 groups"),
        (lambda: nn.Dropout(1.5), "p is 1.5"),
        (lambda: nn.Hardtanh(1.0, 0.0), "min_val 1.0 is not below max_val 0.0"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx is 3 for 3 rows"),
        (lambda: nn.MSELoss(reduction="average"), "reduction is 'average'"),
        (lambda: nn.TripletMarginLoss(margin=0), "margin is 0"),
        (lambda: nn.MultiMarginLoss(p=3), "p is 3"),
    ],
)
def test_a_layer_that_cannot_be_is_refused_when_it_is_built(build, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        build()


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (nn.BatchNorm2d(3), (2, 3), r"BatchNorm2d: x has 2 dimensions \(2, 3\), expected 4 \(N, C, H, W\)"),
        (nn.BatchNorm1d(3), (2, 3, 4, 4), r"expected 3 \(N, C, L\) or 2 \(N, C\)"),
        (nn.BatchNorm2d(3), (2, 4, 5, 5), r"x has 4 channels .* but weight has shape \(3,\)"),
        (nn.InstanceNorm2d(3, affine=True), (2, 4, 5, 5), "give num_features=4"),
    ],
)
def test_a_norm_refuses_what_does_not_fit(layer: nn.Module, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ShapeError, match=sentence):
        layer(tg.ones(*shape))


def test_transposed_convolution_reaches_the_output_size_that_is_asked_for() -> None:
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    assert layer(tg.ones(1, 1, 4, 4), output_size=(10, 9)).shape == (1, 1, 10, 9)
    with pytest.raises(ArgumentError, match="give 9 to 10"):
        layer(tg.ones(1, 1, 4, 4), output_size=(11, 9))


def test_running_statistics_follow_their_momentum() -> None:
    x = image(8, 2, 4, 4)
    mean, var = x.numpy().mean((0, 2, 3)), x.numpy().var((0, 2, 3), ddof=1)
    layer = nn.BatchNorm2d(2, momentum=0.25).double()
    layer(x)
    assert np.allclose(layer.running_mean.numpy(), 0.25 * mean)
    assert np.allclose(layer.running_var.numpy(), 0.75 + 0.25 * var)
    assert layer.num_batches_tracked.item() == 1


def test_without_momentum_the_statistics_are_the_plain_average_of_the_batches() -> None:
    layer = nn.BatchNorm1d(2, momentum=None).double()
    batches = [image(8, 2), image(8, 2) * 3 + 1]
    for x in batches:
        layer(x)
    assert np.allclose(layer.running_mean.numpy(), np.mean([x.numpy().mean(0) for x in batches], 0))


def test_evaluation_uses_the_running_statistics_and_leaves_them() -> None:
    layer = nn.BatchNorm2d(2).double().eval()
    x = image(2, 2, 3, 3)
    y = layer(x)
    assert np.allclose(y.detach().numpy(), x.numpy() / np.sqrt(1 + 1e-5))
    assert layer.num_batches_tracked.item() == 0


def test_a_state_without_the_count_of_batches_is_still_complete() -> None:
    layer = nn.BatchNorm2d(2)
    state = layer.state_dict()
    del state["num_batches_tracked"]
    assert layer.load_state_dict(state).missing_keys == []


def test_dropout_rests_in_evaluation_and_keeps_the_mean_in_training() -> None:
    tg.manual_seed(0)
    x = tg.ones(20000)
    layer = nn.Dropout(0.3)
    y = layer(x).numpy()
    assert abs((y == 0).mean() - 0.3) < 0.02 and abs(y.mean() - 1) < 0.02
    assert layer.eval()(x) is x


def test_dropout_of_channels_drops_whole_channels() -> None:
    tg.manual_seed(0)
    for layer, x in (
        (nn.Dropout2d(), tg.ones(8, 8, 3, 3)),
        (nn.Dropout1d(), tg.ones(8, 8, 5)),
        (nn.Dropout1d(), tg.ones(64, 5)),
        (F.dropout1d, tg.ones(64, 5)),
        (nn.Dropout3d(), tg.ones(64, 5, 1, 1)),
        (F.dropout3d, tg.ones(4, 16, 5, 1, 1)),
    ):
        y = layer(x).numpy()
        channels = y.reshape(-1, 9 if x.shape[-1] == 3 else 5)
        assert (channels == channels[:, :1]).all() and {0.0, 2.0} == set(np.unique(channels))


def test_the_function_drops_in_place_where_it_is_told_to() -> None:
    x = tg.ones(100, requires_grad=True)
    y = x * 2
    assert F.dropout(y, 0.5, True, True) is y and set(np.unique(y.detach().numpy())) == {0.0, 4.0}
    y.sum().backward()
    assert np.array_equal(x.grad.numpy(), y.detach().numpy())
    with pytest.raises(AutogradError, match="in place"):
        F.dropout(x, 0.5, True, True)
    assert F.dropout(x, 0.5, False, True) is x


def test_embedding_padding_is_zero_and_learns_nothing() -> None:
    layer = nn.Embedding(5, 3, padding_idx=-1)
    layer(tg.tensor([[0, 4, 4]])).sum().backward()
    assert not layer.weight.detach().numpy()[4].any() and not layer.weight.grad.numpy()[4].any()
    assert layer.weight.grad.numpy()[0].all()
    with pytest.raises(ShapeError, match=r"expected \(rows, size\)"):
        nn.Embedding.from_pretrained(tg.ones(3))
    fixed = nn.Embedding.from_pretrained(tg.ones(2, 3))
    assert not fixed.weight.requires_grad and fixed(tg.tensor([1])).tolist() == [[1, 1, 1]]


def test_unpooling_puts_maxima_back() -> None:
    x = image(1, 2, 4, 4)
    values, at = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(values, at)
    assert back.shape == x.shape and np.isclose(back.sum().item(), values.sum().item())
    kept = back.numpy() != 0
    assert np.array_equal(back.numpy()[kept], x.numpy()[kept])


def test_a_window_of_zeros_has_a_norm_and_a_gradient() -> None:
    x = tg.tensor([[0.0, 0.0, 3.0, 4.0]], requires_grad=True)
    y = nn.LPPool1d(2, 2)(x)
    y.sum().backward()
    assert y.tolist() == [[0, 5]] and np.allclose(x.grad.numpy(), [[0, 0, 0.6, 0.8]])


def test_softmax_without_a_dimension_takes_the_classes() -> None:
    x = image(3, 4)
    assert np.allclose(nn.Softmax()(x).numpy(), F.softmax(x, 1).numpy())
    assert np.allclose(nn.LogSoftmax()(x[0]).numpy(), F.log_softmax(x[0], 0).numpy())


def test_the_old_spelling_of_reduction_is_understood() -> None:
    assert nn.MSELoss(size_average=False).reduction == "sum" and nn.L1Loss(reduce=False).reduction == "none"
    assert nn.CrossEntropyLoss(None, True).reduction == "mean"


def test_the_weight_of_a_loss_is_part_of_its_state() -> None:
    loss = nn.CrossEntropyLoss(weight=tg.tensor([1.0, 3.0]))
    assert list(loss.state_dict()) == ["weight"]
    scores, target = tg.tensor([[0.0, 1.0], [2.0, 0.0]]), tg.tensor([1, 0])
    logp = F.log_softmax(scores, 1).numpy()
    assert np.isclose(loss(scores, target).item(), -(3 * logp[0, 1] + logp[1, 0]) / 4)


# --- lazy layers -----------------------------------------------------------------------------------------------------


def test_lazy_layers_learn_their_sizes_and_become_ordinary() -> None:
    net = nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5), nn.LazyBatchNorm1d()
    )
    assert net[0].has_uninitialized_params()
    assert net(tg.randn(2, 3, 5, 5)).shape == (2, 5)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear", "BatchNorm1d"]
    assert net[0].weight.shape == (4, 3, 3, 3) and net[4].in_features == 36 and net[1].num_features == 4
    assert net[0].in_channels == 3 and type(net[4].weight) is nn.Parameter


def test_a_lazy_layer_takes_its_input_by_name_and_nothing_else() -> None:
    assert nn.LazyLinear(3)(input=tg.ones(1, 2)).shape == (1, 3)
    with pytest.raises(DTypeError, match="LazyLinear: input is None"):
        nn.LazyLinear(3)()


def test_a_lazy_layer_can_be_loaded_before_it_is_used() -> None:
    source, layer = nn.Conv1d(4, 6, 3, groups=2), nn.LazyConv1d(6, 3, groups=2)
    layer.load_state_dict(source.state_dict())
    x = tg.randn(2, 4, 9)
    assert np.array_equal(layer(x).detach().numpy(), source(x).detach().numpy()) and layer.in_channels == 4


def test_a_parameter_without_a_shape_says_what_to_do() -> None:
    with pytest.raises(ArgumentError, match="run the network once"):
        tg.optim.SGD(nn.LazyLinear(3).parameters(), lr=0.1)


# --- utils -----------------------------------------------------------------------------------------------------------


def with_grads(*values: list[float]) -> list[tg.Tensor]:
    out = []
    for v in values:
        p = tg.zeros(len(v), requires_grad=True)
        p.grad = tg.tensor(v)
        out.append(p)
    return out


def test_clipping_the_norm_shortens_all_gradients_by_one_factor() -> None:
    params = with_grads([3.0], [0.0, 4.0])
    assert np.isclose(nn.utils.clip_grad_norm_(params, 1.0).item(), 5.0)
    assert np.allclose(params[0].grad.numpy(), 0.6, atol=1e-5) and np.allclose(
        params[1].grad.numpy(), [0, 0.8], atol=1e-5
    )
    assert np.isclose(nn.utils.clip_grad_norm_(params, 10.0).item(), 1.0, atol=1e-5)
    assert np.allclose(params[0].grad.numpy(), 0.6, atol=1e-5)


@pytest.mark.parametrize(("kind", "expected"), [(1.0, 7.0), (float("inf"), 4.0), (3.0, (27 + 64) ** (1 / 3))])
def test_other_norms_are_measured_too(kind: float, expected: float) -> None:
    assert np.isclose(nn.utils.clip_grad_norm_(with_grads([3.0], [0.0, -4.0]), 100.0, kind).item(), expected)


def test_the_norm_of_norms_counts_takes_the_least_and_promotes() -> None:
    params = with_grads([3.0, 4.0], [0.0, -12.0], [0.0])
    assert nn.utils.clip_grad_norm_(params, 100.0, 0).item() == 2  # the tensors that are not 0
    assert nn.utils.clip_grad_norm_(params, 100.0, float("-inf")).item() == 0
    assert nn.utils.get_total_norm([tg.ones(1), tg.ones(3, dtype=tg.float64)]).dtype == np.float64
    nn.utils.clip_grads_with_norm_(params, 1.0, tg.tensor(13.0))
    assert np.allclose(params[0].grad.numpy(), [3 / 13, 4 / 13])


def test_a_gradient_that_is_not_finite_is_reported_on_request() -> None:
    with pytest.raises(ArgumentError, match="the norm is nan"):
        nn.utils.clip_grad_norm_(with_grads([float("nan")]), 1.0, error_if_nonfinite=True)


def test_clipping_values_limits_each_element() -> None:
    params = with_grads([-3.0, 0.5])
    nn.utils.clip_grad_value_(params, 1.0)
    assert params[0].grad.tolist() == [-1.0, 0.5]


def test_parameters_round_trip_through_one_vector() -> None:
    net = nn.Linear(3, 2)
    v = nn.utils.parameters_to_vector(net.parameters())
    assert v.shape == (8,)
    nn.utils.vector_to_parameters(v.detach() * 2, net.parameters())
    assert np.allclose(nn.utils.parameters_to_vector(net.parameters()).detach().numpy(), 2 * v.detach().numpy())
    with pytest.raises(ShapeError, match=r"give \(8,\)"):
        nn.utils.vector_to_parameters(tg.zeros(7), net.parameters())


def test_a_buffer_assigned_as_an_attribute_is_listed() -> None:
    layer = nn.Module()
    layer.table = nn.Buffer(tg.ones(2))
    layer.scratch = nn.Buffer(tg.ones(2), persistent=False)
    assert list(layer.state_dict()) == ["table"] and len(list(layer.buffers())) == 2


def test_an_integer_parameter_must_not_require_a_gradient() -> None:
    with pytest.raises(DTypeError, match="has no gradient"):
        nn.Parameter(tg.tensor([1]))
    assert not nn.Parameter(tg.tensor([1]), requires_grad=False).requires_grad
