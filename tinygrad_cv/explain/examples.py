"""Small computations whose reverse pass is worth a walk: a formula in letters, and a residual block."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_cv import functional as F
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.tensors.creation import tensor
from tinygrad_cv.tensors.random import Generator

Example = tuple[Tensor, dict[str, Tensor]]
"""The result, and tensors by name."""

PRIMES = (2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0)
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu": F.relu, "exp": F.exp, "log": F.log, "tanh": F.tanh, "sin": F.sin, "cos": F.cos, "sqrt": F.sqrt,
    "sigmoid": F.sigmoid,
}  # fmt: skip


def formula(text: str) -> Example:
    """Compute a formula: letters are leaves with the values 2, 3, 5, 7 ... in the order in which they occur.

    ``;`` separates assignments from the result: ``"a = x*x; a*b + a"``.

    >>> y, names = formula("a = x*x; a*b + a")
    >>> y.item(), sorted(names)
    (16.0, ['a', 'b', 'x'])
    """
    names: dict[str, Tensor] = {}
    free = iter(PRIMES)

    def value(part: ast.AST) -> Any:
        if isinstance(part, ast.Constant) and isinstance(part.value, (int, float)):
            return float(part.value)
        if isinstance(part, ast.Name):
            if part.id not in names:
                names[part.id] = tensor(next(free, 1.0), requires_grad=True)
            return names[part.id]
        if isinstance(part, ast.BinOp) and type(part.op) in _OPERATORS:
            return _OPERATORS[type(part.op)](value(part.left), value(part.right))
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
            return -value(part.operand)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _FUNCTIONS:
            if len(part.args) == 1 and not part.keywords:
                return _FUNCTIONS[part.func.id](value(part.args[0]))
        raise ArgumentError(
            f"formula: cannot read {ast.unparse(part)!r}; give letters, numbers, + - * / ** and "
            f"{', '.join(_FUNCTIONS)} of one argument"
        )

    result: Any = None
    try:
        for line in ast.parse("\n".join(part.strip() for part in text.split(";"))).body:
            if isinstance(line, ast.Assign) and len(line.targets) == 1 and isinstance(line.targets[0], ast.Name):
                result = names[line.targets[0].id] = value(line.value)
            else:
                result = value(line.value if isinstance(line, ast.Expr) else line)
    except (SyntaxError, ValueError, RecursionError, ArithmeticError):
        raise ArgumentError(f"formula: cannot read {text!r}; give for example 'a*b + a'") from None
    if not isinstance(result, Tensor) or result.grad_fn is None:
        raise ArgumentError(f"formula: {text!r} computes nothing from a letter; give for example 'a*b + a'")
    return result, {name: t for name, t in names.items() if isinstance(t, Tensor)}


def residual_block() -> Example:
    """Compute relu(conv2(relu(conv1(x))) + x) for maps x that come from a stem, summed up.

    x has two consumers, the first convolution and the addition, so its gradient comes in two parts.
    """
    draw = Generator().manual_seed(0).numpy

    def noise(shape: tuple[int, ...], learned: bool) -> Tensor:
        return Tensor(draw.standard_normal(shape, np.float32) / 2, requires_grad=learned)

    shapes = {"stem": (2, 1, 3, 3), "conv1": (2, 2, 3, 3), "conv2": (2, 2, 3, 3)}
    names = {name: noise(shape, True) for name, shape in shapes.items()}
    x = F.relu(F.conv2d(noise((1, 1, 6, 6), False), names["stem"], padding=1))
    branch = F.conv2d(F.relu(F.conv2d(x, names["conv1"], padding=1)), names["conv2"], padding=1)
    y = F.relu(branch + x)
    return y.sum(), {**names, "x": x, "branch": branch, "y": y}
