"""tinygrad_cv: a readable autograd framework for computer vision, fast on an ordinary CPU.

Written for PyTorch, a listing runs when only its imports change::

    import tinygrad_cv as torch
    import tinygrad_cv.nn as nn
    import tinygrad_cv.nn.functional as F
    from tinygrad_cv import datasets, transforms

The rooms ``nn``, ``optim``, ``models``, ``datasets`` and so on are loaded when first named: importing is cheap.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

import numpy as _np

from . import autograd as autograd
from . import cuda as cuda
from .autograd import enable_grad as enable_grad
from .autograd import inference_mode as inference_mode
from .autograd import is_grad_enabled as is_grad_enabled
from .autograd import no_grad as no_grad
from .autograd import set_grad_enabled as set_grad_enabled
from .functional import *  # noqa: F403
from .tensors import Tensor as Tensor
from .tensors.creation import *  # noqa: F403
from .tensors.device import device as device
from .tensors.random import Generator as Generator
from .tensors.random import default_generator as default_generator
from .tensors.random import get_rng_state as get_rng_state
from .tensors.random import initial_seed as initial_seed
from .tensors.random import manual_seed as manual_seed
from .tensors.random import set_rng_state as set_rng_state
from .tensors.sampling import *  # noqa: F403

__version__ = "0.1.0"

channels_last = contiguous_format = preserve_format = strided = None  # accepted and ignored, see docs/differences.md
e, inf, nan, newaxis, pi = _np.e, _np.inf, _np.nan, None, _np.pi
finfo, iinfo, Size = _np.finfo, _np.iinfo, tuple

float16 = half = _np.dtype(_np.float16)
float32 = float = _np.dtype(_np.float32)
float64 = double = _np.dtype(_np.float64)
uint8 = _np.dtype(_np.uint8)
int8 = _np.dtype(_np.int8)
int16 = short = _np.dtype(_np.int16)
int32 = int = _np.dtype(_np.int32)
int64 = long = _np.dtype(_np.int64)
bool = _np.dtype(_np.bool_)

logging.getLogger(__name__).addHandler(logging.NullHandler())

_ROOMS = frozenset(
    "cli data datasets explain explore interop io models nn ops optim testing train transforms utils viz".split()
)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name == "watch":
        return importlib.import_module(".viz", __name__).watch
    if name == "explain_conv":
        return importlib.import_module(".explain", __name__).explain_conv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
