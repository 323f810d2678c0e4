"""Differentiable operations on arrays, and on whatever type offers ``__record__``.

One family a file, in reading order.
"""

from __future__ import annotations

from . import (
    activation,
    arithmetic,
    broadcast,
    contraction,
    conv,
    elementwise,
    index,
    lookup,
    loss,
    matrix,
    normalization,
    padding,
    pixels,
    pool,
    probability,
    reduce,
    resample,
    shape,
    unpool,
)
from . import errors as errors
from .activation import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .broadcast import *  # noqa: F403
from .broadcast import broadcast_shape as broadcast_shape
from .broadcast import cast as cast
from .broadcast import expand_to as expand_to
from .broadcast import result_type as result_type
from .contraction import *  # noqa: F403
from .conv import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .index import *  # noqa: F403
from .lookup import *  # noqa: F403
from .loss import *  # noqa: F403
from .matrix import *  # noqa: F403
from .normalization import *  # noqa: F403
from .op import REGISTRY as REGISTRY
from .op import Op as Op
from .op import joint as joint
from .padding import *  # noqa: F403
from .pixels import *  # noqa: F403
from .pool import *  # noqa: F403
from .probability import *  # noqa: F403
from .reduce import *  # noqa: F403
from .resample import *  # noqa: F403
from .shape import *  # noqa: F403
from .unpool import *  # noqa: F403

__all__: list[str] = []
__all__ += broadcast.__all__
__all__ += arithmetic.__all__
__all__ += elementwise.__all__
__all__ += activation.__all__
__all__ += shape.__all__
__all__ += reduce.__all__
__all__ += index.__all__
__all__ += lookup.__all__
__all__ += padding.__all__
__all__ += pixels.__all__
__all__ += matrix.__all__
__all__ += contraction.__all__
__all__ += resample.__all__
__all__ += conv.__all__
__all__ += pool.__all__
__all__ += unpool.__all__
__all__ += probability.__all__
__all__ += normalization.__all__
__all__ += loss.__all__
