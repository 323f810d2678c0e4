"""The class Tensor, and the functions that make tensors."""

from __future__ import annotations

from .tensor import Handle as Handle
from .tensor import Tensor as Tensor
