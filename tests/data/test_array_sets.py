"""Digits, MNIST and its kin: what they hold, and how bad files are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_cv import datasets, transforms
from tinygrad_cv.data.idx import write_idx
from tinygrad_cv.ops.errors import ArgumentError, DataError


def write_mnist(
    folder: Path, n: int = 12, ending: str = "", split: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, n).astype(np.uint8)
    write_idx(folder / f"{split}-images-idx3-ubyte{ending}", images)
    write_idx(folder / f"{split}-labels-idx1-ubyte{ending}", labels)
    return images, labels


def test_digits_hold_out_a_fifth_of_every_class() -> None:
    train, test = datasets.Digits(train=True, size=8), datasets.Digits(train=False, size=8)
    assert (len(train), len(test)) == (1438, 359)
    a, b = np.bincount(train.targets), np.bincount(test.targets)
    assert np.all(np.abs(b / (a + b) - 0.2) < 0.005)


def test_digits_split_is_the_same_everywhere() -> None:
    test = datasets.Digits(train=False, size=8)
    assert test.targets[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 3]
    assert int(test.data.astype(np.int64).sum()) == 1_789_784


@pytest.mark.parametrize("size", [8, 28, 32])
def test_digits_come_in_the_size_asked_for(size: int) -> None:
    digits = datasets.Digits(size=size)
    assert digits.data.shape == (1438, size, size) and digits.data.dtype == np.uint8
    assert digits.data.max() > 200 and digits.data.min() == 0


def test_digits_refuse_a_size_below_their_own() -> None:
    with pytest.raises(ArgumentError, match="size=4"):
        datasets.Digits(size=4)


def test_item_is_a_picture_and_an_int() -> None:
    image, label = datasets.Digits()[3]
    assert isinstance(image, Image.Image) and image.size == (28, 28) and type(label) is int


def test_index_outside_is_an_index_error() -> None:
    with pytest.raises(IndexError, match="1438 items"):
        datasets.Digits(size=8)[1438]


@pytest.mark.parametrize("place", ["MNIST/raw", "raw", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_is_found_in_every_layout(tmp_path: Path, place: str, ending: str) -> None:
    images, labels = write_mnist(tmp_path / place, ending=ending)
    mnist = datasets.MNIST(tmp_path)
    np.testing.assert_array_equal(mnist.data, images)
    np.testing.assert_array_equal(mnist.targets, labels)
    assert mnist.targets.dtype == np.int64 and mnist.class_to_idx["3 - three"] == 3


def test_splits_are_different_files(tmp_path: Path) -> None:
    write_mnist(tmp_path, 12, split="train")
    write_mnist(tmp_path, 5, split="t10k")
    assert len(datasets.MNIST(tmp_path)) == 12 and len(datasets.MNIST(tmp_path, train=False)) == 5


def test_fashion_has_a_folder_and_names_of_its_own(tmp_path: Path) -> None:
    write_mnist(tmp_path / "FashionMNIST" / "raw")
    fashion = datasets.FashionMNIST(tmp_path)
    assert fashion.classes[0] == "T-shirt/top" and "Train" in repr(fashion)
    with pytest.raises(DataError):
        datasets.MNIST(tmp_path)


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found no train-images.*download=True"):
        datasets.MNIST(tmp_path)


def test_label_out_of_range_names_the_item(tmp_path: Path) -> None:
    _, labels = write_mnist(tmp_path)
    labels[7] = 10
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels)
    with pytest.raises(DataError, match=r"label of item 7 is 10; labels lie in 0\.\.9"):
        datasets.MNIST(tmp_path)


def test_swapped_files_are_noticed(tmp_path: Path) -> None:
    images, labels = write_mnist(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte", labels)
    with pytest.raises(DataError, match="swapped"):
        datasets.MNIST(tmp_path)


def test_files_of_two_splits_are_noticed(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(9, np.uint8))
    with pytest.raises(DataError, match="12 images but 9 labels"):
        datasets.MNIST(tmp_path)


def test_selection_by_assignment_holds_in_batches() -> None:
    digits = datasets.Digits(size=8)
    some = digits.targets < 2
    digits.data, digits.targets = digits.data[some], digits.targets[some].tolist()
    x, y = digits.take(np.arange(len(digits)))
    assert len(x) == len(digits) and set(y.tolist()) == {0, 1}


def test_transforms_apply_to_item_and_label() -> None:
    digits = datasets.Digits(transform=transforms.ToTensor(), target_transform=lambda t: -t)
    image, label = digits[1]
    assert image.shape == (1, 28, 28) and label == -int(digits.targets[1])
    assert not digits.can_take


def test_fake_data_repeats_itself() -> None:
    fake = datasets.FakeData(5, (3, 6, 4), num_classes=3)
    again = datasets.FakeData(5, (3, 6, 4), num_classes=3)
    assert all(np.array_equal(fake[k][0], again[k][0]) and fake[k][1] == again[k][1] < 3 for k in range(5))
    assert not np.array_equal(fake[0][0], datasets.FakeData(5, (3, 6, 4), random_offset=9)[0][0])
    with pytest.raises(IndexError):
        fake[5]
