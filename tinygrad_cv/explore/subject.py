"""What is explored: a network, and what must be known about its images.

It comes from the folder of a run, from a name of the library, from a Python file that is named, or from Python itself.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from tinygrad_cv import data, models
from tinygrad_cv.ops.errors import ArgumentError, DataError, TinygradError
from tinygrad_cv.tensors.random import manual_seed
from tinygrad_cv.train.framing import INK
from tinygrad_cv.train.run import CONFIG, Run, latest_run
from tinygrad_cv.train.sources import load_data
from tinygrad_cv.typing import Array

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PER_CLASS = 4


@dataclass(eq=False)
class Subject:
    """A network to explore.

    Attributes
    ----------
    title : its name for people.
    model : a module, or a function of a tensor (1, C, H, W).
    input_size : (C, H, W).
    classes : a name for each score; without them scores are numbered.
    mean, std : per channel; the network sees (pixels - mean) / std of pixels in [0, 1].
    ink : how a drawing is made to look like the data: pixels that it fills, of how many, and whether its centre of mass
        or its middle comes to the middle. None where images are not drawn.
    samples : images (N, C, H, W) as bytes, and the class of each.
    run : the run that it comes from.
    random : whether nobody has trained it.
    """

    title: str
    model: Callable[[Any], Any]
    input_size: tuple[int, int, int]
    classes: list[str] = field(default_factory=list)
    mean: list[float] = field(default_factory=lambda: [0.0])
    std: list[float] = field(default_factory=lambda: [1.0])
    ink: dict[str, Any] | None = None
    samples: tuple[Array, list[int]] | None = None
    run: Run | None = None
    random: bool = False

    @property
    def data(self) -> str:
        """The name of the data set, which says how pictures are framed."""
        return self.run.config.data if self.run is not None else ("mnist" if self.input_size[0] == 1 else "photos")

    def normalised(self, pixels: Array) -> Array:
        """What the network is given for pixels (C, H, W) in [0, 1]."""
        mean, std = (np.array(v, np.float32).reshape(-1, 1, 1) for v in (self.mean, self.std))
        return ((pixels.astype(np.float32) - mean) / std).astype(np.float32)

    def parameters(self) -> int:
        """How many numbers were learned."""
        found = self.model.parameters() if hasattr(self.model, "parameters") else ()
        return sum(int(np.prod(p.shape)) for p in found)


def open_subject(what: str | None, *, seed: int = 0, weights: str | None = None, **sizes: int) -> Subject:
    """Open what somebody named on the command line.

    Parameters
    ----------
    what : the folder of a run, a name from `models.list_models`, or ``file.py:name`` for a network of one's own; the
        newest run if not given.
    seed : of the weights of a network that is not trained.
    weights : a file of weights for such a network, .safetensors or .pth.
    sizes : ``image_size``, ``in_channels``, ``num_classes``, where the network can be built with them.

    Raises
    ------
    ArgumentError, DataError
        There is no such thing, or it does not fit together.
    """
    if what is None:
        what = str(latest_run())
    named = re.fullmatch(r"(.+\.py):([A-Za-z_]\w*)", what)
    is_run = Path(what, CONFIG).is_file()
    if is_run and (sizes or weights):
        raise ArgumentError(f"explore: {what} is a run, whose sizes and weights are settled; leave out the options")
    if is_run:
        return of_run(Run.open(what))
    manual_seed(seed)
    if named:
        model, title = _from_file(Path(named[1]), named[2], sizes), f"{Path(named[1]).stem}.{named[2]}"
    elif what.endswith(".py"):
        raise ArgumentError(f"explore: {what} is a file; say what in it builds the network, for example {what}:build")
    elif Path(what).is_dir():
        Run.open(what)  # says what is missing
        raise AssertionError(what)
    else:
        model, title = models.get_model(what, **sizes), what.lower().replace("-", "_")
    if weights:
        _load(model, weights)
    return of_model(model, title=title, random=weights is None and named is None)


def of_run(run: Run) -> Subject:
    """The trained network of a run, with test images where its data are at hand."""
    c, h, w = (int(n) for n in run.network["input_size"])
    subject = Subject(
        run.path.resolve().name, run.load_model(), (c, h, w), list(run.network["classes"]), run.network["mean"],
        run.network["std"], run=run,
    )  # fmt: skip
    subject.ink = _ink(run.config.data, h) if c == 1 else None
    try:
        test = load_data(run.config).test
        subject.samples = _samples(np.asarray(test.data), np.asarray(test.targets))
    except (DataError, OSError):
        pass  # the network can be explored without them
    return subject


def of_model(
    model: Callable[[Any], Any],
    *,
    title: str | None = None,
    input_size: Sequence[int] | None = None,
    classes: Sequence[str] = (),
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    samples: tuple[Any, Sequence[int]] | None = None,
    random: bool = False,
) -> Subject:
    """Any network: a module, or a function of a tensor (N, C, H, W). Arguments are the attributes of `Subject`.

    Without ``input_size`` the model's own is taken. Without ``mean`` and ``std``, images of three channels and 64
    pixels or more are normalised as for ImageNet, others to -1 .. 1.
    """
    if not callable(model):
        raise ArgumentError(f"explore: got a {type(model).__name__}; give a network, or a function of a tensor")
    wanted: Any = input_size if input_size is not None else getattr(model, "input_size", None)
    size = tuple(int(n) for n in wanted or ())
    if len(size) != 3 or min(size) < 1:
        raise ArgumentError(
            f"explore: {title or type(model).__name__} does not say how large its images are; give input_size=(C, H, W)"
            ", or the model an attribute input_size"
        )
    c, h, w = size
    photos = c == 3 and h >= 64
    mean = list(mean) if mean is not None else (IMAGENET_MEAN if photos else [0.5])
    std = list(std) if std is not None else (IMAGENET_STD if photos else [0.5])
    subject = Subject(title or type(model).__name__, model, (c, h, w), list(classes), mean, std, random=random)
    if c == 1:
        subject.ink = {"inner": 20, "outer": 28, "mass": True} if h >= 20 else {"inner": h, "outer": h, "mass": False}
    if samples is not None:
        subject.samples = np.asarray(samples[0]), [int(k) for k in samples[1]]
    elif c == 1 and h == w and 8 <= h <= 512:
        digits = data.Digits(train=False, size=h)
        subject.samples = _samples(digits.data, np.asarray(digits.targets))
    return subject


def _ink(name: str, side: int) -> dict[str, Any]:
    inner, outer = INK.get(name, (side, side))
    return {"inner": inner, "outer": outer, "mass": name == "mnist"}


def _samples(images: Array, labels: Array) -> tuple[Array, list[int]]:
    """The first images of each class as bytes (N, C, H, W), class by class in turn."""
    kinds = np.unique(labels)[:16]
    places = [np.flatnonzero(labels == k)[:PER_CLASS] for k in kinds]
    order = [int(p[i]) for i in range(PER_CLASS) for p in places if i < len(p)]
    chosen = images[order]
    if chosen.ndim == 3:
        chosen = chosen[:, None]
    elif chosen.shape[-1] in (1, 3):
        chosen = chosen.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(chosen, np.uint8), [int(labels[i]) for i in order]


def _from_file(path: Path, name: str, sizes: dict[str, int]) -> Callable[[Any], Any]:
    """Run somebody's own file, which they have named, and take a network out of it."""
    if not path.is_file():
        raise DataError(f"explore: there is no file {path}; check the path")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        found = runpy.run_path(str(path))
    except Exception as error:
        raise DataError(f"explore: {path} fails with {type(error).__name__}: {error}; mend it first") from error
    finally:
        sys.path.pop(0)
    if name not in found:
        known = [k for k, v in found.items() if callable(v) and not k.startswith("_")]
        raise ArgumentError(f"explore: {path} has no {name}; it has {', '.join(known) or 'nothing that can be called'}")
    thing: Any = found[name]
    if hasattr(thing, "named_modules") and not isinstance(thing, type):
        return cast(Callable[[Any], Any], thing)
    try:
        return cast(Callable[[Any], Any], thing(**sizes))
    except Exception as error:
        raise DataError(f"explore: {name}() of {path} fails with {type(error).__name__}: {error}") from error


def _load(model: Any, path: str) -> None:
    from tinygrad_cv.io import load_file, load_pth

    state = load_pth(path) if Path(path).suffix in (".pth", ".pt") else load_file(path)
    try:
        model.load_state_dict(state)
    except TinygradError as error:
        raise DataError(f"explore: the weights in {path} do not fit: {' '.join(str(error).split())}") from None
