"""CIFAR-10 and CIFAR-100: small colour photographs in pickled batches ("python version")."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tinygrad_cv.data.files import checksum
from tinygrad_cv.data.pickles import read_pickle
from tinygrad_cv.data.vision import ArrayImages, Function, Root
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.typing import Array


class CIFAR10(ArrayImages):
    """Colour photographs of ten classes, 32 x 32, 50,000 for training and 10,000 for testing.

    Parameters
    ----------
    root
        The folder that holds ``cifar-10-batches-py`` (torchvision's layout), or that folder itself.
    train
        The 50,000 or the 10,000.
    transform, target_transform
        Applied to each PIL image and label.
    download
        Fetch and unpack the archive if the folder is not there.

    Attributes
    ----------
    data
        uint8, (n, 32, 32, 3).

    Raises
    ------
    DataError
        A file is missing, has another checksum than the published one, or is not what its name says.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, 2009.
    """

    base_folder: ClassVar[str] = "cifar-10-batches-py"
    mirrors: ClassVar[list[str]] = ["https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"]
    archive_md5: ClassVar[str] = "c58f30108f718f92721af3b95e74349a"
    train_files: ClassVar[dict[str, str]] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    }
    test_files: ClassVar[dict[str, str]] = {"test_batch": "40351d587109b95175f43aff81a1287e"}
    meta: ClassVar[tuple[str, str, bytes]] = (
        "batches.meta",
        "5ff9c542aee3614f3951f8cda6e48888",
        b"label_names",
    )
    labels_key: ClassVar[bytes] = b"labels"
    number_of_classes: ClassVar[int] = 10
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
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
        name, md5, key = self.meta
        names = self._read(name, md5).get(key)
        if not isinstance(names, list) or len(names) != self.number_of_classes:
            raise DataError(
                f"{type(self).__name__}: {name} lists no {self.number_of_classes} class names; fetch it again"
            )
        self.classes = [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in names]
        pixels, labels = [], []
        for name, md5 in (self.train_files if train else self.test_files).items():
            x, t = self._batch(name, self._read(name, md5))
            pixels.append(x)
            labels.append(t)
        # channels-last, as torchvision has it: one image is then one run of memory for every later step
        self.data = np.ascontiguousarray(np.concatenate(pixels).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets = np.concatenate(labels)
        self.check(self.number_of_classes)

    @property
    def folder(self) -> Path:
        """Where the batches are."""
        return self.root if self.root.name == self.base_folder else self.root / self.base_folder

    def _read(self, name: str, md5: str) -> dict[Any, Any]:
        path = self.folder / name
        if not path.is_file():
            raise DataError(
                f"{type(self).__name__}: found no {name} in {self.folder}; give the folder that holds "
                f"{self.base_folder} as root, or pass download=True"
            )
        content = read_pickle(path)
        if not isinstance(content, dict):
            raise DataError(
                f"{type(self).__name__}: {path} holds a {type(content).__name__} where a dict belongs; "
                "fetch it again"
            )
        # after the pickle, whose message says more about a malicious file than its checksum does
        if checksum(path) != md5:
            raise DataError(
                f"{type(self).__name__}: {path} has the md5 {checksum(path)} and the published file {md5}; "
                "fetch it again"
            )
        return content

    def _batch(self, name: str, content: dict[Any, Any]) -> tuple[Array, Array]:
        x, labels = content.get(b"data"), content.get(self.labels_key)
        if not (isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 2 and x.shape[1] == 3072):
            got = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
            raise DataError(
                f"{type(self).__name__}: the pixels of {name} are {got}; they should be uint8 (n, 3072)"
            )
        if (
            not isinstance(labels, list)
            or not all(isinstance(t, int) for t in labels)
            or len(labels) != len(x)
        ):
            raise DataError(
                f"{type(self).__name__}: {name} has no list of {len(x)} whole numbers under "
                f"{self.labels_key!r}"
            )
        return x, np.array(labels, dtype=np.int64)

    def download(self) -> None:
        """Fetch and unpack the archive, unless every file is there with its published sum."""
        from tinygrad_cv.data.archives import extract
        from tinygrad_cv.data.download import download

        files = {**self.train_files, **self.test_files, self.meta[0]: self.meta[1]}
        if all((self.folder / n).is_file() and checksum(self.folder / n) == md5 for n, md5 in files.items()):
            return
        archive = download(self.mirrors, self.root / self.mirrors[0].rsplit("/", 1)[1], md5=self.archive_md5)
        extract(archive, self.folder.parent, limit=1 << 30)


class CIFAR100(CIFAR10):
    """Colour photographs of a hundred classes, 32 x 32, 50,000 for training and 10,000 for testing.

    The folder is ``cifar-100-python``; labels are the fine ones. The parameters are those of
    :class:`CIFAR10`.
    """

    base_folder = "cifar-100-python"
    mirrors = ["https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"]
    archive_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_files = {"train": "16019d7e3df5f24257cddd939b257f8d"}
    test_files = {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"}
    meta = ("meta", "7973b15100ade9c7d40fb424638fde48", b"fine_label_names")
    labels_key = b"fine_labels"
    number_of_classes = 100
    mean, std = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
