"""Activation functions as layers. Each calls the function of the same name; the formulas stand there."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..ops.errors import ArgumentError, ShapeError
from ..typing import DType
from . import init
from .dropout import free
from .linear import empty_parameter
from .module import Module
from .parameter import Parameter


class _InPlace(Module):
    """An activation without settings.

    ``inplace`` saves nothing here and changes nothing: hooks and the explorer see what each layer returned. What
    PyTorch refuses is refused: a leaf that requires a gradient.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""

    def _mine(self, input: Any) -> Any:
        """Return the input, if it may be written in place."""
        return free(type(self).__name__, input) if self.inplace else input

    def _after(self, text: str) -> str:
        return text + (", inplace=True" if self.inplace else "")


class _Plain(Module):
    """An activation without settings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()


class ReLU(_InPlace):
    """y = max(x, 0), element by element; see `relu`."""

    def forward(self, input: Any) -> Any:
        return F.relu(self._mine(input))


class Hardtanh(_InPlace):
    """x limited to [min_val, max_val].

    ``min_value`` and ``max_value`` are PyTorch's old names of the limits.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if not self.min_val < self.max_val:
            raise ArgumentError(
                f"Hardtanh: min_val {self.min_val} is not below max_val {self.max_val}; give a smaller one"
            )

    def forward(self, input: Any) -> Any:
        return F.hardtanh(self._mine(input), self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return self._after(f"min_val={self.min_val}, max_val={self.max_val}")


class ReLU6(Hardtanh):
    """x limited to [0, 6]."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(_InPlace):
    """x where x > 0, else negative_slope x."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Any:
        return F.leaky_relu(self._mine(input), self.negative_slope)

    def extra_repr(self) -> str:
        return self._after(f"negative_slope={self.negative_slope}")


class PReLU(Module):
    """x where x > 0, else weight x; the weights are learned, one for all channels or one for each (He et al. 2015).

    ``num_parameters`` is 1 or the number of channels; ``init`` is where the weights start.
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = empty_parameter((num_parameters,), dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from the given slope."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class _Alpha(_InPlace):
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def extra_repr(self) -> str:
        return self._after(f"alpha={self.alpha}")


class ELU(_Alpha):
    """x where x > 0, else alpha (e^x - 1)."""

    def forward(self, input: Any) -> Any:
        return F.elu(self._mine(input), self.alpha)


class CELU(_Alpha):
    """x where x > 0, else alpha (e^(x / alpha) - 1)."""

    def forward(self, input: Any) -> Any:
        return F.celu(self._mine(input), self.alpha)


class SELU(_InPlace):
    """ELU scaled so that activations keep mean 0 and variance 1 (Klambauer et al. 2017)."""

    def forward(self, input: Any) -> Any:
        return F.selu(self._mine(input))


class GELU(Module):
    """x times the normal distribution function of x; ``approximate='tanh'`` for the approximation by tanh."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """x sigmoid(x)."""

    def forward(self, input: Any) -> Any:
        return F.silu(self._mine(input))


class Mish(_InPlace):
    """x tanh(softplus(x))."""

    def forward(self, input: Any) -> Any:
        return F.mish(self._mine(input))


class Sigmoid(_Plain):
    """1 / (1 + e^-x)."""

    def forward(self, input: Any) -> Any:
        return F.sigmoid(input)


class Tanh(_Plain):
    """y = tanh x, element by element; see `tanh`."""

    def forward(self, input: Any) -> Any:
        return F.tanh(input)


class _Silent(_InPlace):
    def extra_repr(self) -> str:
        return ""


class Hardswish(_Silent):
    """x relu6(x + 3) / 6."""

    def forward(self, input: Any) -> Any:
        return F.hardswish(self._mine(input))


class Hardsigmoid(_Silent):
    """relu6(x + 3) / 6."""

    def forward(self, input: Any) -> Any:
        return F.hardsigmoid(self._mine(input))


class _Lambda(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Hardshrink(_Lambda):
    """x where |x| > lambd, else 0."""

    def forward(self, input: Any) -> Any:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Lambda):
    """x moved towards 0 by lambd, not past it."""

    def forward(self, input: Any) -> Any:
        return F.softshrink(input, self.lambd)


class Tanhshrink(_Plain):
    """y = x - tanh x, element by element; see `tanhshrink`."""

    def forward(self, input: Any) -> Any:
        return F.tanhshrink(input)


class Softsign(_Plain):
    """x / (1 + |x|)."""

    def forward(self, input: Any) -> Any:
        return F.softsign(input)


class Softplus(Module):
    """ln(1 + e^(beta x)) / beta; x itself where beta x exceeds the threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(_Plain):
    """ln sigmoid(x)."""

    def forward(self, input: Any) -> Any:
        return F.logsigmoid(input)


class Threshold(_InPlace):
    """x where x > threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, input: Any) -> Any:
        return F.threshold(self._mine(input), self.threshold, self.value)

    def extra_repr(self) -> str:
        return self._after(f"threshold={self.threshold}, value={self.value}")


class GLU(Module):
    """The first half of a dimension times the sigmoid of the second (Dauphin et al. 2017)."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class _Along(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def _dim(self, input: Any) -> int:
        """Return the dimension, by PyTorch's old rule where none was given: 1, or 0 for what has no batch."""
        return self.dim if self.dim is not None else 0 if input.ndim in (0, 1, 3) else 1

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """e^x / sum of e^x along ``dim``."""

    def forward(self, input: Any) -> Any:
        return F.softmax(input, self._dim(input))


class Softmax2d(Module):
    """`Softmax` over the channels of (N, C, H, W) or (C, H, W), at each pixel by itself."""

    def forward(self, input: Any) -> Any:
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: x has shape {input.shape}, expected (N, C, H, W) or (C, H, W)")
        return F.softmax(input, -3)


class LogSoftmax(_Along):
    """ln softmax(x) along ``dim``."""

    def forward(self, input: Any) -> Any:
        return F.log_softmax(input, self._dim(input))


class Softmin(_Along):
    """softmax(-x) along ``dim``."""

    def forward(self, input: Any) -> Any:
        return F.softmin(input, self._dim(input))
