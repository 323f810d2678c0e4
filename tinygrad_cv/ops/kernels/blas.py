"""Keeping NumPy's matrix library out of the kernels' way.

OpenBLAS and the kernels' OpenMP runtime each keep a worker thread per core that waits for work by spinning. When both
are in use, each one's workers hold the cores that the other's need until the scheduler steps in: single calls then take
4 ms instead of 0.1 ms (measured on two cores: a LeNet step of 24 ms instead of 13). So when the first compiled kernel
is loaded, OpenBLAS is told to work in the calling thread alone; the large products are kernels of our own anyway.
``TGCV_BLAS_THREADS`` sets another number, 0 leaves OpenBLAS as it is.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

import numpy as np

SYMBOLS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")


@cache
def stand_aside() -> bool:
    """Set OpenBLAS to one thread, once; return whether it was found."""
    threads = int(os.environ.get("TGCV_BLAS_THREADS", "1") or 0)
    package = Path(np.__file__).parent
    found = False
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in folder.glob("*openblas*") if threads > 0 else ():
            library = ctypes.CDLL(str(path))
            for symbol in SYMBOLS:
                if hasattr(library, symbol):
                    getattr(library, symbol)(ctypes.c_int(threads))
                    found = True
                    break
    return found
