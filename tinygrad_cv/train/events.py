"""Metrics for TensorBoard, without TensorBoard: the event file is a list of framed messages of few fields.

Each record is its length (8 bytes), a check sum of that, the message, a check sum of the message. The message is a
protocol buffer: wall time (field 1), step (2), and a summary (5) of values (1) with a tag (1) and a number (2).
"""

from __future__ import annotations

import struct
import time
from pathlib import Path

from tinygrad_cv.io.files import PathLike
from tinygrad_cv.train.callbacks import Callback
from tinygrad_cv.train.trainer import Trainer


class TensorBoard(Callback):
    """Writes each epoch's metrics as scalars into ``folder``, where ``tensorboard --logdir`` shows them.

    A resumed run begins a new file, with the epochs that it has not shown yet.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self.path: Path | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        self.path = self.folder / f"events.out.tfevents.{time.time_ns()}.tinygrad_cv"
        self.path.write_bytes(framed(_number(1, now) + _bytes(3, b"brain.Event:2")))

    def on_epoch_end(self, trainer: Trainer) -> None:
        if self.path is None:
            return
        record = dict(trainer.history[-1])
        step = int(record.pop("epoch"))
        values = b"".join(_bytes(1, _bytes(1, _tag(name).encode()) + _float(2, v)) for name, v in record.items())
        with self.path.open("ab") as file:
            file.write(framed(_number(1, time.time()) + _whole(2, step) + _bytes(5, values)))


def _tag(name: str) -> str:
    """``train_loss`` as ``loss/train``, so that both losses share a panel."""
    first, _, rest = name.partition("_")
    return f"{rest}/{first}" if first in ("train", "test") else name


def framed(message: bytes) -> bytes:
    """A record of the event file."""
    length = struct.pack("<Q", len(message))
    return length + struct.pack("<I", masked(length)) + message + struct.pack("<I", masked(message))


def masked(content: bytes) -> int:
    """The check sum CRC-32C, rotated and shifted, as the format wants it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _row(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0x82F63B78 if index & 1 else 0)
    return index


TABLE = [_row(index) for index in range(256)]
"""Remainders of all bytes, for Castagnoli's polynomial with its bits reversed."""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _number(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)
