"""Weights and checkpoints on disk: safetensors and JSON, written whole or not at all, read without running anything.

`save` and `load` keep a state dict; `save_checkpoint` and `load_checkpoint` any nest of numbers and arrays;
`load_pth` reads PyTorch's own files.
"""

from __future__ import annotations

from tinygrad_cv.io.checkpoint import load_checkpoint, save_checkpoint
from tinygrad_cv.io.files import read_json, sweep, write_bytes, write_json, write_text
from tinygrad_cv.io.pth import load_pth
from tinygrad_cv.io.weights import load, load_file, read_metadata, save, save_file
from tinygrad_cv.tensors.spelling import spelled

__all__ = [
    "load",
    "load_checkpoint",
    "load_file",
    "load_pth",
    "read_json",
    "read_metadata",
    "save",
    "save_checkpoint",
    "save_file",
    "sweep",
    "write_bytes",
    "write_json",
    "write_text",
]

for _name in __all__:
    globals()[_name] = spelled(globals()[_name])
