"""CIFAR's pickles: read exactly, and harmless whatever they contain."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import datasets
from tinygrad_cv.data.pickles import read_pickle
from tinygrad_cv.ops.errors import DataError


def write(path: Path, value: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol=4))
    return md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", ">i4", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back(tmp_path: Path, dtype: str, order: Any) -> None:
    array = np.asarray(np.arange(12).reshape(3, 4), dtype=dtype, order=order)
    write(tmp_path / "x", {b"data": array, b"labels": [1, 2], "text": "abc", "none": None})
    back = read_pickle(tmp_path / "x")
    np.testing.assert_array_equal(back[b"data"], array)
    assert back[b"labels"] == [1, 2] and back["none"] is None


class Attack:
    def __reduce__(self) -> Any:
        return os.system, ("touch harm",)


@pytest.mark.parametrize(
    "value", [Attack(), {b"data": Attack()}, [OrderedDict()], np.ma.masked_array([1]), eval, np.zeros(1)[0]]
)
def test_any_other_name_is_refused_and_not_run(
    tmp_path: Path, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x", value)
    with pytest.raises(DataError, match="holds the name .*; it may be an attack"):
        read_pickle(tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def reconstructed(state: bytes) -> bytes:
    """A pickle of an array whose state is written by hand."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state + b"b."
    )


@pytest.mark.parametrize(
    "state",
    [
        b"(K\x01K\x05\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNK\x00K\x00K\x00tb\x89U\x03abct",
        b"(K\x01K\x01\x85cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNK\x00K\x00K\x00tb\x89U\x08abcdefght",
        b"(K\x01J\xff\xff\xff\xff\x85"  # a size of -1
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNK\x00K\x00K\x00tb\x89U\x00t",
        b"(K\x01K\x01\x85NU\x00U\x01at",
        b"N",
        b"K\x07",
    ],
)
def test_forged_array_is_refused(tmp_path: Path, state: bytes) -> None:
    (tmp_path / "x").write_bytes(reconstructed(state))
    with pytest.raises(DataError, match="fetch the file again"):
        read_pickle(tmp_path / "x")


def test_ndarray_cannot_be_called(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R."
    )  # numpy.ndarray((2147483647,))
    with pytest.raises(DataError):
        read_pickle(tmp_path / "x")


def test_giant_memo_index_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x80\x02K\x01r" + struct.pack("<I", 0x7FFFFFFF) + b".")
    assert read_pickle(tmp_path / "x") == 1


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02", b"\x80\x02}q\x00(U\x04dat", b"\x80\x63.", b"\x80\x02]]s."]
)
def test_damaged_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="damaged or no pickle"):
        read_pickle(tmp_path / "x")


def test_nest_too_deep_is_refused(tmp_path: Path) -> None:
    value: Any = np.zeros(1)
    for _ in range(20):
        value = [value]
    write(tmp_path / "x", value)
    with pytest.raises(DataError, match="lists within lists"):
        read_pickle(tmp_path / "x")


class TinyCIFAR(datasets.CIFAR10):
    """CIFAR-10 with the checksums of files that a test wrote."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    base = tmp_path / "cifar-10-batches-py"
    sums = {}
    for name in [*datasets.CIFAR10.train_files, *datasets.CIFAR10.test_files]:
        x = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
        sums[name] = write(base / name, {b"data": x, b"labels": rng.integers(0, 10, 4).tolist()})
    names = [f"class{k}".encode() for k in range(10)]
    meta = write(base / "batches.meta", {b"label_names": names})
    TinyCIFAR.train_files = {name: sums[name] for name in datasets.CIFAR10.train_files}
    TinyCIFAR.test_files = {name: sums[name] for name in datasets.CIFAR10.test_files}
    TinyCIFAR.meta = ("batches.meta", meta, b"label_names")
    return tmp_path


def test_cifar_has_rows_of_red_green_blue(folder: Path) -> None:
    cifar = TinyCIFAR(folder)
    assert cifar.data.shape == (20, 32, 32, 3) and cifar.classes[3] == "class3"
    raw = read_pickle(folder / "cifar-10-batches-py" / "data_batch_1")[b"data"][1]
    assert cifar.data[1, 5, 7].tolist() == raw.reshape(3, 32, 32)[:, 5, 7].tolist()
    assert len(TinyCIFAR(folder / "cifar-10-batches-py", train=False)) == 4


def test_cifar_with_another_sum_is_refused(folder: Path) -> None:
    write(
        folder / "cifar-10-batches-py" / "data_batch_2",
        {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 4},
    )
    with pytest.raises(DataError, match="data_batch_2 has the md5 .* and the published file"):
        TinyCIFAR(folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {b"data": np.zeros((4, 3071), np.uint8), b"labels": [0] * 4},
            r"uint8 \(4, 3071\); they should be uint8",
        ),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 3}, "no list of 4 whole numbers"),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 10]}, "label of item 3 is 10"),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, -1, 2, 3]}, "label of item 1 is -1"),
        ({b"labels": [0] * 4}, "the pixels of test_batch are NoneType"),
        ([1, 2], "holds a list where a dict belongs"),
    ],
)
def test_cifar_with_wrong_content_is_refused(folder: Path, content: Any, sentence: str) -> None:
    TinyCIFAR.test_files = {"test_batch": write(folder / "cifar-10-batches-py" / "test_batch", content)}
    with pytest.raises(DataError, match=sentence):
        TinyCIFAR(folder, train=False)


def test_cifar_missing_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found no batches.meta in .*download=True"):
        datasets.CIFAR10(tmp_path)


def test_cifar100_reads_the_fine_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "cifar-100-python"
    content = {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [99, 0], b"coarse_labels": [1, 1]}
    monkeypatch.setattr(datasets.CIFAR100, "test_files", {"test": write(base / "test", content)})
    names = {b"fine_label_names": [b"n"] * 100}
    monkeypatch.setattr(datasets.CIFAR100, "meta", ("meta", write(base / "meta", names), b"fine_label_names"))
    assert datasets.CIFAR100(tmp_path, train=False).targets.tolist() == [99, 0]
