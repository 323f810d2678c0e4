"""Pictures that come in from outside: decoded under limits, turned upright, and framed as the network wants them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tinygrad_cv.explore.subject import Subject
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.train.framing import frame
from tinygrad_cv.typing import Array

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def read_picture(content: bytes, name: str, subject: Subject) -> tuple[Array, list[str]]:
    """Return an uploaded picture as pixels (C, H, W) in [0, 1], and the list of what was done to it.

    Turned as its EXIF data say; CMYK, grey, palette and 16-bit pictures are converted, transparency is laid on white,
    of an animation the first picture counts.

    Raises
    ------
    DataError
        It is too large, no picture of a known format, damaged, or shows nothing.
    """
    from PIL import Image

    if not content:
        raise DataError(f"{name} is empty; choose a picture")
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} has {len(content) / 2**20:.1f} MB; choose a picture of at most 10 MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "upload")
        path.write_bytes(content)
        try:
            with Image.open(path, formats=FORMATS) as image:
                width, height, pages = image.width, image.height, getattr(image, "n_frames", 1)
        except Exception:  # PIL's plugins raise whatever a damaged file makes them
            raise DataError(
                f"{name} is no picture that can be read; choose a JPEG, PNG, WebP, GIF, BMP or TIFF"
            ) from None
        if width * height > MOST_PIXELS:
            raise DataError(f"{name} has {width} x {height} pixels; choose a picture of at most 40 million")
        try:
            pixels, steps = frame(path, subject.data, subject.input_size)
        except DataError as error:
            reason = str(error).replace(str(path), name).partition(": ")[2] or str(error)
            raise DataError(reason) from None
        return pixels, ([*steps, f"the first of {pages} pictures"] if pages > 1 else steps)
