"""Where everything stands from left to right, with straight lines wherever lines can be straight.

First, what should stand exactly one above the other is tied into columns: the borders of a frame, a long edge
on its way, a chain of operations. Links are tried from the weightiest to the lightest and accepted unless they
cross one that was accepted before (the alignments of Brandes and Koepf 2001, but greedy over the whole drawing
instead of four passes of one direction each). Without crossings the neighbourhoods of all layers together
order the columns without a circle.

Then the columns are placed. The squared lengths of the links that are not straight are minimised under a least
distance for each pair of neighbours, by the alternating direction method of multipliers (Boyd et al. 2011, 3.1);
its one matrix is inverted once. A last walk from left to right removes what little remains of violations.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

import numpy as np

from tinygrad_cv.typing import Array
from tinygrad_cv.viz.ordering import Layers
from tinygrad_cv.viz.ranks import FORK, topological
from tinygrad_cv.viz.sketch import Path

STEPS, LARGEST = 250, 1500


def columns(layers: Layers) -> list[int]:
    """The number of the column of each node."""
    spot = [0] * len(layers.level)
    for row in layers.rows:
        for i, v in enumerate(row):
            spot[v] = i
    wishes = [(a, b, w, _off_centre(layers, a, b, w)) for a, b, w in layers.links if w != FORK]
    for pairs in layers.borders.values():
        for side in (0, 1):
            border = [pair[side] for pair in pairs]
            wishes += [(a, b, 100.0, 0.0) for a, b in zip(border, border[1:], strict=False)]
    wishes.sort(key=lambda wish: (-wish[2], wish[3]))
    lower: dict[int, int] = {}
    upper: dict[int, int] = {}
    accepted: list[list[tuple[int, int]]] = [[] for _ in layers.rows]
    for a, b, _, _ in wishes:
        taken, link = accepted[layers.level[a]], (spot[a], spot[b])
        at = bisect_left(taken, link)
        crosses = (at > 0 and taken[at - 1][1] >= link[1]) or (at < len(taken) and taken[at][1] <= link[1])
        if a not in lower and b not in upper and not crosses:
            lower[a], upper[b] = b, a
            taken.insert(at, link)
    column = [-1] * len(layers.level)
    number = 0
    for row in layers.rows:
        for v in row:
            if v not in upper:
                node: int | None = v
                while node is not None:
                    column[node] = number
                    node = lower.get(node)
                number += 1
    return column


def _off_centre(layers: Layers, a: int, b: int, weight: float) -> float:
    """How far a link is from the middle of the equally weighty links at its ends."""
    far = 0.0
    for v, other, side in ((a, b, layers.below), (b, a, layers.above)):
        rivals = sorted(layers.place[u] for u, w in side[v] if w == weight)
        far += abs(rivals[len(rivals) // 2] - layers.place[other])
    return far


def places(layers: Layers, frame_widths: Mapping[Path, float]) -> list[float]:
    """The middle of each node; frames are at least as wide as said."""
    column = columns(layers)
    count = max(column, default=-1) + 1
    gaps: dict[tuple[int, int], float] = {}
    for row in layers.rows:
        for a, b in zip(row, row[1:], strict=False):
            pair = column[a], column[b]
            gaps[pair] = max(gaps.get(pair, 0.0), layers.apart(a, b))
    pulls: dict[tuple[int, int], float] = {}
    for frame, pairs in layers.borders.items():
        pair = column[pairs[0][0]], column[pairs[0][1]]
        gaps[pair] = max(gaps.get(pair, 0.0), frame_widths.get(frame, 0.0))
        pulls[pair] = 0.5
    for a, b, weight in layers.links:
        if column[a] != column[b]:
            pair = column[a], column[b]
            pulls[pair] = pulls.get(pair, 0.0) + weight
    first = [0.0] * count
    for v, c in enumerate(column):
        first[c] = layers.place[v]
    x = _packed(count, gaps, first)
    if 1 < count <= LARGEST and gaps:
        x = _packed(count, gaps, _balanced(x, gaps, pulls).tolist())
    return [x[c] for c in column]


def _packed(count: int, gaps: Mapping[tuple[int, int], float], wanted: list[float]) -> list[float]:
    """From left to right, each column where it wants to be, or as little to the right of that as the gaps demand."""
    before: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for (a, b), gap in gaps.items():
        before[b].append((a, gap))
    x = list(wanted)
    for b in topological(count, list(gaps)):
        x[b] = max([x[b], *(x[a] + gap for a, gap in before[b])])
    return x


def _balanced(
    start: list[float], gaps: Mapping[tuple[int, int], float], pulls: Mapping[tuple[int, int], float]
) -> Array:
    """Minimise the sum of pull * (x_a - x_b)^2 subject to x_b - x_a >= gap."""
    n, scale = len(start), 100.0
    matrix = np.eye(n) * 1e-4
    for (a, b), pull in pulls.items():
        matrix[[a, b, a, b], [a, b, b, a]] += (pull, pull, -pull, -pull)
    left, right = (np.array(side) for side in zip(*gaps, strict=True))
    least = np.array(list(gaps.values())) / scale
    force = 2.0
    np.add.at(matrix, (left, left), force)
    np.add.at(matrix, (right, right), force)
    np.add.at(matrix, (left, right), -force)
    np.add.at(matrix, (right, left), -force)
    inverse = np.linalg.inv(matrix)
    x = np.array(start) / scale
    x -= x.mean()
    apart, price = np.maximum(x[right] - x[left], least), np.zeros(len(least))
    for _ in range(STEPS):
        push = force * (apart - price)
        x = inverse @ (np.bincount(right, push, n) - np.bincount(left, push, n))
        distance = 1.6 * (x[right] - x[left]) - 0.6 * apart
        apart = np.maximum(distance + price, least)
        price += distance - apart
    return np.asarray(x * scale)
