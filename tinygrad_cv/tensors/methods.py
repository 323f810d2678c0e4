"""The operations of a tensor by name and by symbol: a table from methods to the functions of `ops`.

A function whose first argument is the tensor is a method as it stands; its docstring and signature come along. The
file is long because the table has a line for each of some 200 methods.
"""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import ops
from ..ops.broadcast import read_dtype, read_shape
from ..ops.errors import ArgumentError, ShapeError
from ..ops.shape import read_dim
from ..typing import Array, DType, Value
from .spelling import spelled

if TYPE_CHECKING:
    from .tensor import Tensor


class Methods:
    """What `Tensor` can do without writing into itself."""

    # symbols
    __add__ = ops.add
    __sub__ = ops.sub
    __mul__ = ops.mul
    __truediv__ = ops.div
    __floordiv__ = ops.floor_divide
    __mod__ = ops.remainder
    __pow__ = ops.pow
    __matmul__ = ops.matmul
    __neg__ = ops.neg
    __abs__ = ops.abs
    __invert__ = ops.bitwise_not
    __and__ = ops.bitwise_and
    __or__ = ops.bitwise_or
    __xor__ = ops.bitwise_xor
    __lt__ = ops.lt
    __le__ = ops.le
    __gt__ = ops.gt
    __ge__ = ops.ge
    __radd__ = ops.add
    __rmul__ = ops.mul
    __getitem__ = ops.getitem

    __rand__ = ops.bitwise_and
    __ror__ = ops.bitwise_or
    __rxor__ = ops.bitwise_xor

    def __pos__(self: Any) -> Tensor:
        return self

    def __rsub__(self: Any, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __rtruediv__(self: Any, other: Any) -> Tensor:
        return ops.div(other, self)

    def __rfloordiv__(self: Any, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __rmod__(self: Any, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __rpow__(self: Any, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __rmatmul__(self: Any, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __eq__(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else ops.eq(self, other)

    def __ne__(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else ops.ne(self, other)

    def __contains__(self: Any, element: Any) -> bool:
        return bool(np.any(self._data == (element._data if hasattr(element, "_data") else element)))

    # sizes
    def size(self: Any, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[read_dim("size", dim, self.ndim)]

    def dim(self: Any) -> int:
        """Return the number of dimensions."""
        return int(self.ndim)

    ndimension = dim

    def numel(self: Any) -> int:
        """Return the number of elements."""
        return math.prod(self.shape)

    nelement = numel

    def element_size(self: Any) -> int:
        """Return the bytes of one element."""
        return int(self.itemsize)

    def stride(self: Any, dim: int | None = None) -> Any:
        """Return the steps in memory, in elements."""
        steps = tuple(s // self.itemsize for s in self._data.strides)
        return steps if dim is None else steps[read_dim("stride", dim, self.ndim)]

    # dtypes
    def float(self: Any) -> Tensor:
        """Cast to float32."""
        return self.to(np.float32)

    def double(self: Any) -> Tensor:
        """Cast to float64."""
        return self.to(np.float64)

    def half(self: Any) -> Tensor:
        """Cast to float16."""
        return self.to(np.float16)

    def int(self: Any) -> Tensor:
        """Cast to int32."""
        return self.to(np.int32)

    def long(self: Any) -> Tensor:
        """Cast to int64."""
        return self.to(np.int64)

    def bool(self: Any) -> Tensor:
        """Cast to bool: True where not zero."""
        return self.to(np.bool_)

    def byte(self: Any) -> Tensor:
        """Cast to uint8."""
        return self.to(np.uint8)

    def short(self: Any) -> Tensor:
        """Cast to int16."""
        return self.to(np.int16)

    def char(self: Any) -> Tensor:
        """Cast to int8."""
        return self.to(np.int8)

    def type(self: Any, dtype: Any = None) -> Any:
        """Cast to a dtype; without one, return the dtype's name."""
        return str(self.dtype) if dtype is None else self.to(dtype)

    def is_floating_point(self: Any) -> Any:
        """Tell whether the elements are of floating point."""
        return self.dtype.kind == "f"

    # shapes
    @property
    def T(self: Any) -> Tensor:
        """The transpose: dimensions in reverse order."""
        return ops.permute(self, tuple(range(self.ndim))[::-1])

    @property
    def mT(self: Any) -> Tensor:
        """The last two dimensions exchanged."""
        return ops.transpose(self, -2, -1)

    def t(self: Any) -> Tensor:
        """The transpose of a matrix (or of a vector: itself)."""
        if self.ndim > 2:
            raise ShapeError(
                f"t: a tensor of shape {self.shape} has more than two dimensions; use transpose, permute or .mT"
            )
        return self.T

    def view(self: Any, *shape: Any) -> Tensor:
        """Return the tensor in another shape, in the same memory.

        Refused is what PyTorch refuses: dimensions merged that a transpose or a slice has pulled apart. Activations
        are channels-last in memory here, where PyTorch's are row-major, so that the usual ``x.view(x.size(0), -1)``
        behind a convolution has to copy; writing into such a copy, which would not reach the tensor, is refused.
        """
        if len(shape) == 1 and isinstance(shape[0], np.dtype):
            raise ArgumentError(
                "view: reinterpreting the bytes as another dtype is not offered; use .to(dtype) to cast"
            )
        y = ops.reshape(self, *shape)
        if y is self or y._view is not None or not y._data.size:
            return y
        if not np.may_share_memory(apart := _as_in_pytorch(self), apart.reshape(y.shape)):
            raise ShapeError(
                f"view: {self.shape} cannot become {y.shape} in the same memory: a transpose or a slice has pulled its "
                "dimensions apart; use reshape, which copies, or contiguous() before"
            )
        y._data.flags.writeable = False
        return y

    def view_as(self: Any, other: Any) -> Tensor:
        """`view` in the shape of another tensor."""
        return self.view(other.shape)

    def reshape_as(self: Any, other: Any) -> Tensor:
        """`reshape` to the shape of another tensor."""
        return ops.reshape(self, other.shape)

    def expand_as(self: Any, other: Any) -> Tensor:
        """`expand` to the shape of another tensor."""
        return ops.expand(self, other.shape)

    # functions that are methods as they stand
    add = ops.add
    sub = ops.sub
    mul = ops.mul
    div = ops.div
    pow = ops.pow
    neg = ops.neg
    exp = ops.exp
    expm1 = ops.expm1
    log = ops.log
    log1p = ops.log1p
    log2 = ops.log2
    log10 = ops.log10
    sqrt = ops.sqrt
    rsqrt = ops.rsqrt
    reciprocal = ops.reciprocal
    square = ops.square
    sin = ops.sin
    cos = ops.cos
    tan = ops.tan
    asin = ops.asin
    acos = ops.acos
    atan = ops.atan
    sinh = ops.sinh
    cosh = ops.cosh
    tanh = ops.tanh
    sigmoid = ops.sigmoid
    erf = ops.erf
    abs = ops.abs
    sign = ops.sign
    floor = ops.floor
    ceil = ops.ceil
    trunc = ops.trunc
    round = ops.round
    clamp = ops.clamp
    maximum = ops.maximum
    minimum = ops.minimum
    sum = ops.sum
    mean = ops.mean
    var = ops.var
    std = ops.std
    amax = ops.amax
    amin = ops.amin
    max = ops.max
    min = ops.min
    prod = ops.prod
    cumsum = ops.cumsum
    cumprod = ops.cumprod
    argmax = ops.argmax
    argmin = ops.argmin
    logsumexp = ops.logsumexp
    softmax = ops.softmax
    log_softmax = ops.log_softmax
    norm = ops.norm
    matmul = ops.matmul
    mm = ops.mm
    bmm = ops.bmm
    mv = ops.mv
    dot = ops.dot
    outer = ops.outer
    addmm = ops.addmm
    reshape = ops.reshape
    flatten = ops.flatten
    unflatten = ops.unflatten
    permute = ops.permute
    transpose = ops.transpose
    movedim = ops.movedim
    squeeze = ops.squeeze
    unsqueeze = ops.unsqueeze
    split = ops.split
    chunk = ops.chunk
    unbind = ops.unbind
    narrow = ops.narrow
    index_select = ops.index_select
    gather = ops.gather
    scatter = ops.scatter
    scatter_add = ops.scatter_add
    take_along_dim = ops.take_along_dim
    masked_fill = ops.masked_fill
    masked_select = ops.masked_select
    roll = ops.roll
    rot90 = ops.rot90
    repeat = ops.repeat
    repeat_interleave = ops.repeat_interleave
    tile = ops.tile
    expand = ops.expand
    broadcast_to = ops.broadcast_to
    tril = ops.tril
    triu = ops.triu
    diag = ops.diag
    topk = ops.topk
    sort = ops.sort
    argsort = ops.argsort
    nonzero = ops.nonzero
    eq = ops.eq
    ne = ops.ne
    lt = ops.lt
    le = ops.le
    gt = ops.gt
    ge = ops.ge
    isnan = ops.isnan
    isinf = ops.isinf
    isfinite = ops.isfinite
    all = ops.all
    any = ops.any
    lerp = ops.lerp
    addcmul = ops.addcmul
    addcdiv = ops.addcdiv
    relu = ops.relu
    logical_not = ops.logical_not
    logical_and = ops.logical_and
    logical_or = ops.logical_or
    bitwise_and = ops.bitwise_and
    bitwise_or = ops.bitwise_or
    bitwise_xor = ops.bitwise_xor
    bitwise_not = ops.bitwise_not
    floor_divide = ops.floor_divide
    remainder = ops.remainder
    contiguous = ops.contiguous
    select = ops.select
    index_add = ops.index_add
    unique = ops.unique
    bincount = ops.bincount
    take = ops.take
    logical_xor = ops.logical_xor
    isclose = ops.isclose
    equal = ops.equal
    fmod = ops.fmod
    diagonal = ops.diagonal
    diag_embed = ops.diag_embed
    trace = ops.trace
    swapaxes = ops.swapaxes
    swapdims = ops.swapdims
    moveaxis = ops.moveaxis
    ravel = ops.ravel
    fliplr = ops.fliplr
    flipud = ops.flipud
    median = ops.median
    count_nonzero = ops.count_nonzero
    inner = ops.inner
    addmv = ops.addmv
    baddbmm = ops.baddbmm
    exp2 = ops.exp2
    frac = ops.frac
    positive = ops.positive
    true_divide = ops.true_divide
    prelu = ops.prelu
    hardshrink = ops.hardshrink
    argwhere = ops.argwhere
    subtract, multiply, divide, negative, absolute = ops.sub, ops.mul, ops.div, ops.neg, ops.abs
    clip = ops.clamp

    def flip(self: Any, *dims: Any) -> Tensor:
        """Reverse the order along ``dims``, given one by one or as a sequence."""
        return ops.flip(self, ops.broadcast.read_sizes(dims))

    def clamp_min(self: Any, min: Any) -> Tensor:
        """Limit from below."""
        return ops.clamp(self, min=min)

    def clamp_max(self: Any, max: Any) -> Tensor:
        """Limit from above."""
        return ops.clamp(self, max=max)

    def sum_to_size(self: Any, *size: Any) -> Tensor:
        """Add up to a shape that broadcasts to this one."""
        shape = ops.broadcast.read_sizes(size)
        if ops.broadcast_shape("sum_to_size", shape, self.shape) != self.shape:
            raise ShapeError(f"sum_to_size: {shape} does not broadcast to {self.shape}; give a shape that does")
        return ops.broadcast.sum_to(self, shape)

    def _own_or(self: Any, dtype: Any) -> DType:
        return self.dtype if dtype is None else read_dtype(dtype)

    def new_tensor(self: Any, data: Any, dtype: Any = None, device: Any = None, requires_grad: Any = False) -> Tensor:
        """Return a new tensor with the given data, of this dtype unless told otherwise."""
        return self._guest(np.array(data, self._own_or(dtype)), requires_grad)

    def new_full(self: Any, size: Any, fill_value: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return a tensor filled with a number, of this dtype unless told otherwise."""
        return self._guest(np.full(read_shape(size), fill_value, self._own_or(dtype)))

    def new_zeros(self: Any, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return a tensor of zeros, of this dtype unless told otherwise."""
        return self._guest(np.zeros(read_shape(*size), self._own_or(dtype)))

    def new_ones(self: Any, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return a tensor of ones, of this dtype unless told otherwise."""
        return self._guest(np.ones(read_shape(*size), self._own_or(dtype)))

    def new_empty(self: Any, *size: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return an uninitialised tensor, of this dtype unless told otherwise."""
        return self._guest(np.empty(read_shape(*size), self._own_or(dtype)))

    def where(self: Any, condition: Value, other: Value) -> Tensor:
        """Keep the elements where the condition holds, take ``other`` elsewhere."""
        return ops.where(condition, self, other)

    allclose = ops.allclose


def _as_in_pytorch(t: Any) -> Array:
    """Return an array, of no particular values, with the strides that the tensor would have in PyTorch.

    There the result of an operation is row-major, and a view reads what it views by the same steps as here.
    """
    if t._view is None:
        return np.empty(t.shape, t.dtype)
    y: Array = t._view.op.forward(_as_in_pytorch(t._view.parent))
    return y


for _name, _function in list(vars(Methods).items()):
    if not _name.startswith("_") and inspect.isfunction(_function):
        setattr(Methods, _name, spelled(_function, name=_name))
