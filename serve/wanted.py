"""Which model a request wants: its body goes in, as much of it as is needed, the name it gives comes out.

JSON is read whole, since it can only be understood whole. A form is read until its field `model` has come; a recording
behind it is not held here.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serve.asgi import Message, Receive, Scope, header
from serve.errors import BadRequest, TooLarge, TooSlow
from serve.forward import stream
from serve.room import Hold

MAX_NAME = 1024
READ_SECONDS = 120.0
MAX_HELD = 64 * 2**20  # Per request, in the memory of the head.
Body = AsyncIterator[bytes] | bytes | None


def untouched(scope: Scope, receive: Receive) -> Body:
    """The body as it comes, for a request whose model is known; None where the request declares none."""
    declares = header(scope, b"content-length") not in (b"", b"0") or header(scope, b"transfer-encoding")
    return stream(receive) if declares else None


async def model(scope: Scope, receive: Receive, hold: Hold = lambda _: None) -> tuple[str | None, Body]:
    """The name, None where the request gives none, and the body to carry on; `hold` hears what is held of it here."""
    if scope["method"] != "POST":
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return next(iter(query.get("model", ())), None), untouched(scope, receive)
    kind, options = parse_options_header(header(scope, b"content-type"))
    if kind == b"multipart/form-data":
        if b"boundary" not in options:
            raise BadRequest("content-type: multipart/form-data needs a boundary")
        return await _in_form(options[b"boundary"], receive, hold)
    whole = await _whole(receive, hold)
    return _in_json(whole), whole


@asynccontextmanager
async def _soon() -> AsyncIterator[None]:
    """Raises TooSlow for who takes so long that others would miss the room."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            yield
    except TimeoutError:
        raise TooSlow(f"the body was not here after {READ_SECONDS:g} seconds; send the request again") from None


async def _whole(receive: Receive, hold: Hold) -> bytes:
    body = bytearray()
    async with _soon():
        async for part in stream(receive):
            body += part
            _must_fit(len(body))
            hold(len(part))
    return bytes(body)


def replayed(body: Body, receive: Receive) -> Receive:
    """The body that was read, and then what `receive` has: that the client leaves."""
    parts = _parts(body)

    async def replay() -> Message:
        async for part, more in parts:
            return {"type": "http.request", "body": part, "more_body": more}
        return await receive()

    return replay


async def _parts(body: Body) -> AsyncIterator[tuple[bytes, bool]]:
    if body is None or isinstance(body, bytes):
        yield body or b"", False
        return
    async for part in body:
        yield part, True
    yield b"", False


def _must_fit(size: int) -> None:
    """Raises TooLarge for what would have to be held here before its model is known."""
    if size > MAX_HELD:
        raise TooLarge(
            f"more than {MAX_HELD} bytes came before the model was known; put a form's model first, or send it "
            "to the model's own path"
        )


def _in_json(body: bytes) -> str | None:
    try:
        read = json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    name = read.get("model") if isinstance(read, dict) else None
    if name is not None and not isinstance(name, str):
        raise BadRequest("model must be a text", param="model")
    return name


async def _in_form(boundary: bytes, receive: Receive, hold: Hold) -> tuple[str | None, Body]:
    field = _ModelField()
    read, held, more = list[bytes](), 0, True
    try:
        parser = MultipartParser(boundary, field.callbacks())
    except FormParserError as error:
        raise BadRequest(f"content-type: {error}") from None
    async with _soon():
        while more and field.value is None:
            message = await receive()
            more = message["type"] == "http.request" and message.get("more_body", False)
            read.append(message.get("body", b""))
            held += len(read[-1])
            _must_fit(held)
            hold(len(read[-1]))
            try:
                parser.write(read[-1])
            except FormParserError as error:
                raise BadRequest(f"the body is not a form: {error}") from None
    rest = stream(receive, *read) if more else b"".join(read)
    return field.value, rest


class _ModelField:
    """Hears the parser's events and keeps the value of the part named `model`."""

    def __init__(self) -> None:
        self.value: str | None = None
        self._header = b""
        self._part = b""
        self._ours = False

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: None,
            "on_header_value": self._name,
            "on_header_end": self._named,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def _begin(self) -> None:
        self._header, self._part, self._ours = b"", b"", False

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _named(self) -> None:
        self._ours = self._ours or parse_options_header(self._header)[1].get(b"name") == b"model"
        self._header = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._ours and len(self._part) < MAX_NAME:
            self._part += data[start:end]

    def _end(self) -> None:
        if self._ours:
            self.value = self._part.decode("utf-8", "replace").strip()
