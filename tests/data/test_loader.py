"""The loader: the same batches whoever loads them, again exactly after a stop, and bad items named."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_cv
from tinygrad_cv import datasets, transforms
from tinygrad_cv.data.collate import default_collate
from tinygrad_cv.data.processes import pack, unpack
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.utils.data import BatchSampler, DataLoader, RandomSampler, Subset, TensorDataset

from .loaded import Broken, Curious, Dying, Noisy, SlowFirst, Stream, double

AUGMENT = transforms.Compose(
    [transforms.RandomCrop(28, padding=3), transforms.RandomAffine(20), transforms.ToTensor()]
)


def values(loader: Any) -> list[Any]:
    return [[field.numpy().tolist() for field in batch] for batch in loader]


def digits(**options: Any) -> Subset:
    return Subset(datasets.Digits(**options), range(100))


WORKERS: list[dict[str, Any]] = [
    {"num_workers": 0},
    {"num_workers": 1},
    {"num_workers": 3, "prefetch_factor": 1},
    {"num_workers": 4, "prefetch_factor": 5},
]


@pytest.mark.parametrize("workers", WORKERS)
def test_batches_depend_on_the_seed_alone(workers: dict[str, Any]) -> None:
    expected = values(DataLoader(Noisy(), 4, shuffle=True, generator=5))
    assert values(DataLoader(Noisy(), 4, shuffle=True, generator=5, **workers)) == expected
    assert values(DataLoader(Noisy(), 4, shuffle=True, generator=6, **workers)) != expected


def test_every_item_draws_noise_of_its_own() -> None:
    noise = np.concatenate([x.numpy() - i.numpy()[:, None] for x, i in DataLoader(Noisy(), 4)])
    assert len(np.unique(noise)) == noise.size


def test_shared_memory_keeps_values_types_and_memory_order() -> None:
    x = np.arange(120, dtype=np.float32).reshape(2, 4, 5, 3).transpose(0, 3, 1, 2)
    nest = [x, {"a": x[:, :, ::-1], "b": [np.arange(3), "text", np.zeros((0, 2))]}]
    y, rest = unpack(pack(nest))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(rest["a"], x[:, :, ::-1])
    assert y.strides == x.strides and rest["b"][1] == "text" and rest["b"][2].shape == (0, 2)


def test_processes_give_the_same_batches_twice_over() -> None:
    plain = DataLoader(Noisy(), 4, shuffle=True, generator=5)
    loader = DataLoader(
        Noisy(), 4, shuffle=True, generator=5, num_workers=2, worker_type="process", persistent_workers=True
    )
    for _ in range(2):
        assert values(loader) == values(plain)
    del loader


@pytest.mark.parametrize("transform", [AUGMENT, transforms.Compose([transforms.Lambda(AUGMENT)])])
def test_augmentation_differs_per_epoch_and_repeats_per_seed(transform: Any) -> None:
    def epochs() -> list[Any]:
        loader = DataLoader(digits(transform=transform), 32, generator=0)
        return [values(loader), values(loader)]

    first, second = epochs()
    assert first != second and [b[1] for b in first] == [b[1] for b in second]
    assert epochs() == [first, second]


def test_the_package_seed_seeds_a_loader_without_generator() -> None:
    def run() -> list[Any]:
        tinygrad_cv.manual_seed(11)
        return values(DataLoader(Noisy(), 4, shuffle=True))

    assert run() == run()


def test_own_generator_advances_from_epoch_to_epoch() -> None:
    generator = tinygrad_cv.Generator().manual_seed(3)
    loader = DataLoader(range(30), 30, shuffle=True, generator=generator)
    assert next(iter(loader)).numpy().tolist() != next(iter(loader)).numpy().tolist()


@pytest.mark.parametrize(
    "transform", [None, transforms.ToTensor(), transforms.Compose([transforms.ToTensor()])]
)
def test_gathered_batch_is_the_collated_items(transform: Any) -> None:
    data = digits(transform=transform)
    gathered = next(iter(DataLoader(data, 16)))
    collated = default_collate([data[k] for k in range(16)])
    for a, b in zip(gathered, collated, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        assert a.dtype == b.dtype
    assert (
        gathered[0].dtype == np.float32
        and gathered[0].shape == (16, 1, 28, 28)
        and gathered[1].dtype == np.int64
    )


@pytest.mark.parametrize("item_by_item", [False, True])
def test_alternating_flip_shows_both_sides_in_two_epochs(item_by_item: bool) -> None:
    data = datasets.Digits(size=8)
    data.data = np.tile(np.arange(8, dtype=np.uint8), (100, 8, 1))
    data.targets = np.zeros(100)
    flip = transforms.Compose([transforms.AlternatingFlip(), transforms.ToTensor()])
    data.transform = transforms.Lambda(flip) if item_by_item else flip
    loader = DataLoader(data, 30, num_workers=2)
    first, second, third = (np.concatenate([x.numpy()[:, 0, 0, 0] > 0 for x, _ in loader]) for _ in range(3))
    assert (first != second).all() and (first == third).all() and 40 <= first.sum() <= 60


def test_gathering_is_by_array_not_by_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.Digits, "__getitem__", lambda *_: pytest.fail("loaded an item"))
    next(iter(DataLoader(datasets.Digits(transform=AUGMENT), 16)))


def test_colour_batches_are_channels_last() -> None:
    x = np.random.default_rng(0).integers(0, 256, (8, 6, 5, 3), dtype=np.uint8)
    data = datasets.Digits(size=8)
    data.data, data.targets = x, np.arange(8)
    batch = next(iter(DataLoader(data, 8)))[0].numpy()
    assert batch.shape == (8, 3, 6, 5) and batch.transpose(0, 2, 3, 1).flags.c_contiguous
    items = DataLoader(data, 8, collate_fn=default_collate)
    assert next(iter(items))[0].numpy().transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(("batch_size", "drop_last"), [(5, False), (5, True), (100, False), (1, False)])
def test_length_is_the_number_of_batches(batch_size: int, drop_last: bool) -> None:
    loader = DataLoader(range(23), batch_size, drop_last=drop_last)
    assert len(loader) == len(list(loader))
    stream = DataLoader(Stream(23), batch_size, drop_last=drop_last)
    assert len(stream) == len(list(stream)) == len(loader)


def test_without_batch_size_items_come_singly() -> None:
    loader = DataLoader(Noisy(3), batch_size=None)
    assert [item[1] for item in loader] == [0, 1, 2] and len(loader) == 3


def test_batch_sampler_decides_everything() -> None:
    loader = DataLoader(range(10), batch_sampler=[[1, 2], [9]])
    assert [b.numpy().tolist() for b in loader] == [[1, 2], [9]] and len(loader) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_streams_come_in_order_and_repeat_per_seed(workers: int) -> None:
    drawn = np.concatenate([b.numpy() for b in DataLoader(Stream(11), 4, num_workers=workers, generator=1)])
    assert np.floor(drawn).tolist() == list(range(11))
    again = np.concatenate([b.numpy() for b in DataLoader(Stream(11), 4, generator=1)])
    assert drawn.tolist() == again.tolist()


@pytest.mark.parametrize("workers", [{}, {"num_workers": 2}, {"num_workers": 1, "worker_type": "process"}])
def test_failing_item_is_named_with_its_index(workers: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"item 11 of Broken failed with OSError: no such picture"):
        list(DataLoader(Broken(), 4, shuffle=True, generator=0, **workers))


def test_cause_stays_attached() -> None:
    with pytest.raises(DataError) as caught:
        list(DataLoader(Broken(), 4))
    assert isinstance(caught.value.__cause__, OSError)


def test_dead_process_is_noticed() -> None:
    with pytest.raises(DataError, match=r"worker process 0 ended with exit code 9"):
        list(DataLoader(Dying(), 4, num_workers=1, worker_type="process"))


def test_process_workers_compile_nothing_and_need_only_pickling() -> None:
    loader = DataLoader(Curious(), 4, num_workers=1, worker_type="process")
    batch = next(iter(loader))
    assert batch["numba"].numpy().tolist() == [0] * 4 and batch["name"] == ["0", "1", "2", "3"]
    (doubled,) = DataLoader(Noisy(3), 3, collate_fn=double, num_workers=1, worker_type="process")
    assert doubled.numpy().tolist() == [0, 2, 4]


def test_unpicklable_data_is_refused_before_a_process_starts() -> None:
    loader = DataLoader(Noisy(), collate_fn=lambda items: items, num_workers=1, worker_type="process")
    with pytest.raises(DataError, match="cannot be sent to a process"):
        next(iter(loader))


def test_slow_worker_meets_the_timeout() -> None:
    class Slow(Noisy):
        def __getitem__(self, index: int) -> Any:
            time.sleep(0.2)
            return index

    with pytest.raises(DataError, match=r"batch 0 did not come within 0.01 s"):
        next(iter(DataLoader(Slow(2), num_workers=1, timeout=0.01)))


def test_leaving_early_ends_the_threads() -> None:
    before = threading.active_count()
    for _ in range(3):
        for _batch in DataLoader(Noisy(200), 4, num_workers=2):
            break
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_worker_init_is_called_once_in_each_thread() -> None:
    seen: list[int] = []
    list(DataLoader(Noisy(40), 1, num_workers=3, worker_init_fn=seen.append))
    assert sorted(seen) == list(range(len(seen))) and 1 <= len(seen) <= 3


def test_images_of_two_sizes_cannot_be_stacked() -> None:
    with pytest.raises(DataError, match=r"item 0 .* shape \(1, 2\) and item 1 has \(1, 3\)"):
        default_collate([np.zeros((1, 2)), np.zeros((1, 3))])


def test_batch_transform_changes_images_or_images_and_labels() -> None:
    data = TensorDataset(np.ones((8, 1, 4, 4), np.float32), np.arange(8) % 3)
    x, y = next(iter(DataLoader(data, 8, batch_transform=transforms.Normalize(0.5, 0.25))))
    assert float(x.numpy().max()) == 2.0 and y.dtype == np.int64
    x, y = next(iter(DataLoader(data, 8, batch_transform=transforms.MixUp(num_classes=3), generator=0)))
    assert y.shape == (8, 3) and np.allclose(y.numpy().sum(1), 1)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [0, 1, 3, 6])
def test_resumed_loader_goes_on_exactly(workers: int, stop: int) -> None:
    def build() -> DataLoader:
        return DataLoader(Noisy(), 4, shuffle=True, generator=7, num_workers=workers)

    whole = build()
    expected = [*values(whole), *values(whole), *values(whole)]
    first = build()
    got = values(first)
    running = iter(first)
    for _ in range(stop):
        got.append([field.numpy().tolist() for field in next(running)])
    state = json.loads(json.dumps(first.state_dict()))
    second = build()
    second.load_state_dict(state)
    got += [*values(second), *values(second)]
    assert got == expected and second.epoch == 3


def test_sampler_with_its_own_generator_resumes_too() -> None:
    def build() -> DataLoader:
        return DataLoader(range(20), sampler=RandomSampler(range(20), generator=4), batch_size=5, generator=0)

    whole = build()
    expected = values_of_numbers(whole)
    first = build()
    assert values_of_numbers(first) == expected
    expected = values_of_numbers(whole)
    running = iter(first)
    got = [next(running).numpy().tolist()]
    second = build()
    second.load_state_dict(first.state_dict())
    assert got + values_of_numbers(second) == expected


def values_of_numbers(loader: DataLoader) -> list[Any]:
    return [batch.numpy().tolist() for batch in loader]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_workers": -1}, "num_workers=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"worker_type": "fork"}, "give 'thread' or 'process'"),
        ({"sampler": [1], "shuffle": True}, "both a sampler and shuffle"),
        ({"batch_sampler": BatchSampler(range(3), 2), "shuffle": True}, "batch_sampler excludes"),
        ({"prefetch_factor": 0}, "prefetch_factor=0"),
    ],
)
def test_arguments_that_clash_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        DataLoader(range(3), **options)


def test_what_is_no_data_set_is_refused() -> None:
    with pytest.raises(ArgumentError, match="int has no __getitem__"):
        DataLoader(3)
    with pytest.raises(ArgumentError, match="IterableDataset has its own order"):
        DataLoader(Stream(3), shuffle=True)


def test_state_of_another_kind_is_refused() -> None:
    loader = DataLoader(range(3))
    with pytest.raises(ArgumentError, match="lacks"):
        loader.load_state_dict({"epoch": 1})
    with pytest.raises(ArgumentError, match="build the loader as it was"):
        loader.load_state_dict(DataLoader(range(3), generator=1).state_dict())


def test_workers_of_a_killed_parent_end() -> None:
    program = (
        "from tests.data.loaded import Curious\n"
        "from tinygrad_cv.utils.data import DataLoader\n"
        "if __name__ == '__main__':\n"
        "    loader = DataLoader(Curious(), 1, num_workers=1, worker_type='process')\n"
        "    running = iter(loader)\n"
        "    print(int(next(running)['process'].item()), flush=True)\n"
        "    input()\n"
    )
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None and parent.stdin is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()
    deadline = time.monotonic() + 10
    while running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(worker)


def running(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return status != "Z"  # ended, and only waiting for somebody to ask how


@pytest.mark.parametrize("dataset", [Noisy(60), SlowFirst()], ids=["in turn", "before its turn"])
def test_nothing_is_left_in_shared_memory(dataset: Any) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("no /dev/shm here")
    before = {p.name for p in shared.glob("psm_*")}
    for _batch in DataLoader(dataset, 4, num_workers=2, worker_type="process"):
        break
    left = {p.name for p in shared.glob("psm_*")} - before
    deadline = time.monotonic() + 20
    while left and time.monotonic() < deadline:  # tests in other processes hold blocks of their own for a while
        time.sleep(0.05)
        left &= {p.name for p in shared.glob("psm_*")}
    assert not left
