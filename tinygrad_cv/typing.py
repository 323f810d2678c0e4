"""Names for types that recur in signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array of any dtype."""

Value: TypeAlias = Any
"""A NumPy array or a Tensor: what ops take and return. (A union would make every operator ambiguous to a checker.)"""

Dim: TypeAlias = int | Sequence[int] | None
"""One dimension, several, or all of them."""

DType: TypeAlias = np.dtype[Any]
