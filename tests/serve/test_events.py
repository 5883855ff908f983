"""Server-sent events: what an engine has at once leaves in one write, and nothing waits for what is not there yet."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from serve.asgi import Message
from serve.events import send_events

Events = AsyncGenerator[str, None]


def sent(events: Events) -> list[tuple[str, bool]]:
    """The bodies that leave, and whether more shall follow; the head is seen to be first."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(send_events(events, send))
    assert [message["type"] for message in messages[:2]] == ["http.response.start", "http.response.body"]
    return [(message["body"].decode(), message["more_body"]) for message in messages[1:]]


async def spoken(*pieces: str) -> Events:
    """A comma is a wait for the engine."""
    for piece in pieces:
        if piece == ",":
            await asyncio.sleep(0.001)
        elif piece == ";":
            await asyncio.sleep(0)
        else:
            yield piece


@pytest.mark.parametrize(
    ("pieces", "writes"),
    [
        ("a,b,c", [("a", True), ("b", True), ("c", False)]),
        ("ab,cde", [("ab", True), ("cde", False)]),
        ("a;b,", [("a", True), ("b", True), ("", False)]),
        (",a", [("a", False)]),
        ("", [("", False)]),
    ],
)
def test_events_that_are_there_together_are_one_write(pieces: str, writes: list[tuple[str, bool]]) -> None:
    assert sent(spoken(*pieces)) == writes


def test_a_generator_that_never_waits_is_written_in_parts_and_whole() -> None:
    bodies = sent(spoken(*["x"] * 1000))
    assert len(bodies) > 3
    assert "".join(body for body, _ in bodies) == "x" * 1000


@pytest.mark.parametrize("waits", [False, True])
def test_what_fails_before_the_first_event_sends_nothing(waits: bool) -> None:
    async def failing() -> Events:
        if waits:
            await asyncio.sleep(0)
        yield _absent()

    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    with pytest.raises(ValueError, match="no model"):
        asyncio.run(send_events(failing(), send))
    assert messages == []


@pytest.mark.parametrize("waits", [False, True])
def test_what_fails_later_ends_the_answer_short(waits: bool) -> None:
    async def failing() -> Events:
        yield "a"
        if waits:
            await asyncio.sleep(0)
        raise ValueError("gone")

    bodies: list[Any] = []

    async def send(message: Message) -> None:
        bodies.append(message.get("more_body"))

    with pytest.raises(ValueError, match="gone"):
        asyncio.run(send_events(failing(), send))
    assert False not in bodies


def test_a_generator_hears_that_the_client_has_left_where_it_waits() -> None:
    heard: list[str] = []

    async def endless() -> Events:
        try:
            yield "a"
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        finally:
            heard.append("closed")

    async def leave() -> None:
        begun = asyncio.Event()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                begun.set()

        answer = asyncio.create_task(send_events(endless(), send))
        await begun.wait()
        await asyncio.sleep(0)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer

    asyncio.run(leave())
    assert heard == ["cancelled", "closed"]


def test_timeouts_and_tasks_work_within_a_generator() -> None:
    async def timed() -> Events:
        yield "a"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.get_running_loop().create_future()
        yield str(await asyncio.gather(*(_soon(number) for number in range(3))))

    assert sent(timed()) == [("a", True), ("[0, 1, 2]", False)]


def _absent() -> str:
    raise ValueError("no model")


async def _soon(number: int) -> int:
    await asyncio.sleep(0)
    return number
