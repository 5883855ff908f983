"""Which model a body names, and that nobody keeps the room that bodies share by sending slowly."""

import asyncio

import pytest

from serve import wanted
from serve.asgi import Message
from serve.errors import TooSlow
from serve.room import Room

FORM = b"multipart/form-data; boundary=x"


@pytest.mark.parametrize("kind", [b"application/json", FORM], ids=["JSON", "a form"])
def test_who_sends_too_slowly_hears_so_and_holds_nothing_any_more(kind: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "READ_SECONDS", 0.01)
    parts = iter([b"--x\r\n" if kind is FORM else b'{"model":'])
    room = Room(100)

    async def receive() -> Message:
        if part := next(parts, None):
            return {"type": "http.request", "body": part, "more_body": True}
        return await asyncio.Future()

    async def ask() -> None:
        with room.one() as hold:
            await wanted.model({"type": "http", "method": "POST", "headers": [(b"content-type", kind)]}, receive, hold)

    with pytest.raises(TooSlow, match="send the request again") as refused:
        asyncio.run(ask())
    assert (refused.value.status, room.taken) == (408, 0)
