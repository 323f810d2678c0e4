"""MNIST and the sets that share its files: images and labels as IDX."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tinygrad_cv.data.idx import read_idx
from tinygrad_cv.data.vision import ArrayImages, Function, Root
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


class MNIST(ArrayImages):
    """Handwritten digits, 28 x 28 grey, 60,000 for training and 10,000 for testing.

    Parameters
    ----------
    root
        Either a folder in torchvision's layout (the files in ``root/MNIST/raw``) or the folder of the files
        themselves; each plain (``train-images-idx3-ubyte``) or with ``.gz``.
    train
        The 60,000 or the 10,000.
    transform, target_transform
        Applied to each PIL image and label.
    download
        Fetch the files that are missing into ``root/MNIST/raw``.

    Raises
    ------
    DataError
        A file is missing, damaged, or not what its name says.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    checksums: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    }
    classes = [
        f"{k} - {word}" for k, word in enumerate("zero one two three four five six seven eight nine".split())
    ]
    mean, std = 0.1307, 0.3081
    root: Path

    def __init__(
        self,
        root: Root,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform, target_transform)
        self.train = train
        if download:
            self.download()
        split = "train" if train else "t10k"
        self.data = self._read(f"{split}-images-idx3-ubyte", 3)
        self.targets = self._read(f"{split}-labels-idx1-ubyte", 1)
        self.check(len(self.classes))

    @property
    def raw_folder(self) -> Path:
        """Where torchvision keeps the files."""
        return self.root / type(self).__name__ / "raw"

    def _find(self, name: str) -> Path | None:
        for folder in (self.raw_folder, self.root / "raw", self.root):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
        return None

    def _read(self, name: str, ndim: int) -> Array:
        path = self._find(name)
        if path is None:
            raise DataError(
                f"{type(self).__name__}: found no {name} (nor {name}.gz) in {self.raw_folder} or "
                f"{self.root}; "
                "put the four files there, or pass download=True"
            )
        array = read_idx(path)
        if array.ndim != ndim or array.dtype != "uint8":
            kind = "images (n, 28, 28)" if ndim == 3 else "labels (n,)"
            raise DataError(
                f"{type(self).__name__}: {path} holds {array.dtype} of shape {array.shape} where uint8 "
                f"{kind} belong; "
                "the files may have been swapped"
            )
        return array

    def download(self) -> None:
        """Fetch the files that are not there yet, each checked against its known sum."""
        from tinygrad_cv.data.download import download

        for name, md5 in self.checksums.items():
            if self._find(name.removesuffix(".gz")) is None:
                download([mirror + name for mirror in self.mirrors], self.raw_folder / name, md5=md5)


class FashionMNIST(MNIST):
    """Articles of clothing in MNIST's format: 28 x 28 grey, 60,000 and 10,000, ten classes.

    The folder is ``root/FashionMNIST/raw``; the parameters are those of :class:`MNIST`.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv 1708.07747, 2017. Licence MIT.
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    checksums = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle "
        "boot"
    ]  # fmt: skip
    mean, std = 0.2860, 0.3530
