"""The application without a network: one call is one request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import nn
from tinygrad_cv.explore.pack import unpack
from tinygrad_cv.explore.subject import Subject, of_model
from tinygrad_cv.tensors.random import manual_seed


class Small(nn.Module):
    """Every common kind of step: functional calls, a shortcut, batch norm, both poolings, a module that runs twice."""

    input_size = (1, 12, 12)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.fc = nn.Linear(4 * 3 * 3, 3)

    def forward(self, x: Any) -> Any:
        """Scores (N, 3)."""
        x = self.bn(self.conv1(x)).relu()
        x = self.conv2(x).relu() + self.conv2(x)
        x = nn.functional.max_pool2d(x, 2)
        return self.fc(nn.functional.avg_pool2d(x, 2).flatten(1))


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])

    @property
    def packed(self) -> tuple[dict[str, Any], list[Any]]:
        return unpack(self.body)


Client = Callable[..., Reply]


def small() -> Subject:
    manual_seed(0)
    net = Small()
    net.bn.running_mean._data[:] = 0.1
    net.bn.running_var._data[:] = 2.0
    samples = np.random.default_rng(0).integers(0, 256, (3, 1, 12, 12)).astype(np.uint8)
    return of_model(net, classes=["cat", "dog", "owl"], samples=(samples, [0, 1, 2]))


def client_for(*subjects: Subject, host: str = "127.0.0.1") -> Client:
    """A function that asks the application for these subjects."""
    pytest.importorskip("starlette", reason="the page needs the extra web")
    from tinygrad_cv.explore.app import build_app

    app = build_app(subjects, host)

    def ask(path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        path, _, query = path.partition("?")
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        named = {"host": "127.0.0.1:8420", "content-length": str(len(body or b"")), **(headers or {})}
        scope = {
            "type": "http", "method": "GET" if body is None else "POST", "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "headers": [(k.encode(), v.encode()) for k, v in named.items()],
            "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8420), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        asyncio.run(app(scope, receive, send))
        start = next(m for m in sent if m["type"] == "http.response.start")
        content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        return Reply(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, content)

    return ask


@pytest.fixture
def client() -> Client:
    """A client of one small network."""
    return client_for(small())


def pixels(subject_size: tuple[int, int, int] = (1, 12, 12), seed: int = 0) -> bytes:
    return np.random.default_rng(seed).random(subject_size).astype("<f4").tobytes()
