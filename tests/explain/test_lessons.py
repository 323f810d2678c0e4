"""Lessons show numbers that are true, in frames that can be drawn, in every format."""

from __future__ import annotations

import doctest
import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_cv.explain import lesson, lessons
from tinygrad_cv.explain.lessons import columns, grids, kinks, pooling, windows
from tinygrad_cv.explain.lessons.film import Film
from tinygrad_cv.ops.errors import ArgumentError


@pytest.fixture(scope="module")
def films() -> dict[str, Film]:
    return {name: lesson(name) for name in lessons()}


@pytest.mark.parametrize("name", ["window", "padding", "stride", "dilation", "im2col"])
def test_every_sum_of_products_adds_up(name: str, films: dict[str, Film]) -> None:
    sums = [words for scene in films[name].frames for words in scene.words() if "·" in words]
    assert len(sums) >= 9
    for words in sums:
        left, right = words.split(" = ")
        assert re.fullmatch(r"[-\d·+() ]+", left) and eval(left.replace("·", "*")) == float(right)


@pytest.mark.parametrize(("padding", "stride", "dilation"), [(0, 1, 1), (1, 1, 1), (0, 2, 1), (2, 2, 2)])
def test_the_window_shown_is_where_the_products_come_from(padding: int, stride: int, dilation: int) -> None:
    film = windows.film(6, padding, stride, dilation)
    x = np.pad(windows.image(6), padding)
    span = 2 * dilation + 1
    side = (len(x) - span) // stride + 1
    expected = [
        (x[stride * r : stride * r + span : dilation, stride * c : stride * c + span : dilation] * windows.KERNEL).sum()
        for r in range(side) for c in range(side)
    ]  # fmt: skip
    assert [float(scene.words()[-2].split(" = ")[1]) for scene in film.frames] == expected
    assert any(f"// {stride} + 1 = {side}" in words for words in film.base.words())


def test_the_gradients_of_pooling_go_to_the_winners_and_add_up() -> None:
    last = lesson("max_pool").frames[-1].words()
    numbers = [float(w) for w in last if re.fullmatch(r"-?[\d.]+", w)]
    shown = np.array(numbers[8:33]).reshape(5, 5)  # after the result and its gradient
    expected = np.zeros((5, 5))
    for (r, c), g in np.ndenumerate(pooling.ARRIVES):
        window = pooling.IMAGE[2 * r : 2 * r + 3, 2 * c : 2 * c + 3]
        i, j = np.unravel_index(window.argmax(), (3, 3))
        expected[2 * r + i, 2 * c + j] += g
    assert np.array_equal(shown, expected) and (expected > 0).sum() == 3  # two windows share a winner
    assert sum("adds up" in scene.words()[-1] for scene in lesson("max_pool").frames) == 1


def test_the_network_of_kinks_learns_the_sine() -> None:
    errors = [float(w.split("error ")[1].split(",")[0]) for s in kinks.film().frames for w in s.words() if "error" in w]
    assert errors[-1] < 0.01 < 0.2 < errors[0]


def test_films_are_written_as_gif_svg_and_page(films: dict[str, Film], tmp_path: Path) -> None:
    film = films["max_pool"]
    gif = Image.open(io.BytesIO(film.gif))
    assert gif.n_frames == len(film.frames) and gif.size == (round(film.width), round(film.height))
    root = ElementTree.fromstring(film.svg)
    groups = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "data-frame" in g.attrib]
    assert len(groups) == len(film.frames)
    page = film.save(tmp_path / "deep" / "film.html").read_text(encoding="utf-8")
    assert page.count("data-frame") == len(film.frames) + 1 and "default-src 'none'" in page
    assert set(re.findall(r"(?:https?:)?//[\w.]+", page)) <= {"http://www.w3.org"}


@pytest.mark.parametrize("name", lessons())
def test_at_every_time_one_frame_is_visible(name: str, films: dict[str, Film]) -> None:
    """Read from the animation: the times at which frames come and go meet without gap or overlap."""
    root = ElementTree.fromstring(films[name].svg)
    spans = []
    for change in root.iter("{http://www.w3.org/2000/svg}animate"):
        times = [float(t) for t in change.attrib["keyTimes"].split(";")] + [1.0]
        values = change.attrib["values"].split(";")
        assert times[0] == 0 and times == sorted(times) and len(values) == len(times) - 1
        spans += [(a, b) for a, b, v in zip(times, times[1:], values) if v == "visible"]
    assert spans[0][0] == 0 and spans[-1][1] == 1
    assert all(a[1] == pytest.approx(b[0]) for a, b in zip(spans, spans[1:]))


@pytest.mark.parametrize("name", lessons())
def test_nothing_is_drawn_beyond_the_edge(name: str, films: dict[str, Film]) -> None:
    film = films[name]
    for scene in (film.base, *film.frames):
        for kind, s in scene.shapes:
            if kind == "rect":
                assert 0 <= s["x"] and s["x"] + s["width"] <= film.width and s["y"] + s["height"] <= film.height
            elif kind == "way":
                assert all(0 <= x <= film.width and 0 <= y <= film.height for x, y in s["points"])
    picture = np.asarray(film.picture(len(film.frames) - 1).convert("L"))
    assert (picture[:, [0, -1]] > 250).all() and (picture[[0, -1]] > 250).all() and picture.min() < 80


def test_an_unknown_lesson_or_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="no lesson 'sliding'; there are window, padding"):
        lesson("sliding")
    with pytest.raises(ArgumentError, match="ends in .gif, .svg or .html"):
        windows.film().save(tmp_path / "film.mp4")
    assert all(doctest.testmod(m).failed == 0 for m in (grids, columns))
