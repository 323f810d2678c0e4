"""What goes wrong, by kind. Every message has three parts: where, what clashes with the numbers, what would fit.

All kinds are also the built-in exception that Python or PyTorch users would catch: a shape error is a
``RuntimeError`` (PyTorch's habit) and a ``ValueError`` (NumPy's).
"""

from __future__ import annotations


class TinygradError(RuntimeError):
    """Base of every error that this package raises on purpose.

    ``path`` is filled in by the modules that the error passes through (``features.3``), innermost last; ``call`` by
    the function that was called, where another, which it is made of, has found the error.
    """

    path: str = ""
    call: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path, self.call, super().__str__()) if part)


class ShapeError(TinygradError, ValueError):
    """Sizes that do not fit together."""


class DTypeError(TinygradError, TypeError):
    """A dtype (or a Python type) that the operation has no meaning for."""


class ArgumentError(TinygradError, ValueError):
    """An argument outside what the operation can mean: a negative stride, an unknown mode."""


class DimError(TinygradError, IndexError):
    """A dimension or an index that the tensor does not have."""


class AutogradError(TinygradError):
    """A backward pass that cannot be right: freed, changed in place, or never recorded."""


class DataError(TinygradError, ValueError):
    """A file or a data set that is not what it should be."""
