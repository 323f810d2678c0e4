"""What a finished training shows: its pictures, and a table for the terminal."""

from __future__ import annotations

from typing import Any

from tinygrad_cv import viz
from tinygrad_cv.io import write_bytes, write_text
from tinygrad_cv.nn import Module
from tinygrad_cv.train.job import TEST_BATCH, Job, first_filters
from tinygrad_cv.train.metrics import Evaluation, evaluate
from tinygrad_cv.train.run import Run
from tinygrad_cv.train.sources import DataPair
from tinygrad_cv.train.verdict import verdict
from tinygrad_cv.utils.data import DataLoader

NAMES = {"digits": "digits", "drawings": "digits", "mnist": "MNIST", "fashion-mnist": "Fashion-MNIST",
         "cifar10": "CIFAR-10"}  # fmt: skip


def finish(job: Job) -> Evaluation:
    """Measure the best weights, and draw what belongs into the run folder."""
    model = job.run.load_model()
    measured = evaluate(model, DataLoader(job.pair.test, batch_size=TEST_BATCH), look=job.run.config.look)
    draw_curves(job.run)
    draw_confusion(job.run, measured, job.pair.classes)
    if job.before is not None:
        many, side = len(job.before), job.before.shape[-1]
        columns = next(columns for most, columns in ((6, 3), (10, 5), (36, 6), (many, 8)) if many <= most)
        chart = viz.filters(
            job.before,
            first_filters(model),
            columns=columns,
            zoom=max(round(56 / side), 240 // (columns * side), 1),
            title=f"First layer of {job.run.config.model}",
        )
        write_text(job.run.file("filters.svg"), chart.svg)
        write_bytes(job.run.file("filters.png"), chart.png)
    title = f"One training step of {job.run.config.model}, four images"
    write_text(job.run.file("graph.svg"), step_graph(model, job.pair, title).svg)
    return measured


def draw_curves(run: Run) -> None:
    """Write the loss and the accuracy of each epoch as ``curves.svg``."""
    history = run.history()
    names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    series = {name: [record[name] for record in history if name in record] for name in names}
    title = f"{run.config.model} on {NAMES[run.config.data]}"
    losses = [v for name in names[:2] for v in series[name]]
    # two decades and more would all lie on the axis
    log = ["loss"] if losses and min(losses) > 0 and max(losses) > 50 * min(losses) else []
    write_text(run.file("curves.svg"), viz.curves({k: v for k, v in series.items() if v}, title=title, log=log).svg)


def draw_confusion(run: Run, measured: Evaluation, classes: list[str]) -> None:
    """Write what was taken for what as ``confusion.svg``."""
    counts = viz.count_confusions(measured.labels, measured.predictions, len(classes))
    title = f"{run.config.model} on the {NAMES[run.config.data]} test images"
    write_text(run.file("confusion.svg"), viz.confusion(counts, classes, title=title).svg)


def step_graph(model: Module, pair: DataPair, title: str = "One training step") -> Any:
    """The computation graph of one training step, from images and parameters to the loss."""
    from tinygrad_cv.functional import cross_entropy

    batch, targets = next(iter(DataLoader(pair.test, batch_size=4)))
    loss = cross_entropy(model(batch), targets)
    return viz.make_dot(loss, params=dict(model.named_parameters()), title=title)


def table(job: Job, measured: Evaluation, seconds: float) -> str:
    """The end of ``tinygrad-cv train``: accuracy, loss, time, parameters, verdict, and what lies where."""
    history, run = job.trainer.history, job.run
    wrong = int((measured.labels != measured.predictions).sum())
    parameters = sum(p.numel() for p in job.trainer.model.parameters())
    speed = sum(r["images_per_second"] * r["seconds"] for r in history) / max(sum(r["seconds"] for r in history), 1e-9)
    rows = [
        ("test accuracy", f"{100 * measured.accuracy:.2f} %  ({wrong} of {len(measured.labels):,} wrong)"),
        ("test loss", f"{measured.loss:.4f}"),
        _epoch_row(job),
        ("time", f"{seconds:.1f} s, {speed:,.0f} images/s in the training steps"),
        ("parameters", f"{parameters:,}"),
        ("verdict", str(verdict(history))),
    ]
    return lines(rows) + "\n\n" + listing(run)


def _epoch_row(job: Job) -> tuple[str, str]:
    config, epochs = job.run.config, len(job.trainer.history)
    if config.keep == "last":
        return "weights", f"of the last epoch, {job.best.epoch} of {epochs}; nothing was chosen on the test images"
    images = "held-out training images" if config.held_out else "test accuracy"
    return "best epoch", f"{job.best.epoch} of {epochs}, chosen by the {images}"


def lines(rows: list[tuple[str, str]]) -> str:
    """Rows of two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


FILES = {
    "model.safetensors": "the best weights",
    "curves.svg": "loss and accuracy by epoch",
    "confusion.svg": "what was taken for what",
    "filters.png": "the first layer before and after (also .svg)",
    "graph.svg": "the computation graph of one step",
    "metrics.jsonl": "the numbers of each epoch",
    "config.json": "the settings",
    "checkpoint.safetensors": "all that a resumed training needs",
}


def listing(run: Run) -> str:
    """The files of a run, each with what it is."""
    there = [(name, text) for name, text in FILES.items() if run.file(name).exists()]
    return f"{run.path}/\n" + lines(there)
