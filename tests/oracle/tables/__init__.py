"""How to draw a call of every function and every layer, family by family."""

from __future__ import annotations

from tests.oracle.tables import (
    activation,
    arrange,
    choose,
    create,
    image,
    layers,
    layers_image,
    layers_loss,
    loss,
    pointwise,
    product,
    reduction,
)

__all__ = [
    "activation", "arrange", "choose", "create", "image", "layers", "layers_image", "layers_loss", "loss", "pointwise",
    "product", "reduction",
]  # fmt: skip
