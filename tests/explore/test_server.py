"""The server answers what the page asks, refuses what must not come in, and lives on whatever happens."""

from __future__ import annotations

import io
import json
import math
import socket
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tinygrad_cv import nn
from tinygrad_cv.explore import of_model, serve
from tinygrad_cv.explore.serve import open_socket
from tinygrad_cv.explore.upload import MOST_BYTES
from tinygrad_cv.ops.errors import ArgumentError, DataError

from .conftest import Client, client_for, pixels, small


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), kind: str = "PNG", **options: Any) -> bytes:
    data = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 4)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(data).convert("RGB").convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def test_the_page_and_its_parts_are_served_under_a_strict_policy(client: Client) -> None:
    home = client("/")
    assert home.status == 200 and home.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in home.headers["content-security-policy"]
    assert "unsafe" not in home.headers["content-security-policy"]
    assert client("/page/main.js").headers["content-type"].startswith("text/javascript")
    assert client("/page/style.css").status == 200
    assert client("/page/..%2fapp.py").status == 404 and client("/page/app.py").status == 404


def test_an_answer_holds_the_maps_that_the_network_computed(client: Client) -> None:
    subject = small()
    answer, maps = client("/api/0/run", pixels()).packed
    assert math.isclose(sum(answer["shares"]), 1, abs_tol=1e-5)
    program = client(f"/api/0/program?run={answer['run']}").json
    shown = [s for s in program["steps"] if s["shown"]]
    assert [s["op"] for s in shown[:3]] == ["Conv2d", "FrozenBatchNorm", "Relu"]
    assert [list(m.shape) for m in maps] == [s["shape"][1:] for s in shown]
    x = (np.frombuffer(pixels(), "<f4").reshape(1, 1, 12, 12) - 0.5) / 0.5
    from tinygrad_cv.autograd import no_grad
    from tinygrad_cv.tensors import Tensor

    with no_grad():
        first = np.asarray(subject.model.eval().conv1(Tensor(x)))  # type: ignore[attr-defined]
    np.testing.assert_allclose(maps[0], first[0], rtol=1e-5, atol=1e-5)


def test_a_region_holds_the_numbers_behind_a_value(client: Client) -> None:
    answer, maps = client("/api/0/run", pixels()).packed
    asked = {"run": answer["run"], "source": ["step", 0], "box": [[0, 1], [1, 3], [2, 5], [0, 4]]}
    _, (region,) = client("/api/0/region", json.dumps(asked).encode()).packed
    np.testing.assert_array_equal(region, maps[0][None, 1:3, 2:5, 0:4])


def test_a_receptive_field_lies_where_the_window_reads(client: Client) -> None:
    answer, _ = client("/api/0/run", pixels()).packed
    field = client(f"/api/0/field?run={answer['run']}&step=0&index=0,1,5,0").json
    assert field == {"inside": [4, 0, 7, 2], "full": [4, -1, 7, 2]}


def test_evidence_is_a_picture_or_a_reason(client: Client) -> None:
    answer, _ = client("/api/0/run", pixels()).packed
    _, (heat,) = client(f"/api/0/evidence?run={answer['run']}&class=1&method=grad_cam").packed
    assert heat.shape == (12, 12) and heat.dtype == np.uint8
    refused = client(f"/api/0/evidence?run={answer['run']}&class=1&method=cam")
    assert refused.status == 422 and "use grad_cam" in refused.error


def test_drawings_are_svg(client: Client) -> None:
    graph = client("/api/0/graph.svg")
    assert graph.status == 200 and b"<svg" in graph.body and "svg" in graph.headers["content-type"]
    assert client("/api/0/curves.svg").status == 422


QUESTIONS: dict[str, Callable[[Client], Any]] = {
    "too few pixels": lambda c: c("/api/0/run", b"1234"),
    "pixels that are no brightness": lambda c: c("/api/0/run", np.full((1, 12, 12), np.nan, "<f4").tobytes()),
    "no such network": lambda c: c("/api/7/run", pixels()),
    "no such answer": lambda c: c("/api/0/program?run=99"),
    "no number": lambda c: c("/api/0/program?run=abc"),
    "no JSON": lambda c: c("/api/0/region", b"{"),
    "no such box": lambda c: c("/api/0/region", b'{"run": 1, "source": ["step", 0], "box": [[0, 9]]}'),
    "no such source": lambda c: c("/api/0/region", b'{"run": 1, "source": ["file", 0], "box": [[0, 1]]}'),
    "no such value": lambda c: c("/api/0/field?run=1&step=0&index=0,99,0,0"),
    "no such explanation": lambda c: c("/api/0/evidence?run=1&class=0&method=magic"),
    "no such class": lambda c: c("/api/0/evidence?run=1&class=99&method=grad_cam"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_without_sense_gets_a_sentence_and_the_next_one_an_answer(name: str, client: Client) -> None:
    assert client("/api/0/run", pixels()).status == 200
    reply = QUESTIONS[name](client)
    assert 400 <= reply.status < 500 and len(reply.error) > 10 and "Traceback" not in reply.error
    assert client("/api/0/run", pixels()).status == 200


def test_a_network_that_fails_says_so_and_the_server_lives_on() -> None:
    class Moody(nn.Module):
        def forward(self, x: Any) -> Any:
            if x.mean().item() > 0:
                raise RuntimeError("not in the mood")
            return nn.functional.relu(x).flatten(1)

    client = client_for(of_model(Moody(), input_size=(1, 4, 4)))
    assert client("/api/0/run", np.ones((1, 4, 4), "<f4").tobytes()).error == (
        "the network fails with RuntimeError: not in the mood"
    )
    assert client("/api/0/run", np.zeros((1, 4, 4), "<f4").tobytes()).status == 200


def test_a_network_whose_layers_do_not_fit_says_what_would() -> None:
    client = client_for(of_model(nn.Conv2d(3, 4, 3), input_size=(1, 4, 4)))
    reply = client("/api/0/run", np.zeros((1, 4, 4), "<f4").tobytes())
    assert reply.status == 422 and "3 channels" in reply.error or "1 channels" in reply.error


@pytest.mark.parametrize("mode, kind", [("RGB", "PNG"), ("CMYK", "JPEG"), ("L", "PNG"), ("P", "GIF"), ("RGBA", "PNG")])
def test_pictures_of_any_mode_are_framed(mode: str, kind: str, client: Client) -> None:
    header, (found,) = client("/api/0/upload", picture(mode, kind=kind), {"x-name": "a%20b.png"}).packed
    assert found.shape == (1, 12, 12) and 0 <= found.min() and found.max() <= 1 and header["steps"]


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 48).astype(np.uint16), (48, 1))
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "PNG")
    client = client_for(of_model(nn.Flatten(), input_size=(3, 48, 48)))
    _, (found,) = client("/api/0/upload", buffer.getvalue()).packed
    np.testing.assert_allclose(found[0, 0], np.linspace(0, 1, 48), atol=0.01)


def test_a_turned_photograph_comes_upright_and_an_animation_shows_its_first_picture() -> None:
    client = client_for(of_model(nn.Flatten(), input_size=(3, 8, 8)))
    half = Image.new("RGB", (16, 16), "red")
    half.paste((0, 0, 255), (0, 0, 8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    turned, moving = io.BytesIO(), io.BytesIO()
    half.save(turned, "PNG", exif=exif)
    half.save(moving, "GIF", save_all=True, append_images=[Image.new("RGB", (16, 16), "white")])
    header, (upright,) = client("/api/0/upload", turned.getvalue()).packed
    assert upright[2, 0, 0] > 0.9 and upright[0, 7, 7] > 0.9 and upright[2, 0, 7] > 0.9  # blue above, red below
    header, (first,) = client("/api/0/upload", moving.getvalue()).packed
    assert first[2, 4, 1] > 0.9 and "the first of 2 pictures" in header["steps"]


def bomb() -> bytes:
    """A small file that claims 60,000 x 60,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


UPLOADS = {
    "empty": (b"", "is empty"),
    "text": (b"I am no picture", "no picture that can be read"),
    "a page": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture that can be read"),
    "cut off": (picture()[:200], "cannot be read as a picture"),
    "too many pixels": (bomb(), "picture"),
    "too large": (b"\xff" * (MOST_BYTES + 1), "at most 10 MB"),
    "nothing on it": (None, "shows nothing"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_that_is_no_good_gets_a_sentence(name: str, client: Client) -> None:
    content, words = UPLOADS[name]
    if content is None:
        buffer = io.BytesIO()
        Image.new("L", (30, 30), 255).save(buffer, "PNG")
        content = buffer.getvalue()
    reply = client("/api/0/upload", content, {"x-name": "mine.png"})
    assert 400 <= reply.status < 500 and words in reply.error and "mine.png" in reply.error
    assert "upload" not in reply.error.replace("mine.png", "")
    assert client("/api/0/run", pixels()).status == 200


def test_more_than_any_question_needs_is_not_read(client: Client) -> None:
    assert client("/api/0/upload", b"x", {"content-length": str(10**9)}).status == 413
    assert client("/api/0/upload", b"x" * (17 * 2**20), {"content-length": "5"}).status == 413


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "", "10.1.2.3"])
def test_foreign_hosts_are_refused(host: str, client: Client) -> None:
    assert client("/", headers={"host": host}).status == 403
    assert client("/api/subjects", headers={"host": host}).status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_posts_of_other_pages_are_refused(origin: str, client: Client) -> None:
    assert client("/api/0/run", pixels(), {"origin": origin}).status == 403
    assert client("/api/0/run", pixels(), {"origin": "http://127.0.0.1:8420"}).status == 200


def test_a_server_for_the_neighbourhood_takes_addresses_but_no_names() -> None:
    client = client_for(small(), host="0.0.0.0")
    assert client("/api/subjects", headers={"host": "192.168.1.7:8420"}).status == 200
    assert client("/api/subjects", headers={"host": "evil.example"}).status == 403


def test_an_image_that_was_overtaken_is_not_computed(client: Client) -> None:
    assert client("/api/0/run", pixels(), {"x-tab": "a", "x-turn": "5"}).status == 200
    assert client("/api/0/run", pixels(), {"x-tab": "a", "x-turn": "4"}).status == 204
    assert client("/api/0/run", pixels(), {"x-tab": "b", "x-turn": "4"}).status == 200


def test_two_tabs_keep_their_own_answers_until_newer_ones_need_the_room(client: Client) -> None:
    first, second = (client("/api/0/run", pixels(seed=s), {"x-tab": str(s)}).packed[0]["run"] for s in (1, 2))
    assert client(f"/api/0/program?run={first}").status == client(f"/api/0/program?run={second}").status == 200
    for seed in range(4):
        client("/api/0/run", pixels(seed=seed))
    gone = client(f"/api/0/program?run={first}")
    assert gone.status == 410 and "show the image again" in gone.error


def test_a_port_in_use_is_a_sentence_and_the_usual_one_gives_way() -> None:
    with open_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"port {port} is in use"):
            open_socket("127.0.0.1", port)
    with open_socket("127.0.0.1", None) as one, open_socket("127.0.0.1", None) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
    with pytest.raises(ArgumentError, match="from 0 to 65535"):
        open_socket("127.0.0.1", 70000)
    with pytest.raises(ArgumentError, match="cannot be used"):
        open_socket("203.0.113.9", 0)


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(DataError, match=r"pip install 'tinygrad-cv\[web\]'"):
        serve(small())


def test_the_server_listens_on_the_loopback_alone_and_ends_by_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server with a real socket: it answers, and a browser that goes away in mid-answer does not end it."""
    uvicorn = pytest.importorskip("uvicorn")
    import threading
    import urllib.request

    servers: list[Any] = []

    class Noted(uvicorn.Server):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            servers.append(self)

    monkeypatch.setattr(uvicorn, "Server", Noted)
    pages: list[str] = []
    options = {"port": 0, "browser": False, "ready": pages.append}
    thread = threading.Thread(target=serve, args=(small(),), kwargs=options)
    thread.start()
    try:
        for _ in range(500):
            if servers and servers[0].started:
                break
            thread.join(0.02)
        assert pages[0].startswith("http://127.0.0.1:")
        port = int(pages[0].rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"POST /api/0/run HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\nabc")
        with urllib.request.urlopen(pages[0] + "api/subjects", timeout=20) as reply:
            assert json.load(reply)[0]["classes"] == ["cat", "dog", "owl"]
    finally:
        servers[0].should_exit = True
        thread.join(20)
    assert not thread.is_alive()
