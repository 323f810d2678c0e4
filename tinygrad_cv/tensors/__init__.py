"""The class Tensor, and the functions that make tensors."""

from __future__ import annotations

from . import promised as _promised  # noqa: F401  # makes promises possible
from .tensor import Handle as Handle
from .tensor import Tensor as Tensor
