"""Fetching a file: checksum, resume, mirrors, progress; the file appears whole or not at all.

What has arrived lies in ``NAME.part`` beside the target, so that an interrupted download goes on where it
stopped (an HTTP range request), even in a later process. Only when the checksum is right does it take its
name.
"""

from __future__ import annotations

import http.client
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinygrad_cv.data.files import checksum
from tinygrad_cv.ops.errors import DataError

_CHUNK = 1 << 16
_LIMIT = 1 << 34


def download(
    urls: str | Sequence[str],
    path: str | os.PathLike[str],
    md5: str | None = None,
    sha256: str | None = None,
    progress: bool | None = None,
    timeout: float = 30.0,
    attempts: int = 3,
    limit: int = _LIMIT,
) -> Path:
    """Fetch a file from the first of several addresses that delivers it.

    Parameters
    ----------
    urls
        One http(s) address, or mirrors in order of preference.
    path
        The file to make. If it is there already with the right sum (or no sum is asked for), nothing is
        fetched.
    md5, sha256
        The expected sum as hexadecimal digits.
    progress
        Show a bar; by default when standard error is a terminal.
    timeout
        Seconds of silence after which a server counts as gone.
    attempts
        Tries per address; each goes on where the last one broke off.
    limit
        Bytes after which a file is refused (16 GiB).

    Raises
    ------
    DataError
        No address delivered the file; the message says what each of them did.
    """
    path = Path(path)
    kind, wanted = ("sha256", sha256) if sha256 else ("md5", md5)
    if path.is_file() and (wanted is None or checksum(path, kind) == wanted):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    failures: list[str] = []
    for url in [urls] if isinstance(urls, str) else urls:
        for attempt in range(attempts):
            try:
                _fetch(url, part, progress, timeout, limit)
            except (OSError, http.client.HTTPException, DataError) as error:
                failures.append(f"{url}: {_reason(error)}")
                if isinstance(error, urllib.error.HTTPError | DataError):
                    break
                continue
            got = checksum(part, kind) if wanted else None
            if got == wanted:
                _settle(part, path)
                return path
            part.unlink()
            failures.append(f"{url}: the {kind} is {got}, expected {wanted}")
            if attempt:  # a stale .part may have spoilt the first try; a fresh one that is wrong stays wrong
                break
    raise DataError(
        f"download: could not get {path.name}: "
        + "; ".join(failures)
        + f"; fetch it by hand and put it at {path}"
    )


def _settle(part: Path, path: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"no connection ({error.reason})"
    return str(error) or type(error).__name__


def _fetch(url: str, part: Path, progress: bool | None, timeout: float, limit: int) -> None:
    if not url.startswith(("https://", "http://")):
        raise DataError("only http and https addresses are fetched")
    have = part.stat().st_size if part.exists() else 0
    # identity: a server that compresses on the fly would make the range and the sum meaningless
    headers = {"User-Agent": "tinygrad_cv", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if (
            error.code == 416 and have
        ):  # nothing past what we have: either complete, which the sum tells, or stale
            if re.fullmatch(rf"bytes \*/{have}", error.headers.get("Content-Range", "")):
                return
            part.unlink()
            return _fetch(url, part, progress, timeout, limit)
        raise
    with answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        start = have if resumed else 0
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        if (total or 0) > limit:
            raise DataError(f"the file has {total:,} bytes; at most {limit:,} are fetched")
        with part.open("ab" if resumed else "wb") as file, _bar(part.stem, start, total, progress) as bar:
            done = start
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > limit:
                    raise DataError(f"the server sent more than {limit:,} bytes")
                file.write(chunk)
                bar.update(len(chunk))
        if total is not None and done != total:
            raise OSError(f"the connection broke after {done:,} of {total:,} bytes")


def _bar(name: str, start: int, total: int | None, progress: bool | None) -> Any:
    from tqdm.auto import tqdm

    silent = not (sys.stderr.isatty() if progress is None else progress)
    return tqdm(desc=name, initial=start, total=total, unit="B", unit_scale=True, disable=silent)
