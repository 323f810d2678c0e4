"""``python -m tinygrad_cv`` is ``tinygrad-cv``."""

from __future__ import annotations

import sys

from tinygrad_cv.cli import main

if __name__ == "__main__":
    sys.exit(main())
