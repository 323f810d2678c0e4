"""PyTorch's files are read without PyTorch; forged ones harm nobody."""

from __future__ import annotations

import io as bytesio
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import io
from tinygrad_cv.ops.errors import DataError


class Named:
    """Stands for a name of PyTorch in a pickle that is written without PyTorch."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Storage:
    def __init__(self, kind: str, key: str, size: int) -> None:
        self.kind, self.key, self.size = kind, key, size


class Rebuilt:
    def __init__(self, storage: Storage, offset: Any, shape: Any, strides: Any) -> None:
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())


class Writer(pickle._Pickler):  # type: ignore[name-defined]
    """Writes what ``torch.save`` writes."""

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Storage):
            return ("storage", Named("torch", value.kind), value.key, "cpu", value.size)
        return None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Named):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Rebuilt):
            self.write(b"ctorch._utils\n_rebuild_tensor_v2\n")
            self.save(value.arguments)
            self.write(b"R")
        else:
            super().save(value, save_persistent_id)


def written(path: Path, value: Any, blocks: dict[str, bytes], compress: bool = False) -> Path:
    buffer = bytesio.BytesIO()
    Writer(buffer, 2).dump(value)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        for key, block in blocks.items():
            archive.writestr(f"archive/data/{key}", block)
        archive.writestr("archive/version", "3")
    return path


SIX = np.arange(6, dtype=np.float32).tobytes()
FLOATS = Storage("FloatStorage", "0", 6)


def test_a_state_dict_is_read(tmp_path: Path) -> None:
    state = OrderedDict(a=Rebuilt(FLOATS, 0, (2, 3), (3, 1)), t=Rebuilt(FLOATS, 1, (2, 2), (1, 2)))
    state["empty"] = Rebuilt(FLOATS, 6, (0, 3), (3, 1))
    back = io.load_pth(written(tmp_path / "w.pth", state, {"0": SIX}))
    assert np.array_equal(back["a"]._data, np.arange(6).reshape(2, 3))
    assert np.array_equal(back["t"]._data, [[1, 3], [2, 4]])
    assert back["empty"].shape == (0, 3)


def test_weights_are_found_inside_a_checkpoint(tmp_path: Path) -> None:
    state = {"epoch": 3, "state_dict": {"a": Rebuilt(FLOATS, 0, (6,), (1,))}}
    assert list(io.load(written(tmp_path / "w", state, {"0": SIX}))) == ["a"]


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    halves = (np.array([1.5, -2.0], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    state = {"a": Rebuilt(Storage("BFloat16Storage", "0", 2), 0, (2,), (1,))}
    assert io.load_pth(written(tmp_path / "w", state, {"0": halves}))["a"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (7,), (1,)), (6, (1,), (1,)), (0, (2, 3), (4, 1)), (1, (2, 3), (3, 1)), (0, (2,), (10**12,))],
)
def test_a_view_beyond_its_storage_is_refused(offset: int, shape: Any, strides: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "w", {"a": Rebuilt(FLOATS, offset, shape, strides)}, {"0": SIX})
    with pytest.raises(DataError, match=r"lets a reach element \d+ of a storage of 6"):
        io.load_pth(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(-1, (2,), (1,)), (0, (-2,), (1,)), (3, (2,), (-1,)), (0, (2, 3), (1,)), (0.5, (2,), (1,)), (True, (2,), (1,))],
)
def test_a_senseless_view_is_refused(offset: Any, shape: Any, strides: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "w", {"a": Rebuilt(FLOATS, offset, shape, strides)}, {"0": SIX})
    with pytest.raises(DataError, match="which is no tensor"):
        io.load_pth(path)


@pytest.mark.parametrize("name", ["posix system", "builtins eval", "os popen", "torch load", "numpy load"])
def test_a_foreign_name_is_refused_and_nothing_is_run(name: str, tmp_path: Path) -> None:
    module, attribute = name.split()
    program = f"c{module}\n{attribute}\n(S'touch {tmp_path}/harm'\ntR.".encode()
    with zipfile.ZipFile(tmp_path / "w", "w") as archive:
        archive.writestr("a/data.pkl", program)
    with pytest.raises(DataError, match=f"names {module}.{attribute}, which a state dict has no use for"):
        io.load(tmp_path / "w")
    assert not (tmp_path / "harm").exists()


def test_what_is_no_such_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "w"
    with pytest.raises(DataError, match="there is no file"):
        io.load_pth(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match="is no ZIP archive, as PyTorch writes since version 1.6"):
        io.load(path)
    with pytest.raises(DataError, match="holds no tensors"):
        io.load_pth(written(path, {"a": 1}, {}))
    with pytest.raises(DataError, match="lacks its member archive/data/0"):
        io.load_pth(written(path, {"a": Rebuilt(FLOATS, 0, (6,), (1,))}, {}))
    with pytest.raises(DataError, match="is compressed"):
        io.load_pth(written(path, {"a": Rebuilt(FLOATS, 0, (6,), (1,))}, {"0": SIX}, compress=True))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(DataError, match="holds 0 members named data.pkl"):
        io.load_pth(path)


def test_a_file_cut_at_any_place_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "w", {"a": Rebuilt(FLOATS, 0, (6,), (1,))}, {"0": SIX})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            io.load(path)


@pytest.mark.oracle
def test_what_pytorch_saves_is_what_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2).half())
    state = {**model.state_dict(), "t": torch.arange(12.0).reshape(3, 4).T[1:], "b": torch.ones(3).bfloat16()}
    torch.save(state, tmp_path / "w.pth")
    back = io.load(tmp_path / "w.pth")
    assert list(back) == list(state)
    for name, value in state.items():
        assert np.array_equal(back[name]._data, value.float().numpy() if name == "b" else value.numpy()), name
    torch.save(model.state_dict()["0.weight"], tmp_path / "one.pth")
    assert list(io.load(tmp_path / "one.pth").values())[0].shape == (4, 3, 3, 3)
