"""Folders of pictures: every mode of picture is read, every bad one is named."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_cv import datasets, transforms
from tinygrad_cv.data.images import pil_loader
from tinygrad_cv.ops.errors import DataError
from tinygrad_cv.utils.data import DataLoader


def picture(path: Path, mode: str = "RGB", value: object = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 6), value).save(path)  # type: ignore[arg-type]
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cats/b.png", "cats/a.PNG", "cats/deep/c.jpg", "dogs/a.png"):
        picture(tmp_path / name)
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def test_samples_are_sorted_by_class_and_path(root: Path) -> None:
    folder = datasets.ImageFolder(root)
    assert [str(Path(p).relative_to(root)) for p, _ in folder.samples] == [
        "cats/a.PNG",
        "cats/b.png",
        "cats/deep/c.jpg",
        "dogs/a.png",
    ]
    assert folder.targets == [0, 0, 0, 1] and folder.class_to_idx == {"cats": 0, "dogs": 1}
    image, label = folder[3]
    assert (image.mode, image.size, label) == ("RGB", (8, 6), 1)


def test_folder_feeds_a_loader(root: Path) -> None:
    folder = datasets.ImageFolder(
        root, transform=transforms.Compose([transforms.Resize(4), transforms.ToTensor()])
    )
    x, y = next(iter(DataLoader(folder, batch_size=4)))
    assert x.shape == (4, 3, 4, 5) and y.numpy().tolist() == [0, 0, 0, 1]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is no folder"):
        datasets.ImageFolder(tmp_path / "nowhere")


def test_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no folders \(and 0 files\)"):
        datasets.ImageFolder(tmp_path)
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"\(and 1 files\).*a folder of its own"):
        datasets.ImageFolder(tmp_path)


def test_empty_class_is_refused_unless_allowed(root: Path) -> None:
    (root / "empty").mkdir()
    with pytest.raises(DataError, match=r"class folder .*empty holds no files"):
        datasets.ImageFolder(root)
    assert datasets.ImageFolder(root, allow_empty=True).classes == ["cats", "dogs", "empty"]


def test_one_class_only_warns(tmp_path: Path) -> None:
    picture(tmp_path / "cats" / "a.png")
    with pytest.warns(UserWarning, match=r"one class only \('cats'\)"):
        assert len(datasets.ImageFolder(tmp_path)) == 1


def test_own_test_of_paths_decides(root: Path) -> None:
    folder = datasets.ImageFolder(root, is_valid_file=lambda path: path.endswith("a.png"), allow_empty=True)
    assert len(folder) == 1


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 10), (77, 77, 77)),
        ("RGBA", (10, 20, 30, 5), (10, 20, 30)),
        ("I;16", 0x8000, (127, 127, 127)),
        ("I", 65535, (255, 255, 255)),
    ],
)
def test_modes_become_rgb(tmp_path: Path, mode: str, value: object, expected: tuple[int, ...]) -> None:
    image = pil_loader(picture(tmp_path / ("x.tif" if mode == "I" else "x.png"), mode, value))
    assert image.mode == "RGB" and image.getpixel((3, 3)) == expected


def test_palette_with_transparency_is_looked_up(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "x.png", transparency=bytes([0, 128]))
    assert pil_loader(tmp_path / "x.png").getpixel((1, 1)) == (200, 100, 50)


def test_cmyk_is_converted(tmp_path: Path) -> None:
    r, g, b = pil_loader(picture(tmp_path / "x.jpg", "CMYK", (0, 255, 255, 0))).getpixel((4, 3))  # type: ignore[misc]
    assert r > 240 and g < 15 and b < 15


def test_float_tiff_is_scaled(tmp_path: Path) -> None:
    assert pil_loader(picture(tmp_path / "x.tif", "F", 0.5)).getpixel((0, 0)) == (127, 127, 127)


def test_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    with pytest.raises(DataError, match=r"x.png is empty \(0 bytes\)"):
        pil_loader(tmp_path / "x.png")


@pytest.mark.parametrize("keep", [20, 0.5, 0.9])
@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif", "x.bmp"])
def test_truncated_file_is_named(tmp_path: Path, name: str, keep: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    with pytest.raises(DataError, match="cannot be read as a picture"):
        pil_loader(tmp_path / name)


def test_text_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_text("<html>404</html>")
    with pytest.raises(DataError, match="cannot be read as a picture"):
        pil_loader(tmp_path / "x.jpg")


def test_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match="claims too many pixels"):
        pil_loader(tmp_path / "x.png")


def test_bad_picture_in_a_loader_is_named_with_its_index(root: Path) -> None:
    (root / "cats" / "b.png").write_bytes(b"")
    loader = DataLoader(
        datasets.ImageFolder(root, transform=transforms.ToTensor()), batch_size=4, num_workers=2
    )
    with pytest.raises(DataError, match=r"item 1 of ImageFolder failed .*b.png is empty"):
        list(loader)
