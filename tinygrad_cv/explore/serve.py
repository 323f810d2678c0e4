"""Serving the page: a socket on the loopback, uvicorn behind it, and a browser in front of it."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

from tinygrad_cv.explore.subject import Subject, of_model
from tinygrad_cv.ops.errors import ArgumentError, DataError

USUAL_PORT = 8420


def require_web() -> None:
    """Refuse where the extra is not installed.

    Raises
    ------
    DataError
        What is missing, and how to get it.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise DataError(
            f"explore: the page needs the package {error.name}; install it with pip install 'tinygrad-cv[web]'"
        ) from None


def open_socket(host: str, port: int | None) -> socket.socket:
    """Listen on a port; without one on 8420, or on any free one where that is taken.

    Raises
    ------
    ArgumentError
        The port or the address cannot be had, and what could.
    """
    if port is not None and not 0 <= port < 65536:
        raise ArgumentError(f"explore: there is no port {port}; give --port a number from 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in [port] if port is not None else [USUAL_PORT, 0]:
        try:
            return socket.create_server((host, wanted), family=family)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port is None and wanted:
                continue
            if error.errno == errno.EADDRINUSE:
                raise ArgumentError(
                    f"explore: port {wanted} is in use; give --port another number, or 0 for any free one"
                ) from None
            if error.errno in (errno.EACCES, errno.EPERM):
                raise ArgumentError(
                    f"explore: port {wanted} may not be used; give --port a number of 1024 or more"
                ) from None
            raise ArgumentError(
                f"explore: the address {host} cannot be used ({error.strerror or error}); give --host 127.0.0.1"
            ) from None
    raise AssertionError


def address(listener: socket.socket, host: str) -> str:
    """What to type into the browser."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{listener.getsockname()[1]}/"


def serve(
    *models: Any,
    port: int | None = None,
    host: str = "127.0.0.1",
    browser: bool = True,
    ready: Callable[[str], None] | None = None,
    **about: Any,
) -> None:
    """Serve the explorer for one network, or for several side by side, until Ctrl-C.

    Parameters
    ----------
    models : networks, or functions of a tensor (1, C, H, W), or subjects as `open_subject` gives them.
    port : 0 takes any free one; without it 8420 is tried first.
    host : the address to listen on. Whoever can reach it can use the network; the loopback is this machine alone.
    browser : open a browser.
    ready : called with the page's address as soon as the server listens.
    about : for networks: ``title``, ``input_size``, ``classes``, ``mean``, ``std``, ``samples``, as for `of_model`.
    """
    require_web()
    import uvicorn

    from tinygrad_cv.explore.app import build_app

    subjects = [m if isinstance(m, Subject) else of_model(m, **about) for m in models]
    if not subjects:
        raise ArgumentError("explore: got no network; give one")
    with open_socket(host, port) as listener:
        page = address(listener, host)
        config = uvicorn.Config(
            build_app(subjects, host, warm=True), log_level="error", lifespan="off", access_log=False,
            server_header=False, timeout_graceful_shutdown=2, ws="none",
        )  # fmt: skip
        (ready or _say)(page)
        if browser:
            threading.Timer(0.3, webbrowser.open, [page]).start()
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _say(page: str) -> None:
    print(f"the explorer: {page}  (Ctrl-C ends it)", flush=True)



