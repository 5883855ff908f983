"""What is asked of each task. Naming equation: `tasks/<task>.py` is measured as `serve/bench/work/<task>.py` asks, or
the one that its WORK names.

Each has THREADS, that both sides compute with; LOADS; COMPARED, the shape of what is asked for an answer to compare;
`read`, an answer's body to what it says; and `agreement`, whether two servers said the same.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from serve.bench import work
from serve.bench.ask import Ask
from serve.bench.work import Shape

ANSWERS = 4
"""Requests whose answers are compared."""
SEED = 20260


@dataclass(frozen=True)
class Load:
    """Requests of one shape, at several levels: `requests` says how many at each number of clients."""

    name: str
    shape: Mapping[str, Any]
    requests: Mapping[int, int]


@dataclass(frozen=True)
class Agreement:
    """Whether two peers gave the same answers, and in which words to say it."""

    same: bool
    words: str


class Task(Protocol):
    """A module of this folder."""

    THREADS: int
    LOADS: Sequence[Load]
    COMPARED: Mapping[str, Any]
    """The shape of what is asked for an answer to compare."""

    def read(self, body: bytes) -> Any: ...

    def agreement(self, ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement: ...


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def task(name: str) -> Task:
    return cast(Task, importlib.import_module(f"{__name__}.{name}"))


def work_of(name: str) -> str:
    """The task that it asks of a server."""
    return getattr(task(name), "WORK", name)


def unit(name: str) -> str:
    """What it counts in a second beside requests; empty where that is all."""
    return work.unit(work_of(name))


def compared(name: str, model: str) -> list[Ask]:
    """The requests whose answers are compared, the same for each peer."""
    return list(work.asks(work_of(name), Shape(model, **task(name).COMPARED), SEED, ANSWERS))
