"""Answers to what listings ask of a GPU: there is none here."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether tensors can live on a GPU: they cannot."""
    return False


def device_count() -> int:
    """Return the number of GPUs that can be used: none."""
    return 0
