"""How to draw a call of every function, family by family."""

from __future__ import annotations

from tests.oracle.tables import activation, arrange, choose, create, image, loss, pointwise, product, reduction

__all__ = ["activation", "arrange", "choose", "create", "image", "loss", "pointwise", "product", "reduction"]
