"""k-means ends where plain loops end and never loses ground; bags count words and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_cv.data.words import bag_of_words, vocabulary, words
from tinygrad_cv.ops.errors import TinygradError


def rows(seed: int, count: int, numbers: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, numbers))


def loss(x: np.ndarray, centres: np.ndarray) -> float:
    return float(((x[:, None] - centres) ** 2).sum(2).min(1).sum())


def plain_lloyd(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Lloyd's steps as loops, until no row changes its centre."""
    before: list[int] = []
    while True:
        nearest = []
        for row in x:
            distances = [sum((a - b) ** 2 for a, b in zip(row, centre)) for centre in centres]
            nearest.append(distances.index(min(distances)))
        if nearest == before:
            return centres
        centres = np.array([np.mean([r for r, n in zip(x, nearest) if n == k], axis=0) for k in range(len(centres))])
        before = nearest


@pytest.mark.parametrize("seed", range(4))
def test_k_means_ends_where_plain_loops_end(seed: int) -> None:
    x = rows(seed, 60)
    assert np.allclose(vocabulary(x, 5, seed), plain_lloyd(x, vocabulary(x, 5, seed, iterations=0)))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40), k=st.integers(1, 40))
def test_the_loss_never_rises_and_centres_are_means_in_the_end(seed: int, count: int, k: int) -> None:
    x, k = rows(seed, count), min(k, count)
    losses = [loss(x, vocabulary(x, k, seed, iterations=n)) for n in range(6)]
    assert all(after <= before + 1e-9 for before, after in zip(losses, losses[1:]))
    centres = vocabulary(x, k, seed)
    nearest = words(x, centres)
    assert np.array_equal(np.unique(nearest), np.arange(k))
    assert np.allclose(centres, [x[nearest == n].mean(0) for n in range(k)])


def test_first_words_are_different_descriptors_and_a_seed_gives_the_same_words() -> None:
    x = np.repeat(rows(0, 12), 20, axis=0)
    first = vocabulary(x, 12, iterations=0)
    assert len(np.unique(first.round(9), axis=0)) == 12
    y = rows(1, 200)
    assert np.array_equal(vocabulary(y, 7, seed=3), vocabulary(y, 7, seed=3))
    assert not np.array_equal(vocabulary(y, 7, seed=3, iterations=0), vocabulary(y, 7, seed=4, iterations=0))


def test_clusters_that_stand_apart_are_found_and_far_from_zero_too() -> None:
    middles = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]]) + 1e7
    x = (middles[:, None] + 0.1 * rows(0, 4 * 50, 2).reshape(4, 50, 2)).reshape(-1, 2)
    for seed in range(5):
        found = vocabulary(x, 4, seed)
        assert np.allclose(found[np.lexsort(found.round().T)], middles[np.lexsort(middles.T)], atol=0.1)


def test_an_empty_cluster_takes_the_row_that_lies_farthest() -> None:
    from tinygrad_cv.data.words import _filled

    nearest, distance = np.array([0, 0, 0, 2, 3]), np.array([0.1, 4, 1, 9, 0])
    assert _filled(nearest, distance, 4).tolist() == [0, 1, 0, 2, 3]  # row 3 is farther, and the only one of its centre
    assert nearest.tolist() == [0, 0, 0, 2, 3]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_bags_count_words_without_order_and_sum_to_one(seed: int, sizes: list[int]) -> None:
    centres, pictures = rows(seed, 4), [rows(seed + 1 + k, n) for k, n in enumerate(sizes)]
    counts = bag_of_words(pictures, centres, "none")
    for count, picture in zip(counts, pictures):
        plain = [0] * 4
        for row in picture:
            plain[int(((row - centres) ** 2).sum(1).argmin())] += 1
        assert count.tolist() == plain
    some = np.array(sizes) > 0
    assert np.allclose(bag_of_words(pictures, centres).sum(1), some)
    assert np.allclose(np.linalg.norm(bag_of_words(pictures, centres, "l2"), axis=1), some)
    assert np.array_equal(bag_of_words([picture[::-1] for picture in pictures], centres, "none"), counts)


def test_one_picture_has_a_vector_and_several_of_the_same_length_an_array() -> None:
    centres, x = rows(0, 6), rows(1, 30).reshape(3, 10, 3)
    bags = bag_of_words(x, centres)
    assert bags.shape == (3, 6) and np.array_equal(bag_of_words(x[1], centres), bags[1])
    assert vocabulary(x[0].astype(np.float32), 2).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: vocabulary(rows(0, 5), 8), "5 descriptors cannot make 8 words; give at least 8 descriptors"),
        (lambda: vocabulary(np.ones((9, 2)), 3), "only 1 of 9 descriptors differ, and 3 words are wanted"),
        (lambda: vocabulary(np.array([[1, np.nan], [0, 0]]), 1), "1 of 2 rows of descriptors hold NaN"),
        (lambda: vocabulary(np.zeros(4), 1), "descriptors have shape (4,); give (rows, numbers in each)"),
        (lambda: vocabulary(rows(0, 5), 0), "got words=0"),
        (lambda: words(rows(0, 5), rows(0, 3, 2)), "descriptors have 3 numbers, the words 2"),
        (lambda: words(rows(0, 5), np.zeros((0, 3))), "give at least one row"),
        (lambda: bag_of_words(rows(0, 5), rows(0, 3), "max"), "norm is 'max'; give 'l1', 'l2' or 'none'"),
    ],
)
def test_what_has_no_meaning_is_refused(call: Any, message: str) -> None:
    with pytest.raises(TinygradError) as caught:
        call()
    assert message in str(caught.value)
