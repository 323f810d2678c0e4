"""Every op has a case, and every error planted in every op is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

import tinygrad_cv  # noqa: F401  # all families register their ops
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.op import REGISTRY
from tinygrad_cv.testing import Case, Report, load_cases, mutation_report

FOLDER = Path(__file__).parent / "ops"
CASES = load_cases(FOLDER)
OWN = {name for name, op in REGISTRY.items() if op.__module__.startswith("tinygrad_cv.")}

TOTAL = Report()


def test_every_op_has_a_case() -> None:
    missing = OWN - {case.op.name for case in CASES}
    assert not missing, f"{sorted(missing)}: add a case to the file of the op's family in tests/ops"


def test_a_case_stands_in_the_file_of_its_family() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names), "two cases share a name; give them labels"
    for path in FOLDER.glob("test_*.py"):
        for case in load_cases(path):
            family = path.stem.removeprefix("test_")
            homes = {"broadcast": {"op"}, "conv": {"windows"}}.get(family, set()) | {family}
            assert case.op.__module__.rpartition(".")[2] in homes, f"{case.name} does not belong into {path.name}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_planted_errors_are_caught(case: Case) -> None:
    report = mutation_report([case])
    TOTAL.outcomes += report.outcomes
    assert not report.escaped, str(report)


def test_the_net_as_a_whole_lets_nothing_through() -> None:
    done = TOTAL if TOTAL.outcomes else mutation_report(CASES)
    print(done.summary())
    caught = len(done.having("caught"))
    assert caught and not done.escaped
    if len({o.case for o in done.outcomes}) == len(CASES):
        assert caught > 20 * len(CASES), "too few errors are planted to mean anything"


def test_cases_are_loaded_from_a_path_of_either_kind_and_a_missing_one_is_said() -> None:
    found, same = load_cases(str(FOLDER / "test_conv.py")), load_cases(FOLDER / "test_conv.py")
    assert [case.name for case in found] == [case.name for case in same]
    with pytest.raises(ArgumentError, match="load_cases: there is no nowhere"):
        load_cases("nowhere")
