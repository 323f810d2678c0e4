"""Listings that ask for a device run unchanged, on the one that there is."""

from __future__ import annotations

import pytest

import tinygrad_cv as torch
from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ArgumentError


def test_the_usual_question_for_a_gpu_ends_on_the_cpu() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model, x = nn.Linear(3, 2).to(device), torch.ones(4, 3, device=device).to(device)
    assert device.type == "cpu" and x.device == device and model(x).shape == (4, 2)


def test_a_tensor_refuses_to_leave_the_cpu() -> None:
    with pytest.raises(ArgumentError, match="there is no device 'cuda:0' here; 'cpu' is the only one"):
        torch.ones(2).to(torch.device("cuda", 0))
