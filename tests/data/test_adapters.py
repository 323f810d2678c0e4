"""Data sets of other libraries, imitated."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from tinygrad_cv import datasets, transforms
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.utils.data import DataLoader


class Rows(list[Any]):
    """What a Hugging Face split looks like."""

    features = {"img": object(), "label": SimpleNamespace(names=["cat", "dog"])}


def packed(image: Image.Image) -> dict[str, Any]:
    content = BytesIO()
    image.save(content, "png")
    return {"bytes": content.getvalue(), "path": None}


def test_rows_become_items_and_batches() -> None:
    image = Image.new("RGBA", (5, 4), (9, 8, 7, 0))
    rows = Rows([{"img": image, "label": 1}, {"img": packed(image), "label": 0}])
    data = datasets.from_huggingface(rows, transform=transforms.ToTensor())
    assert data.class_to_idx == {"cat": 0, "dog": 1} and len(data) == 2
    x, y = next(iter(DataLoader(data, 2)))
    assert x.shape == (2, 3, 4, 5) and y.numpy().tolist() == [1, 0]
    assert (x.numpy()[0] == x.numpy()[1]).all()


def test_missing_column_is_named() -> None:
    with pytest.raises(DataError, match=r"no column photo among \['img', 'label'\]; give image="):
        datasets.from_huggingface(Rows([{"img": 1, "label": 1}]), image="photo")
