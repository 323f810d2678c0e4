"""What a call means here is what it means in PyTorch: refusals, shapes, dtypes, values and two orders of gradients."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

from tests.oracle import tables  # noqa: E402, F401
from tests.oracle.compare import compare  # noqa: E402
from tests.oracle.draws import SAMPLES, Draw  # noqa: E402


@pytest.mark.parametrize("name", SAMPLES)
@given(source=st.randoms(use_true_random=False))
def test_call_means_what_it_means_in_pytorch(name: str, source: random.Random) -> None:
    with np.errstate(all="ignore"):
        call = SAMPLES[name](Draw(source))
    verdict = compare(call)
    assert verdict is None, f"{call}: {verdict}"


NOT_CALLED = {"Module", "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"}
"""No layers: what layers are made of."""


def test_every_layer_that_both_libraries_have_is_drawn() -> None:
    import torch

    from tinygrad_cv import nn

    both = {name for name, thing in vars(nn).items() if isinstance(thing, type) and hasattr(torch.nn, name)}
    assert {f"nn.{name}" for name in both - NOT_CALLED} == {name for name in SAMPLES if name.startswith("nn.")}


@pytest.mark.parametrize("name", ["vjp", "jvp", "hvp", "vhp", "jacobian", "hessian"])
def test_derivative_of_a_function_is_pytorchs(name: str) -> None:
    import torch

    import tinygrad_cv
    from tests.oracle.run import flat

    numbers = np.random.default_rng(0)
    a, b = numbers.normal(size=(2, 3)), numbers.normal(size=3)
    inward, outward = (
        [numbers.normal(size=(2, 3)), numbers.normal(size=3)],
        [numbers.normal(size=3), numbers.normal(size=2)],
    )
    v = {"vjp": outward, "jvp": inward, "hvp": inward, "vhp": inward}.get(name)

    def several(x: Any, y: Any) -> Any:
        return (x * y).sin().sum(0), (x @ y).exp()

    def number(x: Any, y: Any) -> Any:
        return (x * y).sin().sum() * (x @ y).exp().sum()

    function = several if name in ("vjp", "jvp", "jacobian") else number

    def result(library: Any, home: Any) -> list[Any]:
        more = () if v is None else (tuple(library.tensor(x) for x in v),)
        return flat(getattr(home, name)(function, (library.tensor(a), library.tensor(b)), *more))

    ours, theirs = result(tinygrad_cv, tinygrad_cv.autograd.functional), result(torch, torch.autograd.functional)
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, atol=1e-12)
