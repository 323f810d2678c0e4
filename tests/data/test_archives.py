"""Archives stay in their folder, within their limits, and come out whole or not at all."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tinygrad_cv.data.archives import extract
from tinygrad_cv.ops.errors import DataError


def tar(
    path: Path, *entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "", mode: Any = "w:gz"
) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, link
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


MAKERS = {"x.tar.gz": tar, "x.zip": zipped}


@pytest.mark.parametrize("name", MAKERS)
def test_content_comes_out(tmp_path: Path, name: str) -> None:
    archive = MAKERS[name](tmp_path / name, ("set/a/1", b"one"), ("set/2", b"two"))
    assert extract(archive, tmp_path / "out") == [tmp_path / "out" / "set"]
    assert (tmp_path / "out/set/a/1").read_bytes() == b"one"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["set"]


@pytest.mark.parametrize("mode", ["w", "w:bz2", "w:xz"])
def test_other_compressions_come_out(tmp_path: Path, mode: str) -> None:
    extract(tar(tmp_path / "x", ("a", b"one"), mode=mode), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"one"


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("evil", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:evil"])
def test_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str, evil: str) -> None:
    archive = MAKERS[name](tmp_path / name, ("good", b"1"), (evil, b"2"))
    with pytest.raises(DataError, match="would leave its folder"):
        extract(archive, tmp_path / "deep" / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted([name, "deep", "out"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tar(tmp_path / "x.tar.gz", ("link", b""), kind=kind, link="/etc/passwd")
    with pytest.raises(DataError, match="a link or a device"):
        extract(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_link_in_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="a link or a device"):
        extract(tmp_path / "x.zip", tmp_path / "out")


@pytest.mark.parametrize("name", MAKERS)
def test_bomb_stops_at_the_limit_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    archive = MAKERS[name](tmp_path / name, ("a", bytes(900_000)), ("b", bytes(900_000)))
    assert archive.stat().st_size < 10_000
    with pytest.raises(DataError, match="more than 1,000,000 bytes"):
        extract(archive, tmp_path / "out", limit=1_000_000)
    assert list((tmp_path / "out").iterdir()) == []


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    archive = tar(tmp_path / "x.tar.gz", *((str(k), b"") for k in range(11)))
    with pytest.raises(DataError, match="more than 10 entries"):
        extract(archive, tmp_path / "out", members=10)


@pytest.mark.parametrize("cut", [0, 10, 60])
@pytest.mark.parametrize("name", MAKERS)
def test_damaged_archive_is_refused_and_leaves_nothing(tmp_path: Path, name: str, cut: int) -> None:
    archive = MAKERS[name](tmp_path / name, ("a", bytes(range(256)) * 40))
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(DataError, match="damaged or cut short"):
        extract(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", MAKERS)
def test_name_that_is_file_and_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = MAKERS[name](tmp_path / name, ("a", b"1"), ("a/b", b"2"))
    with pytest.raises(DataError, match="could not be unpacked into"):
        extract(archive, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*x\.tar"):
        extract(tmp_path / "x.tar", tmp_path)


def test_entry_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    extract(zipped(tmp_path / "1.zip", ("set/old", b"1")), tmp_path / "out")
    extract(zipped(tmp_path / "2.zip", ("set/new", b"2")), tmp_path / "out")
    assert [p.name for p in (tmp_path / "out/set").iterdir()] == ["new"]
