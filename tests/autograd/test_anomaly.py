"""Where a NaN comes from, and why a gradient is None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_cv as tg
from tinygrad_cv.autograd import detect_anomaly, set_detect_anomaly, tracing, why_no_grad
from tinygrad_cv.ops.errors import AutogradError

w = tg.tensor([1.0, 2.0], requires_grad=True)
v = tg.tensor([1.0, 2.0], requires_grad=True)


def without_recording() -> Any:
    with tg.no_grad():
        h = w * 3
    return (h * v).sum()


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (lambda: (w.detach() * v).sum(), "detach"),
        (lambda: (tg.from_numpy((w * 2).detach().numpy()) * v).sum(), "NumPy"),
        (lambda: ((w * 2).data * v).sum(), "without its graph"),
        (without_recording, "no_grad"),
        (lambda: ((w * 2).long() * v).sum(), "int64"),
        (lambda: ((w > 0) * v).sum(), "bool"),
        (lambda: (v * v).sum(), "replaced"),
        (lambda: (tg.tensor((w * 2).tolist()) * v).sum(), "tolist"),
        (lambda: (w * v).sum(), "connected"),
    ],
)
def test_missing_gradient_is_explained_by_the_cut(loss: Callable[[], Any], reason: str) -> None:
    assert reason in why_no_grad(w, loss)


def test_missing_gradient_is_explained_with_the_line_that_cut() -> None:
    assert "h = w * 3" in why_no_grad(w, without_recording)


def test_missing_gradient_of_a_constant_needs_no_trail() -> None:
    assert "requires_grad=True" in why_no_grad(tg.tensor([1.0]))


def test_trail_of_a_block_serves_later() -> None:
    with tracing():
        loss = (w.detach() * v).sum()
    assert "detach" in why_no_grad(w, loss)


def test_anomaly_names_the_operation_the_line_and_the_element() -> None:
    x = tg.tensor([1.0, 0.0], requires_grad=True)
    with pytest.raises(AutogradError, match=r"PowScalar.* is inf at \(1,\).*x\.sqrt\(\)"), detect_anomaly():
        x.sqrt().sum().backward()


def test_anomaly_remembers_the_first_nan_of_the_forward_pass() -> None:
    x = tg.tensor([0.0], requires_grad=True)
    with pytest.raises(AutogradError, match="made by Div"), detect_anomaly():
        (x / x).sum().backward()


def test_anomaly_names_the_module() -> None:
    class Root(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.sqrt()

    net = tg.nn.Sequential(tg.nn.Identity(), Root())
    x = tg.tensor([0.0], requires_grad=True)
    with pytest.raises(AutogradError, match="in module 1"), detect_anomaly():
        net(x).sum().backward()


def test_anomaly_switch_lasts_until_it_is_turned_off() -> None:
    x = tg.tensor([0.0], requires_grad=True)
    set_detect_anomaly(True)
    try:
        with pytest.raises(AutogradError):
            x.sqrt().sum().backward()
    finally:
        set_detect_anomaly(False)
    x.sqrt().sum().backward()
