"""Networks written as the notes write them: ``[CONV -> RELU -> POOL]*2 -> [FC -> RELU]*1 -> FC``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.ops.errors import ArgumentError

WORDS = {
    "CONV": "a convolution that keeps the size", "FC": "an affine layer", "POOL": "2x2 max pooling",
    "AVGPOOL": "2x2 average pooling", "GAP": "global average pooling", "RELU": "ReLU", "SIGMOID": "sigmoid",
    "TANH": "tanh", "BN": "batch norm", "DROPOUT": "dropout", "INPUT": "nothing",
    "OUTPUT": "an affine layer to the scores",
}  # fmt: skip
_PLAIN = {"RELU": nn.ReLU, "SIGMOID": nn.Sigmoid, "TANH": nn.Tanh}
_TOKEN = re.compile(r"\s*(->|\[|\]|\*\s*\d+|[A-Za-z]+)")


class FromTemplate(Network):
    """A network built from words; see `from_template`."""

    def __init__(self, layers: Sequence[nn.Module], size: tuple[int, int, int]) -> None:
        super().__init__()
        self.input_size = size
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        return self.layers(x)


def from_template(
    template: str,
    in_channels: int = 3,
    image_size: int = 32,
    num_classes: int = 10,
    channels: int | Sequence[int] = 32,
    hidden: int | Sequence[int] = 128,
    kernel_size: int = 3,
    dropout: float = 0.5,
) -> FromTemplate:
    """Build a network from words joined by ``->``; ``[...]*n`` repeats what is in the brackets, which may be nested.

    Parameters
    ----------
    template : of the words CONV, FC, POOL, AVGPOOL, GAP, RELU, SIGMOID, TANH, BN, DROPOUT, INPUT, OUTPUT. The last FC
        (or OUTPUT) gives the scores; a flattening is put before the first affine layer.
    channels : filters of each CONV in turn; a single number doubles after each pooling.
    hidden : width of each FC but the last, in turn or all alike.
    kernel_size : odd side of the filters; the padding keeps the size.

    Raises
    ------
    ArgumentError
        An unknown word, brackets that do not match, a list that is too short, more poolings than the image allows, a
        convolution behind an affine layer, or no affine layer at the end.

    Examples
    --------
    >>> net = from_template("[CONV -> RELU -> POOL]*2 -> [FC -> RELU]*1 -> FC", channels=[6, 16], hidden=120)
    >>> [type(layer).__name__ for layer in net.layers]  # doctest: +NORMALIZE_WHITESPACE
    ['Conv2d', 'ReLU', 'MaxPool2d', 'Conv2d', 'ReLU', 'MaxPool2d', 'Flatten', 'Linear', 'ReLU', 'Linear']
    """
    words = [word for word in _read(template) if word != "INPUT"]
    affine = [i for i, word in enumerate(words) if word in ("FC", "OUTPUT")]
    if not affine and "GAP" not in words:
        raise ArgumentError(f"from_template: {template!r} has no FC, OUTPUT or GAP to give scores; end it with -> FC")
    if kernel_size % 2 == 0:
        raise ArgumentError(f"from_template: kernel_size is {kernel_size}; give an odd side, which keeps the size")
    widths = _turns("channels", channels, words.count("CONV"))
    inner = _turns("hidden", hidden, max(len(affine) - 1, 0))
    c, side, features, factor = in_channels, image_size, 0, 1
    layers: list[nn.Module] = []
    for i, word in enumerate(words):
        if features and word in ("CONV", "POOL", "AVGPOOL", "GAP"):
            raise ArgumentError(f"from_template: {word} follows an affine layer, which has no pixels; put it before")
        if word == "CONV":
            width = next(widths) * (factor if isinstance(channels, int) else 1)
            layers.append(nn.Conv2d(c, width, kernel_size, padding=kernel_size // 2))
            c = width
        elif word in ("POOL", "AVGPOOL"):
            if side < 2:
                raise ArgumentError(
                    f"from_template: the poolings leave nothing of {image_size} x {image_size} pixels; use fewer, or "
                    f"an image_size of at least {2 ** sum(w in ('POOL', 'AVGPOOL') for w in words)}"
                )
            layers.append(nn.MaxPool2d(2) if word == "POOL" else nn.AvgPool2d(2))
            side, factor = side // 2, factor * 2
        elif word == "GAP":
            layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            side, features = 1, c
        elif word in ("FC", "OUTPUT"):
            if not features:
                layers.append(nn.Flatten())
                features = c * side * side
            width = num_classes if i == affine[-1] else next(inner)
            layers.append(nn.Linear(features, width))
            features = width
        elif word == "BN":
            layers.append(nn.BatchNorm1d(features) if features else nn.BatchNorm2d(c))
        elif word == "DROPOUT":
            layers.append(nn.Dropout(dropout))
        else:
            layers.append(_PLAIN[word]())
    return FromTemplate(layers, (in_channels, image_size, image_size))


def _read(template: str) -> list[str]:
    """Return the words with all repetitions written out."""
    text, at = template.strip(), 0
    stack: list[list[str]] = [[]]
    closed: list[str] | None = None
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ArgumentError(f"from_template: cannot read {text[at:]!r}; give words, ->, [ ] and *n")
        token, at = found[1], found.end()
        if token == "[":
            stack.append([])
        elif token == "]":
            if len(stack) == 1:
                raise ArgumentError(f"from_template: {template!r} closes a bracket that it did not open; remove it")
            closed = stack.pop()
            stack[-1] += closed
            continue
        elif token[0] == "*":
            if closed is None:
                raise ArgumentError(f"from_template: {token} follows no bracket; write [...]{token}")
            times = int(token[1:])
            del stack[-1][len(stack[-1]) - len(closed) :]
            stack[-1] += closed * times
        elif token != "->":
            word = token.upper()
            if word not in WORDS:
                known = "; ".join(f"{k}: {v}" for k, v in WORDS.items())
                raise ArgumentError(f"from_template: there is no word {token!r}; the words are {known}")
            stack[-1].append(word)
        closed = None
    if len(stack) > 1:
        raise ArgumentError(f"from_template: {template!r} leaves a bracket open; close it with ]")
    return stack[0]


def _turns(name: str, given: int | Sequence[int], needed: int) -> Iterator[int]:
    numbers = [given] * needed if isinstance(given, int) else list(given)
    if len(numbers) < needed:
        raise ArgumentError(f"from_template: {name} has {len(numbers)} numbers for {needed} layers; give {needed}")
    return iter(numbers)
