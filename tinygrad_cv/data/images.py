"""Opening a picture file, whatever its mode, without harm from a bad one."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_cv.ops.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def pil_loader(path: str | os.PathLike[str]) -> Image:
    """The picture at ``path`` in RGB.

    Grey, palette and CMYK pictures are converted; of 16 bits the upper eight are kept (PIL alone would clip
    them to white); an alpha channel is dropped, as in torchvision.

    Raises
    ------
    DataError
        The file is missing, empty, damaged, no picture, or a bomb (a small file that claims a huge picture).
    """
    from PIL import Image

    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise DataError(f"pil_loader: {path} is empty (0 bytes); remove it or replace it by a picture")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return to_rgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"pil_loader: {path} claims too many pixels ({error}); raise PIL.Image.MAX_IMAGE_PIXELS if you "
            "trust it"
        ) from error
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"pil_loader: there is no file {path}; give the path of a picture") from error
    except Exception as error:
        # PIL's plugins raise OSError, SyntaxError, ValueError, struct.error ... on damaged files
        raise DataError(
            f"pil_loader: {path} cannot be read as a picture ({type(error).__name__}: {error}); remove or "
            "replace it"
        ) from error


def to_rgb(image: Image) -> Image:
    """The picture in RGB; wide greys are scaled, not clipped."""
    from PIL import Image

    if image.mode.startswith("I"):  # I;16 and its relatives, or I: 16 bits in 32
        wide = np.asarray(image).astype(np.int64)
        top = 65535 if wide.max(initial=0) > 255 or image.mode.startswith("I;16") else 255
        return Image.fromarray((np.clip(wide, 0, top) * 255 // top).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float32))
        scale = 255.0 if values.max(initial=0) <= 1 else 1.0
        return Image.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
