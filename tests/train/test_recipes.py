"""Distillation and architecture search do what their formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import nn, optim
from tinygrad_cv.nn import functional as F
from tinygrad_cv.ops.errors import TinygradError
from tinygrad_cv.train import darts
from tinygrad_cv.train.distill import DistillationLoss, DistillationTrainer, distill

RNG = np.random.default_rng(0)


def batch(n: int = 6, dtype: Any = np.float64) -> tuple[Any, Any]:
    return torch.tensor(RNG.normal(size=(n, 1, 6, 6)).astype(dtype)), torch.tensor(RNG.integers(0, 3, n))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_loss_is_hintons_formula() -> None:
    z, t, labels = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4)), RNG.integers(0, 4, 5)
    hard = -np.log(softmax(z)[np.arange(5), labels]).mean()
    p, q = softmax(t / 3), softmax(z / 3)
    soft = (p * np.log(p / q)).sum(1).mean()
    given = [torch.tensor(v) for v in (z, t, labels)]
    assert DistillationLoss(3.0, 0.7)(*given).item() == pytest.approx(0.3 * hard + 0.7 * 9 * soft)
    assert DistillationLoss(alpha=0.7, kind="mse")(*given).item() == pytest.approx(hard + 0.7 * ((z - t) ** 2).mean())


def test_a_high_temperature_compares_the_scores_themselves() -> None:
    z = torch.tensor(RNG.normal(size=(5, 4)), requires_grad=True)
    t = torch.tensor(RNG.normal(size=(5, 4)))
    DistillationLoss(1000.0, 1.0)(z, t, torch.tensor([0] * 5)).backward()
    d = z.detach().numpy() - t.numpy()
    assert np.allclose(z.grad.numpy(), (d - d.mean(1, keepdims=True)) / 20, atol=1e-4)  # Hinton et al., equation 4


def test_a_student_comes_to_agree_with_its_teacher_where_labels_say_nothing() -> None:
    torch.manual_seed(1)
    x = torch.randn(64, 5)
    teacher, student = nn.Linear(5, 3), nn.Linear(5, 3)
    data = [(x, torch.tensor(np.zeros(64, np.int64)))]
    weights = teacher.weight._data.copy()
    distill(student, teacher, data, epochs=300, lr=0.02, temperature=1.0, alpha=1.0)
    same = (student(x).detach().numpy().argmax(1) == teacher(x).detach().numpy().argmax(1)).mean()
    assert same > 0.95
    assert np.array_equal(teacher.weight._data, weights) and teacher.weight.grad is None and not teacher.training


def test_distillation_refuses_what_does_not_fit() -> None:
    with pytest.raises(TinygradError, match="temperature above zero"):
        DistillationLoss(0.0)
    with pytest.raises(TinygradError, match="kind is 'kl'"):
        DistillationLoss(kind="kl")  # type: ignore[arg-type]
    student = nn.Linear(4, 3)
    trainer = DistillationTrainer(student, nn.Linear(4, 5), optim.SGD(student.parameters(), lr=0.1))
    with pytest.raises(TinygradError, match=r"the student gives \(2, 3\), the teacher \(2, 5\)"):
        trainer.fit([(torch.zeros(2, 4), torch.tensor([0, 1]))])


def small_net() -> darts.SearchNetwork:
    torch.manual_seed(2)
    net = darts.SearchNetwork(3, channels=2, cells=1, nodes=1).double()
    nn.init.normal_(net.alpha, std=0.5)
    return net


@pytest.mark.parametrize("xi", [0.0, 0.3])
def test_the_architecture_gradient_is_that_of_the_look_ahead_loss(xi: float) -> None:
    net, train, valid = small_net(), batch(), batch()
    found = darts.architecture_gradient(net, train, valid, xi).numpy()
    weights = net.weights()
    start = [p._data.copy() for p in weights]

    def ahead(alpha: np.ndarray) -> float:
        net.alpha._data[...] = alpha
        for p, data in zip(weights, start):
            p._data[...] = data
        steps = torch.autograd.grad(F.cross_entropy(net(train[0]), train[1]), weights)
        for p, g in zip(weights, steps):
            p._data[...] -= xi * g.numpy()
        return F.cross_entropy(net(valid[0]), valid[1]).item()

    alpha, eps = net.alpha._data.copy(), 1e-5
    direction = RNG.normal(size=alpha.shape)
    slope = (ahead(alpha + eps * direction) - ahead(alpha - eps * direction)) / (2 * eps)
    assert (found * direction).sum() == pytest.approx(slope, rel=1e-5)


def test_the_second_order_step_leaves_the_weights_where_they_were() -> None:
    net = small_net()
    before = [p._data.copy() for p in net.parameters()]
    darts.architecture_gradient(net, batch(), batch(), 0.1)
    assert all(np.array_equal(p._data, b) for p, b in zip(net.parameters(), before))


def test_the_strongest_operations_make_a_network_of_their_own() -> None:
    net = small_net()
    net.alpha._data[...] = 0
    net.alpha._data[0, list(darts.OPERATIONS).index("none")] = 9
    net.alpha._data[0, list(darts.OPERATIONS).index("conv_3x3")] = 1
    net.alpha._data[1, list(darts.OPERATIONS).index("skip_connect")] = 1
    genotype = net.strongest()
    assert genotype == ("conv_3x3", "skip_connect")
    derived = darts.SearchNetwork(3, channels=2, cells=2, nodes=1, genotype=genotype).double()
    assert derived(batch()[0]).shape == (6, 3) and not hasattr(derived, "alpha")
    with pytest.raises(TinygradError, match="has a genotype already"):
        darts.search(derived, [batch()], [batch()])
    with pytest.raises(TinygradError, match="is not for 2 nodes; give 5 of none"):
        darts.SearchNetwork(genotype=("conv_3x3",))


def test_a_mixture_with_one_share_is_that_operation() -> None:
    torch.manual_seed(0)
    cell = darts.Cell(2, 1).eval()
    x, k = torch.randn(1, 2, 4, 4), list(darts.OPERATIONS).index("max_pool_3x3")
    shares = np.zeros((2, len(darts.OPERATIONS)), np.float32)
    shares[:, k] = 1
    expected = cell.join(F.max_pool2d(x, 3, 1, 1) * 2)
    assert np.allclose(cell(x, x, torch.tensor(shares)).detach().numpy(), expected.detach().numpy(), atol=1e-6)


def test_a_search_lowers_the_loss_and_prefers_something() -> None:
    torch.manual_seed(0)
    x = torch.randn(24, 1, 6, 6)
    y = torch.tensor((x.numpy().mean((1, 2, 3)) > 0).astype(np.int64))
    net = darts.SearchNetwork(2, channels=4, cells=1, nodes=1)
    before = F.cross_entropy(net(x), y).item()
    found = darts.search(net, [(x[:12], y[:12])], [(x[12:], y[12:])], epochs=15, lr=0.1, alpha_lr=0.05)
    assert F.cross_entropy(net(x), y).item() < before
    assert len(found.history) == 15 and np.ptp(found.history[-1]) > 0.05
    assert len(found.genotype) == 2 and "none" not in found.genotype
