"""Optimisers and learning-rate schedules, under PyTorch's names: ``import tinygrad_cv.optim as optim``."""

from __future__ import annotations

from . import lr_scheduler as lr_scheduler
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam import NAdam as NAdam
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .optimizer import Optimizer as Optimizer
from .several import Several as Several
from .sgd import SGD as SGD
from .sign import Lion as Lion
from .sign import Muon as Muon
