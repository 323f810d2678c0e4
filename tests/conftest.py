"""What holds for every test: how hypothesis draws, where kernels are cached, what runs only on request."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# A cache of its own keeps the tests from using, or filling, the user's compiled kernels.
os.environ.setdefault("TGCV_CACHE_DIR", str(ROOT / ".cache" / "kernels"))
# Tests run in several processes at once, whose kernels would fight for the cores with a thread each on every one of
# them (the suite then takes three times as long). Tests of threads choose their own number.
os.environ.setdefault("TGCV_NUM_THREADS", "1")
# Pictures are drawn into files, whatever display the machine has.
os.environ.setdefault("MPLBACKEND", "agg")

# The first call of a kernel compiles it, which takes longer than any deadline; examples are the same in every
# run, so that a failure can be repeated. For a wider search: pytest --hypothesis-profile=wide
settings.register_profile(
    "usual", deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "wide", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(  # for kernels that Python interprets, see `dev.py coverage`
    "few", deadline=None, derandomize=True, max_examples=3, suppress_health_check=list(HealthCheck)
)
settings.load_profile("usual")

ON_REQUEST = {
    "slow": "also run the tests that take minutes: large networks learning a batch by heart",
    "e2e": "also run the tests that drive the web page in a real browser",
    "oracle": "also run the tests that compare with PyTorch",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for mark, purpose in ON_REQUEST.items():
        parser.addoption(f"--{mark}", action="store_true", help=purpose)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unasked = {mark for mark in ON_REQUEST if not config.getoption(mark)}
    left_out = [item for item in items if unasked & {mark.name for mark in item.iter_markers()}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, or Playwright's own; one for all tests, for Playwright starts once in a process."""
    sync = pytest.importorskip("playwright.sync_api", reason="driving a browser needs the extra e2e")
    with sync.sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except sync.Error as error:
            pytest.skip(f"there is no Chromium: {str(error).splitlines()[0]}")
        yield found
        found.close()
