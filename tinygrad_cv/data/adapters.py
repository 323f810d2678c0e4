"""Data sets of other libraries, by what they look like; nothing of theirs is imported."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from tinygrad_cv.data.images import pil_loader, to_rgb
from tinygrad_cv.data.values import is_pil
from tinygrad_cv.data.vision import Function, VisionDataset
from tinygrad_cv.ops.errors import DataError


class HuggingFaceImages(VisionDataset):
    """A data set of the Hugging Face library ``datasets`` as (image, label) items.

    Parameters
    ----------
    dataset
        One split, such as ``load_dataset("cifar10", split="train")``: rows are dicts, ``features`` describes
        them.
    image, label
        The names of the two columns; by default the first of the usual names that is there.
    transform, target_transform
        Applied to the PIL image (in RGB, or L where it is grey) and to the label.
    """

    usual_images = ("image", "img", "pixel_values")
    usual_labels = ("label", "labels", "fine_label", "class", "target")

    def __init__(
        self,
        dataset: Any,
        image: str | None = None,
        label: str | None = None,
        transform: Function = None,
        target_transform: Function = None,
    ) -> None:
        super().__init__(None, transform, target_transform)
        self.dataset = dataset
        columns = list(getattr(dataset, "features", None) or (dataset[0] if len(dataset) else {}))
        self.image_column = self._column("image", image, self.usual_images, columns)
        self.label_column = self._column("label", label, self.usual_labels, columns)
        feature = (getattr(dataset, "features", None) or {}).get(self.label_column)
        names = getattr(feature, "names", None)
        self.classes = list(names) if names else sorted({str(row[self.label_column]) for row in dataset})

    @staticmethod
    def _column(what: str, chosen: str | None, usual: tuple[str, ...], columns: list[str]) -> str:
        found = [name for name in ((chosen,) if chosen else usual) if name in columns]
        if not found:
            raise DataError(
                f"from_huggingface: found no column {chosen or ' or '.join(usual)} among {columns}; give "
                f"{what}="
            )
        return found[0]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        row = self.dataset[index]
        picture = row[self.image_column]
        if isinstance(picture, dict):  # a column that has not been decoded: the file's bytes, or its path
            from PIL import Image

            content = picture.get("bytes")
            picture = Image.open(BytesIO(content)) if content else pil_loader(picture["path"])
        if is_pil(picture) and picture.mode not in ("L", "RGB"):
            picture = to_rgb(picture)
        return self.item(picture, row[self.label_column])


def from_huggingface(dataset: Any, **options: Any) -> HuggingFaceImages:
    """A split of a Hugging Face data set as an image data set; see :class:`HuggingFaceImages`.

    ``dataset`` is the split; ``options`` are those of that class.
    """
    return HuggingFaceImages(dataset, **options)
