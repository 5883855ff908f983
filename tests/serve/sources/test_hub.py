"""A repository of a hub on the loopback address becomes a folder, fetched by the real client."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from serve import sources
from serve.errors import ModelUnavailable
from serve.sources import transfer
from serve.values import Source
from tests.serve.sources.wire import PIECE, WEIGHTS, Wire

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = Source(hub="org/whisper")


@dataclass
class Hub:
    """As much of the hub's API as its client needs for a snapshot of `org/whisper` at COMMIT."""

    files: dict[str, bytes]
    gated: bool = False
    token: str | None = None
    down: bool = False
    fails: str | None = None

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.down or (method == "GET" and path.rpartition("/")[2] == self.fails):
            return 500, {}, b""
        if path.startswith("/api/models/org/gone"):
            return 401, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if re.match(r"/api/models/org/whisper/revision/(?!main$|v1$)", path):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if path.startswith(f"/api/models/org/whisper/tree/{COMMIT}"):
            return 200, {}, dumps([self._entry(name) for name in self.files]).encode()
        if path.startswith("/api/models/org/whisper"):
            return 200, {}, dumps({"id": "org/whisper", "sha": COMMIT}).encode()
        if self.gated and self.token is None:
            return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
        content = self.files[path.removeprefix(f"/org/whisper/resolve/{COMMIT}/")]
        return 200, {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}, content

    def _entry(self, name: str) -> dict[str, Any]:
        oid = sha256(self.files[name]).hexdigest()
        return {"type": "file", "path": name, "size": len(self.files[name]), "oid": oid[:40]}


@pytest.fixture
def hub(
    wire: Callable[[tuple[str, int]], Wire], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Hub, Wire]]:
    from huggingface_hub import constants

    known = Hub({"config.json": b"{}", "model.bin": WEIGHTS, "onnx/model.onnx": b"2"})

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            known.token = self.headers["Authorization"]
            status, headers, content = known.answer(self.command, self.path)
            if (span := self.headers["Range"]) and status == 200:
                start = int(span.removeprefix("bytes=").split("-")[0])
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                status, content = 206, content[start:]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A cut wire is meant."""

    server = Quiet(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    laid = wire(("127.0.0.1", server.server_port))
    monkeypatch.setenv("HF_ENDPOINT", laid.address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield known, laid
    server.shutdown()
    server.server_close()


def test_hub_repository_becomes_a_folder(hub: tuple[Hub, Wire], cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ray.serve"):
        folder = sources.fetch(REPOSITORY, "whisper")
    assert folder == cache / "hub/org/whisper@main"
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert (folder / "onnx/model.onnx").read_bytes() == b"2"
    lines = [line for message in caplog.messages if (line := transfer.PATTERN.fullmatch(message))]
    assert (lines[0]["percent"], lines[-1]["percent"]) == ("0", "100")


def test_hub_gives_only_what_is_included(hub: tuple[Hub, Wire]) -> None:
    folder = sources.fetch(Source(hub="org/whisper", include=("*.json",)), "whisper")
    assert [file.name for file in folder.iterdir() if file.is_file()] == ["config.json"]


def test_hub_connection_that_breaks_is_continued_with_a_range(
    hub: tuple[Hub, Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, laid = hub
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", PIECE)
    laid.left, laid.heals = len(WEIGHTS) // 2, True
    assert (sources.fetch(REPOSITORY, "whisper") / "model.bin").read_bytes() == WEIGHTS
    spans = [span for path, span in laid.requests if path.endswith("model.bin") and span]
    assert len(spans) == 1
    assert len(WEIGHTS) // 4 < int(spans[0].removesuffix("-")) < len(WEIGHTS) // 2
    assert laid.carried < 1.3 * len(WEIGHTS)


def test_hub_that_goes_down_leaves_nothing_to_use_but_what_is_whole(hub: tuple[Hub, Wire], cache: Path) -> None:
    known, laid = hub
    known.fails = "model.bin"
    with pytest.raises(ModelUnavailable, match="could not be fetched in 1 attempts"):
        sources.fetch(REPOSITORY, "whisper")
    assert not (cache / "hub/org/whisper@main").exists()
    known.fails = None
    laid.requests.clear()
    assert (sources.fetch(REPOSITORY, "whisper") / "model.bin").read_bytes() == WEIGHTS
    assert not [path for path, _ in laid.requests if path.endswith(".onnx")]


def test_hub_that_falls_silent_after_the_listing_gives_no_folder(
    hub: tuple[Hub, Wire], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = cache / "hub/org/whisper@main.partial"
    partial.mkdir(parents=True)
    (partial / "config.json").write_text("{}")
    monkeypatch.setattr(sources.hub, "snapshot_download", lambda *_, **__: str(partial))
    with pytest.raises(ModelUnavailable, match=r"incomplete: model\.bin, onnx/model\.onnx"):
        sources.fetch(REPOSITORY, "whisper")
    assert not (cache / "hub/org/whisper@main").exists()


def test_hub_is_asked_nothing_when_the_revision_is_complete(
    hub: tuple[Hub, Wire], caplog: pytest.LogCaptureFixture
) -> None:
    known, laid = hub
    folder = sources.fetch(REPOSITORY, "whisper")
    known.down = True
    laid.requests.clear()
    caplog.clear()
    with caplog.at_level(logging.INFO, "ray.serve"):
        assert sources.fetch(REPOSITORY, "whisper") == folder
    assert laid.requests == []
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(hub="org/gone"), "there is no hub repository 'org/gone', or it is private; check source.hub, or give"),
        (Source(hub="org/whisper", revision="v9"), "'org/whisper' has no revision 'v9'; check source.revision"),
        (Source(hub="org/whisper", include=("*.h5",)), r"'org/whisper' has no file that matches \*\.h5; check source"),
        (Source(hub="org/--"), "hub repository 'org/--' is not a name that the hub can have"),
    ],
)
def test_hub_refusal_says_what_to_do(hub: tuple[Hub, Wire], source: Source, message: str) -> None:
    with pytest.raises(ModelUnavailable, match=message):
        sources.fetch(source, "whisper")


def test_hub_gate_is_opened_by_a_token(hub: tuple[Hub, Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    hub[0].gated = True
    with pytest.raises(
        ModelUnavailable, match=r"'org/whisper' is gated; accept its terms at http://.*/org/whisper and"
    ):
        sources.fetch(REPOSITORY, "whisper")
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    assert (sources.fetch(REPOSITORY, "whisper") / "model.bin").read_bytes() == WEIGHTS


def test_hub_that_is_unreachable_is_said_to_be(hub: tuple[Hub, Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelUnavailable, match=r"check that this node can reach it, or give .*ConnectError"):
        sources.fetch(REPOSITORY, "whisper")


def test_hub_that_is_switched_off_is_said_to_be(hub: tuple[Hub, Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="'org/whisper' is not in the cache, and HF_HUB_OFFLINE forbids"):
        sources.fetch(REPOSITORY, "whisper")
