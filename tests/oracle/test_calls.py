"""Calls written by hand mean here what they mean in PyTorch: every spelling of arguments, methods, layers, refusals.

The tables of this folder draw arguments; `calls.txt` names what they never try. Each line is an expression, or
statements before one, separated by ``;;``. T is the library, F its functional, nn its layers, A its autograd; the
other names are the tensors below.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

import torch  # noqa: E402

import tinygrad_cv  # noqa: E402
import tinygrad_cv.nn.functional  # noqa: E402
from tests.oracle.compare import differ, gradients  # noqa: E402
from tests.oracle.run import flat  # noqa: E402
from tinygrad_cv.ops.errors import TinygradError  # noqa: E402

GROUPS = Path(__file__).with_name("calls.txt").read_text(encoding="utf-8").split("# ")[1:]


def leaves_and_constants() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the arrays whose gradients are compared, and the others."""
    r = np.random.default_rng(3)
    shapes = {
        "x": (2, 3, 4), "m": (3, 4), "n": (3, 4), "k": (4, 3), "q": (3, 3), "v": (4,), "w": (4,), "s": (), "e": (0, 3),
        "z": (0,), "one": (1,), "img": (2, 4, 6, 5), "img1": (4, 6, 5), "sig": (2, 4, 9), "vol": (2, 3, 4, 4, 4),
        "cw": (6, 4, 3, 3), "cw1": (6, 4, 3), "cb": (6,), "dw": (4, 1, 3, 3), "tw": (4, 6, 3, 3), "tw1": (4, 6, 3),
        "B": (2, 3, 4), "B2": (2, 4, 3), "sc4": (2, 5, 3, 2), "sc3": (2, 5, 3),
    }  # fmt: skip
    leaves = {name: np.asarray(r.normal(size=shape)) for name, shape in shapes.items()}
    leaves.update(pr=r.uniform(0.05, 0.95, (3, 4)), pv=r.uniform(0.1, 2, (3, 4)))
    constants = {
        "i": r.integers(-3, 4, (2, 3, 4)), "j": r.integers(0, 4, 4).astype(np.int32), "b": r.random((2, 3, 4)) > 0.5,
        "bv": np.array([True, False, True, True]), "u": r.integers(0, 9, 4).astype(np.uint8),
        "f": r.normal(size=4).astype(np.float32), "fm": r.normal(size=(3, 4)).astype(np.float32),
        "h": r.normal(size=4).astype(np.float16), "i8": r.integers(-3, 4, 4).astype(np.int8),
        "i16": r.integers(-3, 4, 4).astype(np.int16), "li": r.integers(0, 4, 4), "cl": np.array([1, 0, 3]),
        "cl3": r.integers(0, 5, (2, 3)), "cl4": r.integers(0, 5, (2, 3, 2)), "i0": np.asarray(3),
        "b0": np.asarray(True), "f0": np.asarray(1.5, np.float32), "ix": r.integers(0, 3, (2, 3, 4)),
        "mk": r.random((3, 4)) > 0.5, "ei": np.zeros(0, np.int64),
    }  # fmt: skip
    return leaves, constants


def evaluate(line: str, library: Any) -> tuple[Any, list[Any], Exception | None]:
    """Return (value, leaves, error) of a line in one of the libraries."""
    leaves, constants = leaves_and_constants()
    names: dict[str, Any] = {name: library.from_numpy(a.copy()) for name, a in (leaves | constants).items()}
    wanted = [names[name].requires_grad_() for name in leaves]
    names.update(T=library, F=library.nn.functional, nn=library.nn, A=library.autograd, np=np)
    names.update(inf=math.inf, nan=math.nan)
    *statements, expression = line.split(";;")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for statement in statements:
                exec(statement.strip(), names)
            return eval(expression.strip(), names), wanted, None
        except Exception as error:
            return None, wanted, error


def compare(line: str) -> str | None:
    """Return where the two libraries part, or None."""
    theirs, their_leaves, refused = evaluate(line, torch)
    ours, leaves, error = evaluate(line, tinygrad_cv)
    if refused is not None and error is not None:
        good = isinstance(error, (TinygradError, TypeError, AttributeError, KeyError, IndexError))
        return None if good else f"refused, but with {type(error).__name__}: {error}"
    if error is not None or refused is not None:
        return f"raised {error!r}" if error is not None else f"accepted; PyTorch refuses: {refused}"
    a, b = flat(ours), flat(theirs)
    if len(a) != len(b):
        return f"{len(a)} results, PyTorch {len(b)}"
    wrong = next(filter(None, (differ(x, y, "result") for x, y in zip(a, b))), None)
    recorded = any(isinstance(t, torch.Tensor) and t.requires_grad and t.dtype.is_floating_point for t in b)
    return wrong or (gradients(a, b, leaves, their_leaves, 7, 1) if recorded else None)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.splitlines()[0])
def test_calls_mean_what_they_mean_in_pytorch(group: str) -> None:
    lines = list(filter(None, group.splitlines()[1:]))
    wrong = {line: verdict for line in lines if (verdict := compare(line)) is not None}
    print(f"{len(lines)} calls, {len(wrong)} differ")
    assert lines and not wrong, "\n".join(f"{line}\n    {verdict}" for line, verdict in wrong.items())
