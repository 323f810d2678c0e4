"""Laws that every transform obeys, walked over all of them; and what each does in particular."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tinygrad_cv import Tensor, transforms
from tinygrad_cv.data.seeds import scope
from tinygrad_cv.data.values import array_to_pil, pil_to_array
from tinygrad_cv.ops.errors import ArgumentError, DataError

T = transforms

ALL: list[Any] = [
    T.AlternatingFlip(),
    T.AutoAugment("imagenet"),
    T.AutoAugment("cifar10", interpolation="bilinear"),
    T.AutoAugment("svhn"),
    T.CenterCrop(9),
    T.PermutedPixels(3),
    T.CenterCrop((30, 9)),
    T.ColorJitter(0.4, 0.4, 0.4, 0.2),
    T.Compose([T.RandomCrop(16, 2), T.RandomHorizontalFlip(), T.Cutout(5)]),
    T.Cutout(6),
    T.Grayscale(3),
    T.PCAColorNoise(0.5),
    T.Pad((1, 2, 3, 4), fill=7),
    T.Pad(3, padding_mode="reflect"),
    T.RandAugment(),
    T.RandomAffine(30, (0.1, 0.2), (0.8, 1.2), (-10, 10, -5, 5)),
    T.RandomAffine(30, interpolation="bilinear", fill=9),
    T.RandomApply([T.RandomVerticalFlip(1)], 0.5),
    T.RandomChoice([T.RandomVerticalFlip(1), T.RandomHorizontalFlip(1)]),
    T.RandomCrop(12, padding=4, padding_mode="reflect"),
    T.RandomCrop(12, padding=4),
    T.RandomErasing(0.7),
    T.RandomErasing(0.7, value="random"),
    T.RandomGrayscale(0.5),
    T.RandomHorizontalFlip(),
    T.RandomOrder([T.RandomVerticalFlip(), T.RandomHorizontalFlip()]),
    T.RandomResizedCrop(10),
    T.RandomResizedCrop(10, interpolation="bicubic"),
    T.RandomRotation(40),
    T.RandomRotation(40, "bilinear"),
    T.RandomVerticalFlip(),
    T.Resize(9),
    T.Resize((30, 11), "bicubic"),
    T.TrivialAugmentWide(),
]
IDS = [f"{k}-{type(t).__name__}" for k, t in enumerate(ALL)]
LOADED = {
    "ToTensor",
    "PILToTensor",
    "Normalize",
    "ToPILImage",
    "Lambda",
    "FiveCrop",
    "MixUp",
    "CutMix",
    "Mixup",
}


def images(n: int = 6, c: int = 3, h: int = 18, w: int = 22, seed: int = 0) -> np.ndarray:
    """Smooth pictures with some noise, uint8, channels-last in memory."""
    rng = np.random.default_rng(seed)
    i, j = np.mgrid[:h, :w]
    phase = rng.uniform(0, 6, (n, 1, 1, c))
    x = (
        128
        + 90 * np.sin(i[..., None] / 4 + phase) * np.cos(j[..., None] / 5 + 2 * phase)
        + rng.normal(0, 5, (n, h, w, c))
    )
    return np.clip(x, 0, 255).astype(np.uint8).transpose(0, 3, 1, 2)


def test_every_public_transform_is_under_the_laws() -> None:
    def names(transform: Any) -> set[str]:
        return {type(transform).__name__}.union(*(names(t) for t in getattr(transform, "transforms", [])))

    public = {
        n
        for n in transforms.__all__
        if inspect.isclass(getattr(transforms, n)) and callable(getattr(transforms, n))
    }
    walked = set().union(*(names(t) for t in ALL))
    assert public - walked - LOADED == {"AutoAugmentPolicy", "InterpolationMode", "Transform"}


@pytest.mark.parametrize("transform", ALL, ids=IDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_transform_leaves_its_input_alone_and_keeps_the_dtype(transform: Any, dtype: Any) -> None:
    x = images() if dtype == np.uint8 else images().astype(np.float32) / 255
    before = x.copy()
    y = transform(x)
    assert y.dtype == dtype and len(y) == len(x) and np.isfinite(y).all()
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_seed_repeats_and_other_seed_differs(transform: Any) -> None:
    def run(seed: int) -> np.ndarray:
        with scope(seed):
            return transform(images(n=24))

    np.testing.assert_array_equal(run(1), run(1))
    still = isinstance(transform, T.CenterCrop | T.Grayscale | T.Pad | T.PermutedPixels | T.Resize)
    assert still == np.array_equal(run(1), run(2))


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_images_of_a_batch_draw_for_themselves(transform: Any) -> None:
    x = np.repeat(images(n=1), 24, axis=0)
    with scope(3):
        y = transform(x)
    still = isinstance(transform, T.CenterCrop | T.Grayscale | T.Pad | T.PermutedPixels | T.Resize)
    # RandomOrder draws one order for a batch, but its flips draw for each image
    assert still == bool((y == y[:1]).all())


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_array_tensor_and_batch_of_one_agree(transform: Any) -> None:
    for x in images(n=4):
        with scope(5):
            single = transform(x)
        with scope(5):
            batch = transform(x[None])
        with scope(5):
            tensor = transform(Tensor(x))
        np.testing.assert_array_equal(single, batch[0])
        assert isinstance(tensor, Tensor)
        np.testing.assert_array_equal(tensor.numpy(), single)


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_picture_and_array_agree(transform: Any) -> None:
    for k, x in enumerate(images(n=6)):
        with scope(k):
            picture = transform(Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0))))
        with scope(k):
            array = transform(x)
        assert isinstance(picture, Image.Image)
        difference = np.abs(pil_to_array(picture).astype(int) - array)
        # PIL rounds coordinates to 2^-16 of a pixel and weights to eight bits
        assert np.mean(difference > 2) < 0.02


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_memory_order_changes_no_value(transform: Any) -> None:
    x = images()
    with scope(2):
        last = transform(x)
    with scope(2):
        first = transform(np.ascontiguousarray(x))
    # sums in another order may round to another level
    np.testing.assert_allclose(last.astype(float), first.astype(float), atol=1)
    assert last.strides[1] < last.strides[3]


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_grey_images_are_welcome_unless_colour_is_needed(transform: Any) -> None:
    x = images(c=1)
    if isinstance(transform, T.PCAColorNoise):
        with pytest.raises(DataError, match="1 channels; give RGB"):
            transform(x)
    else:
        assert transform(x).shape[0] == 6


@pytest.mark.parametrize("transform", ALL, ids=IDS)
def test_transform_can_be_pickled_and_printed(transform: Any) -> None:
    again = pickle.loads(pickle.dumps(transform))
    assert type(transform).__name__ in repr(again)
    with scope(1):
        a = transform(images())
    with scope(1):
        np.testing.assert_array_equal(a, again(images()))


@pytest.mark.parametrize("transform", ALL, ids=IDS)
@pytest.mark.parametrize("value", ["a path", 3, np.zeros(5), np.zeros((1, 1, 1, 1, 1))])
def test_what_is_no_image_is_refused(transform: Any, value: Any) -> None:
    with scope(2), pytest.raises((DataError, ArgumentError)):  # a seed with which RandomApply applies
        transform(value)


def test_choice_may_change_the_size_of_all() -> None:
    choice = T.RandomChoice([T.RandomCrop(9), T.CenterCrop(9)])
    assert choice(images(n=20)).shape == (20, 3, 9, 9)


def test_own_transform_without_batch_form_is_applied_item_by_item() -> None:
    class Own(T.Transform):
        def __call__(self, img: Any) -> Any:
            return img

    assert not Own().batched and not T.Compose([T.ToTensor(), Own()]).batched
    assert T.Compose([T.ToTensor(), T.RandomCrop(3)]).batched


def test_to_tensor_takes_pictures_and_rows_of_pixels() -> None:
    x = images()[0]
    picture = Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0)))
    for source in (picture, np.asarray(picture)):
        y = T.ToTensor()(source)
        assert isinstance(y, Tensor) and y.shape == (3, 18, 22) and y.dtype == np.float32
        np.testing.assert_array_equal(y.numpy(), x.astype(np.float32) / np.float32(255))
    assert T.ToTensor()(Image.fromarray(np.full((4, 5), 65535, np.uint16))).numpy().max() == 1
    assert T.ToTensor()(np.zeros((4, 5), np.uint8)).shape == (1, 4, 5)
    assert T.ToTensor().batch(images()).shape == images().shape


def test_to_picture_undoes_to_tensor() -> None:
    picture = Image.fromarray(np.ascontiguousarray(images()[0].transpose(1, 2, 0)))
    np.testing.assert_array_equal(np.asarray(T.ToPILImage()(T.ToTensor()(picture))), np.asarray(picture))
    np.testing.assert_array_equal(np.asarray(T.ToPILImage()(np.asarray(picture))), np.asarray(picture))
    assert T.PILToTensor()(picture).dtype == np.uint8


def test_normalize_gives_zero_mean_and_unit_deviation() -> None:
    x = images().astype(np.float32) / 255
    y = T.Normalize(x.mean((0, 2, 3)), x.std((0, 2, 3)))(x)
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 2, 3)), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: T.Normalize(0.5, 0), "deviations above zero"),
        (
            lambda: T.Normalize([0.5] * 3, [1] * 3)(np.zeros((1, 2, 2), np.float32)),
            "1 channels but there are 3 means",
        ),
        (lambda: T.Normalize(0.5, 1)(images()), "put ToTensor before"),
        (lambda: T.Normalize(0.5, 1)(Image.new("L", (2, 2))), "put ToTensor before"),
        (lambda: T.RandomHorizontalFlip(1.5), "between 0 and 1"),
        (lambda: T.RandomCrop(40)(images()), "window 40 x 40 exceeds the image 18 x 22"),
        (lambda: T.RandomCrop(0), "pixels of 1 or more"),
        (lambda: T.Pad(-1), "0 or more"),
        (lambda: T.Pad(1, padding_mode="mirror"), "give constant"),
        (lambda: T.Pad(18, padding_mode="reflect")(images()), "cannot reflect"),
        (lambda: T.Pad(1, fill=[1, 2])(images()), "2 values for 3 channels"),
        (lambda: T.Resize(8, "cubic"), "give one of nearest"),
        (lambda: T.RandomRotation(-3), "0 or more"),
        (lambda: T.RandomAffine(3, translate=(2, 0)), "fractions between 0 and 1"),
        (lambda: T.RandomAffine(3, interpolation="lanczos"), "nearest or bilinear"),
        (lambda: T.ColorJitter(hue=0.7), "0.5"),
        (lambda: T.RandomResizedCrop(8, scale=(0.5, 0.1)), "least <= greatest"),
        (lambda: T.RandomErasing(value="noise"), "'random'"),
        (lambda: T.AutoAugment("mnist"), "give one of imagenet"),
        (lambda: T.RandAugment(magnitude=31), "magnitude=31 of 31 bins"),
        (lambda: T.RandomRotation(10, expand=True)(images()), "different sizes"),
        (lambda: T.RandomApply([T.Resize(4)], 0.5)(images(n=20)), "agree in size and dtype"),
        (lambda: T.Compose([3]), "cannot be called"),
        (lambda: T.Lambda(3), "give a function"),
        (lambda: T.RandomChoice([]), "at least one"),
        (lambda: T.MixUp()(np.zeros((2, 1, 2, 2), np.float32), np.zeros(2, int)), "give num_classes"),
        (
            lambda: T.MixUp(num_classes=2)(np.zeros((2, 1, 2, 2), np.float32), np.array([0, 2])),
            "num_classes=2",
        ),
        (lambda: T.MixUp(alpha=0), "positive"),
        (lambda: array_to_pil(np.zeros((2, 4, 4))), "C = 1, 3 or 4"),
    ],
)
def test_wrong_use_ends_in_a_sentence(wrong: Any, sentence: str) -> None:
    with pytest.raises((ArgumentError, DataError), match=sentence):
        wrong()


def test_permuted_pixels_keep_each_pixel_and_one_order_for_all() -> None:
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    y = transforms.PermutedPixels(seed=1)(x)
    assert np.array_equal(np.sort(y.reshape(2, 3, -1), axis=2), np.sort(x.reshape(2, 3, -1), axis=2))
    assert np.all(y[1] - y[0] == 60) and np.all(y[:, 1] - y[:, 0] == 20)
    assert not np.array_equal(y, x) and np.array_equal(y, transforms.PermutedPixels(seed=1)(x))
