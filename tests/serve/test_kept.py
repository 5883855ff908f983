"""A body that is kept: what was read can be had again, and of a long one no more is read than somebody wants."""

import asyncio

from serve.asgi import Message
from serve.kept import MOST, Kept

PART = b"x" * (MOST // 4)


class Client:
    """Sends parts for ever."""

    def __init__(self) -> None:
        self.sent = 0

    async def receive(self) -> Message:
        self.sent += len(PART)
        return {"type": "http.request", "body": PART, "more_body": True}


def test_what_was_read_comes_again_and_the_client_is_asked_for_the_rest() -> None:
    async def read() -> None:
        kept = Kept((client := Client()).receive, asyncio.Event().wait)
        first = kept.again()
        await first()
        await first()
        second = kept.again()
        assert [(await second())["body"] for _ in range(3)] == [PART] * 3
        assert client.sent == 3 * len(PART)
        assert kept.whole

    asyncio.run(read())


def test_a_long_body_waits_with_its_client_until_it_is_wanted() -> None:
    async def read() -> None:
        wanted = asyncio.Event()
        receive = Kept((client := Client()).receive, wanted.wait).again()

        async def all_of_it() -> None:
            for _ in range(8):
                await receive()

        reading = asyncio.create_task(all_of_it())
        for _ in range(1000):  # Turns of the loop, and more than reading all would take.
            await asyncio.sleep(0)
        assert not reading.done()
        assert client.sent == MOST + len(PART)
        wanted.set()
        await reading
        assert client.sent == 8 * len(PART)

    asyncio.run(read())
