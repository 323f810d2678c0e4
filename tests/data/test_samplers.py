"""Samplers visit what they promise; parts and joins of data sets keep the items."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_cv.data.seeds import keyed
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.utils.data import (
    BatchSampler,
    ConcatDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)


def test_sequential_counts() -> None:
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3]


def test_random_is_a_permutation_and_another_each_time() -> None:
    sampler = RandomSampler(range(50), generator=1)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert list(RandomSampler(range(50), generator=1)) == first


def test_random_beyond_the_data_is_several_permutations() -> None:
    drawn = list(RandomSampler(range(5), num_samples=12, generator=0))
    assert len(drawn) == 12 and sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))


def test_replacement_repeats_items() -> None:
    drawn = list(RandomSampler(range(50), replacement=True, generator=0))
    assert len(drawn) == 50 and len(set(drawn)) < 50


def test_subset_sampler_keeps_to_its_items() -> None:
    assert sorted(SubsetRandomSampler([7, 3, 9], generator=0)) == [3, 7, 9]


def test_weights_set_the_shares() -> None:
    sampler = WeightedRandomSampler([1, 0, 3], 4000, generator=0)
    share = np.bincount(sampler.order(), minlength=3) / 4000
    np.testing.assert_allclose(share, [0.25, 0, 0.75], atol=0.03)
    assert sorted(WeightedRandomSampler([1, 1, 5], 3, replacement=False, generator=0)) == [0, 1, 2]


@pytest.mark.parametrize("weights", [[], [-1, 2], [0, 0], [float("nan")], [[1, 2]]])
def test_weights_that_are_no_shares_are_refused(weights: list[float]) -> None:
    with pytest.raises(ArgumentError, match="positive sum"):
        WeightedRandomSampler(weights, 3)


def test_more_than_there_is_without_replacement_is_refused() -> None:
    with pytest.raises(ArgumentError, match="cannot draw 3 items without replacement from 2"):
        WeightedRandomSampler([1, 0, 1], 3, replacement=False)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [3, 3, 1]), (True, [3, 3])])
@pytest.mark.parametrize("sampler", [SequentialSampler(range(7)), range(7)])
def test_batches_have_their_size(sampler: range, drop_last: bool, sizes: list[int]) -> None:
    batches = BatchSampler(sampler, 3, drop_last)
    assert [len(b) for b in batches] == sizes and len(batches) == len(sizes)
    assert np.concatenate(list(batches)).tolist() == list(range(sum(sizes)))


def test_empty_source_cannot_be_shuffled() -> None:
    with pytest.raises(ArgumentError, match="cannot draw 1 of 0"):
        RandomSampler([], num_samples=1)


def test_split_covers_everything_once() -> None:
    parts = random_split(range(10), [7, 3], generator=0)
    assert sorted([*parts[0], *parts[1]]) == list(range(10)) and [len(p) for p in parts] == [7, 3]
    again = random_split(range(10), [7, 3], generator=keyed(0))
    assert list(again[0]) == list(parts[0])


def test_split_by_fractions_hands_out_the_rest_in_turn() -> None:
    assert [len(p) for p in random_split(range(10), [0.55, 0.25, 0.2], generator=0)] == [6, 2, 2]
    assert [len(p) for p in random_split(range(11), [1 / 3] * 3, generator=0)] == [4, 4, 3]


@pytest.mark.parametrize("lengths", [[3, 3], [0.5, 0.3], [-1, 11]])
def test_split_that_does_not_add_up_is_refused(lengths: list[float]) -> None:
    with pytest.raises(ArgumentError, match="random_split"):
        random_split(range(10), lengths)


def test_concatenation_counts_on() -> None:
    both = ConcatDataset([range(3), range(10, 14)])
    assert [both[k] for k in range(len(both))] == [0, 1, 2, 10, 11, 12, 13] and both[-1] == 13
    with pytest.raises(IndexError, match="7 items"):
        both[7]


def test_subset_of_rows_gathers_rows() -> None:
    rows = TensorDataset(np.arange(12).reshape(6, 2), np.arange(6))
    part = Subset(rows, [4, 1])
    x, y = part.take(np.array([1, 0]))
    assert x.tolist() == [[2, 3], [8, 9]] and y.tolist() == [1, 4]


def test_rows_of_unequal_count_are_refused() -> None:
    with pytest.raises(DataError, match=r"differ in \(3,\), \(4,\)"):
        TensorDataset(np.zeros(3), np.zeros(4))


def test_channels_last_rows_stay_channels_last() -> None:
    images = np.random.default_rng(0).random((5, 4, 6, 3)).transpose(0, 3, 1, 2)
    x, _ = TensorDataset(images, np.arange(5)).take(np.array([3, 1]))
    np.testing.assert_array_equal(x, images[[3, 1]])
    assert x.transpose(0, 2, 3, 1).flags.c_contiguous
