"""Filling tensors with starting values, in place. Names, formulas and defaults are those of torch.nn.init."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from ..ops.errors import ArgumentError, ShapeError
from ..tensors import Tensor
from ..tensors.random import Generator, pick
from ..tensors.spelling import spelled
from ..typing import Array
from .parameter import overwrite

T = TypeVar("T", bound=Tensor)

_WITHOUT_GAIN = {"linear", "sigmoid", *(f"conv{way}{n}d" for way in ("", "_transpose") for n in (1, 2, 3))}


def _fill(tensor: T, values: Any) -> T:
    overwrite(tensor, values)
    return tensor


def _draw_dtype(tensor: Tensor) -> Any:
    return np.float32 if tensor.dtype == np.float32 else np.float64


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which an activation shrinks the standard deviation of its input, inverted.

    1 for linear, convolutions and sigmoid; 5/3 for tanh; sqrt(2) for relu; sqrt(2 / (1 + slope^2)) for leaky_relu;
    3/4 for selu.

    ``nonlinearity`` is its name, ``param`` the slope of a leaky ReLU.
    """
    if nonlinearity in _WITHOUT_GAIN:
        return 1.0
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
    if nonlinearity in gains:
        return gains[nonlinearity]
    if nonlinearity == "leaky_relu":
        if isinstance(param, (bool, str)):
            raise ArgumentError(f"calculate_gain: param is {param!r}; give the slope, a number")
        slope = 0.01 if param is None else float(param)
        return math.sqrt(2.0 / (1 + slope**2))
    raise ArgumentError(
        f"calculate_gain: no gain is known for {nonlinearity!r}; "
        f"give 'linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu' or 'selu'"
    )


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> T:
    """Draw from the uniform distribution on [a, b).

    ``tensor`` is changed in place, as by all functions here, and returned.
    """
    if not a <= b:
        raise ArgumentError(f"uniform_: nothing lies in [{a}, {b}); give a of at most b")
    drawn = pick(generator).random(tensor.shape, _draw_dtype(tensor))
    return _fill(tensor, drawn * (b - a) + a)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> T:
    """Draw from the normal distribution.

    Its ``mean`` and ``std`` may be chosen; ``tensor`` is changed in place and returned.
    """
    if not std >= 0:
        raise ArgumentError(f"normal_: std is {std}; give a number of at least 0")
    drawn = np.asarray(pick(generator).standard_normal(tensor.shape, _draw_dtype(tensor)))
    return _fill(tensor, drawn * std + mean)


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None
) -> T:
    """Draw from the normal distribution, drawing again what falls outside [a, b] (values, not units of std).

    ``mean`` and ``std`` are those before cutting; ``tensor`` is changed in place and returned.
    """
    if not a < b:
        raise ArgumentError(f"trunc_normal_: nothing lies in [{a}, {b}]; give a smaller than b")
    rng = pick(generator)
    values = rng.normal(mean, std, tensor.shape)
    for _ in range(1000):
        outside = (values < a) | (values > b)
        count = int(outside.sum())
        if not count:
            break
        values[outside] = rng.normal(mean, std, count)
    # an interval far from the mean is hit too seldom for drawing again: its nearest edge is then where the mass is
    return _fill(tensor, np.clip(values, a, b))


def constant_(tensor: T, val: float) -> T:
    """Set every element to ``val``.

    ``tensor`` is changed in place and returned.
    """
    return _fill(tensor, np.asarray(val, tensor.dtype))


def ones_(tensor: T) -> T:
    """Set every element to 1.

    ``tensor`` is changed in place and returned.
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: T) -> T:
    """Set every element to 0.

    ``tensor`` is changed in place and returned.
    """
    return constant_(tensor, 0.0)


def eye_(tensor: T) -> T:
    """Make a matrix the identity: ones on the diagonal, zeros elsewhere.

    ``tensor`` has two dimensions; it is changed in place and returned.
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: the tensor has shape {tensor.shape}; give a matrix")
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Make filters (OC, C, ...) hand their channels on unchanged: 1 at the centre of channel i for filter i.

    With ``groups``, in each group of filters by itself. ``tensor`` is changed in place and returned.
    """
    if not 3 <= tensor.ndim <= 5:
        raise ShapeError(f"dirac_: the tensor has shape {tensor.shape}; give filters of 3 to 5 dimensions")
    filters, channels = tensor.shape[:2]
    if groups < 1 or filters % groups:
        raise ArgumentError(
            f"dirac_: {filters} filters do not divide into {groups} groups; give a divisor of {filters}"
        )
    values = np.zeros(tensor.shape, tensor.dtype)
    per_group = filters // groups
    centre = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for i in range(min(per_group, channels)):
            values[(group * per_group + i, i, *centre)] = 1
    return _fill(tensor, values)


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs an output of the layer adds up, and how many outputs an input reaches."""
    if tensor.ndim < 2:
        raise ShapeError(
            f"init: a tensor of shape {tensor.shape} has no fan-in and fan-out; give at least two dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Draw evenly from [-a, a), a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    ``tensor`` is changed in place and returned; ``gain`` as by `calculate_gain`.
    """
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Draw from the normal distribution of std gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    ``tensor`` is changed in place and returned; ``gain`` as by `calculate_gain`.
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ArgumentError(f"kaiming: mode is {mode!r}; give 'fan_in' or 'fan_out'")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> T:
    """Draw evenly from [-b, b), b = gain sqrt(3 / fan), for a leaky ReLU of slope ``a`` (He et al. 2015).

    ``mode`` is ``'fan_in'`` (keeps the variance forward) or ``'fan_out'`` (backward); ``nonlinearity`` chooses the
    gain, see `calculate_gain`. ``tensor`` is changed in place and returned.
    """
    if not tensor._data.size:
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None
) -> T:
    """Draw from the normal distribution of std gain / sqrt(fan), for a leaky ReLU of slope ``a`` (He et al. 2015).

    ``mode`` is ``'fan_in'`` (keeps the variance forward) or ``'fan_out'`` (backward); ``nonlinearity`` chooses the
    gain, see `calculate_gain`. ``tensor`` is changed in place and returned.
    """
    if not tensor._data.size:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: T, gain: float = 1, generator: Generator | None = None) -> T:
    """Make the matrix (first dimension x the rest) orthogonal: its rows, or its fewer columns (Saxe et al. 2014).

    It is multiplied by ``gain``. ``tensor`` is changed in place and returned.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: the tensor has shape {tensor.shape}; give at least two dimensions")
    if not tensor._data.size:
        return tensor
    rows = tensor.shape[0]
    drawn = pick(generator).standard_normal((rows, tensor._data.size // rows))
    wide = drawn.shape[0] < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q *= np.sign(np.diagonal(r))  # makes the distribution even over all orthogonal matrices (Mezzadri 2007)
    values: Array = q.T if wide else q
    return _fill(tensor, gain * values.reshape(tensor.shape))


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> T:
    """Draw a matrix from the normal distribution and set a share ``sparsity`` of each column to 0 (Martens 2010).

    ``std`` is that of what is not 0. ``tensor`` is changed in place and returned.
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: the tensor has shape {tensor.shape}; give a matrix")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    rng = pick(generator)
    values = np.asarray(rng.normal(0.0, std, (rows, columns)))
    for j in range(columns):
        values[rng.permutation(rows)[:zeros], j] = 0
    return _fill(tensor, values)


def default_layer_(weight: Tensor, bias: Tensor | None) -> None:
    """Start a linear or convolution layer as PyTorch does: evenly within 1/sqrt(fan_in), weights and bias alike.

    ``weight`` and ``bias`` are changed in place.
    """
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in = _calculate_fan_in_and_fan_out(weight)[0]
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        uniform_(bias, -bound, bound)


for _function in (
    constant_, default_layer_, dirac_, eye_, kaiming_normal_, kaiming_uniform_, normal_, ones_, orthogonal_,
    sparse_, trunc_normal_, uniform_, xavier_normal_, xavier_uniform_, zeros_,
):  # fmt: skip
    globals()[_function.__name__] = spelled(_function)
