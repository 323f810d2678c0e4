"""The page in a real Chromium: drawn on with a mouse, clicked, fed with pictures; served, and opened from disk."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv as torch
from tinygrad_cv import nn
from tinygrad_cv.explore import Subject, export, of_model, of_run, open_subject, serve
from tinygrad_cv.explore.session import Session
from tinygrad_cv.tensors.random import manual_seed
from tinygrad_cv.train import job
from tinygrad_cv.train.config import Config

from .conftest import Small, small

pytestmark = pytest.mark.e2e
PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
SEVEN = [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.85)]]
CROSSED = [[(0.32, 0.2), (0.68, 0.17), (0.42, 0.85)], [(0.36, 0.52), (0.68, 0.48)]]
LIMIT = 300
"""Milliseconds from the end of a stroke to the maps of every layer, on a machine with two idle cores."""


class Watched:
    """A page whose every request and complaint is written down."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": 1360, "height": 960}, locale="en-US", **options)
        self.page = self.context.new_page()
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def strokes(self, *lines: list[tuple[float, float]]) -> None:
        """Draw with the mouse, in shares of the pad, and wait until all layers are painted."""
        mouse, before = self.page.mouse, int(self.page.locator("#app").get_attribute("data-strokes") or 0)
        for k, line in enumerate(lines, 1):
            box = self.page.locator(".pad").bounding_box()
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
            mouse.move(*points[0])
            mouse.down()
            for point in points[1:]:
                mouse.move(*point, steps=8)
            mouse.up()
            self.page.wait_for_selector(f'#app[data-strokes="{before + k}"]')

    @property
    def best(self) -> str:
        return str(self.page.locator(".bars li.best .name").inner_text())

    def milliseconds(self) -> list[float]:
        found = self.page.evaluate("performance.getEntriesByName('stroke-to-maps').map((e) => e.duration)")
        return [float(v) for v in found]

    def click(self, layer: int, channel: int, row: int, column: int) -> tuple[float, float]:
        """Choose a value with the mouse; what the network has there, and what the panel's arithmetic makes."""
        place = self.page.evaluate(
            "([layer, at]) => { const views = [...globalThis.explorer.layers.views.values()]; "
            "return views[layer].tile(...at); }", [layer, [channel, row, column]],
        )  # fmt: skip
        canvas = self.page.locator(".maps").nth(layer)
        canvas.scroll_into_view_if_needed()
        box, width = canvas.bounding_box(), int(canvas.get_attribute("width"))
        scale = box["width"] / width
        canvas.click(position={"x": (place[0] + place[2] / 2) * scale, "y": (place[1] + place[3] / 2) * scale})
        name = self.page.locator(".layer h3").nth(layer).inner_text()
        total = self.page.locator(f'.unit.open:has(h2:has-text("{name}")) .total')
        total.wait_for()
        return float(total.get_attribute("data-value")), float(total.get_attribute("data-total"))

    def quiet(self, home: str) -> None:
        """Nothing was asked of anybody else, and nothing complained."""
        strangers = [u for u in self.requests if not u.startswith((home, "data:", "blob:"))]
        assert strangers == [] and self.complaints == []


Served = Callable[..., str]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve subjects from a thread; the address."""
    uvicorn = pytest.importorskip("uvicorn")
    servers: list[Any] = []
    threads: list[threading.Thread] = []

    class Noted(uvicorn.Server):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(uvicorn, "Server", Noted)

    def start(*subjects: Subject) -> str:
        ready: list[str] = []
        event = threading.Event()

        def tell(page: str) -> None:
            ready.append(page)
            event.set()

        options = {"port": 0, "browser": False, "ready": tell}
        threads.append(threading.Thread(target=serve, args=subjects, kwargs=options))
        threads[-1].start()
        assert event.wait(20)
        return ready[0]

    yield start
    for server in servers:
        server.should_exit = True
    for thread in threads:
        thread.join(20)


@pytest.fixture
def watched(browser: Any) -> Iterator[Callable[..., Watched]]:
    """Pages, closed at the end."""
    opened: list[Watched] = []

    def make(**options: Any) -> Watched:
        opened.append(Watched(browser, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.context.close()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The digits' LeNet as ``python3 dev.py explore`` trains it."""
    work = job.start(Config.make(data="drawings"), tmp_path_factory.mktemp("run") / "digits")
    work.train()
    return of_run(work.run)


def close(pair: tuple[float, float]) -> bool:
    return math.isclose(*pair, rel_tol=1e-4, abs_tol=1e-4)


def explored(one: Watched, home: str) -> None:
    """What must hold of the served page and of the exported one alike."""
    one.page.goto(home)
    one.page.wait_for_selector(".pad")
    one.strokes(*SEVEN)
    assert one.best == "7"
    blank = "(c) => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    maps = one.page.locator(".maps")
    assert maps.count() == 11  # two convolutions, two poolings, three linear layers, four ReLUs
    assert min(maps.nth(k).evaluate(blank) for k in range(11)) > 2
    places = [(2, 14, 14), (1, 0, 0), (3, 7, 7), (9, 5, 5), (4, 2, 3), (15, 4, 4), (7, 0, 0), (11, 0, 0)]
    for layer, at in enumerate(places):
        value, total = one.click(layer, *at)
        assert close((value, total)), f"layer {layer}: the arithmetic makes {total}, the network has {value}"
    one.strokes([(0.2, 0.9), (0.3, 0.9)])  # warm, once more
    one.strokes([(0.2, 0.95), (0.3, 0.95)])
    print(f"from the end of a stroke to all maps: {', '.join(f'{ms:.0f}' for ms in one.milliseconds())} ms")
    assert min(one.milliseconds()) < LIMIT


def test_a_drawn_seven_is_a_seven_and_every_value_adds_up(digits: Subject, served: Served, watched: Any) -> None:
    one, home = watched(), served(digits)
    explored(one, home)
    assert one.page.locator(".unit canvas.field").count() == 1
    one.quiet(home)


def test_a_crossed_seven_is_a_seven_too(digits: Subject, served: Served, watched: Any) -> None:
    one = watched()
    one.page.goto(served(digits))
    one.strokes(*CROSSED)
    assert one.best == "7"


def test_the_exported_page_does_the_same_from_disk(digits: Subject, watched: Any, tmp_path: Path) -> None:
    path = export(digits, tmp_path / "page.html")
    one = watched(offline=True)
    explored(one, path.as_uri())
    one.quiet(path.as_uri())


def in_the_page(one: Watched, subject: Subject, image: Any) -> list[Any]:
    script = (
        "async (x) => { const [net] = globalThis.explorer.networks; "
        "const answer = await net.run(Float32Array.from(x)); "
        "return [...answer.values.map((v) => Array.from(v.data)), answer.shares]; }"
    )
    return [np.array(v) for v in one.page.evaluate(script, image.ravel().tolist())]


class Bent(nn.Module):
    """Functions of one and of two numbers, moves, sums and parts."""

    input_size = (2, 6, 6)

    def forward(self, x: Any) -> Any:
        """A row (1, 72)."""
        f = nn.functional
        bent = [f.silu(x), f.gelu(x), x.tanh(), x.sigmoid(), x.exp(), x.abs(), (x * x + 1).log(), x.sin(), x.cos()]
        y = torch.cat([*bent, x.clamp(-0.5, 0.5), -x, x**2], 1)
        y = y.flip(2).permute(0, 1, 3, 2)[:, 1:, ::2]
        y = y / (y * y).sum((1,), keepdim=True).exp() - y.mean((2, 3), keepdim=True)
        y = f.pad(f.adaptive_avg_pool2d(y, (2, 2)), (1, 0, 0, 1), value=0.5)
        return f.log_softmax(y.flatten(1)[:, :72], 1) + f.softmax(y.flatten(1)[:, :72], -1)


def bent() -> Subject:
    return of_model(Bent(), title="bent")


def named(name: str) -> Callable[[], Subject]:
    return lambda: open_subject(name)


@pytest.mark.parametrize(
    "make", [small, bent, named("lenet5"), named("simple_cnn"), named("resnet20"), named("softmax_regression")]
)
def test_javascript_and_python_agree_at_every_step(make: Callable[[], Subject], watched: Any, tmp_path: Path) -> None:
    subject = make()
    one = watched()
    one.page.goto(export(subject, tmp_path / "page.html").as_uri())
    image = np.random.default_rng(3).random(subject.input_size).astype(np.float32)
    answer = Session(subject).run(image)
    *values, shares = in_the_page(one, subject, image)
    for k, (step, found) in enumerate(zip(answer.program.steps, values, strict=True)):
        wanted = answer.program.value(("step", k)).ravel()
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=step.name)
    np.testing.assert_allclose(shares, answer.shares, atol=1e-4)


def test_a_drawing_is_framed_as_a_picture_of_it_would_be(digits: Subject, watched: Any, tmp_path: Path) -> None:
    from tinygrad_cv.train.framing import _drawn

    one = watched()
    one.page.goto(export(digits, tmp_path / "page.html").as_uri())
    one.strokes(*SEVEN)
    ink = np.array(one.page.evaluate("Array.from(globalThis.explorer.pad.ink())"), np.float32).reshape(280, 280)
    seen = np.array(one.page.evaluate("Array.from(globalThis.explorer.pixels)")).reshape(28, 28)
    np.testing.assert_allclose(seen, _drawn(ink, "ink", "digits", 28, 28, [])[0, 0], atol=0.01)


def test_every_kind_of_step_adds_up(served: Served, watched: Any) -> None:
    one, home = watched(), served(small())
    one.page.goto(home)
    one.page.locator(".samples button").first.click()
    one.page.wait_for_selector(".maps")
    names = one.page.locator(".layer .kind").all_inner_texts()
    assert {"convolution", "batch norm", "ReLU", "addition", "max pooling", "average pooling", "linear"} <= set(names)
    for layer, name in enumerate(names):
        at = (2, 0, 0) if name == "linear" else (3, 1, 2)
        assert close(one.click(layer, *at)), name
    one.quiet(home)


def test_a_photo_goes_through_resnet18(served: Served, watched: Any, tmp_path: Path) -> None:
    photo = PHOTOS / "chelsea.png"
    if not photo.exists():
        from PIL import Image

        photo = tmp_path / "photo.png"
        ramp = np.add.outer(np.arange(300), np.arange(400)) % 256
        Image.fromarray(np.stack([ramp, 255 - ramp, ramp // 2], 2).astype(np.uint8)).save(photo)
    one, home = watched(), served(open_subject("resnet18"))
    one.page.goto(home)
    one.page.set_input_files("input[type=file]", photo)
    one.page.locator(".bars li.best").wait_for(timeout=60_000)
    one.page.locator(".layer").nth(60).scroll_into_view_if_needed()
    for layer in (0, 1, 3, 10, 66):
        one.page.locator(".layer").nth(layer).scroll_into_view_if_needed()
        one.page.locator(f".layer:nth-of-type({layer + 1}) .range:not(:empty)").wait_for(timeout=30_000)
        assert close(one.click(layer, *((5, 3, 3) if layer < 60 else (5, 0, 0)))), layer
    one.page.get_by_role("tab", name="Evidence").click()
    one.page.locator('.evidence[data-heat="yes"]').wait_for(timeout=60_000)
    one.quiet(home)


def test_keys_alone_draw_and_choose(served: Served, watched: Any) -> None:
    one, home = watched(), served(of_model(small().model, title="small"))
    one.page.goto(home)
    one.page.locator(".pad").focus()
    for key in [" ", *["ArrowRight"] * 4, *["ArrowDown"] * 9, " "]:
        one.page.keyboard.press(key)
    one.page.wait_for_selector(".maps")
    one.page.locator(".maps").first.focus()
    one.page.keyboard.press("Enter")
    one.page.keyboard.press("n")
    one.page.locator(".unit .where", has_text="Map 1").wait_for()
    one.page.keyboard.press("ArrowLeft")
    one.page.locator(".unit .where", has_text="column 5").wait_for()
    one.quiet(home)


def test_a_bad_upload_is_a_sentence_in_the_page_and_the_next_picture_works(
    served: Served, watched: Any, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    one, home = watched(), served(small())
    one.page.goto(home)
    one.page.set_input_files("input[type=file]", tmp_path / "bad.png")
    one.page.locator(".status", has_text="no picture that can be read").wait_for()
    one.page.locator(".samples button").first.click()
    one.page.wait_for_selector(".maps")
    assert [c for c in one.complaints if "422" not in c] == []  # Chromium itself reports the refused upload


def test_two_networks_two_tabs_and_a_language(digits: Subject, served: Served, watched: Any) -> None:
    manual_seed(3)
    other = open_subject("simple_cnn")
    one, two, home = watched(), watched(), served(digits, other)
    for tab in (one, two):
        tab.page.goto(home)
        tab.page.locator(".samples button").nth(7).click()
        tab.page.locator(".bars ol").nth(1).wait_for()
    one.page.get_by_role("button", name="simple_cnn").click()
    assert one.page.locator(".layer").count() == 11
    one.page.get_by_role("button", name="中文").click()
    assert one.page.get_by_role("tab").first.inner_text() == "各层"
    assert one.page.locator("html").get_attribute("lang") == "zh-CN"
    assert two.page.get_by_role("tab").first.inner_text() == "Layers"
    one.page.get_by_role("tab", name="训练曲线").click()
    one.page.locator(".paper img").first.wait_for()
    for tab in (one, two):
        tab.quiet(home)


def test_a_phone_shows_everything_without_scrolling_sideways(served: Served, watched: Any) -> None:
    one, home = watched(has_touch=True), served(of_model(Small(), title="small"))
    one.page.set_viewport_size({"width": 360, "height": 740})
    one.page.goto(home)
    one.page.locator(".samples button").first.tap()
    one.page.wait_for_selector(".maps")
    one.page.locator(".maps").first.tap(position={"x": 20, "y": 20})
    one.page.locator(".unit.open .total").wait_for()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360
    one.quiet(home)
