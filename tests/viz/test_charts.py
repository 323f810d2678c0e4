"""Charts are whole SVG documents that show every value they were given, escaped and inside the picture."""

from __future__ import annotations

import doctest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv import viz
from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.viz import axes, barchart, chart, grids, lines, matrix
from tinygrad_cv.viz.svg import SERIES

SVG = "{http://www.w3.org/2000/svg}"


def root_of(picture: viz.Chart) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)


def texts(picture: viz.Chart) -> list[str]:
    return [e.text or "" for e in root_of(picture).iter(SVG + "text")]


@pytest.mark.parametrize("module", [axes, lines, matrix, barchart, grids, chart], ids=lambda m: m.__name__)
def test_examples_in_the_documentation_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6), st.integers(2, 10))
def test_ticks_are_round_few_and_cover_the_range(low: float, width: float, count: int) -> None:
    high = low + width
    ticks = axes.linear_ticks(low, high, count)
    step = ticks[1] - ticks[0]
    slack = 1e-6 * (step + abs(low) * 1e-3)
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= count + 2
    mantissa = step / 10 ** np.floor(np.log10(step) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 2, 5, 10)) < 1e-2
    assert len(set(axes.tick_labels(ticks))) == len(ticks)


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e6))
def test_logarithmic_ticks_cover_the_range(low: float, factor: float) -> None:
    ticks = axes.log_ticks(low, low * factor)
    assert ticks == sorted(set(ticks))
    assert ticks[0] <= low * (1 + 1e-6) and ticks[-1] >= low * factor * (1 - 1e-6)


@given(st.lists(st.floats(0, 100), max_size=6), st.floats(1, 15))
def test_spread_labels_keep_their_order_and_distance(wanted: list[float], gap: float) -> None:
    placed = axes.spread(wanted, gap, 0, 100)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    distances = np.diff([placed[i] for i in order])
    assert (distances >= gap - 1e-9).all()
    assert all(-1e-9 <= p <= 100 + 1e-9 for p in placed)


def test_curves_draw_one_panel_per_quantity_and_name_every_line() -> None:
    history = {
        "train_loss": [2.0, 1.0],
        "test_loss": [2.1, 1.2],
        "train_accuracy": [0.5, 0.9],
        "test_accuracy": [0.4, 0.85],
    }
    shown = texts(viz.curves(history, title="a < b & c"))
    assert "a < b & c" in shown and {"loss", "accuracy"} <= set(shown)
    assert shown.count("train") == shown.count("test") == 2
    assert {"test 1.2", "train 90.0 %", "test 85.0 %"} <= set(shown)
    paths = [p.get("stroke") for p in root_of(viz.curves(history)).iter(SVG + "path")]
    assert paths == [SERIES[0], SERIES[1]] * 2


ANY = st.sampled_from([0.0, 1.0, -2.5, 1e-9, 1e9, np.nan, np.inf, -np.inf])


@given(st.lists(ANY, min_size=1, max_size=50), st.booleans(), st.sampled_from([0.0, 0.9]))
def test_curves_draw_any_numbers_without_writing_nan(values: list[float], log: bool, smooth: float) -> None:
    picture = viz.curves({"loss": values}, log={"loss"} if log else (), smooth=smooth)
    assert not any(
        "nan" in str(v) or "inf" in str(v) for e in root_of(picture).iter() for v in e.attrib.values()
    )
    bad = sum(not np.isfinite(v) or (log and v <= 0) for v in values)
    assert any("not finite" in t for t in texts(picture)) == (bad > 0)


def test_a_long_curve_is_thinned_but_keeps_its_extremes() -> None:
    y = np.sin(np.arange(100_000) / 7)
    y[54_321] = 40
    kept = lines.thinned(y, 400)
    assert len(kept) < 450 and 54_321 in kept and {0, 99_999} <= set(kept)
    assert len(viz.curves({"loss": y}).svg) < 20_000


def test_a_shorter_series_covers_the_same_run() -> None:
    root = root_of(viz.curves({"train_loss": np.ones(100), "test_loss": [1.0, 1.0]}, xlabel="step"))
    ends = [p.get("d", "").split("L")[-1].split()[0] for p in root.iter(SVG + "path")]
    assert ends[0] == ends[1]


def test_curves_refuse_what_they_cannot_place() -> None:
    with pytest.raises(ArgumentError, match="'loss' has 2 values but x has the shape"):
        viz.curves({"loss": [1.0, 2.0]}, x=[1, 2, 3])
    with pytest.raises(ArgumentError, match=r"shape \(1, 2\)"):
        viz.curves({"loss": [[1.0, 2.0]]})  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="smooth is 1"):
        viz.curves({"loss": [1.0]}, smooth=1)


def test_nothing_recorded_is_a_picture_too() -> None:
    assert "nothing recorded yet" in texts(viz.curves({}))


@given(st.integers(1, 12), st.integers(0, 300), st.integers(0, 2**32 - 1))
def test_the_confusion_matrix_shows_every_count_with_its_share(k: int, n: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    counts = viz.count_confusions(draw.integers(0, k, n), draw.integers(0, k, n), k)
    assert counts.shape == (k, k) and counts.sum() == n
    tips = [t.text for r in root_of(viz.confusion(counts)).iter(SVG + "rect") for t in r.iter(SVG + "title")]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    expected = [
        f"{i} → {j}: {counts[i, j]} ({100 * shares[i, j]:.1f} %)"
        for i in range(k)
        for j in range(k)
        if counts[i, j]
    ]
    assert tips == expected
    shown = texts(viz.confusion(counts))
    assert sum(t.isdigit() for t in shown) == len(expected) + 2 * k


def test_a_large_confusion_matrix_lists_its_commonest_confusions() -> None:
    counts = np.eye(100, dtype=int) * 9
    counts[3, 5] = 7
    names = [f"class <{i}>" for i in range(100)]
    shown = texts(viz.confusion(counts, names))
    assert "class <3> → class <5>" in shown and "7" in shown and "9" not in shown


def test_confusion_refuses_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="2 x 2 but there are 3 names"):
        viz.confusion(np.eye(2), ["a", "b", "c"])
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        viz.confusion(np.ones((2, 3)))
    with pytest.raises(ArgumentError, match="give classes=5"):
        viz.count_confusions([4], [1], 3)


def test_bars_are_as_long_as_their_numbers() -> None:
    root = root_of(viz.bars({"a": 1.0, "b": 2.0, "c": -1.0}))
    widths = [float(r.get("width", "")) for r in root.iter(SVG + "rect") if r.get("fill") == SERIES[0]]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.02) and widths[2] == pytest.approx(
        widths[0], abs=0.02
    )
    assert "2 ms" in texts(viz.bars({"a": 1.0, "b": 2.0}, unit="ms"))
    with pytest.raises(ArgumentError, match="1 values for 2 names"):
        viz.bars({"x": [1.0]}, ["a", "b"])


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = viz.bars({"a": 1.0})
    target = tmp_path / "new" / "bars.svg"
    assert picture.save(target) == target and target.read_text() == picture.svg == picture._repr_svg_()
    monkeypatch.setattr(
        chart.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        viz.bars({"b": 2.0}).save(target)
    assert target.read_text() == picture.svg and list(target.parent.iterdir()) == [target]
    with pytest.raises(ArgumentError, match=r"give the path the suffix \.svg$"):
        picture.save(tmp_path / "bars.png")
