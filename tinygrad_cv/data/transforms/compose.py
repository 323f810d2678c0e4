"""Transforms made of transforms: one after another, sometimes, or one of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_cv.data.transforms.base import Transform, blank, probability
from tinygrad_cv.ops.errors import ArgumentError, DataError
from tinygrad_cv.typing import Array


class _Several(Transform):
    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        if not isinstance(transforms, Iterable):
            raise ArgumentError(f"{type(self).__name__}: transforms is {transforms!r}; give a list of transforms")
        self.transforms = list(transforms)
        for transform in self.transforms:
            if not callable(transform):
                raise ArgumentError(f"{type(self).__name__}: {transform!r} cannot be called; give transforms")

    @property
    def batched(self) -> bool:  # type: ignore[override]
        return all(getattr(transform, "batched", False) for transform in self.transforms)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class Compose(_Several):
    """One transform after another.

    Examples
    --------
    >>> from tinygrad_cv.data.transforms import Compose, Normalize, RandomCrop, ToTensor
    >>> augment = Compose([RandomCrop(32, padding=4), ToTensor(), Normalize(0.5, 0.25)])
    >>> augment.batched
    True
    """

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def batch(self, x: Array) -> Array:
        for transform in self.transforms:
            x = transform.batch(x)  # type: ignore[attr-defined]
        return x


class RandomApply(_Several):
    """The whole list with probability ``p``, else nothing."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = probability("RandomApply", p)

    def __call__(self, img: Any) -> Any:
        if getattr(img, "ndim", 3) == 4:
            return super().__call__(img)
        if self.rng.random() < self.p:
            for transform in self.transforms:
                img = transform(img)
        return img

    def batch(self, x: Array) -> Array:
        return replaced(x, self.rng.random(len(x)) < self.p, Compose(self.transforms), "RandomApply")


class RandomChoice(_Several):
    """One of the transforms, drawn with the probabilities ``p`` (by default all alike)."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if not self.transforms:
            raise ArgumentError("RandomChoice: got no transform; give at least one")
        weights = np.ones(len(self.transforms)) if p is None else np.asarray(p, dtype=np.float64)
        if weights.shape != (len(self.transforms),) or weights.min() < 0 or weights.sum() <= 0:
            raise ArgumentError(
                f"RandomChoice: got p={p} for {len(self.transforms)} transforms; give one share for each"
            )
        self.p = (weights / weights.sum()).tolist()

    def __call__(self, img: Any) -> Any:
        if getattr(img, "ndim", 3) == 4:
            return super().__call__(img)
        return self.transforms[int(self.rng.choice(len(self.p), p=self.p))](img)

    def batch(self, x: Array) -> Array:
        chosen = self.rng.choice(len(self.p), size=len(x), p=self.p)
        whole: Array | None = None
        for k, transform in enumerate(self.transforms):
            of = np.flatnonzero(chosen == k)
            if not len(of):
                continue
            y = transform.batch(x[of])  # type: ignore[attr-defined]
            if whole is None:
                whole = blank(y, (len(x), *y.shape[1:]))
            _refuse_mixture("RandomChoice", transform, whole, y)
            whole[of] = y
        return x if whole is None else whole


class RandomOrder(_Several):
    """All transforms, in an order drawn for each image (for each batch in the batch form)."""

    def __call__(self, img: Any) -> Any:
        for k in self.rng.permutation(len(self.transforms)):
            img = self.transforms[k](img)
        return img

    def batch(self, x: Array) -> Array:
        return self(x)


def replaced(x: Array, mask: Array, transform: Any, name: str) -> Array:
    """The batch with the masked images transformed."""
    if mask.all():
        return transform.batch(x)
    if not mask.any():
        return x
    y = transform.batch(x[mask])
    _refuse_mixture(name, transform, x, y)
    whole = x.copy(order="K")
    whole[mask] = y
    return whole


def _refuse_mixture(name: str, transform: Any, x: Array, y: Array) -> None:
    if y.shape[1:] != x.shape[1:] or y.dtype != x.dtype:
        raise DataError(
            f"{name}: {transform} gives images {y.shape[1:]} {y.dtype} beside others of {x.shape[1:]} "
            f"{x.dtype}, "
            "which one batch cannot hold; choose transforms that agree in size and dtype"
        )
