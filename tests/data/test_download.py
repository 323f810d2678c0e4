"""Downloads from a server on loopback: checked, resumed, from mirrors, whole or not at all."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_cv import datasets
from tinygrad_cv.data.download import download
from tinygrad_cv.data.idx import write_idx
from tinygrad_cv.ops.errors import DataError

CONTENT = np.random.default_rng(1).bytes(200_000)
SUM = md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """``/cut`` breaks off halfway the first time, ``/plain`` knows no ranges, ``/404`` is missing."""

    def do_GET(self) -> None:
        server: Any = self.server
        wanted = self.headers.get("Range")
        server.seen.append((self.path, wanted))
        name = self.path.lstrip("/")
        content = server.files.get(name, CONTENT)
        if name == "404":
            return self.send_error(404)
        start = 0
        if wanted and name != "plain":
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        if name == "wrong":
            body = body[::-1]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = name in ("cut", "always-cut") and (start == 0 or name == "always-cut")
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.files = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_file_arrives_and_nothing_beside_it(server: Any, tmp_path: Path) -> None:
    path = download(server.url + "file", tmp_path / "deep" / "file", md5=SUM)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_file_that_is_there_is_not_fetched_again(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    download(server.url + "file", tmp_path / "file", sha256=sha256(CONTENT).hexdigest())
    assert server.seen == []


def test_damaged_file_is_fetched_again(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT[:-1])
    assert download(server.url + "file", tmp_path / "file", md5=SUM).read_bytes() == CONTENT


def test_broken_connection_is_resumed_where_it_broke(server: Any, tmp_path: Path) -> None:
    assert download(server.url + "cut", tmp_path / "file", md5=SUM).read_bytes() == CONTENT
    assert server.seen == [("/cut", None), ("/cut", "bytes=100000-")]


def test_download_of_an_earlier_process_is_resumed(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:150_000])
    assert download(server.url + "file", tmp_path / "file", md5=SUM).read_bytes() == CONTENT
    assert server.seen == [("/file", "bytes=150000-")]


def test_complete_part_is_taken(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert download(server.url + "file", tmp_path / "file", md5=SUM).read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [b"other" * 1000, bytes(300_000)])
def test_stale_part_is_thrown_away(server: Any, tmp_path: Path, stale: bytes) -> None:
    (tmp_path / "file.part").write_bytes(stale)
    assert download(server.url + "file", tmp_path / "file", md5=SUM).read_bytes() == CONTENT


def test_server_without_ranges_starts_anew(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:70_000])
    assert download(server.url + "plain", tmp_path / "file", md5=SUM).read_bytes() == CONTENT
    assert len(server.seen) == 1


def test_second_mirror_helps_out(server: Any, tmp_path: Path) -> None:
    urls = [server.url + "404", server.url + "wrong", server.url + "file"]
    assert download(urls, tmp_path / "file", md5=SUM).read_bytes() == CONTENT


def test_failure_says_what_every_mirror_did(server: Any, tmp_path: Path) -> None:
    urls = [server.url + name for name in ("404", "wrong", "always-cut")]
    with pytest.raises(DataError) as caught:
        download([*urls, "http://127.0.0.1:9/none"], tmp_path / "file", md5=SUM, attempts=2)
    text = str(caught.value)
    for part in ("answered 404", f"expected {SUM}", "the connection broke", "no connection", "by hand"):
        assert part in text
    assert not (tmp_path / "file").exists()


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(DataError, match="only http and https"):
        download(secret.as_uri(), tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_file_over_the_limit_is_refused(server: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="200,000 bytes; at most 1,000"):
        download(server.url + "file", tmp_path / "file", limit=1000)


def test_progress_is_shown_when_asked_for(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(server.url + "file", tmp_path / "file", md5=SUM, progress=True)
    assert "file: 100%" in capsys.readouterr().err
    download(server.url + "file", tmp_path / "other", md5=SUM)
    assert capsys.readouterr().err == ""


def test_mnist_downloads_what_is_missing(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path / "images", np.zeros((3, 28, 28), np.uint8))
    write_idx(tmp_path / "labels", np.arange(3, dtype=np.uint8))
    sums = {}
    for split in ("train", "t10k"):
        for kind, number in (("images", 3), ("labels", 1)):
            name = f"{split}-{kind}-idx{number}-ubyte.gz"
            server.files[name] = gzip.compress((tmp_path / kind).read_bytes())
            sums[name] = md5(server.files[name]).hexdigest()
    monkeypatch.setattr(datasets.MNIST, "checksums", sums)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.url + "404/", server.url])
    root = tmp_path / "root"
    assert datasets.MNIST(root, download=True).targets.tolist() == [0, 1, 2]
    assert sorted(p.name for p in (root / "MNIST/raw").iterdir()) == sorted(sums)
    before = len(server.seen)
    datasets.MNIST(root, train=False, download=True)
    assert len(server.seen) == before


def test_cifar_downloads_and_unpacks(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import pickle
    import tarfile

    files = {
        "test_batch": pickle.dumps({b"data": np.ones((2, 3072), np.uint8), b"labels": [3, 4]}, protocol=4),
        "batches.meta": pickle.dumps({b"label_names": [b"n"] * 10}, protocol=4),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    server.files["c.tar.gz"] = packed.getvalue()
    sums = {name: md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(datasets.CIFAR10, "mirrors", [server.url + "c.tar.gz"])
    monkeypatch.setattr(datasets.CIFAR10, "archive_md5", md5(packed.getvalue()).hexdigest())
    monkeypatch.setattr(datasets.CIFAR10, "train_files", {})
    monkeypatch.setattr(datasets.CIFAR10, "test_files", {"test_batch": sums["test_batch"]})
    monkeypatch.setattr(datasets.CIFAR10, "meta", ("batches.meta", sums["batches.meta"], b"label_names"))
    assert datasets.CIFAR10(tmp_path, train=False, download=True).targets.tolist() == [3, 4]
    before = len(server.seen)
    datasets.CIFAR10(tmp_path, train=False, download=True)
    assert len(server.seen) == before
