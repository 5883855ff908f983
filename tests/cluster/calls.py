"""Steady requests from within the cluster: models go in, what became of each request comes out.

The client is a pod of its own with `caller.py`, so that it finds the service as others in the cluster do.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.cluster import kubectl
from tests.cluster.client import client
from tests.cluster.served import NAME, Served

POD = "caller"
PROGRAM = Path(__file__).with_name("caller.py").read_text()
PATIENCE = 300


@dataclass(frozen=True)
class Call:
    """One request; status 0 is one that got no answer."""

    model: str
    number: int
    began: float
    ended: float
    status: int
    retry: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Caller:
    """The pod, which calls these models."""

    release: Served
    models: Sequence[str]

    def calls(self) -> list[Call]:
        """All so far."""
        return [Call(**json.loads(line)) for line in kubectl.run("logs", POD, *self.release.place).splitlines()]

    def answered(self, since: float) -> bool:
        """Whether each model has answered a request sent after that, and all before it have come to their end."""
        calls = self.calls()
        return all(_answered([call for call in calls if call.model == model], since) for model in self.models)

    @contextmanager
    def during(self) -> Iterator[list[Call]]:
        """Those from an answer of each model before the block to one after its end."""
        found: list[Call] = []
        began = time.time()
        until(lambda: self.answered(began))
        yield found
        ended = time.time()
        until(lambda: self.answered(ended))
        found += [call for call in self.calls() if call.began > began]


@contextmanager
def calling(release: Served, *models: str) -> Iterator[Caller]:
    with client(release, POD, PROGRAM, f"http://{NAME}-serve-svc:8000", *models):
        kubectl.wait(f"pod/{POD}", "condition=Ready", *release.place)
        yield Caller(release, models)


def _answered(calls: Sequence[Call], since: float) -> bool:
    first = min((call.number for call in calls if call.began > since and call.status == 200), default=len(calls))
    return sum(call.number <= first for call in calls) == first + 1


def outcomes(calls: Sequence[Call], model: str | None = None) -> Counter[tuple[int, str | None]]:
    """Status and Retry-After of each, counted."""
    return Counter((call.status, call.retry) for call in calls if model in (None, call.model))


def downtime(calls: Sequence[Call], model: str) -> float:
    """The longest time between two answers of the model, in seconds."""
    answered = sorted(call.ended for call in calls if (call.model, call.status) == (model, 200))
    return max((after - before for before, after in pairwise(answered)), default=0)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.5)
