"""Checkpoints give back what they were given, to the bit, and refuse everything else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_cv import io
from tinygrad_cv.io.weights import to_bytes
from tinygrad_cv.ops.errors import DataError, DTypeError
from tinygrad_cv.tensors import Tensor

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
nests = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoint") / "c.safetensors"


@given(nest=nests)
def test_any_nest_comes_back(nest: Any, file: Path) -> None:
    io.save_checkpoint(nest, file)
    assert same(nest, io.load_checkpoint(file))


def test_arrays_and_tensors_come_back_as_arrays(file: Path) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    io.save_checkpoint({"a": [array.T], 3: Tensor(array), "s": np.float32(0.1)}, file)
    back = io.load_checkpoint(file)
    assert np.array_equal(back["a"][0], array.T) and back["a"][0].dtype == np.int16
    assert np.array_equal(back[3], array) and back["s"] == np.float32(0.1)


def test_names_that_look_alike_stay_apart(file: Path) -> None:
    io.save_checkpoint({"a.b": np.zeros(1), "a": {"b": np.ones(1)}, 1: np.full(1, 2.0), "1": np.full(1, 3.0)}, file)
    back = io.load_checkpoint(file)
    assert [back["a.b"][0], back["a"]["b"][0], back[1][0], back["1"][0]] == [0, 1, 2, 3]


def test_what_json_cannot_hold_is_refused(file: Path) -> None:
    with pytest.raises(DTypeError, match=r"state\.a\.0 is of type object"):
        io.save_checkpoint({"a": [object()]}, file)


def test_weights_are_no_checkpoint(file: Path) -> None:
    file.write_bytes(to_bytes({"a": np.zeros(1)}))
    with pytest.raises(DataError, match="holds weights but no checkpoint"):
        io.load_checkpoint(file)


def test_a_damaged_nest_is_one_sentence(file: Path) -> None:
    for nest in ('{"array": "gone"}', '{"strange": 1}', '{"a": 1, "b": 2}', "{"):
        file.write_bytes(to_bytes({}, {"checkpoint": "1", "nest": nest}))
        with pytest.raises(DataError, match="is damaged"):
            io.load_checkpoint(file)
