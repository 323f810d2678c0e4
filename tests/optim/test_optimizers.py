"""Every optimiser takes the steps that its formula states, and continues exactly from a saved state."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn, optim
from tinygrad_cv.ops.errors import ArgumentError, AutogradError, DTypeError, ShapeError

# name: (class, settings, a reading of the formula for single numbers: (p, g, state, t) -> p)


def sgd(p, g, s, t):
    v = s["v"] = 0.9 * s["v"] + 0.75 * (g + 0.1 * p) if "v" in s else g + 0.1 * p
    return p - 0.1 * v


def nesterov(p, g, s, t):
    v = s["v"] = 0.9 * s["v"] + g if "v" in s else g
    return p - 0.1 * (g + 0.9 * v)


def adam(p, g, s, t, decay=0.1, largest=False):
    g = g + decay * p
    s["m"] = 0.8 * s.get("m", 0) + 0.2 * g
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    s["top"] = max(s.get("top", 0), s["v"])
    second = (s["top"] if largest else s["v"]) / (1 - 0.9**t)
    return p - 0.05 * (s["m"] / (1 - 0.8**t)) / (second**0.5 + 1e-8)


def adamw(p, g, s, t):
    return adam(p * (1 - 0.05 * 0.3), g, s, t, decay=0)


def amsgrad(p, g, s, t):
    return adam(p, g, s, t, decay=0, largest=True)


def nadam(p, g, s, t):
    s["m"] = 0.8 * s.get("m", 0) + 0.2 * g
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    mu, following = (0.8 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in (t, t + 1))
    s["product"] = s.get("product", 1) * mu
    step = (1 - mu) * g / (1 - s["product"]) + following * s["m"] / (1 - s["product"] * following)
    return p - 0.05 * step / ((s["v"] / (1 - 0.9**t)) ** 0.5 + 1e-8)


def rmsprop(p, g, s, t):
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * g**2
    s["a"] = 0.9 * s.get("a", 0) + 0.1 * g
    s["b"] = 0.5 * s.get("b", 0) + g / ((s["v"] - s["a"] ** 2) ** 0.5 + 1e-8)
    return p - 0.05 * s["b"]


def adagrad(p, g, s, t):
    g = g + 0.1 * p
    s["sum"] = s.get("sum", 0.5) + g**2
    return p - 0.05 / (1 + (t - 1) * 0.2) * g / (s["sum"] ** 0.5 + 1e-10)


def adadelta(p, g, s, t):
    s["v"] = 0.7 * s.get("v", 0) + 0.3 * g**2
    d = g * ((s.get("u", 0) + 1e-6) / (s["v"] + 1e-6)) ** 0.5
    s["u"] = 0.7 * s.get("u", 0) + 0.3 * d**2
    return p - 2.0 * d


def lion(p, g, s, t):
    m = s.get("m", 0.0)
    s["m"] = 0.99 * m + 0.01 * g
    return p - 0.05 * (np.sign(0.8 * m + 0.2 * g) + 0.1 * p)


b = {"betas": (0.8, 0.9)}
CASES: dict[str, tuple[Any, dict[str, Any], Callable[..., float]]] = {
    "sgd": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.25, "weight_decay": 0.1}, sgd),
    "nesterov": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}, nesterov),
    "plain": (optim.SGD, {"lr": 0.1}, lambda p, g, s, t: p - 0.1 * g),
    "adam": (optim.Adam, {"lr": 0.05, "weight_decay": 0.1, **b}, adam),
    "amsgrad": (optim.Adam, {"lr": 0.05, "amsgrad": True, **b}, amsgrad),
    "adamw": (optim.AdamW, {"lr": 0.05, "weight_decay": 0.3, **b}, adamw),
    "nadam": (optim.NAdam, {"lr": 0.05, **b}, nadam),
    "rmsprop": (optim.RMSprop, {"lr": 0.05, "alpha": 0.9, "momentum": 0.5, "centered": True}, rmsprop),
    "adagrad": (
        optim.Adagrad,
        {"lr": 0.05, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.5},
        adagrad,
    ),
    "adadelta": (optim.Adadelta, {"lr": 2.0, "rho": 0.7}, adadelta),
    "lion": (optim.Lion, {"lr": 0.05, "betas": (0.8, 0.99), "weight_decay": 0.1}, lion),
}
GRADIENTS = np.random.default_rng(3).standard_normal((8, 3, 2))


def parameter() -> tg.Tensor:
    return tg.tensor(np.arange(6.0).reshape(3, 2) / 5 - 0.4, requires_grad=True)


def run(optimizer: optim.Optimizer, p: tg.Tensor, gradients: np.ndarray) -> None:
    for g in gradients:
        p.grad = tg.tensor(g)
        optimizer.step()


@pytest.mark.parametrize("name", CASES)
def test_steps_follow_the_formula_element_by_element(name: str) -> None:
    kind, settings, formula = CASES[name]
    p = parameter()
    expected = p.detach().numpy().copy()
    run(kind([p], **settings), p, GRADIENTS)
    for i in np.ndindex(expected.shape):
        state: dict[str, float] = {}
        for t, g in enumerate(GRADIENTS, 1):
            expected[i] = formula(expected[i], g[i], state, t)
    assert np.allclose(p.detach().numpy(), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", [*CASES, "muon"])
def test_a_saved_state_continues_bit_for_bit(name: str) -> None:
    kind, settings, _ = CASES.get(name, (optim.Muon, {"lr": 0.1}, None))
    p, q = parameter(), parameter()
    whole = kind([p], **settings)
    run(whole, p, GRADIENTS)
    first = kind([q], **settings)
    run(first, q, GRADIENTS[:4])
    state = pickle.loads(pickle.dumps(first.state_dict()))
    second = kind([q])
    second.load_state_dict(state)
    run(second, q, GRADIENTS[4:])
    assert np.array_equal(p.detach().numpy(), q.detach().numpy())


@pytest.mark.parametrize("name", [n for n in CASES if n != "lion"])
def test_maximising_is_minimising_the_negative(name: str) -> None:
    kind, settings, _ = CASES[name]
    settings = {k: v for k, v in settings.items() if k != "weight_decay"}
    p, q = parameter(), parameter()
    run(kind([p], **settings, maximize=True), p, GRADIENTS)
    run(kind([q], **settings), q, -GRADIENTS)
    assert np.allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", [*CASES, "muon"])
def test_the_memory_order_of_a_parameter_changes_nothing(name: str) -> None:
    kind, settings, _ = CASES.get(name, (optim.Muon, {"lr": 0.1}, None))
    p, q = parameter(), tg.Tensor(np.asfortranarray(parameter().detach().numpy()), requires_grad=True)
    assert not q._data.flags.c_contiguous
    run(kind([p], **settings), p, GRADIENTS)
    run(kind([q], **settings), q, GRADIENTS)
    assert np.allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12) and not q._data.flags.c_contiguous


@pytest.mark.parametrize("name", CASES)
def test_single_precision_takes_the_same_steps_up_to_rounding(name: str) -> None:
    kind, settings, _ = CASES[name]
    p, q = parameter(), parameter().detach().float().requires_grad_()
    run(kind([p], **settings), p, GRADIENTS)
    optimizer = kind([q], **settings)
    for g in GRADIENTS:
        q.grad = tg.tensor(g, dtype=tg.float32)
        optimizer.step()
    assert q.dtype == np.float32 and np.allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_muon_steps_along_an_orthogonal_matrix() -> None:
    w = tg.tensor(np.zeros((4, 3, 2, 1)), requires_grad=True)  # filters count as a matrix (4, 6)
    w.grad = tg.tensor(np.random.default_rng(1).standard_normal((4, 3, 2, 1)))
    optim.Muon([w], lr=1.0, weight_decay=0.0).step()
    singular = np.linalg.svd(w.detach().numpy().reshape(4, 6), compute_uv=False)
    assert (singular > 0.6).all() and (singular < 1.3).all()
    with pytest.raises(ShapeError, match="give it to another optimiser"):
        optim.Muon([tg.zeros(3, requires_grad=True)])


def test_parameters_without_a_gradient_stay() -> None:
    p, q = parameter(), parameter()
    optimizer = optim.Adam([p, q], lr=0.1)
    run(optimizer, p, GRADIENTS[:1])
    assert np.array_equal(q.detach().numpy(), parameter().detach().numpy()) and q not in optimizer.state


def test_groups_have_settings_of_their_own() -> None:
    p, q = parameter(), parameter()
    optimizer = optim.SGD([{"params": [p]}, {"params": q, "lr": 1.0}], lr=0.1)
    p.grad = q.grad = tg.ones(3, 2, dtype=tg.float64)
    optimizer.step()
    start = parameter().detach().numpy()
    assert np.allclose(start - p.detach().numpy(), 0.1) and np.allclose(start - q.detach().numpy(), 1.0)
    r = parameter()
    optimizer.add_param_group({"params": [r], "momentum": 0.5})
    assert optimizer.param_groups[2]["lr"] == 0.1 and optimizer.param_groups[2]["momentum"] == 0.5


def test_named_parameters_are_accepted() -> None:
    optimizer = optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]


def test_a_closure_runs_with_gradients_and_its_value_is_returned() -> None:
    p = parameter()
    optimizer = optim.SGD([p], lr=0.1)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_a_step_makes_older_graphs_refuse_instead_of_being_wrong() -> None:
    p = parameter()
    y = (p * p).sum()
    y.backward(retain_graph=True)
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(AutogradError, match="changed in place"):
        y.backward()


def test_the_state_copies_and_does_not_share() -> None:
    p = parameter()
    optimizer = optim.Adam([p], lr=0.1)
    run(optimizer, p, GRADIENTS[:2])
    state = copy.deepcopy(optimizer.state_dict())
    other = optim.Adam([p], lr=0.5)
    other.load_state_dict(state)
    assert other.param_groups[0]["lr"] == 0.1 and other.state[p]["step"] == 2
    assert not np.shares_memory(other.state[p]["exp_avg"]._data, state["state"][0]["exp_avg"]._data)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda p: optim.SGD([p], lr=-1), "SGD: lr is -1; give a number of at least 0"),
        (lambda p: optim.SGD([p], lr=float("nan")), "lr is nan"),
        (lambda p: optim.SGD([p], momentum=-0.1), "momentum is -0.1"),
        (lambda p: optim.SGD([p], nesterov=True), "nesterov needs momentum above 0"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), r"betas\[1\] is 1.0; give a number from 0 to below 1"),
        (lambda p: optim.Adam([p], eps=-1), "eps is -1"),
        (lambda p: optim.Adadelta([p], rho=2), "rho is 2"),
        (lambda p: optim.Adagrad([p], lr_decay=-1), "lr_decay is -1"),
        (lambda p: optim.Muon([p], adjust_lr_fn="half"), "adjust_lr_fn is 'half'"),
        (lambda p: optim.SGD([]), "the parameter list is empty"),
        (lambda p: optim.SGD([p, p]), "parameter 1 of shape .* is given twice"),
        (lambda p: optim.SGD([{"params": [p]}, {"params": [p]}]), "is given twice"),
        (lambda p: optim.SGD([{"lr": 1}]), "a group must be a dict with 'params'"),
        (lambda p: optim.SGD([{"params": []}]), "a group has no parameters"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(build: Callable[[Any], Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        build(parameter())


def test_a_generator_that_was_used_up_is_told_from_a_list() -> None:
    parameters = nn.Linear(2, 1).parameters()
    optim.SGD(parameters, lr=0.1)
    with pytest.raises(ArgumentError, match="give model.parameters\\(\\), called anew"):
        optim.SGD(parameters, lr=0.1)


def test_what_is_no_leaf_or_no_tensor_is_refused() -> None:
    with pytest.raises(AutogradError, match="made by an operation"):
        optim.SGD([parameter() * 2])
    with pytest.raises(DTypeError, match="parameter 0 is a float"):
        optim.SGD([1.0])
    with pytest.raises(DTypeError, match="params is one tensor"):
        optim.SGD(parameter())


def test_a_state_of_another_model_is_refused() -> None:
    optimizer = optim.Adam([parameter()])
    with pytest.raises(ArgumentError, match=r"groups of \[2\] parameters, this optimiser \[1\]"):
        optimizer.load_state_dict(optim.Adam(nn.Linear(2, 2).parameters()).state_dict())
    p = tg.zeros(5, requires_grad=True)
    other = optim.Adam([p])
    p.grad = tg.ones(5)
    other.step()
    with pytest.raises(ShapeError, match=r"exp_avg has shape \(5,\) in the state, its parameter \(3, 2\)"):
        optimizer.load_state_dict(other.state_dict())


def test_several_optimisers_step_as_each_would_alone() -> None:
    def layer() -> nn.Linear:
        made = nn.Linear(3, 4)
        made.weight.data, made.bias.data = tg.ones(4, 3), tg.ones(4)
        made(tg.ones(2, 3)).sum().backward()
        return made

    together, apart = layer(), layer()
    both = optim.Several(optim.SGD([together.weight], lr=0.1), optim.Adam([together.bias], lr=0.3))
    both.step()
    optim.SGD([apart.weight], lr=0.1).step()
    optim.Adam([apart.bias], lr=0.3).step()
    for name in ("weight", "bias"):
        np.testing.assert_array_equal(getattr(together, name)._data, getattr(apart, name)._data)


def test_several_optimisers_continue_from_their_state() -> None:
    x, y = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    both = optim.Several(optim.SGD([x], lr=0.1, momentum=0.9), optim.Adam([y], lr=0.3))
    (x * y).sum().backward()
    both.step()
    again = optim.Several(optim.SGD([x], lr=1.0, momentum=0.9), optim.Adam([y], lr=1.0))
    again.load_state_dict(both.state_dict())
    assert [group["lr"] for group in again.param_groups] == [0.1, 0.3]
    assert again.state[y]["step"] == 1


def test_several_optimisers_share_no_parameter() -> None:
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(ArgumentError, match="belongs to two optimisers"):
        optim.Several(optim.SGD([x]), optim.Adam([x]))
