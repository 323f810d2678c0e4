"""TensorBoard can read what is written, and every record's check sums fit."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tinygrad_cv import train
from tinygrad_cv.train.events import framed, masked

from . import toy


def records(path: Path) -> list[bytes]:
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        assert struct.unpack_from("<I", content, 8) == (masked(content[:8]),)
        message = content[12 : 12 + length]
        assert struct.unpack_from("<I", content, 12 + length) == (masked(message),)
        found.append(message)
        content = content[16 + length :]
    return found


def written(folder: Path) -> Path:
    trainer = toy.trainer(callbacks=[train.TensorBoard(folder)])
    trainer.fit(toy.loader(), toy.loader(toy.blobs(9, 2)), epochs=2)
    (path,) = folder.iterdir()
    return path


def test_the_check_sum_is_the_published_one() -> None:
    # RFC 3720, B.4: 32 bytes of zeros give 0x8A9136AA
    crc = (masked(bytes(32)) - 0xA282EAD8) & 0xFFFFFFFF
    assert (crc << 15 | crc >> 17) & 0xFFFFFFFF == 0x8A9136AA


def test_each_epoch_is_one_whole_record(tmp_path: Path) -> None:
    first, *epochs = records(written(tmp_path))
    assert first.endswith(b"brain.Event:2") and len(epochs) == 2
    assert all(b"loss/train" in e and b"accuracy/test" in e and b"lr" in e for e in epochs)
    assert len(framed(b"abc")) == 3 + 16


def test_tensorboard_reads_the_same_numbers(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trainer = toy.trainer(callbacks=[train.TensorBoard(tmp_path)])
    trainer.fit(toy.loader(), epochs=3)
    read = accumulator.EventAccumulator(str(tmp_path)).Reload()
    shown = [(event.step, event.value) for event in read.Scalars("loss/train")]
    assert shown == [(k + 1, pytest.approx(r["train_loss"], rel=1e-6)) for k, r in enumerate(trainer.history)]
