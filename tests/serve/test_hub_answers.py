"""Whether a hub answers, asked of a server on the loopback address."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from serve import standins


@pytest.fixture
def hub() -> Iterator[Callable[[int], str]]:
    """A server on the loopback address that answers everything with the status it is told."""
    servers = []

    def start(status: int) -> str:
        class Hub(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "answers"), [(200, True), (401, True), (404, True), (403, False), (502, False)])
def test_hub_answers_by_its_status(
    status: int, answers: bool, hub: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub(status))
    assert standins.hub_answers() is answers


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://hub.invalid", "nonsense"])
def test_hub_does_not_answer_where_nobody_listens(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    assert not standins.hub_answers()


def test_hub_does_not_answer_offline(hub: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub(200))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not standins.hub_answers()
