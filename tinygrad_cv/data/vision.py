"""The interface that image data sets share: torchvision's, with a fast way for those that lie in arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygrad_cv.data.dataset import Dataset
from tinygrad_cv.data.values import unit_float
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

Root: TypeAlias = str | os.PathLike[str] | None
Function: TypeAlias = Callable[[Any], Any] | None


class VisionDataset(Dataset):
    """Images with labels: ``dataset[i]`` is ``(transform(image), target_transform(label))``.

    Attributes
    ----------
    root, transform, target_transform
        As given.
    classes, class_to_idx
        The class names in the order of their numbers, and back.
    """

    classes: list[str]

    def __init__(
        self, root: Root = None, transform: Function = None, target_transform: Function = None
    ) -> None:
        self.root = None if root is None else Path(root).expanduser()
        self.transform, self.target_transform = transform, target_transform

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.classes)}

    def item(self, image: Any, label: Any) -> tuple[Any, Any]:
        """An item from its raw image and label."""
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def extra_repr(self) -> str:
        return ""

    def __repr__(self) -> str:
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"    Root location: {self.root}")
        lines += [f"    {line}" for line in self.extra_repr().splitlines()]
        for name, function in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if function is not None:
                lines.append(f"    {name}: " + repr(function).replace("\n", "\n    "))
        return "\n".join(lines)


class ArrayImages(VisionDataset):
    """Images that all lie in memory.

    ``data`` is uint8, (N, H, W) grey or (N, H, W, C); ``targets`` is int64, (N,). Both may be replaced, for
    example by a selection. Items are PIL images, as in torchvision; a ``DataLoader`` takes whole batches from
    the arrays instead when every transform has a batch form (those of ``tinygrad_cv.transforms`` have, but
    Lambda).
    """

    data: Array
    train: bool

    @property
    def targets(self) -> Array:
        return self._targets

    @targets.setter
    def targets(self, labels: Any) -> None:
        self._targets = np.asarray(labels, dtype=np.int64)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: index {index} is outside its {len(self)} items")
        return self.item(self.image(index), int(self.targets[index]))

    def image(self, index: int) -> Image:
        """The raw picture, as a PIL image."""
        from PIL import Image

        return Image.fromarray(self.data[index])

    @property
    def can_take(self) -> bool:
        return self.target_transform is None and (
            self.transform is None or getattr(self.transform, "batched", False)
        )

    def take(self, indices: Array) -> tuple[Array, Array]:
        """Images (n, C, H, W), channels-last in memory, and labels (n,).

        Without a transform the images are float32 in [0, 1].
        """
        x = np.take(self.data, indices, axis=0)
        x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
        x = unit_float(x) if self.transform is None else self.transform.batch(x)  # type: ignore[attr-defined]
        return x, np.take(self.targets, indices)

    def check(self, classes: int) -> None:
        """Refuse labels that do not match the images."""
        name = type(self).__name__
        if len(self.data) != len(self.targets):
            raise DataError(
                f"{name}: {len(self.data)} images but {len(self.targets)} labels; give the two files of one "
                "split"
            )
        if len(self.targets) and not 0 <= int(self.targets.min()) <= int(self.targets.max()) < classes:
            worst = int(np.argmax((self.targets < 0) | (self.targets >= classes)))
            raise DataError(
                f"{name}: the label of item {worst} is {int(self.targets[worst])}; labels lie in "
                f"0..{classes - 1}"
            )
