"""Losses and distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.draws import Arg, Draw, sample


def reduction(d: Draw) -> dict[str, Any]:
    return (
        {}
        if d.chance(30)
        else {"reduction": d.pick("mean", "sum", "none", "none", "mean", "average" if d.chance(10) else "sum")}
    )


def pair(d: Draw, low: float = -3, high: float = 3) -> tuple[Arg, Arg]:
    shape = d.shape()
    return d.tensor(shape, low, high), d.tensor(d.broadcast(shape) if d.chance(15) else shape, low, high)


@sample("F.mse_loss", "F.l1_loss")
def simple(d: Draw) -> Any:
    return pair(d), reduction(d)


@sample("F.smooth_l1_loss")
def smooth(d: Draw) -> Any:
    return pair(d), {**reduction(d), **({"beta": d.pick(0.5, 2.0, 0.0, 1)} if d.chance(50) else {})}


@sample("F.huber_loss")
def huber(d: Draw) -> Any:
    return pair(d), {**reduction(d), **({"delta": d.pick(0.5, 2.0, 1, 0.0)} if d.chance(50) else {})}


@sample("F.binary_cross_entropy")
def bce(d: Draw) -> Any:
    shape = d.shape()
    p = d.tensor(shape, 0.02, 0.98, ties=0)
    t = d.tensor(shape if d.chance(94) else d.broadcast(shape), 0, 1, grad=d.chance(40))
    if d.chance(4):
        p = d.tensor(shape, -0.5, 1.5, ties=0)
    if d.chance(8):
        p, t = Arg(np.round(p.array), d.chance(50)), d.tensor(shape, 0, 1, grad=False)
        if p.grad:  # second derivatives at a certain probability may differ
            more = {"weight": d.tensor(d.broadcast(shape) if shape else (), grad=False)} if d.chance(30) else {}
            return (p, t), {**reduction(d), **more}, 1
    more = {"weight": d.tensor(d.broadcast(shape) if shape else (), grad=False)} if d.chance(30) else {}
    return (p, t), {**reduction(d), **more}


@sample("F.binary_cross_entropy_with_logits")
def bce_logits(d: Draw) -> Any:
    shape = d.shape()
    x = d.tensor(shape, -30, 30) if d.chance(20) else d.tensor(shape)
    t = d.tensor(shape if d.chance(94) else d.broadcast(shape), 0, 1, grad=d.chance(40))
    more: dict[str, Any] = {"weight": d.tensor(d.broadcast(shape) if shape else (), grad=False)} if d.chance(30) else {}
    if d.chance(30):
        more["pos_weight"] = d.tensor(d.broadcast(shape) if shape else (), 0.5, 2, grad=False)
    return (x, t), {**reduction(d), **more}


@sample("F.kl_div")
def kl(d: Draw) -> Any:
    shape = d.shape()
    log = d.chance(40)
    target = d.tensor(shape, -3, 0) if log else d.tensor(shape, 0.0 if d.chance(20) else 0.1, 1.0, ties=0)
    where = reduction(d) if d.chance(70) else {"reduction": "batchmean"}
    return (d.tensor(shape, -3, 0), target), {**where, "log_target": log}


def classes(d: Draw) -> tuple[Arg, Arg, int]:
    """Scores and class numbers that fit them."""
    k = d.int(1, 4)
    if d.chance(15):
        return d.tensor((k,)), d.integers((), 0, k - 1), k
    rest = d.shape(0, 2)
    n = d.pick(0, 1, 2, 3)
    return d.tensor((n, k, *rest)), d.integers((n, *rest), 0, k - 1), k


@sample("F.nll_loss", "F.cross_entropy")
def nll(d: Draw, path: str) -> Any:
    x, t, k = classes(d)
    more: dict[str, Any] = {}
    if d.chance(30):
        more["weight"] = d.tensor((k if d.chance(95) else k + 1,), 0.2, 2.0, grad=False)
    if d.chance(30):
        more["ignore_index"] = d.pick(0, 1, -1, -100)
        if more["ignore_index"] == -1 and t.array.size and d.chance(60):
            t.array.flat[0] = -1
    if d.chance(3) and t.array.size:
        t.array.flat[0] = k
    if d.chance(3):
        t = d.integers((2, 2, 5), 0, k - 1)
    if path == "F.cross_entropy":
        if d.chance(35):
            more["label_smoothing"] = d.pick(0.1, 0.5, 1.0, 0.0, 1.5 if d.chance(10) else 0.2)
        if d.chance(25):
            t = d.tensor(x.array.shape if d.chance(95) else (7,), 0, 1, grad=d.chance(50))
            more.pop("ignore_index", None)
    return (x, t), {**reduction(d), **more}


@sample("F.cosine_similarity", "cosine_similarity")
def cosine(d: Draw) -> Any:
    shape = d.shape(1, 3)
    a, b = d.tensor(shape, ties=0), d.tensor(d.broadcast(shape) if d.chance(30) else shape, ties=0)
    return (a, b), d.pick({"dim": -1}, {"dim": d.dim(len(shape)), "eps": d.pick(1e-8, 1e-3)}, {})


@sample("F.cosine_embedding_loss")
def cosine_embedding(d: Draw) -> Any:
    k = d.int(1, 4)
    if d.chance(25):
        a, b, t = d.tensor((k,), ties=0), d.tensor((k,), ties=0), d.integers((), 0, 1)
    else:
        n = d.pick(0, 1, 2, 3)
        a, b, t = d.tensor((n, k), ties=0), d.tensor((n, k), ties=0), d.integers((n,), 0, 1)
    t = Arg(t.array * 2 - 1, False)
    if d.chance(5):
        t = d.integers((2, 2), -1, 1)
    return (a, b, t), {**reduction(d), **({"margin": d.pick(0.2, -0.3, 0.5)} if d.chance(50) else {})}


@sample("F.margin_ranking_loss")
def margin_ranking(d: Draw) -> Any:
    shape = d.shape(0, 2)
    t = Arg(np.where(d.bools(shape).array, 1.0, -1.0), False)
    return (d.tensor(shape), d.tensor(shape), t), {
        **reduction(d),
        **({"margin": d.pick(0.5, -1, 1)} if d.chance(50) else {}),
    }


@sample("F.triplet_margin_loss")
def triplet(d: Draw) -> Any:
    shape = (*d.shape(0, 2), d.int(1, 4))
    more: dict[str, Any] = {"margin": d.pick(0.5, 2.0, 1)} if d.chance(40) else {}
    more.update({"p": d.pick(1, 3.0, 2)} if d.chance(30) else {})
    more.update({"swap": True} if d.chance(30) else {})
    more.update({"eps": 1e-3} if d.chance(20) else {})
    tensors = [d.tensor(shape, ties=0) for _ in range(3)]
    return tensors, {**reduction(d), **more}


@sample("F.multi_margin_loss")
def multi_margin(d: Draw) -> Any:
    k, n = d.int(1, 4), d.pick(1, 2, 3)
    x, t = (
        (d.tensor((k,)), d.integers((), 0, k - 1)) if d.chance(20) else (d.tensor((n, k)), d.integers((n,), 0, k - 1))
    )
    more: dict[str, Any] = {"p": d.pick(1, 2, 3 if d.chance(10) else 2)} if d.chance(40) else {}
    more.update({"margin": d.pick(0.5, 2.0)} if d.chance(30) else {})
    more.update({"weight": d.tensor((k,), 0.2, 2, grad=False)} if d.chance(30) else {})
    return (x, t), {**reduction(d), **more}


@sample("F.pairwise_distance")
def distance(d: Draw) -> Any:
    shape = (*d.shape(0, 2), d.int(1, 4))
    return (d.tensor(shape, ties=0), d.tensor(shape, ties=0)), d.pick(
        {}, {"p": 1}, {"p": 3.0, "keepdim": True}, {"eps": 1e-3}
    )


@sample("F.soft_margin_loss", "F.hinge_embedding_loss")
def others(d: Draw) -> Any:
    shape = d.shape(0, 3)
    x = d.tensor(shape)
    t = Arg(np.where(d.bools(shape).array, 1.0, -1.0), False)
    return (x, t), reduction(d)
