"""The measurement: tasks, peers and a number of rounds go in, what each peer did in each round comes out.

All peers of a task are started, and take turns: in a round each has one turn at every load, alone on the machine, one
right after the other, so that whatever else changes on it changes for all; each round begins with another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import models, peers, tasks
from benchmarks.client import Turn
from benchmarks.participant import Participant
from serve.errors import ConfigurationError

OURS = "ours"
Say = Callable[[str], None]


@dataclass
class Record:
    """What came of it, as it is written to a file."""

    rounds: list[dict[str, Any]] = field(default_factory=list)
    """Each with its task, round, peer, loads and the client's ceilings."""
    agreements: list[dict[str, Any]] = field(default_factory=list)
    """Of the answers of ours and of a peer."""
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    """By task and peer: why it could not be measured."""


def measure(
    wanted: Sequence[str],
    only: Sequence[str],
    rounds: int,
    named: Mapping[str, Path],
    most: int,
    say: Say,
    keep: Callable[[Record], None],
) -> Record:
    """Each task by each of its peers; one that fails is left out from there on. `keep` gets what there is after each
    round, so that hours are not lost."""
    record = Record()
    for task in wanted:
        with _Comparison(task, record, say).of(participants(task, only), models.folder(task, named)) as compared:
            record.agreements.extend(compared.agreements())
            compared.round(-1, most)  # To warm up.
            for number in range(rounds):
                say(f"{task}, round {number + 1} of {rounds}")
                record.rounds.extend(compared.round(number, most))
                keep(record)
    return record


class _Comparison:
    """The peers of one task that have not failed yet."""

    def __init__(self, task: str, record: Record, say: Say) -> None:
        self._task = task
        self._record = record
        self._say = say
        self._there: dict[str, Participant] = {}

    @contextmanager
    def of(self, names: Sequence[str], folder: Path) -> Iterator["_Comparison"]:
        """One starts after the other, so that each has the machine alone."""
        with ExitStack() as stack:
            for name in names:
                self._say(f"{self._task}: {name} starts")
                with self._left_out(name):
                    self._there[name] = Participant(peers.peer(name), self._task, folder)
                    stack.callback(self._there[name].end)
                    self._there[name].start()
            yield self

    def round(self, number: int, most: int) -> list[dict[str, Any]]:
        """One turn of each at each load."""
        found: dict[str, dict[str, Any]] = {}
        for load in tasks.task(self._task).LOADS:
            for name in order(list(self._there), number):
                of = found.setdefault(name, {"loads": {}, "ceilings": {}})
                with self._left_out(name):
                    turn = self._there[name].turn(Turn(load.name, number, most, ceiling=number == 0))
                    of["loads"][load.name] = turn["levels"]
                    of["ceilings"] |= {load.name: turn["ceiling"]} if "ceiling" in turn else {}
        return [{"task": self._task, "round": number, "peer": name, **found[name]} for name in self._there]

    def agreements(self) -> Iterator[dict[str, Any]]:
        """Of ours with each other."""
        for name, participant in self._there.items():
            if OURS in self._there and name != OURS:
                found = tasks.task(self._task).agreement(self._there[OURS].answers, participant.answers)
                yield {"task": self._task, "peer": name, **asdict(found)}

    @contextmanager
    def _left_out(self, name: str) -> Iterator[None]:
        """Where it fails."""
        try:
            yield
        except ConfigurationError as error:
            self._record.failures.setdefault(self._task, {})[name] = error.message
            self._say(f"{name} is left out: {error.message}")
            if name in self._there:
                self._there.pop(name).end()


def participants(task: str, only: Sequence[str]) -> list[str]:
    return [name for name in peers.names() if task in peers.peer(name).tasks and (not only or name in only)]


def order(names: Sequence[str], number: int) -> list[str]:
    first = number % len(names) if names else 0
    return [*names[first:], *names[:first]]
