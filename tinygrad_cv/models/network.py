"""What the networks share: the size of their images, and words for images that do not fit."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ShapeError
from tinygrad_cv.tensors.spelling import spelled


class Network(nn.Module):
    """A module for images. To the words of the layer that refuses an image it adds which images would fit.

    Attributes
    ----------
    input_size : (C, H, W) of the images that it was built for.
    smallest : the least height and width that it can take; None if it takes those of ``input_size`` alone.
    """

    input_size: tuple[int, int, int]
    smallest: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):  # whose settings are held against its signature, and whose errors name the network
            cls.__init__ = spelled(vars(cls)["__init__"], name=cls.__name__)  # type: ignore[method-assign]

    def _sizes(self, in_channels: int, image_size: int, smallest: int = 1, exact: bool = False) -> None:
        """Note what the images are like; refuse a size that cannot work."""
        if in_channels < 1 or image_size < smallest:
            raise ShapeError(
                f"{type(self).__name__}: got in_channels={in_channels}, image_size={image_size}; give at least one "
                f"channel and images of at least {smallest} x {smallest} pixels"
            )
        self.input_size, self.smallest = (in_channels, image_size, image_size), None if exact else smallest

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except ShapeError as error:
            x = args[0] if args else None
            shape: tuple[int, ...] = getattr(x, "shape", ())
            c, h, w = self.input_size
            least = self.smallest
            fits = shape[2:] == (h, w) if least is None else min(shape[2:], default=0) >= least
            if len(shape) == 4 and shape[1] == c and fits:
                raise
            wanted = f"(N, {c}, {h}, {w})"
            if least is not None:
                wanted = f"(N, {c}, H, W) with H and W of at least {least}; it was built for {h} x {w}"
            error.args = (f"{error.args[0]}. {type(self).__name__} got x {tuple(shape)}; give {wanted}",)
            raise
