"""Server-sent events to a client in as few writes as can be: an engine's generator goes in, ASGI messages come out.

Each write is a call of the kernel that wakes the proxy and the client, which costs more than making the event. So what
the generator has at once leaves at once: the last word, the usage and the end of an answer are one write, not four.
Nothing is ever held back for what is not there yet.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any

from serve.asgi import Send

HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
MOST_HELD = 256  # Events, of a generator that never waits.
END = ""


async def send_events(events: AsyncGenerator[str, None], send: Send) -> None:
    """Sends all of them, and closes the generator when the client leaves. What fails before the first is raised."""
    async with aclosing(events):
        held = [await anext(events, END)]
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        while held[-1] != END:
            step = _Step(events)
            if step.waits or len(held) >= MOST_HELD:
                await _write(held, send)
            held.append(await step)
        await _write(held, send, more=False)


async def _write(held: list[str], send: Send, more: bool = True) -> None:
    body = "".join(held).encode()
    held.clear()
    await send({"type": "http.response.body", "body": body, "more_body": more})


class _Step:
    """The generator's next event, begun: whether it `waits` for something is known before it is awaited."""

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        self._rest = anext(events, END).__await__()
        self._event = END
        self._future: asyncio.Future[Any] | None = None
        self.waits = False
        try:
            self._future = self._rest.send(None)
            self.waits = True
        except StopIteration as made:
            self._event = made.value

    def __await__(self) -> Generator[asyncio.Future[Any] | None, Any, str]:
        """Goes on as an event loop would have it: what the generator waits for is handed up to it."""
        if not self.waits:
            return self._event
        future = self._future
        while True:
            try:
                try:
                    yield future
                except BaseException as error:  # The client has left, and the generator is to know.
                    future = self._rest.throw(error)
                else:
                    future = self._rest.send(None)
            except StopIteration as made:
                event: str = made.value
                return event
