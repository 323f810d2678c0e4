"""Differentiable operations on arrays, and on whatever type offers ``__record__``.

One family a file, in reading order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    activation,
    arithmetic,
    arrange,
    broadcast,
    comparison,
    contraction,
    conv,
    distance,
    division,
    elementwise,
    index,
    joining,
    lookup,
    loss,
    matrix,
    normalization,
    order,
    padding,
    pixels,
    pool,
    probability,
    reduce,
    resample,
    sample,
    scattering,
    shape,
    statistics,
    unpool,
    windows,
)
from . import errors as errors
from .activation import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .arrange import *  # noqa: F403
from .broadcast import *  # noqa: F403
from .broadcast import broadcast_shape as broadcast_shape
from .broadcast import cast as cast
from .broadcast import expand_to as expand_to
from .broadcast import result_type as result_type
from .comparison import *  # noqa: F403
from .contraction import *  # noqa: F403
from .conv import *  # noqa: F403
from .distance import *  # noqa: F403
from .division import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .index import *  # noqa: F403
from .joining import *  # noqa: F403
from .lookup import *  # noqa: F403
from .loss import *  # noqa: F403
from .matrix import *  # noqa: F403
from .normalization import *  # noqa: F403
from .op import REGISTRY as REGISTRY
from .op import Op as Op
from .op import joint as joint
from .order import *  # noqa: F403
from .padding import *  # noqa: F403
from .pixels import *  # noqa: F403
from .pool import *  # noqa: F403
from .probability import *  # noqa: F403
from .reduce import *  # noqa: F403
from .resample import *  # noqa: F403
from .sample import *  # noqa: F403
from .scattering import *  # noqa: F403
from .shape import *  # noqa: F403
from .statistics import *  # noqa: F403
from .unpool import *  # noqa: F403
from .windows import *  # noqa: F403

if not TYPE_CHECKING:  # checkers follow the stars above, but not sums of names
    _FAMILIES = (
        broadcast, comparison, arithmetic, elementwise, division, activation, shape, joining, reduce, statistics,
        index, scattering, order, arrange, lookup, padding, pixels, matrix, contraction, resample, sample, conv,
        windows, pool, unpool, probability, normalization, distance, loss,
    )  # fmt: skip
    __all__ = [name for family in _FAMILIES for name in family.__all__]
