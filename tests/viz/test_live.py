"""A recording tells what flowed in the chosen steps, flags what is wrong and nothing else, and leaves no trace."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import nn
from tinygrad_cv.autograd.observe import OBSERVERS
from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.viz.live import sample_of
from tinygrad_cv.viz.statistics import stats_of


def network() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(inplace=True), inner, nn.Linear(8, 2))


def images(seed: int = 0) -> Any:
    return torch.tensor(np.random.default_rng(seed).standard_normal((16, 3)).astype(np.float32))


def train(net: Any, x: Any, steps: int = 1) -> None:
    for _ in range(steps):
        net(x).square().mean().backward()


def told(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert found is not None
    return dict(json.loads(found[1]))


def flags(html: str) -> set[tuple[str, str]]:
    units = told(html)["units"].values()
    return {(u["name"].split(" · ")[1], kind) for u in units for step in u.get("flags", ()) for kind, _ in step}


def test_chosen_steps_are_recorded_and_others_leave_no_observer() -> None:
    net = network()
    watching = []
    with torch.watch(net, steps=[1, 3]) as w:
        for _ in range(5):
            train(net, images())
            watching.append(len(OBSERVERS))
            with torch.no_grad():
                net(images())  # no step
    assert [step.number for step in w.steps] == [1, 3] and w.count == 5
    assert watching == [0, 1, 0, 1, 0] and not OBSERVERS
    assert not any(m._hooks is not None and (m._hooks.before or m._hooks.after) for m in net.modules())


def test_the_page_tells_values_gradients_and_the_loss() -> None:
    net, x = network(), images()
    hidden = net[1](net[0](x))
    hidden.retain_grad()
    y = net[3](net[2](hidden))
    y.retain_grad()
    loss = y.square().mean()
    loss.backward()
    expected = net[3].weight.grad.numpy()
    with torch.watch(net) as w:
        train(net, x)
    data = told(w.html)
    units = {unit["name"]: unit for unit in data["units"].values()}
    last = units["Linear · 3"]
    assert data["steps"] == [{"number": 0, "loss": pytest.approx(loss.item())}]
    assert last["values"][0]["words"] == str(stats_of(y.detach().numpy()))
    assert last["gradients"][0]["words"] == str(stats_of(y.grad.numpy()))
    assert last["weights"]["weight"][1][0]["words"] == str(stats_of(expected))
    assert units["ReLU · 1"]["gradients"][0]["words"] == str(stats_of(hidden.grad.numpy()))
    assert sum(last["values"][0]["bins"]) == 32 and last["shape"] == "16×2"


def test_the_page_shows_every_box_and_loads_nothing() -> None:
    net = network()
    with torch.watch(net, title="<a> & b") as w:
        train(net, images(), 3)
    html = w.html
    boxes = re.findall(r'data-node="([^"]*)"', html)
    assert boxes == list(told(html)["units"]) and len(boxes) == 10  # with the square and the mean of the loss
    assert "default-src 'none'" in html and "<h1>&lt;a&gt; &amp; b</h1>" in html
    links = re.findall(r"(?:https?:)?//[\w.]+", html)
    assert set(links) <= {"http://www.w3.org"} and "@import" not in html and "src=" not in html


def test_a_healthy_training_is_flagged_nowhere() -> None:
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.watch(net) as w:
        train(net, images(), 3)
    assert flags(w.html) == set()


def test_dead_vanishing_exploding_and_broken_layers_are_flagged() -> None:
    net, x = network(), images()
    with torch.no_grad():
        net[0].bias[2] = -100
        net[3].weight.mul_(1e-9)
    with torch.watch(net) as small:
        train(net, x, 2)
    assert {("1", "dead"), ("0", "vanishing"), ("2.0", "vanishing")} <= flags(small.html)
    with torch.no_grad():
        net[3].weight.mul_(1e13)
    with torch.watch(net) as large:
        train(net, x, 2)
    assert {("0", "exploding"), ("2.0", "exploding")} <= flags(large.html)
    x.numpy()[0, 0] = np.nan
    with torch.watch(net) as broken:
        train(net, x)
    assert {("0", "broken"), ("3", "broken")} <= flags(broken.html)
    assert told(broken.html)["steps"][0]["loss"] is None


def test_a_module_that_runs_twice_has_two_boxes_and_the_sum_of_its_gradients() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.linear(self.linear(x).tanh())

    net = Twice()
    train(net, images())
    with torch.watch(net) as w:
        train(net, images())
    units = [u for u in told(w.html)["units"].values() if u["name"].startswith("Linear")]
    assert [u["name"] for u in units] == ["Linear · linear", "Linear · linear (run 2)"]
    whole = str(stats_of(net.linear.weight.grad.numpy() / 2))
    assert [u["weights"]["weight"][1][0]["words"] for u in units] == [whole, whole]


def test_the_page_is_written_even_where_training_fails(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(RuntimeError, match="stop"), torch.watch(net, tmp_path / "deep" / "live.html"):
        train(net, images())
        raise RuntimeError("stop")
    assert (tmp_path / "deep" / "live.html").read_text(encoding="utf-8").startswith("<!doctype html>") and not OBSERVERS


def test_recording_keeps_no_activations() -> None:
    net = network()
    with torch.watch(net) as w:
        train(net, images())
    trace = w.steps[0].trace
    assert all(t._data.strides == (0, 0) for _, t in trace.inputs)  # a shape without memory
    assert all(sample.size <= 1024 for sample in w.steps[0].samples.values())


def test_a_sample_is_not_always_of_the_same_channels() -> None:
    channels = np.broadcast_to(np.arange(8, dtype=np.float32), (64, 32, 8)).copy()
    assert len(set(sample_of(channels.reshape(-1, 8)).tolist())) == 8


def test_what_cannot_be_watched_is_refused() -> None:
    with pytest.raises(DTypeError, match="got a int; give a network"):
        torch.watch(3)
    with pytest.raises(ArgumentError, match="every is 0"):
        torch.watch(network(), every=0)
    with pytest.raises(ArgumentError, match="none of 0 steps was recorded"), torch.watch(network()):
        pass


@pytest.mark.e2e
def test_the_page_works_in_a_browser(browser: Any, tmp_path: Path) -> None:
    net = network()
    with torch.watch(net, tmp_path / "live.html"):
        train(net, images(), 3)
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"file://{tmp_path / 'live.html'}")
    assert "step 0 (1 of 3)" in page.inner_text("#count")
    page.keyboard.press("ArrowRight")
    assert "step 1 (2 of 3)" in page.inner_text("#count")
    page.locator("[data-kind=layer]").last.click()
    assert "gradient of weight" in page.inner_text("#detail")
    page.close()
    assert said == []
