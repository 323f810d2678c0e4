"""The two doors to the reverse pass: ``backward`` adds to the leaves' ``grad``, ``grad`` returns what it found."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..ops.errors import ArgumentError, AutogradError, ShapeError
from ..ops.kernels.memory import is_block
from ..typing import Array
from . import engine


def edge(t: Any, op: str) -> Any:
    """Return where the gradient of a tensor goes: its node, or itself for a leaf."""
    if not t.requires_grad:
        raise AutogradError(
            f"{op}: the tensor of shape {t.shape} does not require a gradient and has no graph; "
            f"set requires_grad=True on what it is made from, and compute it outside no_grad()"
        )
    node = t.grad_fn
    return t if node is None else node


def seed(t: Any, gradient: Any, op: str) -> Any:
    """Return the gradient to start from, checked: 1 for a single number, what was given otherwise."""
    guest = t._guest
    if gradient is None:
        if t._data.size != 1:
            raise AutogradError(
                f"{op}: a tensor of shape {t.shape} is not a single number; give the gradient, or reduce it with "
                ".sum() or .mean()"
            )
        return guest(np.ones(t.shape, t.dtype))
    g = gradient if isinstance(gradient, guest) else guest(np.asarray(gradient, t.dtype))
    if g.shape != t.shape:
        raise ShapeError(f"{op}: the gradient has shape {g.shape}, the tensor {t.shape}; give equal shapes")
    return g if g.dtype == t.dtype else g.to(t.dtype)


def _start(tensors: Any, gradients: Any, op: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the tensors, their edges and their seeds as lists."""
    outs = [tensors] if hasattr(tensors, "requires_grad") else list(tensors)
    if not outs:
        raise ArgumentError(f"{op}: no tensors were given; give at least one")
    if gradients is None or hasattr(gradients, "dtype") or isinstance(gradients, (int, float)):
        given = [gradients] * len(outs) if gradients is None else [gradients]
    else:
        given = list(gradients)
    if len(outs) != len(given):
        raise ArgumentError(f"{op}: {len(given)} gradients for {len(outs)} tensors; give one for each")
    return outs, [edge(t, op) for t in outs], [seed(t, g, op) for t, g in zip(outs, given)]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` with respect to the leaves of their graphs to the leaves' ``grad``.

    Parameters
    ----------
    tensors : one or several tensors.
    grad_tensors : the gradient of the loss with respect to each; 1 for a single number.
    retain_graph : keep what the graph has saved, for another pass (with ``create_graph`` that is the default).
    create_graph : record the pass itself, so that the gradients can be differentiated.
    inputs : only these tensors receive gradients.
    """
    outs, roots, seeds = _start(tensors, grad_tensors, "backward")
    wanted = None
    if inputs is not None:
        wanted = {edge(t, "backward"): t for t in ([inputs] if hasattr(inputs, "requires_grad") else inputs)}
    found = engine.run(
        outs[0]._guest,
        roots,
        seeds,
        targets=None if wanted is None else list(wanted),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    handed_out = {id(s._data) for s in seeds}
    for leaf, g in found.items():
        target = leaf if wanted is None else wanted[leaf]
        target._accumulate(g if create_graph else owned(g, handed_out))


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of ``outputs`` with respect to ``inputs`` (leaves or not), without touching any ``grad``.

    An input that the outputs do not depend on is an error, unless ``allow_unused`` (None is returned for it) or
    ``materialize_grads`` (zeros are).

    ``grad_outputs`` are the gradients to start from, 1 where an output is a single number; ``retain_graph`` keeps what
    the graph has saved, for another pass.

    >>> import tinygrad_cv as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> (g,) = grad(x**3, x, create_graph=True)
    >>> g.item(), grad(g, x)[0].item()
    (27.0, 18.0)
    """
    wrt = [inputs] if hasattr(inputs, "requires_grad") else list(inputs)
    outs, roots, seeds = _start(outputs, grad_outputs, "grad")
    guest = outs[0]._guest
    edges = [edge(t, "grad") for t in wrt]
    found = engine.run(
        guest,
        roots,
        seeds,
        targets=edges,
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
    )
    handed_out = {id(s._data) for s in seeds}
    results: list[Any] = []
    for i, (t, e) in enumerate(zip(wrt, edges)):
        g = found.get(e)
        if g is None:
            if materialize_grads:
                g = np.zeros(t.shape, t.dtype)
            elif not allow_unused:
                raise AutogradError(
                    f"grad: the outputs do not depend on input {i} of shape {t.shape}; give allow_unused=True to get "
                    "None for it"
                )
        if g is not None and not isinstance(g, guest):
            g = guest(owned(g, handed_out))
        if g is not None and e is t:
            for hook in list(t._hooks or ()):
                changed = hook(g)
                g = g if changed is None else changed
        results.append(g)
    return tuple(results)


def owned(g: Array, handed_out: set[int]) -> Array:
    """Return g, or a copy where its memory belongs to somebody else too: the incoming gradient of an addition, a
    view.
    """
    if type(g) is not np.ndarray:
        g = np.asarray(g)
    shared = id(g) in handed_out or not g.flags.writeable or _looked_at(g)
    handed_out.add(id(g))
    return g.copy(order="K") if shared else g


def _looked_at(view: Any) -> bool:
    """Tell whether anybody holds the memory below a view, or below what that looks at in turn."""
    while getattr(view, "base", None) is not None:
        if _holders(view) > _ALONE:
            return True
        view = view.base
    return False


def _holders(view: Any) -> int:
    base = view.base
    return sys.getrefcount(base) - is_block(base)


_ALONE = _holders(np.empty(2)[:1])
"""What `_holders` returns where nobody else looks at the memory: it counts its own looks too, how many depends on the
version of Python."""
