"""From an engine that blocks to an answer that streams: a plain iterator goes in, chunks leave as they are made.

When the client goes away Serve cancels the request; what it had not started is then never started.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Self, TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Send

from serve.pulse import Pulse
from serve.waits import Waits

Item = TypeVar("Item")
END = object()


class DeviceThread:
    """The one thread of a replica that takes what its engine makes, so that engines need no locks.

    It takes one step of one iterator at a time, so that a short request need not wait for all of a long one.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="device")
        self.waits = Waits()
        self.pulse = Pulse()

    async def run(self, call: Callable[[], Item]) -> Item:
        """The result of `call`; cancelled while it waits, it is never called."""
        with self.waits.one() as over:

            def begin() -> Item:
                over()
                with self.pulse.step():
                    return call()

            return await asyncio.get_running_loop().run_in_executor(self._pool, begin)

    async def iterate(self, items: Iterator[Item]) -> AsyncGenerator[Item, None]:
        """The items as they are made; closes the iterator when the caller stops early."""
        try:
            while (item := await self.run(lambda: next(items, END))) is not END:
                yield item  # type: ignore[misc]  # END is never an Item
        finally:
            if close := getattr(items, "close", None):
                self._pool.submit(close)  # In its own thread: a step may be under way.


class Streamed(StreamingResponse):
    """Sends chunks as they come, and stops making them when the client goes away."""

    chunks: AsyncGenerator[str | bytes, None]

    @classmethod
    async def begin(cls, chunks: AsyncGenerator[str | bytes, None], media_type: str) -> Self:
        """The answer, once its first chunk is made: what fails before that still becomes a status."""
        first = await anext(chunks, b"")

        async def all_chunks() -> AsyncGenerator[str | bytes, None]:
            yield first
            async for chunk in chunks:
                yield chunk

        answer = cls(all_chunks(), media_type=media_type, headers={"cache-control": "no-cache"})
        answer.chunks = chunks
        return answer

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.chunks):
            await super().stream_response(send)
