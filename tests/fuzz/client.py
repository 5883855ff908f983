"""One request as bytes on a connection of its own: what is asked goes in, what was answered comes out.

A library would correct what is wrong with a request, so the bytes are written here. Clients send at once or by chunks,
stop half way, or leave when they have asked.
"""

import asyncio
import contextlib
import json
import socket
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fuzz import BOUND_SECONDS

CHUNK = 2**16
ANTHROPICS = "/v1/messages"  # Whose errors have a type and a message (docs.anthropic.com/en/api/errors).
Way = Literal["whole", "chunked", "stops", "leaves"]


@dataclass(frozen=True)
class Ask:
    """A POST to `path`; `kind` says what is wrong with it."""

    kind: str
    path: str
    content_type: bytes | None
    body: bytes = field(repr=False)
    way: Way = "whole"
    part: float = 1
    """Of the body, after which a client that stops does so."""
    pause: float = 0
    """Seconds that a client which stops or leaves stays on."""


@dataclass(frozen=True)
class Answer:
    """`status` is 0 where none came, and `said` is what is wrong with the answer, if anything."""

    ask: Ask
    status: int
    seconds: float
    said: str = ""
    body: bytes = b""


async def sent(ask: Ask, port: int, key: str) -> Answer:
    """The answer, which a client that left did not wait for."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            status, head, body = await _exchanged(ask, port, key)
    except TimeoutError:
        return Answer(ask, 0, time.monotonic() - began, f"no answer in {BOUND_SECONDS} s")
    except OSError as error:
        return Answer(ask, 0, time.monotonic() - began, f"no answer: {error}")
    seconds = time.monotonic() - began
    if ask.way in ("stops", "leaves"):
        return Answer(ask, status, seconds)
    return Answer(ask, status, seconds, fault(status, head, body, ask.path), body[:1000])


def fault(status: int, head: bytes, body: bytes, path: str) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if not status:
        return "there was no answer, or it broke off"
    if status >= 500:
        return "the server failed"
    if status < 400:
        return ""
    try:
        error: Any = json.loads(body)["error"]
        wanted = {"type"} if ANTHROPICS in path else {"type", "param", "code"}
        shaped = isinstance(error["message"], str) and wanted <= error.keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        shaped = False
    return "" if shaped else f"the error has another shape than OpenAI's ({head[:40].decode('latin-1')!r})"


async def _exchanged(ask: Ask, port: int, key: str) -> tuple[int, bytes, bytes]:
    """By a plain socket: of a connection that the server closes early asyncio's streams drop what it has answered."""
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        asking = asyncio.create_task(_write(ask, key, connection))
        try:
            if ask.way not in ("stops", "leaves"):
                return await _read(connection)
            await asking
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ask.pause):
                    return await _read(connection)
            return 0, b"", b""
        finally:
            asking.cancel()
            await asyncio.wait({asking})


async def _write(ask: Ask, key: str, connection: socket.socket) -> None:
    """The server may answer before it has read all, and close."""
    length = b"transfer-encoding: chunked" if ask.way == "chunked" else b"content-length: %d" % len(ask.body)
    kind = [] if ask.content_type is None else [b"content-type: " + ask.content_type]
    lines = [
        b"POST %b HTTP/1.1" % ask.path.encode(), b"host: localhost", b"authorization: Bearer " + key.encode(),
        b"connection: close", length, *kind,
    ]  # fmt: skip
    body = ask.body[: int(len(ask.body) * ask.part)]
    pieces = (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))
    if ask.way == "chunked":
        pieces = (b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    with contextlib.suppress(ConnectionError):
        for piece in (b"\r\n".join(lines) + b"\r\n\r\n", *pieces):
            await asyncio.get_running_loop().sock_sendall(connection, piece)


async def _read(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """Status, head and body of an answer whose end is the connection's; status 0 where it is not whole."""
    said = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := await asyncio.get_running_loop().sock_recv(connection, CHUNK):
            said += part
    head, _, body = bytes(said).partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        whole, body = _joined(body)
    else:
        length = lower.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
        whole = int(length) == len(body) if length else bool(head)
    return (int(head[9:12]) if whole else 0), head, body


def _joined(body: bytes) -> tuple[bool, bytes]:
    """Whether the last chunk of an answer has come, and what is in all of them."""
    found, start = list[bytes](), 0
    while (end := body.find(b"\r\n", start)) > 0:
        length = int(body[start:end].split(b";")[0], 16)
        if not length:
            return True, b"".join(found)
        found.append(body[end + 2 : end + 2 + length])
        start = end + 2 + length + 2
    return False, b"".join(found)
