"""The bag of visual words: a picture as counts of typical patches, as a text is counts of its words.

Descriptors of many pictures (`sift.sift`, `surf.surf`, or any rows of numbers) are gathered into clusters by k-means;
the cluster centres are the vocabulary. Each descriptor of a picture then counts as its nearest word, and the counts,
without order or place, are a vector for a classifier.

Source: G. Csurka, C. Dance, L. Fan, J. Willamowski, C. Bray, "Visual Categorization with Bags of Keypoints", ECCV
Workshop on Statistical Learning in Computer Vision, 2004.

Examples
--------
>>> import numpy as np
>>> points = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8], [9, 8.5]])
>>> centres = vocabulary(points, words=2)
>>> bag_of_words(points, centres[centres[:, 0].argsort()])
array([0.4, 0.6])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tinygrad_cv.ops.errors import ArgumentError, ShapeError
from tinygrad_cv.typing import Array

ENTRIES = 1 << 22
"""Distances that are held at once, which bounds the memory."""


def vocabulary(descriptors: Array, words: int = 100, seed: int = 0, iterations: int = 300) -> Array:
    """Return cluster centres (words, D) of descriptors (M, D) by k-means: no single move lessens the loss.

    The loss, the sum of squared distances to the nearest centre, falls in each of Lloyd's two steps: every descriptor
    goes to its nearest centre, and every centre to the mean of its descriptors. This ends when no descriptor changes
    its centre. A centre without descriptors moves to the one that lies farthest from its own.

    The first centres are descriptors, each drawn with a probability in proportion to the squared distance from those
    drawn before (k-means++), whose expected loss is at most 8 (ln words + 2) times the least possible.

    Parameters
    ----------
    descriptors : (M, D), of all pictures together; a few thousand for each ten words are enough.
    words : number of centres.
    seed : of the drawing; the same seed gives the same words.
    iterations : Lloyd's steps at most.

    Source: S. Lloyd, IEEE Transactions on Information Theory 28(2), 1982; D. Arthur, S. Vassilvitskii, "k-means++: The
    Advantages of Careful Seeding", SODA 2007.
    """
    x = _rows("vocabulary", "descriptors", descriptors)
    if words < 1 or iterations < 0:
        raise ArgumentError(f"vocabulary: got words={words}, iterations={iterations}; give at least 1 word, 0 steps")
    if len(x) < words:
        raise ArgumentError(
            f"vocabulary: {len(x)} descriptors cannot make {words} words; give at least {words} descriptors, or "
            f"words={len(x)} at most"
        )
    origin = x.mean(0)
    x = x - origin  # distances come out of |x|^2 - 2 x c + |c|^2, which is exact to rounding near zero only
    centres = _first(x, words, np.random.default_rng(seed))
    nearest = np.full(len(x), -1)
    for _ in range(iterations):
        before = nearest
        nearest, distance = _nearest(x, centres)
        nearest = _filled(nearest, distance, words)
        if np.array_equal(nearest, before):
            break
        centres = _means(x, nearest, words)
    return np.asarray(centres + origin, _floating(descriptors))


def words(descriptors: Array, vocabulary: Array) -> Array:
    """Return the numbers (M,) of the words nearest to descriptors (M, D), by a vocabulary (K, D).

    Of equally near words, the first.
    """
    x, centres = _rows("words", "descriptors", descriptors), _rows("words", "vocabulary", vocabulary)
    if x.shape[1] != centres.shape[1]:
        raise ShapeError(
            f"words: descriptors have {x.shape[1]} numbers, the words {centres.shape[1]}; describe both alike"
        )
    if len(centres) == 0:
        raise ShapeError("words: the vocabulary has no words; give at least one row")
    origin = centres.mean(0)
    return _nearest(x - origin, centres - origin)[0]


def bag_of_words(
    descriptors: Array | Sequence[Array], vocabulary: Array, norm: Literal["l1", "l2", "none"] = "l1"
) -> Array:
    """Return how often each word occurs: (K,) for the descriptors of one picture, (N, K) for those of several.

    Parameters
    ----------
    descriptors : (M, D), or (N, M, D), or a list of N arrays whose lengths may differ.
    vocabulary : (K, D).
    norm : ``"l1"`` brings the sum to 1, ``"l2"`` the length; ``"none"`` leaves the counts. A picture without
        descriptors has zeros.
    """
    if norm not in ("l1", "l2", "none"):
        raise ArgumentError(f"bag_of_words: norm is {norm!r}; give 'l1', 'l2' or 'none'")
    if isinstance(descriptors, np.ndarray) and descriptors.ndim == 2:
        return bag_of_words([descriptors], vocabulary, norm)[0]
    sizes = [len(one) for one in descriptors]
    count = len(_rows("bag_of_words", "vocabulary", vocabulary))
    bags = np.zeros((len(sizes), count), _floating(vocabulary))
    if sum(sizes):
        picture = np.repeat(np.arange(len(sizes)), sizes)
        found = words(np.concatenate([one for one in descriptors if len(one)]), vocabulary)
        bags += np.bincount(picture * count + found, minlength=bags.size).reshape(bags.shape)
    if norm == "none":
        return bags
    size = bags.sum(1, keepdims=True) if norm == "l1" else np.sqrt((bags * bags).sum(1, keepdims=True))
    return bags / np.maximum(size, 1)  # counts are whole numbers: a size below 1 is that of an empty picture


def _first(x: Array, count: int, random: np.random.Generator) -> Array:
    """Return ``count`` different rows of x, drawn as k-means++ draws."""
    chosen = [int(random.integers(len(x)))]
    distance = ((x - x[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count:
        total = distance.cumsum()
        if total[-1] == 0:
            raise ArgumentError(
                f"vocabulary: only {len(chosen)} of {len(x)} descriptors differ, and {count} words are wanted; give "
                f"words={len(chosen)} at most, or more descriptors"
            )
        # The first sum above the drawn number: a row at distance zero, drawn already, adds nothing and is passed over.
        chosen.append(int(np.searchsorted(total, random.random() * total[-1], side="right")))
        distance = np.minimum(distance, ((x - x[chosen[-1]]) ** 2).sum(1))
    return np.asarray(x[chosen])


def _nearest(x: Array, centres: Array) -> tuple[Array, Array]:
    """Return each row's nearest centre and its squared distance."""
    nearest, distance = np.empty(len(x), np.int64), np.empty(len(x))
    squares, step = (centres * centres).sum(1), max(1, ENTRIES // len(centres))
    for i in range(0, len(x), step):
        part = x[i : i + step]
        apart = squares - 2 * (part @ centres.T)
        nearest[i : i + step] = apart.argmin(1)
        distance[i : i + step] = apart.min(1) + (part * part).sum(1)
    return nearest, distance


def _filled(nearest: Array, distance: Array, count: int) -> Array:
    """Give each centre without rows the farthest row whose centre can spare it."""
    sizes = np.bincount(nearest, minlength=count)
    empty = np.flatnonzero(sizes == 0)
    if len(empty) == 0:
        return nearest
    nearest, farthest = nearest.copy(), iter(np.argsort(-distance, kind="stable"))
    for centre in empty:
        row = next(row for row in farthest if sizes[nearest[row]] > 1)
        sizes[nearest[row]] -= 1
        nearest[row] = centre
    return nearest


def _means(x: Array, nearest: Array, count: int) -> Array:
    """Return the mean of the rows of each centre; every centre has some."""
    order = np.argsort(nearest, kind="stable")
    sizes = np.bincount(nearest, minlength=count)
    return np.asarray(np.add.reduceat(x[order], np.cumsum(sizes) - sizes) / sizes[:, None])


def _rows(name: str, what: str, array: Array) -> Array:
    x = np.asarray(array, np.float64)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ShapeError(f"{name}: {what} have shape {x.shape}; give (rows, numbers in each), for example (500, 128)")
    if not np.isfinite(x).all():
        raise ArgumentError(f"{name}: {(~np.isfinite(x).all(1)).sum()} of {len(x)} rows of {what} hold NaN or infinity")
    return x


def _floating(array: Array) -> np.dtype[np.floating]:
    dtype = np.asarray(array).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float32)
