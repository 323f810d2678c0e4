"""Saying where the two libraries part in one call.

Compared are: whether the call is refused; the shapes, dtypes and values of what comes out; the gradients for random
incoming ones; and the gradients of those.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

import tinygrad_cv
from tests.oracle.draws import Arg, Call, Layer
from tests.oracle.run import TOLERANCE, dtype_name, flat, run
from tinygrad_cv.ops.errors import ArgumentError, DTypeError, ShapeError, TinygradError

QUIRKS = (
    "view size is not compatible",  # a function other than view refuses an order of memory
    "Unsupported memory format",
)


def refused_when_empty(call: Call, error: Exception | None) -> bool:
    """PyTorch looks at dtypes, and at what a layer was built for, only where there are elements; we always do."""
    layer = isinstance(call, Layer)
    given = [a for args in call.passes for a in args] if layer else call.args
    kinds = (DTypeError, ArgumentError, ShapeError) if layer else DTypeError
    return isinstance(error, kinds) and any(isinstance(a, Arg) and a.array.size == 0 for a in given)


def differ(ours: Any, theirs: Any, what: str, order: int = 0, loose: float = 0.0) -> str | None:
    """Return how two results differ, or None."""
    if isinstance(theirs, torch.Tensor):
        if not isinstance(ours, tinygrad_cv.Tensor):
            return f"{what}: a {type(ours).__name__} instead of a Tensor"
        if tuple(ours.shape) != tuple(theirs.shape):
            return f"{what}: shape {tuple(ours.shape)}, PyTorch {tuple(theirs.shape)}"
        if dtype_name(ours) != dtype_name(theirs):
            return f"{what}: dtype {dtype_name(ours)}, PyTorch {dtype_name(theirs)}"
        a, b = ours.detach().numpy(), theirs.detach().numpy(force=True)
        if a.dtype.kind != "f":
            return None if np.array_equal(a, b) else f"{what}: {a.tolist()}, PyTorch {b.tolist()}"
        bound = max(TOLERANCE[str(a.dtype)], loose)
        with np.errstate(all="ignore"):
            close = np.isclose(
                a,
                b,
                rtol=bound,
                atol=bound * max(1.0, np.nanmax(np.abs(np.where(np.isfinite(b), b, 0)), initial=0) * 1e-2 * order),
                equal_nan=True,
            )
        if order == 2:  # where PyTorch has no number, ours is as good as any
            close |= np.isnan(b)
        if close.all():
            return None
        at = np.unravel_index(int(np.argmin(close)), close.shape) if close.ndim else ()
        return (
            f"{what}: {a[at]!r} at {tuple(map(int, at))}, PyTorch {b[at]!r} ({(~close).sum()} of {close.size} differ)"
        )
    if isinstance(ours, tinygrad_cv.Tensor):
        return f"{what}: a Tensor, PyTorch a {type(theirs).__name__} {theirs!r}"
    if isinstance(theirs, torch.dtype):
        return None if str(ours) == str(theirs).removeprefix("torch.") else f"{what}: {ours}, PyTorch {theirs}"
    if isinstance(theirs, torch.Size):
        theirs = tuple(theirs)
    if isinstance(theirs, dict):  # we may hold more
        parts = (differ(ours.get(k), v, f"{what} {k}", order, loose) for k, v in theirs.items())
        return next(filter(None, parts), None)
    if isinstance(theirs, float) and isinstance(ours, float):
        return None if np.isclose(ours, theirs, equal_nan=True) else f"{what}: {ours}, PyTorch {theirs}"
    return None if ours == theirs else f"{what}: {ours!r}, PyTorch {theirs!r}"


def gradients(
    ours: list[Any],
    theirs: list[Any],
    leaves: list[Any],
    their_leaves: list[Any],
    seed: int,
    order: int,
    orders: int = 2,
    loose: float = 0.0,
) -> str | None:
    """Compare the gradients of the outputs for random incoming ones, then, order by order, the gradients of these."""
    live = [i for i, t in enumerate(theirs) if isinstance(t, torch.Tensor) and t.requires_grad]
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if isinstance(b, torch.Tensor) and a.requires_grad != b.requires_grad and b.dtype.is_floating_point:
            return (
                f"order {order}: output {i} requires_grad={a.requires_grad}, PyTorch {b.requires_grad}"
                if order == 1
                else None
            )
    if not live:
        return None
    numbers = np.random.default_rng(seed)
    loose = max(loose, *(TOLERANCE[dtype_name(theirs[i])] for i in live))
    incoming = [numbers.normal(size=theirs[i].shape).astype(dtype_name(theirs[i])) for i in live]
    g = [tinygrad_cv.tensor(v, requires_grad=True) for v in incoming]
    tg = [torch.tensor(v, requires_grad=True) for v in incoming]
    try:
        expected = torch.autograd.grad(
            [theirs[i] for i in live], their_leaves, tg, create_graph=True, allow_unused=True
        )
    except (RuntimeError, NotImplementedError):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            got = tinygrad_cv.autograd.grad([ours[i] for i in live], leaves, g, create_graph=True, allow_unused=True)
        except Exception as error:
            return f"gradient {order}: {type(error).__name__}: {error}"
    mine, yours = [], []
    for k, (a, b) in enumerate(zip(got, expected)):
        if a is None and b is None:
            continue
        a = tinygrad_cv.zeros_like(leaves[k]) if a is None else a
        b = torch.zeros_like(their_leaves[k]) if b is None else b
        wrong = differ(a, b, f"gradient {order} of tensor {k}", order, loose)
        if wrong:
            return wrong
        if b.requires_grad or a.requires_grad:
            mine.append(a)
            yours.append(b)
    if (
        order == orders
        or not yours
        or not all(np.isfinite(b.detach().numpy(force=True)).all() for b in expected if b is not None)
    ):
        return None
    useful = [i for i, b in enumerate(yours) if b.requires_grad and mine[i].requires_grad]
    return gradients(
        [mine[i] for i in useful],
        [yours[i] for i in useful],
        [*leaves, *g],
        [*their_leaves, *tg],
        seed + 1,
        order + 1,
        orders,
        loose,
    )


def compare(call: Call) -> str | None:
    """Run a call in both libraries and return where they part, or None."""
    theirs, their_leaves, refused = run(call, "torch")
    ours, leaves, error = run(call, "tinygrad_cv")
    if refused is not None and error is not None:
        if refused.__dict__.get("building") and not error.__dict__.get("building"):
            return f"built; PyTorch refuses: {str(refused).splitlines()[0]}"
        if isinstance(error, (TinygradError, TypeError)):
            return None
        return f"refused, but with {type(error).__name__}: {error} (PyTorch: {str(refused).splitlines()[0]})"
    if (any(words in str(refused) for words in QUIRKS)) or refused_when_empty(call, error):
        return None
    if error is not None:
        return f"raised {type(error).__name__}: {error}"
    if refused is not None:
        return f"accepted; PyTorch refuses: {str(refused).splitlines()[0]}"
    a, b = flat(ours), flat(theirs)
    if len(a) != len(b):
        return f"{len(a)} results, PyTorch {len(b)}"
    coarse = max((TOLERANCE.get(str(a.array.dtype), 0.0) for a in call.args if isinstance(a, Arg)), default=0.0)
    for i, (x, y) in enumerate(zip(a, b)):
        wrong = differ(x, y, f"result {i}" if len(a) > 1 else "result", loose=coarse)
        if wrong:
            return wrong
    finite = all(torch.isfinite(t).all() for t in b if isinstance(t, torch.Tensor))
    if their_leaves and finite:
        return gradients(a, b, leaves, their_leaves, 7, 1, call.orders, coarse)
    return None
