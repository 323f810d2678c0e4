"""Training: one plain loop, and what can be hung on it.

Examples
--------
>>> from tinygrad_cv import datasets, models, optim, train
>>> from tinygrad_cv.utils.data import DataLoader
>>> net = models.lenet(image_size=8 * 2)
>>> loader = DataLoader(datasets.Digits(size=16), batch_size=128, shuffle=True, generator=0)
>>> history = train.fit(net, loader, epochs=1, lr=0.002)
>>> sorted(history[0])[:3]
['epoch', 'images_per_second', 'lr']
"""

from __future__ import annotations

from tinygrad_cv.train.averaging import StochasticWeightAverage, WeightAverage, reestimate
from tinygrad_cv.train.callbacks import BestWeights, Callback, Checkpoints, EarlyStopping, LastWeights, MetricsFile
from tinygrad_cv.train.events import TensorBoard
from tinygrad_cv.train.interrupt import Interruption
from tinygrad_cv.train.metrics import Evaluation, evaluate
from tinygrad_cv.train.progress import Progress
from tinygrad_cv.train.trainer import Trainer, TrainingError, fit
from tinygrad_cv.train.verdict import Verdict, verdict

__all__ = [
    "BestWeights",
    "Callback",
    "Checkpoints",
    "EarlyStopping",
    "Evaluation",
    "Interruption",
    "LastWeights",
    "MetricsFile",
    "Progress",
    "StochasticWeightAverage",
    "TensorBoard",
    "Trainer",
    "TrainingError",
    "Verdict",
    "WeightAverage",
    "evaluate",
    "fit",
    "reestimate",
    "verdict",
]
