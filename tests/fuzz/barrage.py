"""Our own requests, many at once: a strategy goes in, what each was answered comes out.

Hypothesis draws them in a thread of its own, ahead of the clients. Between rounds nothing is asked, so that a look at
memory sees what is kept and not what is under way.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import EVERY_SECONDS, bodies, recordings
from tests.fuzz.client import Answer, Ask, sent

CLIENTS = 8
ENDLESS = settings(
    max_examples=10**9, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


class Over(BaseException):
    """Ends what Hypothesis draws; it would write down at length what it drew before an Exception."""


def asks(models: Mapping[str, str]) -> st.SearchStrategy[Ask]:
    """To any of `models`, given with their tasks; as many to recognisers as to all others."""
    return st.one_of(bodies.asks(models), recordings.asks(models))


def barrage(
    strategy: st.SearchStrategy[Ask], port: int, key: str, seconds: float, seed: int, look: Callable[[], None]
) -> Iterator[Answer]:
    """Answers as they come, for so many seconds; `look` is called in between."""
    until = time.monotonic() + seconds
    with drawn(strategy, seed) as coming:
        while (now := time.monotonic()) < until:
            yield from asyncio.run(_round(coming, port, key, min(until, now + EVERY_SECONDS)))
            look()


@contextmanager
def drawn(strategy: st.SearchStrategy[Ask], seed: int) -> Iterator["queue.Queue[Ask]"]:
    """Always the same, and in the same order, for a seed and the modules that are imported."""
    coming: queue.Queue[Ask] = queue.Queue(4 * CLIENTS)
    over = threading.Event()

    @hypothesis.seed(seed)
    @ENDLESS
    @given(strategy)
    def draw(ask: Ask) -> None:
        while not over.is_set():
            try:
                return coming.put(ask, timeout=0.1)
            except queue.Full:
                continue
        raise Over

    def work() -> None:
        with suppress(Over):
            draw()

    thread = threading.Thread(target=work, name="hypothesis", daemon=True)
    thread.start()
    try:
        yield coming
    finally:
        over.set()
        thread.join()


async def _round(coming: "queue.Queue[Ask]", port: int, key: str, until: float) -> list[Answer]:
    async def client() -> list[Answer]:
        found = []
        while time.monotonic() < until:
            found.append(await sent(await asyncio.to_thread(coming.get), port, key))
        return found

    return [answer for answers in await asyncio.gather(*(client() for _ in range(CLIENTS))) for answer in answers]
