"""What the page of errata shows is what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errata.md"

SHOWN = {
    "E1": ["together 94666", "ratio 6.5", "94,666 parameters, not 66,000", "without padding: 66,250"],
    "E2": ["together 616610", "616,610 parameters, not 614,400", "30,730", "90,010"],
    "E3": ["41%"],
    "E4": ["[5, 6, 14, 16]", "[3, 5, 7]"],
    "E5": ["(4, 9)"],
    "E6": ["rate 0.001 on the edge", "penalty 0.0005 was never tried"],
    "E7": ["pooling earns"],
    "E8": ["max_pool2d 6.0 [[0.0, 0.0], [0.0, 1.0]]", "avg_pool2d 3.0 [[0.25, 0.25], [0.25, 0.25]]"],
    "E9": ["[[0.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]]", "True"],
    "E10": ["same: False  shifted alike: True", "global average the same: True", "2 x 2 maxima the same: False"],
    "E11": ["of softmax 1.0"],
    "E12": ["Prewitt [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]]"],
    "E13": ["157520 parameters in three paths", "163696 with the fourth"],
    "E14": ["64 channels: 87.3% saved", "save 87% (64 channels) to 89%"],
    "E15": ["True"],
    "E16": ["14266"],
    "E17": ["(1, 1, 10, 11)", "by the formula 3.5"],
    "E18": ["Conv2d (16, 10, 10)", "gives 16 maps of 10 x 10"],
}


@pytest.fixture(scope="module")
def told() -> str:
    """Everything that the page's cells print, in one line each."""
    names: dict[str, Any] = {"__name__": "__main__"}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for cell in re.findall(r"```\{code-cell\}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(cell, str(PAGE), "exec"), names)
    return out.getvalue()


@pytest.mark.parametrize("erratum", SHOWN)
def test_each_error_is_shown_by_running_code(erratum: str, told: str) -> None:
    assert [words for words in SHOWN[erratum] if words not in told] == []


def test_credit_depends_on_the_order(told: str) -> None:
    (before, after) = map(float, re.findall(r"pooling earns ([-+][\d.]+) before the filters, ([-+][\d.]+)", told)[0])
    assert abs(before - after) > 0.2
