"""Weights survive the disk whatever their memory order, and a damaged file is one sentence."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_cv import io, models
from tinygrad_cv.io.weights import to_bytes
from tinygrad_cv.ops.errors import DataError, DTypeError
from tinygrad_cv.tensors import Tensor

VIEWS = {
    "transposed": lambda a: a.T,
    "strided": lambda a: a[::2, ::3],
    "reversed": lambda a: a[::-1, ::-1],
    "fortran": np.asfortranarray,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "channels-last": lambda a: a.reshape(2, 3, 2, 2).transpose(0, 3, 1, 2),
    "a single number": lambda a: a[0, 0],
    "empty": lambda a: a[:0],
}


@pytest.mark.parametrize("view", VIEWS)
def test_every_memory_order_comes_back_the_same(view: str, tmp_path: Path) -> None:
    array = VIEWS[view](np.arange(24.0, dtype=np.float32).reshape(4, 6))
    io.save_file({"a": array}, tmp_path / "w.safetensors")
    back = io.load_file(tmp_path / "w.safetensors")["a"]
    assert back.shape == np.shape(array) and np.array_equal(back._data, array)


@given(hnp.arrays(st.sampled_from(["f4", "f8", "f2", "i8", "u1", "?", ">f4", ">i8"]), hnp.array_shapes(min_side=0)))
def test_bits_survive(array: Any) -> None:
    from safetensors.numpy import load

    back = load(to_bytes({"a": array}))["a"]
    assert back.dtype == array.dtype.newbyteorder("=") and back.shape == array.shape
    assert back.tobytes() == np.ascontiguousarray(array.astype(back.dtype, copy=False)).tobytes()


def test_equal_tensors_give_equal_files() -> None:
    tensors, words = {"b": np.zeros(3, "u1"), "a": np.ones(2)}, {str(k): "word" for k in range(9)}
    assert len({to_bytes(tensors, words) for _ in range(9)}) == 1
    assert to_bytes(dict(reversed(tensors.items())), words) == to_bytes(tensors, words)


def test_names_of_any_letters_survive(tmp_path: Path) -> None:
    names = ["weight.0", "\u6743\u91cd", 'a"b\\', ""]
    io.save_file({name: np.zeros(1) for name in names}, tmp_path / "w")
    assert set(io.load_file(tmp_path / "w")) == set(names)


def test_a_model_comes_back_with_its_own_answers(tmp_path: Path) -> None:
    first, second = models.lenet(), models.lenet()
    io.save(first.state_dict(), tmp_path / "w")
    second.load_state_dict(io.load(tmp_path / "w"))
    assert all(np.array_equal(a._data, b._data) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_metadata_is_kept(tmp_path: Path) -> None:
    io.save_file({"a": Tensor(np.zeros(1))}, tmp_path / "w", {"model": "lenet"})
    assert io.read_metadata(tmp_path / "w")["model"] == "lenet"


def test_a_file_cut_at_any_place_is_one_sentence(tmp_path: Path) -> None:
    whole, path = to_bytes({"a": np.arange(5.0)}), tmp_path / "w"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"breaks off or is no safetensors file"):
            io.load_file(path)


def test_missing_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file .*none"):
        io.load(tmp_path / "none")
    (tmp_path / "text").write_text("hello, this is a long enough text that is no safetensors file")
    with pytest.raises(DataError, match="no safetensors file"):
        io.load(tmp_path / "text")


def test_words_cannot_be_saved_as_weights(tmp_path: Path) -> None:
    with pytest.raises(DTypeError, match="'a' has the dtype <U5"):
        io.save_file({"a": np.array(["hello"])}, tmp_path / "w")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w"
    io.save_file({"a": np.zeros(3)}, path)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        io.save_file({"a": np.ones(3)}, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_nothing_after_the_sweep(tmp_path: Path) -> None:
    (tmp_path / ".w.abc.part").write_bytes(b"half")
    (tmp_path / "w").write_bytes(b"whole")
    assert io.sweep(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["w"]


@pytest.mark.parametrize(("content", "sentence"), [(b"{\n 1", "line 2"), (b"\xff\xfe\x00", "no text file")])
def test_damaged_json_says_where(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        io.read_json(tmp_path / "c.json")
