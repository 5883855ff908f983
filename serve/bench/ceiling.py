"""What this client could do at most: the answer of a server that does nothing is asked for, as often as it goes.

The server answers every request with the same bytes: those that the measured one sent, in as many pieces. Where a
figure comes near this ceiling, it is the client's and not the server's.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection

from serve.bench.ask import Answer, Ask
from serve.bench.load import Level, Run, connected, run

EVENT = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'


async def ceiling(asks: Iterator[Ask], level: Level, like: Run) -> Run:
    """The load of `level` against a server that answers as many events, or bytes, as the last good answer of `like`."""
    well = next((one for one in reversed(like.answers) if not one.error), Answer(0))
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there, _answer(well.pieces, well.size)), daemon=True)
    server.start()
    try:
        port = await asyncio.to_thread(here.recv)
        async with connected() as session:
            return await run(session, f"http://127.0.0.1:{port}", level, asks, seed=0)
    finally:
        server.terminate()
        await asyncio.to_thread(server.join)


def _answer(pieces: int, size: int) -> list[bytes]:
    """In chunks, each written by itself."""
    kind = b"text/event-stream" if pieces else b"application/json"
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: %b\r\n\r\n" % kind
    chunks = [EVENT] * pieces or [b"{}".ljust(size)]  # JSON, as its usage may be looked for.
    return [head, *(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\n\r\n"]


class _Server(asyncio.Protocol):
    """Reads as much of HTTP as its one client writes."""

    def __init__(self, answer: list[bytes]) -> None:
        self._answer = answer
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        if found and len(body) >= int(length.partition(b":")[2]):
            self._held = b""
            for chunk in self._answer:
                self._transport.write(chunk)


def _serve(ready: Connection, answer: list[bytes]) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Server(answer), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())
