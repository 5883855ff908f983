"""The measurement: tasks, peers and a number of rounds go in, what each peer did in each round comes out.

A round has every peer once, one after the other and alone on the machine, so that whatever else changes on it changes
for all; each round begins with another, so that none is always first.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import environment, models, peers, tasks
from benchmarks.client import Wanted
from benchmarks.engine import ENV, threads
from benchmarks.peers import Peer, Server
from benchmarks.processes import settle
from serve.errors import ConfigurationError
from serve.local.nodes import free_port

OURS = "ours"
CLIENT_SECONDS = 900


@dataclass
class Record:
    """What came of it, as it is written to a file."""

    rounds: list[dict[str, Any]] = field(default_factory=list)
    """Each with its task, round, peer, loads and the client's ceilings, in the order in which they ran."""
    agreements: list[dict[str, Any]] = field(default_factory=list)
    """Of the answers of ours and of a peer, in a round."""
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    """By task and peer: why it could not be measured."""


def measure(
    wanted: Sequence[str],
    only: Sequence[str],
    rounds: int,
    named: Mapping[str, Path],
    most: int,
    say: Callable[[str], None],
    keep: Callable[[Record], None],
) -> Record:
    """Each task by each of its peers; one that fails is left out of the rounds that follow. `keep` gets what there is
    after each round, so that hours are not lost."""
    record = Record()
    for task in wanted:
        folder = models.folder(task, named)
        for number in range(rounds):
            answers = {}
            for name in order(participants(task, only), number):
                if name in record.failures.get(task, {}):
                    continue
                say(f"{task}, round {number + 1} of {rounds}: {name}")
                try:
                    found = one(peers.peer(name), task, folder, most)
                except ConfigurationError as error:
                    record.failures.setdefault(task, {})[name] = error.message
                    say(f"{name} is left out: {error.message}")
                    continue
                answers[name] = found["answers"]
                del found["answers"]
                record.rounds.append({"task": task, "round": number, "peer": name, **found})
            record.agreements.extend(_agreements(task, number, answers))
            keep(record)
    return record


def participants(task: str, only: Sequence[str]) -> list[str]:
    return [name for name in peers.names() if task in peers.peer(name).tasks and (not only or name in only)]


def order(names: Sequence[str], number: int) -> list[str]:
    first = number % len(names) if names else 0
    return [*names[first:], *names[:first]]


def one(peer: Peer, task: str, folder: Path, most: int) -> dict[str, Any]:
    """Starts `peer`, measures it and ends it."""
    with _served(peer, task, folder) as server:
        settle()
        asked = Wanted(peer.name, task, str(folder), server.address, server.model, server.key, most)
        env = {**os.environ, **ENV, **(threads(task) if peer.loaded else {})}
        done = subprocess.run(  # noqa: S603
            [peer.environment.python() if peer.loaded else environment.OURS.python(), "-m", "benchmarks.client"],
            input=json.dumps(asdict(asked)),
            capture_output=True,
            text=True,
            env=env,
            start_new_session=True,
            timeout=CLIENT_SECONDS,
            check=False,
        )
    if done.returncode:
        raise ConfigurationError(f"{peer.name} was not measured:\n{done.stderr.strip()[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def _served(peer: Peer, task: str, folder: Path) -> Iterator[Server]:
    """A library has no address."""
    if peer.serving is None:
        yield Server("", "model")
    else:
        peer.environment.python()  # Installed before anything is timed.
        with peer.serving(task, folder, free_port()) as server:
            yield server


def _agreements(task: str, number: int, answers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of ours with each other."""
    for name, theirs in answers.items():
        if OURS in answers and name != OURS:
            found = tasks.task(task).agreement(answers[OURS], theirs)
            yield {"task": task, "round": number, "peer": name, **asdict(found)}
