"""Derivatives of functions: products with vectors, whole Jacobians and Hessians, gradients of single samples.

For y = f(x) with Jacobian J = dy/dx:

    vjp   v^T J   one reverse pass
    jvp   J v     two reverse passes: u -> u^T J is linear in u, and its derivative along v is J v
    hvp   H v     the derivative of the gradient along v, H the Hessian of a function with one number as its value
    vhp   v^T H   the same product from the other side

``create_graph`` lets the results be differentiated. ``strict`` turns an input that the outputs do not depend on into an
error; otherwise its derivative is zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.errors import ArgumentError, AutogradError, ShapeError
from .differentiate import grad
from .mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "per_sample_grad", "vhp", "vjp"]

Tensors = Any
"""One tensor, or a tuple of them: results come in the form in which the arguments went."""


def _tuple(values: Tensors, op: str, what: str) -> tuple[tuple[Any, ...], bool]:
    """Return tensors as a tuple, and whether they were one."""
    several = isinstance(values, (tuple, list))
    out = tuple(values) if several else (values,)
    for i, v in enumerate(out):
        if not hasattr(v, "requires_grad"):
            raise ArgumentError(
                f"{op}: {what} {i} is a {type(v).__name__}; give tensors, or a function that returns them"
            )
    return out, several


def _fresh(inputs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    """Return inputs that start a graph: copies of the handles, connected to the old graph if that is wanted."""
    out = []
    for x in inputs:
        if create_graph and x.requires_grad:
            out.append(x.view(x.shape) if x.ndim == 0 else x[...])
        else:
            out.append(x.detach().requires_grad_())
    return tuple(out)


def _vectors(v: Tensors, like: tuple[Any, ...], op: str) -> tuple[Any, ...]:
    """Check the vectors of a product; None stands for 1 where there is a single number."""
    if v is None:
        if len(like) != 1 or like[0]._data.size != 1:
            shapes = ", ".join(str(x.shape) for x in like)
            raise ArgumentError(f"{op}: v may be left out for a single number alone; give v in the shape {shapes}")
        return (like[0]._guest(np.ones(like[0].shape, like[0].dtype)),)
    vs, _ = _tuple(v, op, "v")
    if len(vs) != len(like) or any(a.shape != b.shape for a, b in zip(vs, like)):
        have, want = (", ".join(str(x.shape) for x in xs) for xs in (vs, like))
        raise ShapeError(f"{op}: v has the shape {have}; give {want}")
    return vs


def _gradients(
    outputs: tuple[Any, ...],
    inputs: tuple[Any, ...],
    vectors: Sequence[Any],
    strict: bool,
    op: str,
    create_graph: bool = False,
    retain: bool = True,
) -> tuple[Any, ...]:
    """Return v^T J; zeros for what the outputs do not depend on, or an error when ``strict``."""
    live = [(y, v) for y, v in zip(outputs, vectors) if y.requires_grad]
    if strict and len(live) < len(outputs):
        raise AutogradError(
            f"{op}: an output does not depend on any input; take it out, or give strict=False for zeros"
        )
    found: tuple[Any, ...] = (None,) * len(inputs)
    if live:
        ys, vs = zip(*live)
        found = grad(ys, inputs, vs, retain_graph=retain, create_graph=create_graph, allow_unused=True)
    out = []
    for i, (x, g) in enumerate(zip(inputs, found)):
        if g is None:
            if strict:
                raise AutogradError(
                    f"{op}: the outputs do not depend on input {i}; take it out, or give strict=False for zeros"
                )
            g = x._guest(np.zeros(x.shape, x.dtype))
        out.append(g)
    return tuple(out)


def _like(values: Sequence[Any], several: bool, create_graph: bool) -> Tensors:
    out = tuple(v if create_graph else v.detach() for v in values)
    return out if several else out[0]


def vjp(
    func: Callable[..., Tensors], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """Return (func(*inputs), v^T J).

    ``v`` has the outputs' shape, and may be left out for a single number.

    >>> import tinygrad_cv as tg
    >>> y, g = vjp(lambda x: x * x, tg.tensor([1.0, 2.0]), tg.tensor([1.0, 10.0]))
    >>> g.tolist()
    [2.0, 40.0]
    """
    xs, several = _tuple(inputs, "vjp", "input")
    with enable_grad():
        xs = _fresh(xs, create_graph)
        ys, several_ys = _tuple(func(*xs), "vjp", "output")
        gs = _gradients(ys, xs, _vectors(v, ys, "vjp"), strict, "vjp", create_graph)
    return _like(ys, several_ys, create_graph), _like(gs, several, create_graph)


def jvp(
    func: Callable[..., Tensors], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Tensors, Tensors]:
    """Return (func(*inputs), J v), ``v`` in the inputs' shape."""
    xs, _ = _tuple(inputs, "jvp", "input")
    vs = _vectors(v, xs, "jvp")
    with enable_grad():
        xs = _fresh(xs, create_graph)
        ys, several_ys = _tuple(func(*xs), "jvp", "output")
        us = tuple(y._guest(np.zeros(y.shape, y.dtype), requires_grad=True) for y in ys)
        gs = _gradients(ys, xs, us, strict, "jvp", create_graph=True)
        products = _gradients(gs, us, vs, strict, "jvp", create_graph)
    return _like(ys, several_ys, create_graph), _like(products, several_ys, create_graph)


def _number(func: Callable[..., Any], xs: tuple[Any, ...], op: str) -> Any:
    y = func(*xs)
    if not hasattr(y, "requires_grad") or y._data.size != 1:
        shape = getattr(y, "shape", type(y).__name__)
        raise ShapeError(
            f"{op}: the function returned {shape}; a Hessian belongs to a single number, so reduce it with .sum()"
        )
    return y.reshape(())


def hvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Tensors]:
    """Return (func(*inputs), H v) for a function whose value is one number."""
    xs, several = _tuple(inputs, "hvp", "input")
    vs = _vectors(v, xs, "hvp")
    with enable_grad():
        xs = _fresh(xs, create_graph)
        y = _number(func, xs, "hvp")
        gs = _gradients((y,), xs, (y._guest(np.ones((), y.dtype)),), strict, "hvp", create_graph=True)
        us = tuple(g._guest(np.zeros(g.shape, g.dtype), requires_grad=True) for g in gs)
        doubled = _gradients(gs, xs, us, strict, "hvp", create_graph=True)
        products = _gradients(doubled, us, vs, strict, "hvp", create_graph)
    return _like((y,), False, create_graph), _like(products, several, create_graph)


def vhp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Tensors]:
    """Return (func(*inputs), v^T H) for a function whose value is one number: cheaper than `hvp`, and equal to it."""
    xs, several = _tuple(inputs, "vhp", "input")
    vs = _vectors(v, xs, "vhp")
    with enable_grad():
        xs = _fresh(xs, create_graph)
        y = _number(func, xs, "vhp")
        gs = _gradients((y,), xs, (y._guest(np.ones((), y.dtype)),), strict, "vhp", create_graph=True)
        products = _gradients(gs, xs, vs, strict, "vhp", create_graph)
    return _like((y,), False, create_graph), _like(products, several, create_graph)


def jacobian(
    func: Callable[..., Tensors],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Tensors:
    """Return dy[i]/dx[j] for every element: a tensor of shape (*y.shape, *x.shape).

    One reverse pass for each element of the output; or, with ``strategy="forward-mode"``, a product for each element of
    the input. For several outputs and inputs: a tuple, by output, of tuples, by input. ``vectorize`` changes nothing.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ArgumentError(f"jacobian: strategy is {strategy!r}; give 'reverse-mode' or 'forward-mode'")
    xs, several = _tuple(inputs, "jacobian", "input")
    with enable_grad():
        xs = _fresh(xs, create_graph)
        ys, several_ys = _tuple(func(*xs), "jacobian", "output")
        if strategy == "forward-mode":
            rows = _by_columns(ys, xs, strict, create_graph)
        else:
            rows = tuple(_by_rows(y, xs, strict, create_graph) for y in ys)
    result = tuple(row if several else row[0] for row in rows)
    return result if several_ys else result[0]


def _by_rows(y: Any, xs: tuple[Any, ...], strict: bool, create_graph: bool) -> tuple[Any, ...]:
    """Return the Jacobians of one output, a reverse pass for each of its elements."""
    size = math.prod(y.shape)
    rows = []
    for i in range(size):
        one = np.zeros(size, y.dtype)
        one[i] = 1
        rows.append(_gradients((y,), xs, (y._guest(one.reshape(y.shape)),), strict, "jacobian", create_graph))
    return tuple(_stacked([row[k] for row in rows], y.shape, x, create_graph) for k, x in enumerate(xs))


def _stacked(rows: list[Any], lead: tuple[int, ...], x: Any, create_graph: bool) -> Any:
    from ..ops.joining import stack
    from ..ops.shape import reshape

    if not rows:
        return x._guest(np.zeros((*lead, *x.shape), x.dtype))
    y = reshape(stack(rows), (*lead, *x.shape))
    return y if create_graph else y.detach()


def _by_columns(
    ys: tuple[Any, ...], xs: tuple[Any, ...], strict: bool, create_graph: bool
) -> tuple[tuple[Any, ...], ...]:
    """Return all Jacobians, a product J v for each element of the inputs."""
    from ..ops.shape import movedim

    us = tuple(y._guest(np.zeros(y.shape, y.dtype), requires_grad=True) for y in ys)
    gs = _gradients(ys, xs, us, strict, "jacobian", create_graph=True)
    table: list[list[Any]] = [[] for _ in ys]
    for k, x in enumerate(xs):
        columns = []
        for j in range(math.prod(x.shape)):
            one = np.zeros(math.prod(x.shape), x.dtype)
            one[j] = 1
            columns.append(_gradients((gs[k],), us, (x._guest(one.reshape(x.shape)),), False, "jacobian", create_graph))
        for i, y in enumerate(ys):
            by_input = _stacked([c[i] for c in columns], x.shape, y, create_graph)
            n = x.ndim
            table[i].append(movedim(by_input, tuple(range(n)), tuple(range(y.ndim, y.ndim + n))))
    return tuple(tuple(row) for row in table)


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Tensors:
    """Return d2y/dx[i]dx[j] of a function whose value is one number: a tensor of shape (*x.shape, *x.shape).

    For several inputs a tuple of tuples. See `jacobian` for the settings.

    >>> import tinygrad_cv as tg
    >>> hessian(lambda x: (x**3).sum(), tg.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    several = isinstance(inputs, (tuple, list))

    def gradient(*xs: Any) -> Tensors:
        y = _number(func, xs, "hessian")
        gs = _gradients((y,), xs, (y._guest(np.ones((), y.dtype)),), strict, "hessian", create_graph=True)
        return gs if several else gs[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def per_sample_grad(loss: Callable[..., Any], parameters: Tensors, *batches: Any) -> Tensors:
    """Return the gradient of each sample's loss on its own: for every parameter a tensor (N, *parameter.shape).

    Parameters
    ----------
    loss : called as ``loss(*samples)`` with slices (1, ...) of the batches; its value is one number.
    parameters : a tensor or a sequence of tensors that require gradients.
    batches : tensors (N, ...), cut along the first dimension.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> w = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> x = tg.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> per_sample_grad(lambda s: (s @ w).sum(), w, x).tolist()
    [[1.0, 0.0], [0.0, 3.0]]
    """
    ps, several = _tuple(parameters, "per_sample_grad", "parameter")
    if not batches or len({len(b) for b in batches}) != 1:
        sizes = [len(b) for b in batches]
        raise ShapeError(f"per_sample_grad: batches of {sizes} samples; give at least one, and as many samples in each")
    rows = []
    with enable_grad():
        for i in range(len(batches[0])):
            y = _number(loss, tuple(b[i : i + 1] for b in batches), "per_sample_grad")
            rows.append(grad(y, ps, allow_unused=True, materialize_grads=True))
    found = tuple(_stacked([row[k] for row in rows], (len(rows),), p, False) for k, p in enumerate(ps))
    return found if several else found[0]
