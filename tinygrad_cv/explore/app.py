"""The application that the page talks to.

Every question runs in one thread of its own, one after the other, so that a network never runs twice at a time and
Numba's threads are always the same. While somebody draws, only the latest image of each tab is worth an answer: one
that has been overtaken while it waited gets 204.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from tinygrad_cv.explore.guard import App, Guard, TooMuch
from tinygrad_cv.explore.pack import pack, quantised
from tinygrad_cv.explore.pictures import curves_svg, graph_svg
from tinygrad_cv.explore.session import Answer, Gone, Session
from tinygrad_cv.explore.subject import Subject
from tinygrad_cv.explore.upload import read_picture
from tinygrad_cv.ops.errors import ArgumentError, TinygradError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")
PAGE = Path(__file__).with_name("page")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
log = logging.getLogger(__name__)


class Desk:
    """The sessions, the one thread that works on them, and which image of each tab is the latest."""

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.sessions = [Session(subject) for subject in subjects]
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="explore")
        self.latest: OrderedDict[tuple[str, int], int] = OrderedDict()

    def warm(self) -> None:
        """Run every network once, so that its kernels are loaded when somebody begins to draw."""
        for session in self.sessions:
            with contextlib.suppress(Exception):  # who shows it an image will be told
                session.run(np.full(session.subject.input_size, 0.5, np.float32))
            session.answers.clear()

    async def work(self, task: Callable[[], T]) -> T:
        """Run a task in the one thread."""
        return await asyncio.get_running_loop().run_in_executor(self.worker, task)

    def session(self, request: Request) -> Session:
        """The session that a path names."""
        place = int(request.path_params["k"])
        if place >= len(self.sessions):
            raise ArgumentError(f"explore: there is no network {place}; there are {len(self.sessions)}")
        return self.sessions[place]

    async def answer(self, request: Request) -> tuple[Session, Answer]:
        """The session and the answer that a question is about."""
        session = self.session(request)
        return session, session.answer(_number(request, "run"))

    async def run(self, request: Request) -> Response:
        """Show an image to a network: float32 pixels in, the answer and its maps out."""
        from starlette.responses import Response

        session, place = self.session(request), int(request.path_params["k"])
        key, turn = (request.headers.get("x-tab", "")[:64], place), int(request.headers.get("x-turn", "0"))
        self.latest[key] = max(turn, self.latest.get(key, 0))
        self.latest.move_to_end(key)
        while len(self.latest) > 256:
            self.latest.popitem(last=False)
        body = await request.body()
        size = session.subject.input_size
        if len(body) != 4 * math.prod(size):
            wanted = 4 * math.prod(size)
            raise ArgumentError(f"explore: the image has {len(body)} bytes; {size} float32 pixels have {wanted}")
        pixels = np.frombuffer(body, "<f4").reshape(size)

        def task() -> bytes | None:
            return None if self.latest.get(key, turn) > turn else _packed(session, session.run(pixels))

        content = await self.work(task)
        return Response(status_code=204) if content is None else _bytes(content)

    async def program(self, request: Request) -> Response:
        """The steps of an answer."""
        _, answer = await self.answer(request)
        return _json(answer.program.description())

    async def maps(self, request: Request) -> Response:
        """The maps of one step as bytes."""
        session, answer = await self.answer(request)
        value, low, high = quantised(session.maps(answer, _number(request, "step")))
        return _bytes(pack({"low": low, "high": high}, [value]))

    async def region(self, request: Request) -> Response:
        """A box of numbers."""
        asked = await request.json()
        session = self.session(request)
        found = session.region(session.answer(int(asked["run"])), asked["source"], asked["box"])
        return _bytes(pack({}, [found.astype(np.float32)]))

    async def field(self, request: Request) -> Response:
        """The receptive field of one value."""
        session, answer = await self.answer(request)
        index = [int(k) for k in request.query_params.get("index", "").split(",")]
        return _json(await self.work(lambda: session.field(answer, _number(request, "step"), index)))

    async def evidence(self, request: Request) -> Response:
        """A heat map over the image for a class."""
        session, answer = await self.answer(request)
        method, target = request.query_params.get("method", "grad_cam"), _number(request, "class")
        return _bytes(pack({}, [await self.work(lambda: session.evidence(answer, method, target))]))

    async def upload(self, request: Request) -> Response:
        """Decode a picture and frame it for the network."""
        from urllib.parse import unquote

        subject = self.session(request).subject
        name = unquote(request.headers.get("x-name", ""))[:80] or "the picture"
        content = await request.body()
        pixels, steps = await asyncio.to_thread(read_picture, content, name, subject)
        return _bytes(pack({"steps": steps}, [pixels]))

    async def samples(self, request: Request) -> Response:
        """Images of the data set, as bytes, with their classes."""
        images, labels = self.session(request).subject.samples or (np.zeros((0, 1, 1, 1), np.uint8), [])
        return _bytes(pack({"labels": labels}, [images]))

    async def graph(self, request: Request) -> Response:
        """The graph of a network as SVG."""
        subject = self.session(request).subject
        return _svg(await self.work(lambda: graph_svg(subject)))

    async def curves(self, request: Request) -> Response:
        """The curves of a run as SVG."""
        return _svg(await asyncio.to_thread(curves_svg, self.session(request).subject))

    async def subjects(self, request: Request) -> Response:
        """What is explored."""
        return _json(await self.work(lambda: [describe(s) for s in self.sessions]))


def describe(session: Session) -> dict[str, Any]:
    """A subject as plain values for the page."""
    s = session.subject
    return {
        "title": s.title, "input": s.input_size, "classes": s.classes, "mean": s.mean, "std": s.std, "ink": s.ink,
        "parameters": s.parameters(), "random": s.random, "samples": s.samples is not None,
        "model": s.run.config.model if s.run else type(s.model).__name__, "data": s.run.config.data if s.run else None,
        "curves": s.run is not None and bool(s.run.history()), "matches": session.filters(),
    }  # fmt: skip


def _packed(session: Session, answer: Answer) -> bytes:
    inline = session.inline(answer)
    header = {
        "run": answer.number, "signature": answer.program.signature(), "inline": inline is not None,
        "milliseconds": round(1000 * answer.seconds, 2), "scores": [_finite(v) for v in answer.scores],
        "shares": [_finite(v) for v in answer.shares],
    }  # fmt: skip
    return pack(header, inline or ())


def _finite(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isdigit():
        raise ArgumentError(f"explore: {name} is {text or 'missing'}; give a whole number")
    return int(text)


def _json(value: Any, status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(value, status)


def _bytes(content: bytes) -> Response:
    from starlette.responses import Response

    return Response(content, media_type="application/octet-stream")


def _svg(text: str) -> Response:
    from starlette.responses import Response

    return Response(text, media_type="image/svg+xml")


async def _page(request: Request) -> Response:
    """The page and its parts: the files of one folder, by name."""
    from starlette.responses import Response

    name = request.path_params.get("name", "index.html")
    known = {path.name: path for path in PAGE.iterdir() if path.suffix in KINDS}
    if name not in known:
        return _json({"error": f"there is no {name[:80]} here"}, 404)
    return Response(known[name].read_bytes(), media_type=KINDS[known[name].suffix] + "; charset=utf-8")


async def _failed(request: Request, error: Exception) -> Response:
    """A sentence for whatever went wrong; the server goes on."""
    if isinstance(error, TooMuch):
        return _json({"error": "this is more than 16 MB; send less"}, 413)
    if isinstance(error, Gone):
        return _json({"error": _sentence(error)}, 410)
    if isinstance(error, TinygradError):
        return _json({"error": _sentence(error)}, 422)
    if isinstance(error, (ValueError, KeyError, TypeError, IndexError)):
        return _json({"error": "this question makes no sense; load the page again"}, 400)
    log.exception("explore: %s failed", request.url.path)
    return _json({"error": f"unexpected {type(error).__name__}: {error}"}, 500)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).removeprefix("explore: ")


def build_app(subjects: Sequence[Subject], host: str = "127.0.0.1", warm: bool = False) -> App:
    """Return the ASGI application for some networks, behind its `Guard`; ``warm`` runs each of them once beforehand."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    desk = Desk(subjects)
    if warm:
        desk.worker.submit(desk.warm)

    def route(path: str, endpoint: Callable[..., Any], method: str = "GET") -> Route:
        async def safe(request: Request) -> Response:
            try:
                return cast("Response", await endpoint(request))
            except Exception as error:
                return await _failed(request, error)

        return Route(path, safe, methods=[method])

    app = Starlette(routes=[
        route("/", _page), route("/page/{name}", _page), route("/api/subjects", desk.subjects),
        route("/api/{k:int}/run", desk.run, "POST"), route("/api/{k:int}/program", desk.program),
        route("/api/{k:int}/maps", desk.maps), route("/api/{k:int}/region", desk.region, "POST"),
        route("/api/{k:int}/field", desk.field), route("/api/{k:int}/evidence", desk.evidence),
        route("/api/{k:int}/upload", desk.upload, "POST"), route("/api/{k:int}/samples", desk.samples),
        route("/api/{k:int}/graph.svg", desk.graph), route("/api/{k:int}/curves.svg", desk.curves),
    ])  # fmt: skip
    return Guard(app, host)
