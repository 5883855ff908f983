"""Batches by tokens: items of many requests go in, device-sized batches come out, results return to each request.

Padding makes a batch cost its longest item times its size, so a batch is the oldest waiting item and its neighbours in
length. Nothing waits for a batch to fill: one thread feeds the device, and whenever it is free it takes what has come
in since. While it computes, other threads tokenise and the event loop answers.
"""

import asyncio
import contextlib
import logging
import threading
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from serve.engine import Tokens
from serve.errors import TooLong
from serve.metrics.traffic import BATCH
from serve.pulse import Pulse
from serve.waits import Waits

T = TypeVar("T")
logger = logging.getLogger("ray.serve")
SLACK = 16
"""Tokens: above them, no item is padded to more than twice its length."""


class _Request:
    """The items of one caller: `results` fill up, then `done` wakes it."""

    def __init__(self, size: int, begin: Callable[[], None]) -> None:
        self.begin = begin
        self.results: list[Any] = [None] * size
        self.missing = size
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()

    def add(self, place: int, result: Any) -> None:
        self.results[place] = result
        self.missing -= 1
        if not self.missing:
            self.wake(None)

    def wake(self, error: Exception | None) -> None:
        """From the device's thread, with the error that the caller shall see."""
        with contextlib.suppress(RuntimeError):  # The caller's loop may have been closed meanwhile.
            self.loop.call_soon_threadsafe(self._wake, error)

    def _wake(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


@dataclass(slots=True, eq=False)
class _Item:
    tokens: Tokens
    length: int
    request: _Request
    place: int
    waits: bool = True


def _length(item: _Item) -> int:
    return item.length


class TokenBatcher:
    """Runs `compute(batch)` on batches of at most `max_tokens` padded tokens (one item may exceed it alone).

    `longest` is what the engine cuts items to: none costs more than that.
    """

    def __init__(self, compute: Callable[[Sequence[Tokens]], Iterable[Any]], max_tokens: int, longest: int) -> None:
        self._compute = compute
        self._max_tokens = max_tokens
        self._longest = longest
        self._by_age: deque[_Item] = deque()  # Items that wait no more leave it when they come to the front.
        self._by_length: list[_Item] = []
        self._closed = False
        self.waits = Waits()
        self.pulse = Pulse()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="device", daemon=True)
        self._thread.start()

    async def run(self, items: Sequence[Tokens]) -> list[Any]:
        """The results in the order of `items`. When the caller is cancelled, what has not started is dropped."""
        if not items:
            return []
        with self.waits.one() as begin:
            request = _Request(len(items), begin)
            self._add(request, items)
            try:
                await request.done
            except asyncio.CancelledError:
                self._drop(request)
                raise
        return request.results

    def close(self) -> None:
        """Ends the thread, after the batch that it computes, where a batcher does not live as long as the process."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _add(self, request: _Request, items: Sequence[Tokens]) -> None:
        with self._changed:
            for place, tokens in enumerate(items):
                item = _Item(tokens, min(tokens.length, self._longest), request, place)
                self._by_age.append(item)
                insort(self._by_length, item, key=_length)
            self._changed.notify()

    def _drop(self, request: _Request) -> None:
        with self._changed:
            for item in self._by_length:
                item.waits = item.request is not request
            self._by_length = [item for item in self._by_length if item.waits]

    def _work(self) -> None:
        while batch := self._next():
            self._run(batch)

    def _next(self) -> list[_Item]:
        """A batch, as soon as anything waits; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._by_length or self._closed)
            if self._closed:
                return []
            while not self._by_age[0].waits:
                self._by_age.popleft()
            window = self._window(self._by_age[0].length)
            batch = self._by_length[window]
            del self._by_length[window]
            for item in batch:
                item.waits = False
                item.request.begin()
            return batch

    def _window(self, length: int) -> slice:
        """Starts at the oldest item, which has this length, and grows to the side that differs less while it fits."""
        waiting = self._by_length
        first = bisect_left(waiting, length, key=_length)  # Of equal length the oldest comes first.
        end = first + 1
        while True:
            shorter = first > 0 and self._fits(first - 1, end)
            longer = end < len(waiting) and self._fits(first, end + 1)
            if not (shorter or longer):
                return slice(first, end)
            if shorter and not (longer and waiting[end].length - length < length - waiting[first - 1].length):
                first -= 1
            else:
                end += 1

    def _fits(self, first: int, end: int) -> bool:
        shortest, longest = self._by_length[first].length, self._by_length[end - 1].length
        return longest * (end - first) <= self._max_tokens and longest <= 2 * shortest + SLACK

    def _run(self, batch: Sequence[_Item]) -> None:
        """Computes; what fails is halved, so that an item that cannot be computed takes no other with it."""
        BATCH.observe(len(batch))
        try:
            with self.pulse.step():
                results = list(zip(batch, self._compute([item.tokens for item in batch]), strict=True))
        except Exception as error:
            if len(batch) == 1:
                self._drop(batch[0].request)
                return batch[0].request.wake(error)
            logger.warning("a batch of %d failed and is halved: %r", len(batch), error)
            self._run(batch[: len(batch) // 2])
            self._run(batch[len(batch) // 2 :])
        else:
            for item, result in results:
                item.request.add(item.place, result)


async def aside(work: Callable[[], T], *, small: bool) -> T:
    """The result of `work`, in another thread unless it is `small`: a millisecond is less than the way there."""
    return work() if small else await asyncio.to_thread(work)


def check_length(tokens: Sequence[Tokens], most: int, param: str) -> None:
    """Raises TooLong for the first item above `most` tokens."""
    for index, item in enumerate(tokens):
        if item.length > most:
            raise TooLong(
                f"{param}[{index}] has at least {item.length} tokens; this model takes {most}. Shorten it, or send "
                f"truncate: true to have it cut",
                param=param,
            )
