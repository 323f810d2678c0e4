"""The list of networks that can be built by name, under torchvision's function names."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar, cast

from tinygrad_cv.nn import Module, init
from tinygrad_cv.ops.errors import ArgumentError, DTypeError
from tinygrad_cv.tensors.spelling import spelled

F = TypeVar("F", bound=Callable[..., Module])

_BUILDERS: dict[str, Callable[..., Module]] = {}


@spelled
def register_model(name: str | None = None) -> Callable[[F], F]:
    """Let `get_model` find the decorated builder, under ``name`` or the builder's own.

    The builder also takes torchvision's ``weights``, ``progress`` and ``pretrained``, so that its listings run; as
    nothing is downloaded here, it refuses all weights but None.

    Raises
    ------
    ArgumentError
        The name is taken.
    """

    def decorate(builder: F) -> F:
        key = (name or builder.__name__).lower()
        if key in _BUILDERS:
            taken = _BUILDERS[key]
            raise ArgumentError(
                f"register_model: the name {key!r} belongs to {taken.__module__}.{taken.__qualname__} already; "
                "give another one"
            )
        built = _without_download(key, builder)
        _BUILDERS[key] = built
        return built

    return decorate


_OF_DOWNLOADS = ("weights", "progress", "pretrained")


def _without_download(name: str, builder: F) -> F:
    """Let a builder take the arguments that say which weights to download, and refuse to."""

    @functools.wraps(builder)
    def build(
        *args: Any, weights: object = None, progress: bool = True, pretrained: bool = False, **config: Any
    ) -> Module:
        if weights is not None or pretrained:
            asked = f"weights={weights!r}" if weights is not None else "pretrained=True"
            raise ArgumentError(
                f"{name}: got {asked}, but no weights are downloaded here; build the network without, and load a file: "
                f"net.load_state_dict(tinygrad_cv.io.load_pth('{name}.pth')), or tinygrad_cv.io.load for .safetensors"
            )
        return builder(*args, **config)

    return cast(F, build)


@spelled
def list_models(
    module: ModuleType | None = None,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
) -> list[str]:
    """Return the names of the registered networks, sorted.

    Parameters
    ----------
    module : only those that this module defines.
    include, exclude : patterns such as ``"resnet*"``; a name must match one of the first and none of the second.
    """
    names = {n for n, builder in _BUILDERS.items() if module is None or builder.__module__ == module.__name__}
    if include is not None:
        names = {n for n in names if _matches(n, include)}
    if exclude is not None:
        names = {n for n in names if not _matches(n, exclude)}
    return sorted(names)


def _matches(name: str, patterns: str | Iterable[str]) -> bool:
    several = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(several, Iterable):
        raise ArgumentError(f"list_models: a pattern is {patterns!r}; give a string such as 'resnet*', or several")
    return any(fnmatch.fnmatch(name, pattern) for pattern in several)


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that somebody who wrote ``name`` may have meant, likeliest first."""

    def bare(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    by_bare: dict[str, str] = {bare(k): k for k in known}
    found = difflib.get_close_matches(bare(name), by_bare, n=3, cutoff=0.6)
    return [by_bare[b] for b in found]


@functools.partial(spelled, name="get_model")  # which users call; its errors come from here
def get_model_builder(name: str) -> Callable[..., Module]:
    """Return the function that builds the network ``name``; capitals, dashes and underscores make no difference.

    Raises
    ------
    ArgumentError
        No network has this name; the message lists similar ones.
    """
    key = name.lower().replace("-", "_")
    if key in _BUILDERS:
        return _BUILDERS[key]
    exact = {k.replace("_", ""): k for k in _BUILDERS}.get(key.replace("_", ""))
    if exact:
        return _BUILDERS[exact]
    near = closest(name, _BUILDERS)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list_models())}"
    raise ArgumentError(f"get_model: there is no model {name!r}; {hint}")


@spelled
def get_model(name: str, **config: Any) -> Module:
    """Build a network by name; ``config`` goes to its builder.

    Raises
    ------
    ArgumentError
        No network has this name, or its builder takes no such argument.

    Examples
    --------
    >>> net = get_model("two_layer_net", hidden=50)
    """
    builder = get_model_builder(name)
    parameters = inspect.signature(builder).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        unknown = [key for key in config if key not in parameters and key not in _OF_DOWNLOADS]
        if unknown:
            raise ArgumentError(
                f"get_model: {name} takes no {', '.join(unknown)}; it takes {', '.join(parameters) or 'nothing'}"
            )
    return builder(**config)


@contextmanager
def unfilled() -> Iterator[None]:
    """Inside, networks are built without drawing their weights, which for large ones takes nearly all of the time.

    For counting parameters; the memory of the weights is reserved and never touched.
    """
    fillers = {name: f for name, f in vars(init).items() if name.endswith("_") and callable(f)}
    try:
        for name in fillers:
            setattr(init, name, lambda tensor, *arguments, **options: tensor)
        yield
    finally:
        for name, filler in fillers.items():
            setattr(init, name, filler)


def input_size(model: Module) -> tuple[int, int, int]:
    """Return (C, H, W) of the images that a network was built for; 3 x 224 x 224 where it does not say.

    ``model`` says so in an attribute ``input_size``.
    """
    if not isinstance(model, Module):
        raise DTypeError(f"input_size: model is {model!r} ({type(model).__name__}); give a network")
    c, h, w = getattr(model, "input_size", (3, 224, 224))
    return int(c), int(h), int(w)
