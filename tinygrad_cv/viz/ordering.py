"""Who stands left of whom: long edges cut into links, and layers sorted so that few links cross.

Frames stay in one piece. Within a layer the members of a frame are neighbours, and two frames that share layers
keep the same order in all of them, since a frame is sorted by one number, the mean place of its members
everywhere. So the places can be chosen later without two frames getting entangled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from tinygrad_cv.viz.ranks import SPINE, Edge
from tinygrad_cv.viz.sketch import Path, common

SPACE, LINK_SPACE, FRAME_SPACE = 26.0, 16.0, 14.0
SWEEPS, SWAPS = 10, 4


class Layers:
    """A ranked graph whose edges all join neighbouring layers.

    Nodes 0 .. count - 1 are the boxes; further nodes stand for a long edge passing a layer, or for the left and
    right border of a frame in a layer.

    Attributes
    ----------
    rows : the nodes of each layer from left to right.
    level, width, path, role : by node; a role is ``box``, ``pass``, ``left`` or ``right``.
    chains : for each edge, the nodes it runs through, from the top down.
    links : (upper node, lower node, weight): how much it matters that both stand one above the other.
    """

    def __init__(
        self,
        levels: Sequence[int],
        edges: Sequence[Edge],
        strengths: Sequence[float],
        widths: Sequence[float],
        paths: Sequence[Path],
    ) -> None:
        self.count = len(levels)
        self.level, self.width, self.path = list(levels), list(widths), list(paths)
        self.role = ["box"] * self.count
        self.chains: list[list[int]] = []
        self.links: list[tuple[int, int, float]] = []
        self.spans = self._spans()
        for (u, v), strength in zip(edges, strengths, strict=True):
            rows = range(levels[u] + 1, levels[v])
            between = [self._add("pass", row, 1.0, self._frame_at(u, v, row)) for row in rows]
            chain = [u, *between, v]
            self.chains.append(chain)
            for a, b in zip(chain, chain[1:], strict=False):
                passing = (self.role[a] == "pass") + (self.role[b] == "pass")
                self.links.append((a, b, _weight(strength, passing)))
        self.above: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self.below: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for a, b, weight in self.links:
            self.above[b].append((a, weight))
            self.below[a].append((b, weight))
        self.borders: dict[Path, list[tuple[int, int]]] = {}
        for frame, (first, last) in self.spans.items():
            self.borders[frame] = [
                (self._add("left", row, 0.0, frame), self._add("right", row, 0.0, frame))
                for row in range(first, last + 1)
            ]
        self.inside: dict[tuple[int, Path], list[Path]] = defaultdict(list)
        for frame, pairs in self.borders.items():
            for left, _ in pairs:
                self.inside[self.level[left], frame[:-1]].append(frame)
        self.rows: list[list[int]] = [[] for _ in range(max(self.level, default=-1) + 1)]
        self.place: list[float] = []

    def _add(self, role: str, level: int, width: float, path: Path) -> int:
        self.level.append(level)
        self.width.append(width)
        self.path.append(path)
        self.role.append(role)
        return len(self.level) - 1

    def _spans(self) -> dict[Path, tuple[int, int]]:
        """The first and the last layer of each frame, an outer frame before those inside it."""
        spans: dict[Path, tuple[int, int]] = {}
        for path, level in zip(self.path, self.level, strict=True):
            for depth in range(1, len(path) + 1):
                low, high = spans.get(path[:depth], (level, level))
                spans[path[:depth]] = min(low, level), max(high, level)
        return dict(sorted(spans.items(), key=lambda item: len(item[0])))

    def _frame_at(self, u: int, v: int, row: int) -> Path:
        """The frame that an edge runs in while it passes a layer: frames are entered from above, left below."""
        depth = len(common([self.path[u], self.path[v]]))
        inside = self.path[u][:depth]
        for end in (v, u):
            for k in range(depth + 1, len(self.path[end]) + 1):
                frame = self.path[end][:k]
                if self.spans[frame][0] <= row <= self.spans[frame][1]:
                    inside = frame
            if len(inside) > depth:
                break
        return inside

    def apart(self, a: int, b: int) -> float:
        """The least distance between the middles of two neighbours in a layer."""
        roles = self.role[a], self.role[b]
        if "left" in roles or "right" in roles:
            space = FRAME_SPACE
        else:
            space = LINK_SPACE if "pass" in roles else SPACE
        return (self.width[a] + self.width[b]) / 2 + space

    def settle(self, row: Sequence[int], wanted: Sequence[float]) -> list[float]:
        """Places for a layer: as near as possible to the wanted ones (in squares), in order, and apart.

        The distances are taken off first, which leaves the regression onto a rising sequence; pooling adjacent
        violators solves it exactly.
        """
        offsets = [0.0]
        for a, b in zip(row, row[1:], strict=False):
            offsets.append(offsets[-1] + self.apart(a, b))
        pools: list[tuple[float, int]] = []
        for want, offset in zip(wanted, offsets, strict=False):
            mean, size = want - offset, 1
            while pools and pools[-1][0] > mean:
                other, n = pools.pop()
                mean, size = (other * n + mean * size) / (n + size), n + size
            pools.append((mean, size))
        flat = [mean for mean, size in pools for _ in range(size)]
        return [start + offset for start, offset in zip(flat, offsets, strict=False)]

    def sort(self, first: Sequence[int]) -> None:
        """Fill ``rows`` and ``place``. ``first`` numbers the boxes in the order of a first guess."""
        self.place = [0.0] * len(self.level)
        guess = [float(first[v]) if v < self.count else 0.0 for v in range(len(self.level))]
        for (*_, last), chain in zip(self.chains, self.chains, strict=True):
            for v in chain[1:-1]:
                guess[v] = max(guess[chain[0]], guess[last]) + 0.5
        members: list[list[int]] = [[] for _ in self.rows]
        for v, role in enumerate(self.role):
            if role in ("box", "pass"):
                members[self.level[v]].append(v)
        frame_keys = self._frame_keys(guess)
        for r, row in enumerate(members):
            self._arrange(r, row, {v: guess[v] for v in row}, frame_keys)
        best, fewest = [list(row) for row in self.rows], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            downwards = sweep % 2 == 0
            frame_keys = self._frame_keys(self.place)
            rows = range(len(self.rows)) if downwards else range(len(self.rows) - 1, -1, -1)
            sides = (self.above,) if downwards else (self.below,)
            for r in rows:
                self._arrange(r, members[r], self._means(members[r], sides), frame_keys)
            crossings = self.crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best
        for _ in range(SWAPS if fewest else 0):
            if not self._swap():
                break
        for r in (*range(len(self.rows)), *range(len(self.rows) - 1, -1, -1)):
            means = self._means(self.rows[r], (self.above, self.below))
            for v, x in zip(self.rows[r], self.settle(self.rows[r], [means[v] for v in self.rows[r]]), strict=True):
                self.place[v] = x

    def _means(self, row: Sequence[int], sides: Sequence[dict[int, list[tuple[int, float]]]]) -> dict[int, float]:
        """For each node the weighted mean place of its neighbours, or its own place if it has none."""
        means = {}
        for v in row:
            near = [(self.place[u], w) for side in sides for u, w in side.get(v, ())]
            total = sum(w for _, w in near)
            means[v] = sum(x * w for x, w in near) / total if near else self.place[v]
        return means

    def _arrange(
        self, r: int, row: Sequence[int], keys: dict[int, float], frame_keys: dict[Path, float]
    ) -> None:
        """Sort one layer, boxes by their keys and frames by theirs, and settle it."""

        def flat(nodes: Sequence[int], frame: Path) -> list[int]:
            depth = len(frame)
            groups: dict[Path, list[int]] = {}
            items: list[tuple[float, int, list[int]]] = []
            for v in nodes:
                if len(self.path[v]) > depth:
                    groups.setdefault(self.path[v][: depth + 1], []).append(v)
                else:
                    items.append((keys[v], v, [v]))
            for inner in self.inside.get((r, frame), ()):
                left, right = self.borders[inner][r - self.level[self.borders[inner][0][0]]]
                items.append((frame_keys[inner], left, [left, *flat(groups.get(inner, []), inner), right]))
            return [v for item in sorted(items, key=lambda i: i[:2]) for v in item[2]]

        ordered = flat(row, ())
        self.rows[r] = ordered
        wanted = [keys.get(v, frame_keys.get(self.path[v], 0.0)) for v in ordered]
        for v, x in zip(ordered, self.settle(ordered, wanted), strict=True):
            self.place[v] = x

    def _frame_keys(self, places: Sequence[float]) -> dict[Path, float]:
        """The mean place of each frame's boxes."""
        sums: dict[Path, list[float]] = defaultdict(list)
        for v in range(self.count):
            for depth in range(1, len(self.path[v]) + 1):
                sums[self.path[v][:depth]].append(places[v])
        return {frame: sum(xs) / len(xs) for frame, xs in sums.items()}

    def crossings(self) -> int:
        """How many pairs of links cross, counted as inversions between neighbouring layers."""
        spot = self._spots()
        total = 0
        for row in self.rows[:-1]:
            seen: list[int] = []
            for u in row:
                ends = sorted(spot[v] for v, _ in self.below.get(u, ()))
                total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
                for end in ends:
                    seen.insert(bisect_left(seen, end), end)
        return total

    def _spots(self) -> list[int]:
        spot = [0] * len(self.level)
        for row in self.rows:
            for i, v in enumerate(row):
                spot[v] = i
        return spot

    def _swap(self) -> bool:
        """Exchange neighbours of the same frame wherever that removes crossings; tell whether any moved."""
        spot, moved = self._spots(), False
        for row in self.rows:
            for i in range(len(row) - 1):
                u, v = row[i], row[i + 1]
                if self.path[u] != self.path[v] or {self.role[u], self.role[v]} & {"left", "right"}:
                    continue
                gain = 0
                for side in (self.above, self.below):
                    us, vs = ([spot[n] for n, _ in side.get(x, ())] for x in (u, v))
                    gain += sum((a > b) - (a < b) for a in us for b in vs)
                if gain > 0:
                    row[i], row[i + 1] = v, u
                    spot[u], spot[v], moved = i + 1, i, True
        return moved


def _weight(strength: float, passing: int) -> float:
    """The weight of a link of an edge of which ``passing`` ends are on the way: long ways should be straight."""
    return strength if strength == SPINE else (strength, min(strength, 2.0), 8.0)[passing]
