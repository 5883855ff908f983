"""Who waits for a device: a request goes in, how many wait comes out, and how long each did goes to its usage.

Who waits longer than its deadline is refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from serve.front.deadline import deadline
from serve.front.usage import usage


class Waits:
    """Those that wait now, at one place; its length says how many."""

    def __init__(self) -> None:
        self._now: set[object] = set()

    def __len__(self) -> int:
        return len(self._now)

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """One more waits here until it leaves, or, from whatever thread, until it calls what it is given."""
        place, began = object(), time.monotonic()
        ended = list[float]()
        due = deadline()
        alarm = due.watch(lambda: not ended) if due else None
        self._now.add(place)

        def over() -> None:
            if not ended:
                ended.append(time.monotonic())
                self._now.discard(place)
                if due:
                    due.met = True

        try:
            yield over
        finally:
            over()
            if alarm:
                alarm.cancel()
            usage().queue_seconds += ended[0] - began

    @asynccontextmanager
    async def until(self, slots: asyncio.Semaphore | asyncio.Lock) -> AsyncIterator[None]:
        """Waits for one of the slots, and has it for as long as the context lasts."""
        with self.one():
            await slots.acquire()
        try:
            yield
        finally:
            slots.release()
