"""What every drawing function returns: a finished picture that can be shown and saved."""

from __future__ import annotations

import io
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_cv.ops.errors import ArgumentError

if TYPE_CHECKING:
    from PIL.Image import Image


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a file completely or not at all: missing folders are made, an older file is replaced last."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return target


@dataclass(frozen=True)
class Chart:
    """A finished picture. In a notebook, its last line in a cell shows it.

    Attributes
    ----------
    svg : the whole drawing as one self-contained SVG document.
    image : for pictures made of pixels, the same as a PIL image; None for drawings made of lines.
    """

    svg: str
    image: Image | None = field(default=None, repr=False, compare=False)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to ``path``, whole or not at all, and return the path.

        ``.svg`` always works; pictures made of pixels (`images`, `filters`) can also be written as ``.png``.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".svg":
            return write_whole(path, self.svg)
        if suffix == ".png" and self.image is not None:
            return write_whole(path, self.png)
        able = ".svg or .png" if self.image is not None else ".svg"
        raise ArgumentError(
            f"save: this picture cannot be written as {suffix or 'a file without a suffix'} "
            f"({os.fspath(path)}); give the path the suffix {able}"
        )

    @property
    def png(self) -> bytes:
        """The PNG file of a picture made of pixels."""
        if self.image is None:
            raise ArgumentError("png: this drawing is made of lines and has no pixels; use .svg")
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg
