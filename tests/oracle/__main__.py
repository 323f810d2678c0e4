"""Compare with PyTorch at length: python -m tests.oracle [-n EXAMPLES] [-s SEED] [NAME...]"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter

import numpy as np

from tests.oracle import tables  # noqa: F401
from tests.oracle.answers import FILE, record
from tests.oracle.compare import compare
from tests.oracle.draws import SAMPLES, Draw


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("-n", type=int, default=100, help="examples of each function")
    parser.add_argument("-s", type=int, default=0, help="the first seed")
    parser.add_argument("-v", type=int, default=2, help="failures to show of each function")
    parser.add_argument("--record", action="store_true", help="write down PyTorch's answers for answers.py")
    given = parser.parse_args()
    if given.record:
        print(f"{record()} calls recorded in {FILE.name}")
        return 0
    cases = failures = 0
    for name, draw in SAMPLES.items():
        if given.names and not any(n == name or n.endswith("*") and name.startswith(n[:-1]) for n in given.names):
            continue
        wrong: Counter[str] = Counter()
        shown: list[str] = []
        for seed in range(given.s, given.s + given.n):
            with np.errstate(all="ignore"):
                call = draw(Draw(random.Random(f"{name} {seed}")))
            cases += 1
            verdict = compare(call)
            if verdict:
                failures += 1
                kind = verdict[:34]
                wrong[kind] += 1
                if wrong[kind] <= 1 and len(shown) < given.v:
                    shown.append(f"    seed {seed}: {verdict}\n        {repr(call)[:400]}")
        if wrong:
            print(f"{name}: {sum(wrong.values())} of {given.n} differ", *shown, sep="\n", flush=True)
    print(f"{cases} cases of {len(SAMPLES)} functions, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
