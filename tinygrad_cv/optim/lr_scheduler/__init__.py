"""Learning rates that change with time: ``from tinygrad_cv.optim.lr_scheduler import CosineAnnealingLR``."""

from __future__ import annotations

from .base import LRScheduler as LRScheduler
from .combine import ChainedScheduler as ChainedScheduler
from .combine import LinearWarmup as LinearWarmup
from .combine import SequentialLR as SequentialLR
from .cycle import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .cycle import OneCycleLR as OneCycleLR
from .decay import ConstantLR as ConstantLR
from .decay import CosineAnnealingLR as CosineAnnealingLR
from .decay import ExponentialLR as ExponentialLR
from .decay import LambdaLR as LambdaLR
from .decay import LinearLR as LinearLR
from .decay import MultiStepLR as MultiStepLR
from .decay import PolynomialLR as PolynomialLR
from .decay import StepLR as StepLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
