"""What a client hears of a request that is refused while it is worked on."""

import asyncio
from typing import Any

import pytest

from serve.asgi import Message, Receive, Scope, Send
from serve.errors import Congested, TimedOut
from serve.front.exchange import Exchange
from serve.front.front import Front
from serve.front.keys import EVERYBODY

SCOPE: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v1/x", "root_path": "", "headers": []}


@pytest.mark.parametrize("times", [1, 2, 4])
def test_of_several_refusals_at_the_same_moment_the_client_hears_the_first(times: int) -> None:
    """As where each answer of one request has a deadline of its own."""

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.of(scope)
        for error in (Congested("too late", retry_after=5), *[TimedOut("later still")] * (times - 1)):
            exchange.refuse(error)
        await asyncio.Event().wait()

    async def ask() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        await asyncio.wait_for(Front(late, EVERYBODY, max_body=100)(dict(SCOPE), receive, send), 5)
        return sent

    start, *_ = asyncio.run(ask())
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
