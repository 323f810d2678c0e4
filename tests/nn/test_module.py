"""What a module knows of itself: its parameters, its state, its mode, its place."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.autograd import Observer, observing
from tinygrad_cv.ops.errors import ArgumentError, DTypeError, ShapeError, TinygradError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.head = nn.Linear(3, 2, bias=False)
        self.register_buffer("seen", tg.zeros(1))
        self.register_buffer("scratch", tg.zeros(1), persistent=False)

    def forward(self, x):
        return self.head(self.features(x))


def test_parameters_are_listed_in_order_of_assignment() -> None:
    names = [name for name, _ in Net().named_parameters()]
    assert names == ["features.0.weight", "features.0.bias", "head.weight"]


def test_state_holds_persistent_buffers_only() -> None:
    assert list(Net().state_dict()) == ["seen", "features.0.weight", "features.0.bias", "head.weight"]


def test_a_shared_parameter_is_listed_once_and_stored_under_both_names() -> None:
    net = Net()
    net.again = nn.Linear(3, 2, bias=False)
    net.again.weight = net.head.weight
    assert sum(1 for _ in net.parameters()) == 3
    assert {"head.weight", "again.weight"} <= set(net.state_dict())
    assert len(dict(net.named_parameters(remove_duplicate=False))) == 4


def test_copies_and_pickles_are_equal_and_independent() -> None:
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        for p, q in zip(net.parameters(), other.parameters(), strict=True):
            assert np.array_equal(p.detach().numpy(), q.detach().numpy())
            assert isinstance(q, nn.Parameter) and not np.shares_memory(p._data, q._data)


def test_a_copy_has_not_learned_anything_yet() -> None:
    layer = nn.Linear(2, 1)
    layer(tg.ones(1, 2)).sum().backward()
    assert copy.deepcopy(layer).weight.grad is None and layer.weight.grad is not None


def test_a_copy_keeps_what_is_shared_within_it() -> None:
    net = Net()
    net.again = nn.Linear(3, 2, bias=False)
    net.again.weight = net.head.weight
    other = copy.deepcopy(net)
    assert other.again.weight is other.head.weight


def test_operations_on_a_parameter_give_plain_tensors() -> None:
    assert type(nn.Parameter(tg.ones(2)) * 2) is tg.Tensor


def test_a_module_works_without_calling_its_base() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.scale = nn.Parameter(tg.ones(1))

        def forward(self, x):
            return x * self.scale

    assert [name for name, _ in Forgetful().named_parameters()] == ["scale"]


def test_setting_an_attribute_to_another_kind_is_refused() -> None:
    net = Net()
    with pytest.raises(DTypeError, match="head is a module and cannot become a int"):
        net.head = 3
    net.head = None
    assert [name for name, _ in net.named_parameters()] == ["features.0.weight", "features.0.bias"]


def test_deleting_a_parameter_takes_it_off_every_list() -> None:
    layer = nn.Linear(2, 2)
    del layer.bias
    assert list(layer.state_dict()) == ["weight"] and not hasattr(layer, "bias")


def test_train_and_eval_reach_every_module() -> None:
    net = Net().eval()
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())


def test_double_casts_parameters_and_buffers_and_keeps_their_identity() -> None:
    net = Net()
    before = list(net.parameters())
    net.double()
    assert all(p.dtype == np.float64 for p in net.parameters()) and net.seen.dtype == np.float64
    assert all(a is b for a, b in zip(before, net.parameters()))
    assert (
        net.to("cpu") is net
        and net.type(tg.float64).head.weight.dtype == np.float64
        and net.to(tg.float32).head.weight.dtype == np.float32
    )


def test_another_device_is_refused_in_one_sentence() -> None:
    for call in (Net().cuda, lambda: Net().to("cuda:0")):
        with pytest.raises(ArgumentError, match="'cpu'"):
            call()


def test_zero_grad_forgets_or_zeroes() -> None:
    net = Net()
    net(tg.ones(1, 4)).sum().backward()
    kept = net.head.weight.grad
    net.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in net.parameters()) and net.head.weight.grad is kept
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_apply_visits_children_first() -> None:
    names: list[str] = []
    Net().apply(lambda m: names.append(type(m).__name__))
    assert names == ["Linear", "ReLU", "Sequential", "Linear", "Net"]


# --- loading ---------------------------------------------------------------------------------------------------------


def test_a_state_round_trips_and_is_copied() -> None:
    a, b = Net(), Net()
    result = b.load_state_dict(a.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert np.array_equal(a.head.weight.detach().numpy(), b.head.weight.detach().numpy())
    assert not np.shares_memory(a.head.weight._data, b.head.weight._data)


def test_a_state_that_does_not_fit_is_reported_whole_and_changes_nothing() -> None:
    net = Net()
    before = net.features[0].weight.detach().numpy().copy()
    state = {k: v.numpy() + 1 for k, v in net.state_dict().items()}
    state["head.weight"] = np.zeros((5, 3))
    state["extra"] = state.pop("seen")
    with pytest.raises(ShapeError) as caught:
        net.load_state_dict(state)
    report = str(caught.value)
    for part in (
        "missing (1): seen",
        "unexpected (1): extra",
        "head.weight is (2, 3) here, (5, 3) in the state",
        "2 of its 4",
    ):
        assert part in report
    assert np.array_equal(net.features[0].weight.detach().numpy(), before)


def test_strict_false_loads_what_fits_and_names_the_rest() -> None:
    net = Net()
    result = net.load_state_dict({"head.weight": np.ones((2, 3)), "extra": np.ones(1)}, strict=False)
    assert result.unexpected_keys == ["extra"] and "seen" in result.missing_keys
    assert net.head.weight.detach().numpy().sum() == 6


def test_a_prefix_of_all_names_is_recognised() -> None:
    net = Net()
    with pytest.raises(TinygradError, match="every name begins with 'module.'"):
        net.load_state_dict({f"module.{k}": v for k, v in net.state_dict().items()})


def test_loading_keeps_the_memory_order_of_the_parameter() -> None:
    layer = nn.Conv2d(3, 4, 3)
    layer.weight._data = np.asarray(layer.weight._data.transpose(0, 2, 3, 1).copy()).transpose(0, 3, 1, 2)
    strides = layer.weight._data.strides
    state = {k: np.ascontiguousarray(v.numpy()) for k, v in nn.Conv2d(3, 4, 3).state_dict().items()}
    layer.load_state_dict(state)
    assert layer.weight._data.strides == strides
    assert np.array_equal(layer.weight.detach().numpy(), state["weight"])


def test_a_graph_refuses_weights_that_were_written_after_it_was_recorded() -> None:
    def load(p: nn.Parameter) -> None:
        owner = nn.Module()
        owner.p = p
        owner.load_state_dict({"p": np.zeros(2)})

    for write in (load, nn.init.zeros_, lambda p: nn.utils.vector_to_parameters(tg.zeros(2), [p])):
        p = nn.Parameter(tg.ones(2))
        y = (p * p).sum()
        write(p)
        with pytest.raises(TinygradError, match="changed"):
            y.backward()


def test_a_number_may_be_stored_as_a_vector_of_one_and_lists_are_refused() -> None:
    owner = nn.Module()
    owner.p = nn.Parameter(tg.zeros(()))
    owner.load_state_dict({"p": np.ones(1)})
    assert owner.p.item() == 1
    with pytest.raises(ArgumentError, match="p is of type list"):
        owner.load_state_dict({"p": [1.0]})


def test_hooks_may_change_a_state_on_its_way_out_and_in() -> None:
    seen: list[object] = []
    net = nn.Sequential(nn.Linear(1, 1))
    layer = net[0]
    layer.register_state_dict_pre_hook(lambda m, prefix, keep_vars: seen.append((m, prefix, keep_vars)))
    layer.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update({f"{prefix}made": tg.ones(1)}))

    def rename(m, state, prefix, meta, strict, missing, unexpected, errors):  # type: ignore[no-untyped-def]
        state[f"{prefix}weight"] = state.pop(f"{prefix}w")

    def forgive(m: nn.Module, keys: Any) -> None:
        seen.append(list(keys.missing_keys))
        keys.missing_keys.clear()

    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.made"] and seen == [(layer, "0.", False)]
    layer.register_load_state_dict_pre_hook(rename)
    handle = net.register_load_state_dict_post_hook(forgive)
    given = {"0.w": tg.full((1, 1), 5.0)}
    net.load_state_dict(given)
    assert seen[-1] == ["0.bias", "0.made"] and layer.weight.item() == 5 and list(given) == ["0.w"]
    handle.remove()
    with pytest.raises(TinygradError, match="missing"):
        net.load_state_dict(given)


def test_a_name_that_is_taken_is_refused_when_registered_and_replaced_when_assigned() -> None:
    layer = nn.Linear(1, 1)
    layer.plain = 3
    for register, value in ((layer.register_buffer, tg.ones(1)), (layer.add_module, nn.ReLU())):
        with pytest.raises(ArgumentError, match="has a 'weight' already"):
            register("weight", value)
    with pytest.raises(ArgumentError, match="has a 'plain' already"):
        layer.register_parameter("plain", None)
    layer.plain = nn.Parameter(tg.ones(1))
    layer.plain = nn.Parameter(tg.zeros(1))
    layer.table = nn.Buffer(tg.ones(1))
    layer.table = nn.ReLU()
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias", "plain"] and not list(layer.buffers())
    with pytest.raises(DTypeError, match="weight is a parameter and cannot become a ReLU"):
        layer.weight = nn.ReLU()


@pytest.mark.oracle
def test_a_state_goes_from_pytorch_into_ours_and_back() -> None:
    torch = pytest.importorskip("torch")

    def network(library: Any) -> Any:
        return library.Sequential(
            library.Conv2d(3, 4, 3), library.BatchNorm2d(4), library.Flatten(), library.Linear(36, 2)
        )

    theirs, ours, third = network(torch.nn), network(nn), network(torch.nn)
    ours.load_state_dict(theirs.state_dict())
    third.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(np.float32)
    for y in (ours(tg.tensor(x)), third(torch.tensor(x))):
        assert np.allclose(y.detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)


# --- places ----------------------------------------------------------------------------------------------------------


def test_an_error_names_the_path_of_the_module() -> None:
    net = Net()
    outer = nn.ModuleDict({"body": net})

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = outer

        def forward(self, x):
            return self.parts["body"](x)

    with pytest.raises(ShapeError) as caught:
        Whole()(tg.ones(1, 5))
    assert str(caught.value).startswith("parts.body.features.0: linear: ")


def test_observers_see_the_path_of_what_runs() -> None:
    seen: list[str] = []

    class Watch(Observer):
        def after_forward(self, op, inputs, output, seconds):
            seen.append(output.grad_fn.module)

    with observing(Watch()):
        Net()(tg.ones(1, 4))
    assert {"features.0", "features.1", "head"} == set(seen)


def test_get_submodule_and_parameter_follow_dots_and_say_what_there_is() -> None:
    net = Net()
    assert net.get_submodule("features.0") is net.features[0] and net.get_submodule("") is net
    assert net.get_parameter("features.0.bias") is net.features[0].bias
    assert net.get_buffer("seen") is net.seen
    with pytest.raises(AttributeError, match="features has no module '7'; it has 0, 1"):
        net.get_submodule("features.7")
    with pytest.raises(AttributeError, match="head has no parameter 'scale'; it has weight"):
        net.get_parameter("head.scale")


def test_a_module_without_forward_says_so() -> None:
    class Empty(nn.Module):
        pass

    assert hasattr(Empty(), "forward")
    with pytest.raises(ArgumentError, match="Empty: it has no forward method"):
        Empty()(1)


def test_the_printed_form_is_a_tree() -> None:
    assert repr(Net()) == (
        "Net(\n  (features): Sequential(\n    (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "    (1): ReLU()\n  )\n"
        "  (head): Linear(in_features=3, out_features=2, bias=False)\n)"
    )


def test_casting_weights_that_are_no_numbers_is_silent() -> None:
    layer = nn.Linear(3, 1, bias=False)
    layer.load_state_dict({"weight": tg.tensor([[np.nan, 1e30, np.inf]])})
    assert np.isnan(layer.double().weight.detach().numpy()[0, 0])
    assert layer.half().weight.detach().numpy()[0, 1] == np.inf
