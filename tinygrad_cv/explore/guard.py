"""The door of the server: who may ask, how much may come in, and what the answers forbid the page.

A page of some other site must not be able to talk to a server on this machine. Its requests carry its own name, in
``Host`` where its name was bent to 127.0.0.1 (DNS rebinding), in ``Origin`` where it posts; both are refused.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
HEADERS = {
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin", "cross-origin-opener-policy": "same-origin",
}  # fmt: skip
MOST_BYTES = 16 * 1024 * 1024


class Guard:
    """Wraps an application: foreign hosts and origins get 403, bodies over the limit 413, answers a strict policy.

    Parameters
    ----------
    app : the application behind the door.
    host : what the server is bound to. Names of this machine and, where it is bound to more than the loopback, plain
        addresses are accepted beside it.
    """

    def __init__(self, app: App, host: str = "127.0.0.1") -> None:
        self.app, self.host = app, host.lower()

    def knows(self, host: str) -> bool:
        """Whether a ``Host`` header means this server.

        >>> guard = Guard(None)
        >>> [guard.knows(h) for h in ("127.0.0.1:80", "localhost", "[::1]:8", "evil.example", "10.0.0.1", "")]
        [True, True, True, False, False, False]
        """
        name = host.lower().rpartition("]")[0].lstrip("[") if host.startswith("[") else host.lower().partition(":")[0]
        if name in ("localhost", "127.0.0.1", "::1", self.host):
            return bool(name)
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not _is_loopback(self.host)

    def refusal(self, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and the sentence for a request that may not come in."""
        host = headers.get("host", "")
        if not self.knows(host):
            return 403, f"this server is not called {host or 'nothing'}; open the address that it printed"
        origin = headers.get("origin")
        if method != "GET" and origin is not None and origin.partition("://")[2] != host:
            return 403, "this request comes from another page; open the explorer itself"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and method != "GET":
            return 403, "this request comes from another page; open the explorer itself"
        if int(headers.get("content-length", "0") or 0) > MOST_BYTES:
            return 413, "this is more than 16 MB; send less"
        return None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            refused = self.refusal(scope["method"], headers)
        except ValueError:
            refused = 400, "the length of this request is no number"
        if refused is not None:
            status, sentence = refused
            body = json.dumps({"error": sentence}).encode()
            await send({
                "type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
                            (b"connection", b"close")],
            })  # fmt: skip
            await send({"type": "http.response.body", "body": body})
            return
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > MOST_BYTES:
                raise TooMuch
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                kinds = [v for k, v in message["headers"] if k.lower() == b"content-type"]
                policy = DRAWING_POLICY if kinds and kinds[0].startswith(b"image/svg") else PAGE_POLICY
                more = {**HEADERS, "content-security-policy": policy}
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in more.items())]
            await send(message)

        await self.app(scope, counted, marked)


class TooMuch(Exception):
    """A body that goes on beyond the limit."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
