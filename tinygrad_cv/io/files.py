"""Files that appear whole or not at all, and JSON that explains itself when it is damaged."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, TypeAlias

from tinygrad_cv.data.files import replacing
from tinygrad_cv.ops.errors import DataError, DTypeError

PathLike: TypeAlias = str | os.PathLike[str]


def write_bytes(path: PathLike, content: bytes) -> Path:
    """Write a file in one step: afterwards there is the new content or, had anything failed, the old one."""
    with replacing(path) as file:
        file.write(content)
    _sync_folder(Path(path).parent)
    return Path(path)


def _sync_folder(folder: Path) -> None:
    """Let a rename survive a power cut; where folders cannot be opened (Windows) the system sees to it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: PathLike, content: str) -> Path:
    """Write a text file (UTF-8) in one step.

    ``content`` is the text.
    """
    return write_bytes(path, content.encode())


def write_json(path: PathLike, value: Any) -> Path:
    """Write a JSON file in one step, for people to read.

    ``value`` is a nest of dicts, lists, strings and numbers.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    except TypeError as error:
        raise DTypeError(f"write_json: {error}; give dicts, lists, strings and numbers") from None
    return write_text(path, text + "\n")


def read_json(path: PathLike) -> Any:
    """Return the content of a JSON file.

    Raises
    ------
    DataError
        The file is missing or damaged; the message says where.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"read_json: there is no file {path}; check the path") from None
    except OSError as error:
        raise DataError(f"read_json: {path} cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise DataError(f"read_json: {path} is no text file; it has been damaged or replaced") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"read_json: {path} breaks off or is no JSON at line {error.lineno}, column {error.colno} "
            f"({error.msg}); restore the file"
        ) from None


def sweep(folder: PathLike) -> int:
    """Remove the unfinished files that a killed writer left in ``folder``, and return how many there were."""
    left = list(Path(folder).glob(".*.part"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
