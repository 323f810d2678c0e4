"""IDX files: read back as written; every kind of damage ends in a sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tinygrad_cv.data.idx import read_idx, write_idx
from tinygrad_cv.ops.errors import DataError


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_round_trip_of_every_type(tmp_path: Path, name: str, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    write_idx(tmp_path / name, array)
    back = read_idx(tmp_path / name)
    assert back.dtype == array.dtype and back.dtype.isnative
    np.testing.assert_array_equal(back, array)


def test_layout_is_the_published_one(tmp_path: Path) -> None:
    write_idx(tmp_path / "labels", np.array([5, 0], np.uint8))
    assert (tmp_path / "labels").read_bytes() == bytes.fromhex("00000801 00000002 05 00")


def test_cut_file_is_refused_with_both_sizes(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", np.zeros((10, 4, 4), np.uint8))
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:-7])
    with pytest.raises(DataError, match=r"announces \(10, 4, 4\), 160 bytes, but holds 153"):
        read_idx(tmp_path / "x")


def test_surplus_bytes_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", np.zeros(3, np.uint8))
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes() + b"!")
    with pytest.raises(DataError, match="holds more"):
        read_idx(tmp_path / "x")


@pytest.mark.parametrize(
    "content", [b"", b"\0\0", b"PNG....", b"\0\0\x08\0", b"\0\0\x07\x01\0\0\0\0", b"\x00\x01\x08\x01"]
)
def test_wrong_magic_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="where an IDX file has 00 00"):
        read_idx(tmp_path / "x")


def test_header_that_ends_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\0\x08\x03\0\0\0\x01\0\0")
    with pytest.raises(DataError, match="ends within its header"):
        read_idx(tmp_path / "x")


def test_giant_claim_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\0\x0e\x03" + b"\xff" * 12)
    with pytest.raises(DataError, match="announces .* at most"):
        read_idx(tmp_path / "x")


@pytest.mark.parametrize("cut", [5, 12, 40])
def test_damaged_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    content = gzip.compress(bytes.fromhex("00000801 00000100") + np.random.default_rng(0).bytes(256))
    (tmp_path / "x.gz").write_bytes(content[:cut])
    with pytest.raises(DataError, match="damaged or cut short"):
        read_idx(tmp_path / "x.gz")


def test_unwritable_dtype_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="complex128"):
        write_idx(tmp_path / "x", np.zeros(3, complex))
    assert list(tmp_path.iterdir()) == []
