"""Pictures in folders, one folder per class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_cv.data.images import IMG_EXTENSIONS, pil_loader
from tinygrad_cv.data.vision import Function, Root, VisionDataset
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


class DatasetFolder(VisionDataset):
    """Files in ``root/class/.../name``, sorted by class and path.

    Parameters
    ----------
    root
        The folder of class folders.
    loader
        Reads one file.
    extensions
        The endings that count, lower case; or ``is_valid_file``, a test of the path.
    transform, target_transform
        Applied to what the loader returns, and to the label.
    allow_empty
        Accept a class folder without files.

    Attributes
    ----------
    samples
        (path, class number) of each item; ``imgs`` is the same list.
    targets
        The class numbers alone, as a list.

    Raises
    ------
    DataError
        The folder is missing, has no class folders, or one of them is empty.
    """

    def __init__(
        self,
        root: Root,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Function = None,
        target_transform: Function = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self.loader = loader
        self.classes, _ = self.find_classes(self.root)
        accept = is_valid_file or (lambda path: extensions is None or path.lower().endswith(extensions))
        self.samples: list[tuple[str, int]] = []
        for number, name in enumerate(self.classes):
            found = self._files(Path(str(self.root)) / name, accept)
            if not found and not allow_empty:
                kinds = "" if extensions is None else f" with the endings {', '.join(extensions)}"
                raise DataError(
                    f"{type(self).__name__}: the class folder {Path(str(self.root)) / name} holds no "
                    f"files{kinds}; "
                    "put some there, remove the folder, or pass allow_empty=True"
                )
            self.samples += [(path, number) for path in found]
        self.imgs = self.samples
        self.targets = [number for _, number in self.samples]
        if len(self.classes) == 1:
            warnings.warn(
                f"{type(self).__name__}: {self.root} holds one class only ({self.classes[0]!r}), so there "
                "is nothing "
                "to tell apart; a classifier needs one folder for each of two or more classes",
                stacklevel=2,
            )

    def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
        """The names of the class folders in alphabetical order, and their numbers."""
        directory = Path(str(directory))
        if not directory.is_dir():
            raise DataError(
                f"{type(self).__name__}: {directory} is no folder; give the folder of class folders"
            )
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not names:
            files = sum(entry.is_file() for entry in os.scandir(directory))
            raise DataError(
                f"{type(self).__name__}: {directory} holds no folders (and {files} files); put the pictures "
                "of each "
                "class into a folder of its own, such as cats/ and dogs/"
            )
        return names, {name: number for number, name in enumerate(names)}

    @staticmethod
    def _files(folder: Path, accept: Callable[[str], bool]) -> list[str]:
        found = []
        for place, _, names in sorted(os.walk(folder, followlinks=True)):
            found += [path for name in sorted(names) if accept(path := os.path.join(place, name))]
        return found

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        return self.item(self.loader(path), label)


class ImageFolder(DatasetFolder):
    """Pictures in ``root/class/name.jpg``: items are (PIL image in RGB, class number).

    ``loader``, ``is_valid_file`` and ``allow_empty`` as in `DatasetFolder`. For example, ``ImageFolder("flowers",
    transform=transforms.Compose([transforms.RandomResizedCrop(224), transforms.ToTensor()]))``.
    """

    def __init__(
        self,
        root: Root,
        transform: Function = None,
        target_transform: Function = None,
        loader: Callable[[str], Any] = pil_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = None if is_valid_file else IMG_EXTENSIONS
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)


class FakeData(VisionDataset):
    """Random images with random labels, for trying out a pipeline without data.

    Parameters
    ----------
    size
        Number of images.
    image_size
        (C, H, W) with one or three channels.
    num_classes
        Labels are drawn from 0 .. num_classes - 1.
    random_offset
        Added to the index to seed an item: another offset, other images.

    Item k is the same in every run.
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Function = None,
        target_transform: Function = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(None, transform, target_transform)
        if size < 0 or num_classes < 1 or len(image_size) != 3 or image_size[0] not in (1, 3):
            raise DataError(
                f"FakeData: got size={size}, image_size={image_size}, num_classes={num_classes}; give a "
                "size >= 0, "
                "(1 or 3, H, W), and one class or more"
            )
        self.size, self.image_size, self.num_classes = size, tuple(image_size), num_classes
        self.random_offset = random_offset
        self.classes = [str(k) for k in range(num_classes)]

    def __len__(self) -> int:
        return self.size

    def pixels(self, index: int) -> tuple[Array, int]:
        """The raw item: (C, H, W) uint8 and its label."""
        rng = np.random.default_rng([index, self.random_offset])
        return rng.integers(0, 256, self.image_size, dtype=np.uint8), int(rng.integers(self.num_classes))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from tinygrad_cv.data.values import array_to_pil

        if not 0 <= index < self.size:
            raise IndexError(f"FakeData: index {index} is outside its {self.size} items")
        x, label = self.pixels(index)
        return self.item(array_to_pil(x), label)
