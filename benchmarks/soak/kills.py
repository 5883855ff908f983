"""Replicas that are killed: times and models are drawn with a fixed seed, and how long each was away comes out."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.soak import WARM_UP
from benchmarks.soak.held import application, name
from benchmarks.soak.load import Answers
from serve.bench.ask import Answer
from serve.errors import ConfigurationError

SEED = 7
LAST = 0.6
"""Of the time: what is started anew then has time to warm up and be judged."""
LOOK_SECONDS = 0.1


@dataclass
class Kill:
    """Of a model's replica. Times are of `time.perf_counter`."""

    model: str
    at: float
    answered: float = math.inf
    """When a request that began after `at` was answered well."""
    left: Sequence[str] = ()
    """Processes that the replica had started, and that were still there by then."""

    def meets(self, answer: Answer) -> bool:
        """Whether the request was in flight: it ended after the kill, and began before the model answered again."""
        return answer.end >= self.at and answer.begin <= self.answered


def schedule(models: Sequence[str], number: int, seconds: float) -> list[tuple[float, str]]:
    """When to kill a replica of which model, the first first."""
    drawn = random.Random(SEED)  # noqa: S311
    return sorted((drawn.uniform(WARM_UP, LAST) * seconds, drawn.choice(models)) for _ in range(number))


async def kill(
    due: Sequence[tuple[float, str]], begin: float, answers: Answers, kills: list[Kill], say: Callable[[str], None]
) -> None:
    """One after the other, each when the one before answers again; adds to `kills`."""
    for seconds, model in due:
        await asyncio.sleep(max(0.0, begin + seconds - time.perf_counter()))
        found = replica(model)
        started = found.children(recursive=True)
        kills.append(Kill(model, time.perf_counter()))
        found.kill()
        say(f"{model} is killed")
        kills[-1].answered = await _answered(kills[-1].at, answers[model])
        kills[-1].left = [name(process) for process in started if process.is_running()]
        say(f"{model} answers again after {kills[-1].answered - kills[-1].at:.1f} s")


def replica(model: str) -> psutil.Process:
    """A process among our descendants that answers for the model."""
    for process in psutil.Process().children(recursive=True):
        if application(process) == model:
            return process
    raise ConfigurationError(f"no replica of {model!r} was found")


async def _answered(at: float, answers: Sequence[Answer]) -> float:
    """When the first request that began after the kill was answered well."""
    before = len(answers)
    while True:
        for answer in answers[before:]:
            if answer.begin > at and not answer.error:
                return answer.end
        await asyncio.sleep(LOOK_SECONDS)
