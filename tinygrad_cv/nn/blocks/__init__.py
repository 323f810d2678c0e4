"""Building blocks that papers added to the plain layers, each usable on its own.

``from tinygrad_cv.nn import blocks``; the names are torchvision's or those of the papers' authors.
"""

from __future__ import annotations

from .attention import DynamicConv2d as DynamicConv2d
from .attention import SEBlock as SEBlock
from .attention import SqueezeExcitation as SqueezeExcitation
from .conv_norm import Conv2dNormActivation as Conv2dNormActivation
from .conv_norm import DepthwiseSeparable as DepthwiseSeparable
from .conv_norm import StochasticDepth as StochasticDepth
from .conv_norm import make_divisible as make_divisible
from .conv_norm import stochastic_depth as stochastic_depth
from .deform import DeformConv2d as DeformConv2d
from .deform import ModulatedDeformConv2d as ModulatedDeformConv2d
from .ghost import GhostModule as GhostModule
from .inception import BasicConv2d as BasicConv2d
from .inception import Inception as Inception
from .inception import PlainConv2d as PlainConv2d
