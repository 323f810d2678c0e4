"""Unpacking tar and zip files that come from elsewhere.

Every name is judged before anything is written: it must stay inside the folder, and be a file or a folder (no
links, no devices). Sizes are counted while they are written, whatever the header claims. All goes into a new
folder beside the target; what is found there takes its place only when the whole archive is out.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from tinygrad_cv.ops.errors import DataError

_LIMIT = 1 << 34
_MEMBERS = 1_000_000


class _Member(NamedTuple):
    name: str
    folder: bool
    plain: bool
    open: Callable[[], IO[bytes] | None]


def extract(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    limit: int = _LIMIT,
    members: int = _MEMBERS,
) -> list[Path]:
    """Unpack a .tar (.gz, .bz2, .xz) or .zip into ``folder``; give the top entries that appeared there.

    An entry that is in the folder already is replaced as a whole.

    Parameters
    ----------
    limit
        The most bytes that may come out of it (16 GiB).
    members
        The most entries it may have.

    Raises
    ------
    DataError
        A name leaves the folder, an entry is a link or a device, the limits are passed, or the file is
        damaged. Nothing has been written then.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise DataError(f"extract: there is no file {archive}; give the path of a tar or zip file")
    folder.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{archive.name}.", suffix=".part", dir=folder))
    try:
        with ExitStack() as stack:
            _unpack(archive, _members(archive, stack), fresh, limit, members)
        found = []
        for entry in sorted(fresh.iterdir()):
            target = folder / entry.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            os.replace(entry, target)
            found.append(target)
        return found
    except DataError:
        raise
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError) as error:
        raise DataError(
            f"extract: {archive} is damaged or cut short ({error}); fetch the file again"
        ) from error
    except (OSError, RuntimeError) as error:
        # a full disk, a name that is both a file and a folder; zipfile: a password, an unknown compression
        raise DataError(
            f"extract: {archive} could not be unpacked into {folder} ({error}); unpack it by hand if you "
            "trust it"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        packed = stack.enter_context(zipfile.ZipFile(archive))
        for info in packed.infolist():
            kind = info.external_attr >> 28  # the file type in Unix' mode; 0 where it was made elsewhere
            yield _Member(
                info.filename,
                info.is_dir(),
                kind in (0, 4, 8),
                lambda info=info: packed.open(info),  # type: ignore[misc]
            )
        return
    tar = stack.enter_context(tarfile.open(archive))
    for entry in tar:
        yield _Member(
            entry.name,
            entry.isdir(),
            entry.isdir() or entry.isreg(),
            lambda entry=entry: tar.extractfile(entry),  # type: ignore[misc]
        )


def _unpack(archive: Path, found: Iterator[_Member], target: Path, limit: int, most: int) -> None:
    left = limit
    for count, member in enumerate(found, 1):
        if count > most:
            raise DataError(
                f"extract: {archive} has more than {most:,} entries; unpack it by hand if you trust it"
            )
        parts = _inside(archive, member)
        path = target.joinpath(*parts)
        if member.folder:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        source = member.open()
        if source is None:
            continue
        with source, path.open("wb") as file:
            while chunk := source.read(min(1 << 20, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise DataError(
                        f"extract: {archive} unpacks to more than {limit:,} bytes; raise limit if you trust "
                        "it"
                    )
                file.write(chunk)


def _inside(archive: Path, member: _Member) -> tuple[str, ...]:
    name = member.name.replace("\\", "/")
    path = PurePosixPath(name)
    drive = ":" in path.parts[0] if path.parts else False
    if path.is_absolute() or ".." in path.parts or drive or "\0" in name:
        raise DataError(
            f"extract: {archive} holds {member.name!r}, which would leave its folder; nothing was unpacked, "
            "so do not "
            "trust this archive"
        )
    if not member.plain:
        raise DataError(
            f"extract: {archive} holds {member.name!r}, a link or a device; only files and folders are "
            "unpacked, so "
            "do not trust this archive"
        )
    return path.parts
