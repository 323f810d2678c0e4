"""Who stands above whom: the first step of a layered drawing (Sugiyama, Tagawa and Toda 1981)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from tinygrad_cv.viz.sketch import Path, common

Edge = tuple[int, int]

SPINE, FLOW, FORK, LEAF = 10.0, 4.0, 3.9, 1.0


def without_circles(count: int, edges: Sequence[Edge]) -> list[bool]:
    """Tell for each edge whether it must be turned round so that no circle is left (a depth-first search's answer).

    >>> without_circles(3, [(0, 1), (1, 2), (2, 0)])
    [False, False, True]
    """
    leaving: list[list[int]] = [[] for _ in range(count)]
    for e, (u, _) in enumerate(edges):
        leaving[u].append(e)
    turned = [False] * len(edges)
    state = [0] * count  # 0 not seen, 1 on the path of the search, 2 done
    entered = {v for u, v in edges if u != v}
    for root in sorted(range(count), key=lambda v: v in entered):
        if state[root]:
            continue
        state[root], stack = 1, [(root, iter(leaving[root]))]
        while stack:
            node, rest = stack[-1]
            for e in rest:
                target = edges[e][1]
                if state[target] == 1:
                    turned[e] = True
                elif state[target] == 0:
                    state[target] = 1
                    stack.append((target, iter(leaving[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return turned


def rank(count: int, edges: Sequence[Edge], paths: Sequence[Path] | None = None) -> list[int]:
    """Levels such that every edge of an acyclic graph leads downwards, and most of them by a single level.

    Each node starts as high as its inputs allow (the longest path to it). Then, from the bottom up, a node moves
    down towards its outputs unless it has more inputs than outputs: parameters come to stand right above the
    operation that uses them, whatever the depth, while a sum stays below what it adds.

    Where ``paths`` puts nodes into frames, the parameters in a frame also stand below whatever leads into it
    from outside, so that frames that follow one another lie one below the other.

    >>> rank(4, [(0, 1), (1, 2), (3, 2)])
    [0, 1, 2, 1]
    """
    inputs, outputs = _neighbours(count, edges)
    order = topological(count, edges)
    level = _longest(count, order, inputs)
    after: list[Edge] = []
    for u, leaf in _waits(edges, paths, inputs) if paths else ():
        # Levels rise along every edge; this one keeps that, so no circle can arise.
        if all(level[u] < level[v] for v in outputs[leaf]):
            after.append((u, leaf))
    all_edges = [*edges, *after]
    all_inputs, all_outputs = _neighbours(count, all_edges)
    order = topological(count, all_edges)
    level = _longest(count, order, all_inputs)
    for v in reversed(order):
        # What hangs above a node that came down is visited after it, and follows.
        if outputs[v] and len(inputs[v]) <= len(outputs[v]):
            level[v] = min(level[w] for w in all_outputs[v]) - 1
    lowest = min(level, default=0)
    return [one - lowest for one in level]


def _waits(edges: Sequence[Edge], paths: Sequence[Path], inputs: Sequence[Sequence[int]]) -> set[Edge]:
    """Pairs of a node that leads into a frame, and a node without inputs in the same frame."""
    leaves: dict[Path, list[int]] = defaultdict(list)
    for v, path in enumerate(paths):
        if not inputs[v]:
            for depth in range(1, len(path) + 1):
                leaves[path[:depth]].append(v)
    waits: set[Edge] = set()
    for u, v in edges:
        if inputs[u] or not paths[u]:  # a parameter of another frame need not stand above this one
            depth = len(common([paths[u], paths[v]]))
            for inner in range(depth + 1, len(paths[v]) + 1):
                waits.update((u, leaf) for leaf in leaves[paths[v][:inner]])
    return waits


def _neighbours(count: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    inputs: list[list[int]] = [[] for _ in range(count)]
    outputs: list[list[int]] = [[] for _ in range(count)]
    for u, v in edges:
        inputs[v].append(u)
        outputs[u].append(v)
    return inputs, outputs


def _longest(count: int, order: Sequence[int], inputs: Sequence[Sequence[int]]) -> list[int]:
    level = [0] * count
    for v in order:
        level[v] = max((level[u] + 1 for u in inputs[v]), default=0)
    return level


def strengths(count: int, edges: Sequence[Edge], entrances: Collection[int]) -> list[float]:
    """How much it matters that an edge is straight: most along the longest path from an entrance to an exit.

    Of an even number of equally good edges at a node none is preferred: the node then stands in their middle.
    """
    inputs, outputs = _neighbours(count, edges)
    order = topological(count, edges)
    down = [1e6 if v in entrances else 0.0 for v in range(count)]
    up = [0.0] * count
    for v in order:
        down[v] = max([down[v], *(down[u] + 1 for u in inputs[v])])
    for v in reversed(order):
        up[v] = max((up[w] + 1 for w in outputs[v]), default=0.0)
    best_in = [max((down[u] for u in inputs[v]), default=0.0) for v in range(count)]
    best_out = [max((up[w] for w in outputs[v]), default=0.0) for v in range(count)]
    ties_in = [sum(down[u] == best_in[v] for u in set(inputs[v])) for v in range(count)]
    ties_out = [sum(up[w] == best_out[v] for w in set(outputs[v])) for v in range(count)]
    result = []
    for u, v in edges:
        spine = down[u] == best_in[v] and up[v] == best_out[u]
        single = ties_in[v] % 2 and ties_out[u] % 2
        leaf = not inputs[u] and u not in entrances
        result.append((SPINE if single else FORK) if spine else LEAF if leaf else FLOW)
    return result


def topological(count: int, edges: Sequence[Edge]) -> list[int]:
    """All nodes, each after those that lead to it; among equals, the order of the numbers."""
    missing = [0] * count
    outputs: list[list[int]] = [[] for _ in range(count)]
    for u, v in edges:
        missing[v] += 1
        outputs[u].append(v)
    ready = [v for v in range(count) if not missing[v]]
    for v in ready:  # grows while it is read
        for w in outputs[v]:
            missing[w] -= 1
            if not missing[w]:
                ready.append(w)
    return ready
