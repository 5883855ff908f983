"""One run: a running service and what to send to it go in, what was seen comes out."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping

import psutil
from hypothesis import strategies as st

from benchmarks.soak.held import PROXY, Held, look
from tests.fuzz.barrage import CLIENTS, asks, barrage
from tests.fuzz.bodies import LARGE, TASKS, Json
from tests.fuzz.client import Answer, Ask, sent
from tests.fuzz.described import described
from tests.fuzz.recordings import real
from tests.fuzz.service import Target
from tests.fuzz.verdict import Seen

Look = Callable[[], None]
Way = Callable[[Target, float, int, Look], Iterator[Answer]]


def by_description(target: Target, seconds: float, seed: int, look: Look) -> Iterator[Answer]:
    """What Schemathesis makes of the service's own OpenAPI."""
    return described(target, seconds, seed, look)


def by_barrage(target: Target, seconds: float, seed: int, look: Look) -> Iterator[Answer]:
    """Our own worst requests."""
    strategy: st.SearchStrategy[Ask] = asks(target.models)
    return barrage(strategy, target.port, target.key, seconds, seed, look)


WAYS: dict[str, Way] = {"openapi": by_description, "requests": by_barrage}


def run(target: Target, way: Way, seconds: float, seed: int) -> Seen:
    """Asks for so many seconds, and looks at what is left of the service then."""
    seen, held = Seen(), dict[psutil.Process, Held]()
    _fill(target)
    before = target.serving()
    for answer in way(target, seconds, seed, lambda: look(held, before, time.perf_counter())):
        seen.add([answer])
    seen.unanswered = _plain(target)
    seen.unwell = target.unwell()
    seen.in_flight = target.in_flight()
    seen.ended = _ended(before, target.serving())
    seen.held = list(held.values())
    return seen


def _ended(before: Mapping[psutil.Process, Held], after: Mapping[psutil.Process, Held]) -> list[str]:
    """By name; HAProxy makes a successor of itself whenever it is told of other routes."""
    succeeded = any(PROXY in of.name for of in after.values())
    gone = [of.name for process, of in before.items() if not process.is_running()]
    return [name for name in gone if not (PROXY in name and succeeded)]


def _fill(target: Target) -> None:
    """What threads and libraries keep, for as many requests at once as there will be, is nothing that grows."""

    async def at_once(ask: Ask) -> None:
        await asyncio.gather(*(sent(ask, target.port, target.key) for _ in range(CLIENTS)))

    for ask in _asks(target, LARGE):
        asyncio.run(at_once(ask))


def _plain(target: Target) -> list[str]:
    """One plain request for each way to ask; those that are not answered with 200."""
    answers = [asyncio.run(sent(ask, target.port, target.key)) for ask in _asks(target, TASKS)]
    return [f"{answer.ask.path} {answer.status} {answer.said}" for answer in answers if answer.status != 200]


def _asks(target: Target, bodies: Mapping[str, Mapping[str, Json]]) -> Iterator[Ask]:
    """One for each path and body of a model's task; recognisers get speech."""
    for model, task in target.models.items():
        for path, body in bodies.get(task, {}).items():
            yield Ask("plain", f"/{model}{path}", b"application/json", json.dumps(body).encode())
        if task == "stt":
            head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            form = head + real()["wav"] + b"\r\n--b--\r\n"
            yield Ask("plain", f"/{model}/v1/audio/transcriptions", b"multipart/form-data; boundary=b", form)
