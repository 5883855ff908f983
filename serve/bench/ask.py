"""One request and its answer: what is sent goes in, times and amounts come out. Times are of `time.perf_counter`."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

EVENT = b"data: "
LAST = b"data: [DONE]"


@dataclass(frozen=True)
class Ask:
    """What is sent."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    units: float = 0
    """Of what the task counts: sentences, pairs, seconds of audio that is heard."""
    unit_bytes: int = 0
    """Where the answer's size says how many units: bytes of one."""
    streams: bool = False
    """Whether events come."""
    tokens: bool = False
    """Whether tokens are answered, which a whole answer says the number of."""


@dataclass
class Answer:
    """What came of it."""

    begin: float
    """When it was sent, or in an open loop when it should have been."""
    first: float = 0
    """When the first piece came: an event with content, or the first byte of a body."""
    end: float = 0
    pieces: int = 0
    """Events with content."""
    tokens: int = 0
    """As the server counts them, or else `pieces`."""
    prompt_tokens: int = 0
    """As the server counts them."""
    cached_tokens: int = 0
    """Those of them that it had not to read again, where it says so."""
    size: int = 0
    """Bytes."""
    units: float = 0
    error: str = ""
    """Status or failure; empty when all went well."""
    retry_after: bool = False
    """Whether the server said when to come again."""


async def asked(session: aiohttp.ClientSession, address: str, ask: Ask, begin: float | None = None) -> Answer:
    """The answer, read to its end."""
    answer = Answer(time.perf_counter() if begin is None else begin)
    try:
        async with session.post(address + ask.path, data=ask.body, headers=ask.headers) as response:
            if response.status != 200:
                await response.read()
                answer.error, answer.retry_after = str(response.status), "retry-after" in response.headers
            elif ask.streams:
                await _events(response, answer)
            else:
                await _bytes(response, answer, ask.tokens)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        answer.error = type(error).__name__
    answer.end = time.perf_counter()
    answer.units = answer.size / ask.unit_bytes if ask.unit_bytes else ask.units
    return answer


async def _bytes(response: aiohttp.ClientResponse, answer: Answer, tokens: bool) -> None:
    said = bytearray()
    async for chunk in response.content.iter_any():
        answer.first = answer.first or time.perf_counter()
        answer.size += len(chunk)
        if tokens:
            said += chunk
    if tokens:
        _count(answer, json.loads(said).get("usage"))


async def _events(response: aiohttp.ClientResponse, answer: Answer) -> None:
    """Only the events around the end are read as JSON, which alone say how many tokens there were."""
    held, usage = b"", b""
    async for chunk in response.content.iter_any():
        now = time.perf_counter()
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            if not line.startswith(EVENT) or line.startswith(LAST):
                continue
            if b'"completion_tokens"' in line:
                usage = line
            if b'"choices":[]' not in line:
                answer.first = answer.first or now
                answer.pieces += 1
        answer.size += len(chunk)
    _count(answer, json.loads(usage[len(EVENT) :])["usage"] if usage else None)


def _count(answer: Answer, usage: Mapping[str, Any] | None) -> None:
    """What the server says of it."""
    said = usage or {}
    answer.tokens = said.get("completion_tokens") or answer.pieces
    answer.prompt_tokens = said.get("prompt_tokens", 0)
    answer.cached_tokens = (said.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
