"""The gateway's calls of models that do not answer at once: what is tried again, after what pause, and what is not."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from serve import calls
from serve.asgi import Message, Scope, Send
from serve.calls import PAUSE, TRIES, Calls
from serve.errors import ModelUnavailable
from serve.forward import Forwarder
from serve.wanted import Body

WELL: list[Message] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"{}"},
]


class Breaking(Forwarder):
    """A way to a model, over which so many connections break; after so many messages of the answer."""

    def __init__(self, breaks: int, after: int = 0) -> None:
        self.left = breaks
        self.after = after
        self.tries = 0

    async def forward(self, scope: Scope, path: str, body: Body, send: Send, address: str = "") -> None:
        self.tries += 1
        for message in WELL[: self.after] if self.left else WELL:
            await send(message)
        if self.left:
            self.left -= 1
            raise ModelUnavailable("the connection to the model broke", retry_after=1)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """The bounds of each, which then is none."""
    drawn: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.0

    monkeypatch.setattr(calls, "random", SimpleNamespace(uniform=uniform))
    return drawn


def call(forwarder: Forwarder, body: Body = b"{}") -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Calls().call(forwarder, "llm", {"type": "http"}, "/v1/x", body, send))
    return sent


def test_a_request_whose_connection_breaks_is_sent_again_after_pauses_of_chance(pauses: list[Any]) -> None:
    assert call(forwarder := Breaking(TRIES - 1)) == WELL
    assert forwarder.tries == TRIES
    assert pauses == [(0, PAUSE), (0, 2 * PAUSE)]


def test_after_so_many_tries_the_client_hears_why(pauses: list[Any]) -> None:
    with pytest.raises(ModelUnavailable, match="the connection to the model broke"):
        call(forwarder := Breaking(TRIES))
    assert forwarder.tries == TRIES


def test_an_answer_that_has_begun_is_not_asked_for_again(pauses: list[Any]) -> None:
    with pytest.raises(ModelUnavailable):
        call(forwarder := Breaking(1, after=1))
    assert (forwarder.tries, pauses) == (1, [])


def test_a_body_that_streams_is_sent_once_as_it_is_gone_then(pauses: list[Any]) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"audio"

    with pytest.raises(ModelUnavailable):
        call(forwarder := Breaking(1), stream())
    assert (forwarder.tries, pauses) == (1, [])
