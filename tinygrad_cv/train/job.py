"""The main job: train a network on a data set, and leave a run folder."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv.io import load_checkpoint, sweep
from tinygrad_cv.models import input_size
from tinygrad_cv.nn import Module
from tinygrad_cv.ops.errors import DataError, TinygradError
from tinygrad_cv.tensors.random import Generator, manual_seed
from tinygrad_cv.train.averaging import WeightAverage
from tinygrad_cv.train.callbacks import BestWeights, Callback, Checkpoints, LastWeights, MetricsFile
from tinygrad_cv.train.config import SOURCES, Config
from tinygrad_cv.train.interrupt import Interruption
from tinygrad_cv.train.optimizers import build_optimizer, build_schedule
from tinygrad_cv.train.run import CHECKPOINT, METRICS, WEIGHTS, Run
from tinygrad_cv.train.sources import DataPair, build_model, load_data
from tinygrad_cv.train.trainer import Trainer
from tinygrad_cv.typing import Array
from tinygrad_cv.utils.data import DataLoader

TEST_BATCH = 256


@dataclass
class Job:
    """A training that is ready to begin, or to go on.

    Attributes
    ----------
    run, trainer, pair : the folder, the loop, the data.
    before : the first layer's filters before the first step, or None for a network without.
    best : keeps the weights of the best epoch.
    """

    run: Run
    trainer: Trainer
    pair: DataPair
    loader: Any
    before: Array | None
    best: BestWeights

    def train(self) -> None:
        """Train to the end, or until ``trainer.stop_reason``."""
        config = self.run.config
        watched = config.keep == "best" or config.held_out > 0
        test_loader = DataLoader(self.pair.test, batch_size=TEST_BATCH) if watched else None
        self.trainer.fit(self.loader, test_loader, config.epochs)


def start(config: Config, out: Any = None, callbacks: Sequence[Callback] = ()) -> Job:
    """Prepare a new run; its folder is made once data and network are known to be sound."""
    pair = load_data(config)
    source = SOURCES[config.data]
    manual_seed(config.seed)
    model = build_model(config.model, source.channels, source.size, len(pair.classes), config.options)
    _try_on(model, pair)
    _whiten(model, pair)
    run = Run.create(config, pair, (source.channels, source.size, source.size), out)
    return _job(run, pair, model, callbacks, None)


def resume(run: Run, callbacks: Sequence[Callback] = (), *, again: bool = False) -> Job:
    """Prepare to continue a run from its checkpoint, or from the beginning where it has none yet.

    With ``again``, a finished run is no mistake: it trains no further and can be measured once more.

    Raises
    ------
    DataError
        The run is finished, or its checkpoint is damaged.
    """
    if run.is_finished and not again:
        raise DataError(f"resume: {run.path} is finished, with {len(run.history())} epochs; start a new run")
    sweep(run.path)
    pair = load_data(run.config)
    manual_seed(run.config.seed)
    model = run.build_model()
    _whiten(model, pair)
    path = run.file(CHECKPOINT)
    state = load_checkpoint(path) if path.exists() else None
    try:
        return _job(run, pair, model, callbacks, state)
    except (KeyError, TypeError, TinygradError) as error:
        raise DataError(
            f"resume: the checkpoint in {run.path} does not belong to its config.json ({error}); start a new run"
        ) from None


def _job(run: Run, pair: DataPair, model: Module, callbacks: Sequence[Callback], state: Any) -> Job:
    config = run.config
    # the loader draws from a generator of its own, so that what a network draws for dropout changes no batch
    loader = DataLoader(
        pair.train, batch_size=config.batch_size, shuffle=True, generator=Generator().manual_seed(config.seed)
    )
    optimizer = build_optimizer(config, model)
    schedule = build_schedule(config, optimizer, -(-len(loader) // config.accumulate))
    before = first_filters(model) if state is None else state["before"]
    kept = BestWeights if config.keep == "best" else LastWeights
    best = kept(run.file(WEIGHTS), metadata={"model": config.model, "data": config.data})
    interruptions = [c for c in callbacks if isinstance(c, Interruption)]
    others = [c for c in callbacks if not isinstance(c, Interruption)]
    trainer = Trainer(
        model,
        optimizer,
        scheduler=schedule,
        schedule_by="step",
        label_smoothing=config.label_smoothing,
        clip_grad_norm=config.clip_grad_norm,
        accumulate=config.accumulate,
        callbacks=[
            *interruptions,
            *([WeightAverage(config.average)] if config.average else []),
            best,
            MetricsFile(run.file(METRICS)),
            Checkpoints(run.file(CHECKPOINT), extra={"before": before}),
            *others,
        ],
    )
    if state is not None:
        trainer.load_state_dict(state["trainer"], loader)
    return Job(run, trainer, pair, loader, before, best)


def _try_on(model: Module, pair: DataPair) -> None:
    """Show the network one image, so that one that does not fit fails before a folder is made."""
    image, _ = pair.test[0]
    was_training = model.training
    scores = model.eval()(image.unsqueeze(0))
    model.train(was_training)
    if scores.shape != (1, len(pair.classes)):
        raise DataError(
            f"train: the network gives {scores.shape} for one image, where scores (1, {len(pair.classes)}) belong"
        )


def _whiten(model: Module, pair: DataPair) -> None:
    """Let a network whose first layer is computed from the images see the first five thousand of them."""
    if hasattr(model, "whiten_from"):
        plain = copy.copy(pair.train)
        plain.transform = pair.test.transform
        model.whiten_from(np.asarray(plain.take(np.arange(min(5000, len(plain))))[0]))


def first_filters(model: Module) -> Array | None:
    """A copy of the first layer's filters, (OC, C, KH, KW); of an affine layer, its rows as images."""
    first = next((p for p in model.parameters() if p.ndim in (2, 4)), None)
    if first is None:
        return None
    weights = np.array(first._data)
    if weights.ndim == 2:
        c, h, w = input_size(model)
        if weights.shape[1] != c * h * w:
            return None
        weights = weights.reshape(-1, c, h, w)
    return weights[:64]
