"""How Winograd's transforms are called: compiled once each, outside the kernels, and not copied into them.

Together in one function they would take twice as long to compile, and both kernels need the tiles of x.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import types

from .jit import inline
from .outline import outline
from .simd import MODE
from .winograd_plans import Tiles

COUNT, NUMBER = types.intp, types.float32
FLAT = types.Array(types.float32, 1, "C")
TILES = types.NamedUniTuple(types.int64, len(Tiles._fields), Tiles)


def outlined(*kinds: Any) -> Callable[[Callable[..., None]], Any]:
    """Make a helper of these types of arguments; in plain mode it is copied into its callers like any other."""
    return inline if MODE == "plain" else outline(*kinds)
