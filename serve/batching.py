"""Batches by tokens: items of many requests go in, device-sized batches come out, results return to each request.

Padding makes a batch cost its longest item times its size, so waiting items are sorted by length and a batch is closed
when that product would pass `max_tokens`. Nothing waits when the device is idle: a batch starts as soon as the previous
one ends, and holds whatever has come in since. One thread feeds the device, so that the engine needs no locks.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from serve.engine import Tokens
from serve.errors import TooLong


class _Item:
    def __init__(self, tokens: Tokens, arrival: int) -> None:
        self.tokens = tokens
        self.arrival = arrival
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class TokenBatcher:
    """Runs `compute(batch)` on batches of at most `max_tokens` padded tokens (one item may exceed it alone)."""

    def __init__(self, compute: Callable[[Sequence[Tokens]], Iterable[Any]], max_tokens: int) -> None:
        self._compute = compute
        self._max_tokens = max_tokens
        self._waiting: list[_Item] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._arrivals = itertools.count()
        self._running: asyncio.Task[None] | None = None

    async def run(self, items: Sequence[Tokens]) -> list[Any]:
        """The results in the order of `items`. When the caller is cancelled, what has not started is dropped."""
        arrived = [_Item(tokens, next(self._arrivals)) for tokens in items]
        self._waiting.extend(arrived)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._drain())
        return list(await asyncio.gather(*(item.result for item in arrived)))

    async def _drain(self) -> None:
        while batch := self._next():
            tokens = [item.tokens for item in batch]
            try:
                loop = asyncio.get_running_loop()
                results = await loop.run_in_executor(self._thread, self._compute, tokens)
            except Exception as error:
                _fail(batch, error)
            else:
                for item, result in zip(batch, results, strict=True):
                    if not item.result.done():
                        item.result.set_result(result)

    def _next(self) -> list[_Item]:
        """The oldest item, and with it those of like length that fit."""
        waiting = [item for item in self._waiting if not item.result.done()]
        if not waiting:
            self._waiting = []
            return []
        waiting.sort(key=lambda item: item.tokens.length)
        first = last = waiting.index(min(waiting, key=lambda item: item.arrival))
        while first > 0 and self._fits(waiting[last], last - first + 2):
            first -= 1
        while last + 1 < len(waiting) and self._fits(waiting[last + 1], last - first + 2):
            last += 1
        self._waiting = waiting[:first] + waiting[last + 1 :]
        return waiting[first : last + 1]

    def _fits(self, longest: _Item, size: int) -> bool:
        return longest.tokens.length * size <= self._max_tokens


def _fail(batch: Sequence[_Item], error: Exception) -> None:
    for item in batch:
        if not item.result.done():
            item.result.set_exception(error)


def check_length(tokens: Sequence[Tokens], most: int, param: str) -> None:
    """Raises TooLong for the first item above `most` tokens."""
    for index, item in enumerate(tokens):
        if item.length > most:
            raise TooLong(f"{param}[{index}] has {item.length} tokens; this model takes {most}", param=param)
