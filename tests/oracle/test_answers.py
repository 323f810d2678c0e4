"""What PyTorch answered once is answered here, on any machine: values, refusals and two orders of gradients."""

from __future__ import annotations

import pytest

from tests.oracle.answers import agree, answer, checksum, draw, recorded
from tests.oracle.draws import SAMPLES

RECORDED = recorded()


@pytest.mark.parametrize("name", SAMPLES)
def test_answer_is_the_one_that_pytorch_gave(name: str) -> None:
    assert RECORDED.get(name), "nothing is recorded: run python -m tests.oracle --record where PyTorch is installed"
    for seed, check, theirs in RECORDED[name]:
        call = draw(name, seed)
        assert checksum(call) == check, "other arguments are drawn now: run python -m tests.oracle --record"
        ours = answer(call, "tinygrad_cv")
        assert agree(ours, theirs, call), f"{call}\nhere    {ours}\nPyTorch {theirs}"
