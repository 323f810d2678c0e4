"""``python -m tinygrad_cv.testing [FILE or FOLDER ...]``: plant errors in ops and print which were caught.

Without arguments the cases of the project's own tests are taken, where it runs from a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..ops.errors import TinygradError
from .case import load_cases
from .law import LawError
from .mutations import mutation_report


def main(arguments: list[str]) -> int:
    """Print the mutation report; return 1 if an error escaped, 2 if there is nothing to report on."""
    if any(a in ("-h", "--help") for a in arguments):
        print(__doc__)
        return 0
    own = Path(__file__).resolve().parents[2] / "tests" / "ops"
    try:
        cases = load_cases(*(map(Path, arguments) if arguments else [own]))
        report = mutation_report(cases)
    except (TinygradError, LawError) as error:
        print(error, file=sys.stderr)
        return 2
    print(report)
    return 1 if report.escaped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
