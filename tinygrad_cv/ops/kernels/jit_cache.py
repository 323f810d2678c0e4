"""Where compiled kernels are kept, and when they are out of date.

Numba stamps each function with its own file; a changed helper in another file would go unseen. Here the stamp of every
function is the hash of all kernel sources, and a folder that cannot be written is replaced by a temporary one, so that
importing never fails.

Environment: TGCV_CACHE_DIR (the folder), TGCV_SIMD (kernels of each kind of vector have a folder of their own).
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, name-defined"
from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

OUTSIDE: dict[str, Callable[[], None]] = {}
"""What must run before machine code that names a symbol is loaded: see `outline`."""


@cache
def stamp() -> str:
    """Return the SHA-256 over the sources of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def cache_folder() -> Path:
    """Return the folder that keeps machine code: TGCV_CACHE_DIR, the user's cache, or a temporary one."""
    wish = os.environ.get("TGCV_CACHE_DIR")
    # One checkout, one SIMD setting, one folder: switching between them recompiles nothing.
    home = hashlib.sha256(str(Path(__file__).parent.resolve()).encode()).hexdigest()[:8]
    leaf = f"{home}-{os.environ.get('TGCV_SIMD') or 'auto'}"
    try:
        folder = (Path(wish) if wish else _user_cache() / "tinygrad_cv" / "kernels") / leaf
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        return folder
    except (OSError, RuntimeError):
        folder = Path(tempfile.mkdtemp(prefix="tinygrad_cv-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


@cache
def cache_class() -> Any:
    from numba.core import caching

    class Locator(caching._CacheLocator):
        def __init__(self, function: Callable[..., Any], file: str) -> None:
            self._py_file, self.line = file, function.__code__.co_firstlineno

        @classmethod
        def from_function(cls, function: Callable[..., Any], file: str) -> Any:
            return cls(function, file)

        def get_cache_path(self) -> str:
            return str(cache_folder())

        def get_source_stamp(self) -> str:
            return stamp()

        def get_disambiguator(self) -> str:
            return str(self.line)

    class Results(caching.CompileResultCacheImpl):
        _locator_classes = [Locator]

        def rebuild(self, target_context: Any, payload: Any) -> Any:
            code = pickle.dumps(payload[0])
            for name, link in OUTSIDE.items():
                if name.encode() in code:
                    link()
            return super().rebuild(target_context, payload)

    class Cache(caching.FunctionCache):
        _impl_class = Results

    return Cache
