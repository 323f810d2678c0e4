"""Run the laws of every op under other circumstances: kernels interpreted, and 1, 2 and 4 threads.

    python -m tests.laws [PYTEST ARGUMENTS...]

With ``--coverage`` the first, then all tests with compiled kernels, and a report of the lines that neither reaches.
Interpreted kernels are hundreds of times slower, so that hypothesis draws few examples there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

LAWS = ["tests/ops", "tests/test_composites.py", "tests/test_checks.py", "tests/autograd"]
INTERPRETED = {"NUMBA_DISABLE_JIT": "1", "TGCV_NUM_THREADS": "1"}
CIRCUMSTANCES: dict[str, tuple[dict[str, str], str]] = {
    "kernels interpreted": (INTERPRETED, "few"),
    **{f"{n} threads": ({"TGCV_NUM_THREADS": str(n)}, "usual") for n in (1, 2, 4)},
}


def run(what: str, settings: dict[str, str], command: list[str]) -> int:
    """Run one program under the settings, and say how long it took."""
    begun = time.perf_counter()
    print(f"laws: {what}", flush=True)
    status = subprocess.run([sys.executable, "-m", *command], env={**os.environ, **settings}).returncode
    print(f"laws: {what}: {'passed' if not status else 'FAILED'}, {time.perf_counter() - begun:.0f} s", flush=True)
    return status


def coverage(arguments: list[str]) -> int:
    """Run the laws with interpreted kernels, then all tests with compiled ones, and report the lines of neither.

    A compiled kernel runs without its lines being seen, so the laws of ops and kernels run interpreted, on the small
    arrays that they draw; training, models and pictures would take hours so, and their own lines are seen either way.
    """
    measured = ["coverage", "run", "-m", "pytest", "-q", "-n", "2"]
    networks = "--ignore=tests/kernels/test_hidden_copies.py"  # they train
    interpreted = [*measured, "--hypothesis-profile=few", *LAWS, "tests/kernels", networks]
    status = run("coverage, erase", {}, ["coverage", "erase"])
    status |= run("coverage, kernels interpreted", INTERPRETED, interpreted)
    status |= run("coverage, kernels compiled", {}, [*measured, *arguments])
    status |= run("coverage, combine", {}, ["coverage", "combine", "-q"])
    return status | run("coverage, report", {}, ["coverage", "report"])


def main(arguments: list[str]) -> int:
    if "--coverage" in arguments:
        return coverage([a for a in arguments if a != "--coverage"])
    failed = 0
    for what, (settings, profile) in CIRCUMSTANCES.items():
        failed |= run(what, settings, ["pytest", "-q", f"--hypothesis-profile={profile}", *LAWS, *arguments])
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
