"""Checking derivatives against differences: `gradcheck` and `gradgradcheck`.

The rules' gradient is compared with a difference quotient along random directions, weighed by random cotangents: one
number for the whole Jacobian, and no wrong rule is orthogonal to chance. (An all-ones cotangent would pass a softmax
whose gradient is zero, because its outputs add up to a constant.) Where the number is wrong, the Jacobian is compared
entry by entry, to name the element, and to give a verdict on kinks: where the slopes from the left and from the right
differ however small the step, any value between them is a sub-gradient, and is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad, no_grad
from ..ops.errors import ArgumentError, DTypeError, TinygradError
from ..tensors import Tensor
from ..typing import Array
from .case import array_text

Function = Callable[..., Any]


class GradcheckError(TinygradError, AssertionError):
    """The rules and the differences disagree; the message names the element and reproduces it."""


@dataclass(frozen=True)
class Entry:
    """One wrong entry of a Jacobian."""

    output: tuple[int, tuple[int, ...]]
    input: tuple[int, tuple[int, ...]]
    analytic: float
    left: float
    right: float

    def __str__(self) -> str:
        (o, at_o), (i, at_i) = self.output, self.input
        numeric = (self.left + self.right) / 2
        text = f"d output {o}{list(at_o)} / d input {i}{list(at_i)} is {self.analytic:.8g} by the rules, "
        text += f"{numeric:.8g} by differences"
        if abs(self.left - self.right) > 1e-3 * max(1.0, abs(numeric)):
            text += f" (a kink: {self.left:.6g} from the left, {self.right:.6g} from the right)"
        return text


def gradcheck(
    fn: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
    seed: int = 0,
) -> bool:
    """Compare the gradients of ``fn`` with differences, PyTorch's ``torch.autograd.gradcheck``.

    Parameters
    ----------
    fn : a function of tensors that returns a tensor or a tuple of them.
    inputs : its arguments; float64 tensors with ``requires_grad`` (and float64 arrays) are checked, others passed on.
    eps : the step of the differences (of fourth order: f(x - 2h), f(x - h), f(x + h), f(x + 2h)).
    atol, rtol : a difference of ``atol + rtol * |numeric|`` is accepted.
    raise_exception : raise `GradcheckError` with a report, instead of returning False.
    nondet_tol : how far two runs with equal inputs may differ.
    check_undefined_grad : with several outputs, also check the gradients that come from each alone.
    check_grad_dtypes : demand that a gradient has its input's dtype.
    fast_mode : try one direction instead of three.
    seed : of the directions and cotangents; the same seed gives the same check.

    Returns
    -------
    True, or False where the check failed and ``raise_exception`` is False.

    Notes
    -----
    Forward-mode and batched checks of PyTorch have no counterpart here.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> x = tg.tensor([-1.0, 0.0, 2.0], dtype=tg.float64, requires_grad=True)
    >>> gradcheck(tg.relu, (x,))
    True
    """
    values = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        checked = Checked(fn, values)
        rng = np.random.default_rng(seed)
        for _ in range(1 if fast_mode else 3):
            checked.check(rng, eps, atol, rtol, nondet_tol, check_grad_dtypes, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    fn: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
    seed: int = 0,
) -> bool:
    """Compare second derivatives with differences of the first, PyTorch's ``torch.autograd.gradgradcheck``.

    The gradients are checked as a function of the inputs and of the incoming gradients: ``grad_outputs``, or random
    ones (with ``gen_non_contig_grad_outputs`` of non-contiguous memory). The other parameters are those of `gradcheck`.
    """
    values = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    checked = Checked(fn, values)
    rng = np.random.default_rng(seed)
    if grad_outputs is None:
        cotangents = [rng.standard_normal(s) for s in checked.output_shapes()]
        if gen_non_contig_grad_outputs:
            cotangents = [np.repeat(c[..., None], 2, -1)[..., 0] for c in cotangents]
    else:
        given = grad_outputs if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
        cotangents = [np.asarray(g, np.float64) for g in given]
    second = (*values, *(Tensor(c, requires_grad=True) for c in cotangents))
    return gradcheck(
        derivative(fn, len(values)),
        second,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
        seed=seed + 1,
    )


def derivative(fn: Function, count: int) -> Function:
    """Return the gradients of ``fn`` as a function of its ``count`` arguments and of the incoming gradients."""

    def gradients(*values: Any) -> tuple[Any, ...]:
        xs, cotangents = values[:count], values[count:]
        with enable_grad():
            wrt = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
            outputs = _outputs(fn(*xs))
            live = [(y, c) for y, c in zip(outputs, cotangents) if y.requires_grad]
            if not live or not wrt:
                return tuple(Tensor(np.zeros(x.shape, x.dtype)) for x in wrt)
            ys, cs = zip(*live)
            return grad(ys, wrt, cs, create_graph=True, materialize_grads=True)

    gradients.__qualname__ = f"derivative({getattr(fn, '__qualname__', repr(fn))}, {count})"
    return gradients


class Checked:
    """A function with its arguments, of which some are varied."""

    def __init__(self, fn: Function, values: Sequence[Any]) -> None:
        self.fn = fn
        self.values = list(values)
        self.varied = [i for i, v in enumerate(values) if _is_varied(v)]
        if not self.varied:
            raise ArgumentError("gradcheck: no input requires a gradient; give float64 tensors with requires_grad=True")
        for i in self.varied:
            if values[i].dtype != np.float64:
                raise DTypeError(
                    f"gradcheck: input {i} has dtype {values[i].dtype}, too coarse for differences; give float64"
                )
        self.arrays = [np.asarray(values[i]) for i in self.varied]

    def tensors(self) -> tuple[list[Any], list[Tensor]]:
        """Return all the arguments, and those of them that are varied, as fresh leaves."""
        leaves = [Tensor(a, requires_grad=True) for a in self.arrays]
        arguments = list(self.values)
        for i, leaf in zip(self.varied, leaves):
            arguments[i] = leaf
        return arguments, leaves

    def outputs(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return the outputs of floating point, recorded, and the leaves they come from."""
        arguments, leaves = self.tensors()
        with enable_grad():
            outs = [y for y in _outputs(self.fn(*arguments)) if y.dtype.kind == "f"]
        return outs, leaves

    def output_shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the outputs."""
        return [y.shape for y in self.outputs()[0]]

    def at(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the outputs for other values of the varied arguments."""
        arguments = list(self.values)
        for i, a in zip(self.varied, arrays):
            arguments[i] = Tensor(a, requires_grad=True)  # fn itself may differentiate
        with no_grad():
            return [np.asarray(y) for y in _outputs(self.fn(*arguments)) if y.dtype.kind == "f"]

    def gradients(self, cotangents: Sequence[Array | None]) -> list[Array]:
        """Return the gradients by the rules, for one cotangent per output (None: it takes no part)."""
        outs, leaves = self.outputs()
        live = [(y, Tensor(c)) for y, c in zip(outs, cotangents) if c is not None and y.requires_grad]
        if not live:
            return [np.zeros(a.shape, a.dtype) for a in self.arrays]
        ys, cs = zip(*live)
        found = grad(ys, leaves, cs, materialize_grads=True)
        for i, (g, a) in enumerate(zip(found, self.arrays)):
            if g.shape != a.shape:
                raise self.failure(f"the gradient of input {self.varied[i]} has shape {g.shape}, the input {a.shape}")
        return [np.asarray(g) for g in found]

    def check(
        self,
        rng: np.random.Generator,
        eps: float,
        atol: float,
        rtol: float,
        nondet_tol: float,
        dtypes: bool,
        alone: bool,
    ) -> None:
        """Check one random direction with one random cotangent; raise with a report where it fails."""
        cotangents = [rng.standard_normal(s) for s in self.output_shapes()]
        directions = [rng.standard_normal(a.shape) for a in self.arrays]
        found = self.gradients(cotangents)
        if dtypes and any(g.dtype != a.dtype for g, a in zip(found, self.arrays)):
            have = [str(g.dtype) for g in found]
            raise self.failure(f"the gradients have dtypes {', '.join(have)} for inputs of float64")
        again = self.gradients(cotangents)
        for i, (a, b) in enumerate(zip(found, again)):
            if not np.all((np.abs(a - b) <= nondet_tol) | (a == b) | (np.isnan(a) & np.isnan(b))):
                raise self.failure(
                    f"two runs give different gradients of input {self.varied[i]}; it is not deterministic"
                )
        if alone and len(cotangents) > 1:
            parts = [
                self.gradients([c if i == k else None for i, c in enumerate(cotangents)])
                for k in range(len(cotangents))
            ]
            for i, g in enumerate(found):
                if not np.allclose(sum(p[i] for p in parts), g, rtol, atol):
                    raise self.failure(f"the gradients of input {self.varied[i]} from each output alone do not add up")

        def along(t: float) -> float:
            outs = self.at([a + t * v for a, v in zip(self.arrays, directions)])
            return float(sum(np.vdot(c, y) for c, y in zip(cotangents, outs)))

        numeric = (8 * (along(eps) - along(-eps)) - (along(2 * eps) - along(-2 * eps))) / (12 * eps)
        analytic = float(sum(np.vdot(v, g) for v, g in zip(directions, found)))
        scale = float(sum(np.vdot(np.abs(v), np.abs(g)) for v, g in zip(directions, found)))
        if abs(analytic - numeric) <= atol + rtol * max(abs(numeric), scale):
            return
        wrong, entries = self.entries(eps, atol, rtol)
        if wrong:
            raise GradcheckError(
                f"gradcheck: {wrong[0]}; {len(wrong)} of {entries} entries are wrong"
                + "".join(f"\n  {e}" for e in wrong[1:4]) + f"\n{self.snippet()}"
            )  # fmt: skip

    def entries(self, eps: float, atol: float, rtol: float) -> tuple[list[Entry], int]:
        """Compare the Jacobian entry by entry; return the wrong ones, and how many entries there are.

        A sub-gradient at a kink is right.
        """
        here = self.at(self.arrays)
        rows = {}
        for o, y in enumerate(here):
            for at in np.ndindex(y.shape):
                unit = [np.zeros(z.shape) if i == o else None for i, z in enumerate(here)]
                unit[o][at] = 1.0  # type: ignore[index]
                rows[o, at] = self.gradients(unit)
        wrong = []
        for i, a in enumerate(self.arrays):
            for at in np.ndindex(a.shape):
                slopes = self._slopes(i, at, here, eps)
                for (o, place), row in rows.items():
                    (left, right), (near_left, near_right), central = (s[o][place] for s in slopes)
                    analytic = row[i][at]
                    allowed = atol + rtol * max(abs(central), abs(analytic))
                    if abs(analytic - central) <= allowed:
                        continue
                    gap, near = abs(right - left), abs(near_right - near_left)
                    kinked = near > max(0.5 * gap, allowed)
                    low, high = sorted((near_left, near_right))
                    if not (kinked and low - allowed <= analytic <= high + allowed):
                        wrong.append(
                            Entry(
                                (o, place), (self.varied[i], at), float(analytic), float(near_left), float(near_right)
                            )
                        )
        return wrong, len(rows) * sum(a.size for a in self.arrays)

    def _slopes(
        self, i: int, at: tuple[int, ...], here: list[Array], eps: float
    ) -> tuple[list[Any], list[Any], list[Array]]:
        """Return for each output the slopes (left, right) for the step and for an eighth of it, and the central one."""

        def moved(t: float) -> list[Array]:
            arrays = [a.copy() for a in self.arrays]
            arrays[i][at] += t
            return self.at(arrays)

        one_sided, central = [], []
        for h in (eps, eps / 8):
            ahead, behind = moved(h), moved(-h)
            one_sided.append([np.stack([(y - b) / h, (a - y) / h]) for y, a, b in zip(here, ahead, behind)])
            if h == eps:
                far, back = moved(2 * h), moved(-2 * h)
                central = [(8 * (a - b) - (f - k)) / (12 * h) for a, b, f, k in zip(ahead, behind, far, back)]
        pairs = [[_Pairs(s) for s in side] for side in one_sided]
        return pairs[0], pairs[1], central

    def failure(self, what: str) -> GradcheckError:
        """Return the error that says what is wrong and how to see it again."""
        return GradcheckError(f"gradcheck: {what}\n{self.snippet()}")

    def snippet(self) -> str:
        """Return lines that repeat the check."""
        lines = [
            "to reproduce:",
            "    import numpy as np, tinygrad_cv as tg",
            "    from tinygrad_cv.testing import derivative, gradcheck",
        ]
        names = []
        for i, v in enumerate(self.values):
            names.append(f"x{i}")
            if i in self.varied:
                lines.append(f"    x{i} = tg.tensor({array_text(v)}, requires_grad=True)")
            elif hasattr(v, "dtype"):
                lines.append(f"    x{i} = {array_text(v)}")
            else:
                lines.append(f"    x{i} = {v!r}")
        name = getattr(self.fn, "__qualname__", None) or repr(self.fn)
        lines.append(f"    gradcheck({name}, ({', '.join(names)},))")
        return "\n".join(lines)


class _Pairs:
    """A stack of two arrays, indexed by a place in each."""

    def __init__(self, both: Array) -> None:
        self.both = both

    def __getitem__(self, place: tuple[int, ...]) -> tuple[float, float]:
        return float(self.both[(0, *place)]), float(self.both[(1, *place)])


def _is_varied(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.requires_grad
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _outputs(result: Any) -> list[Any]:
    outs = list(result) if isinstance(result, (tuple, list)) else [result]
    return [y if isinstance(y, Tensor) else Tensor(y) for y in outs]
