"""The judge: what was seen goes in, each rule with what was measured and whether it holds comes out.

An error counts unless its request was in flight on a replica that was killed. A process is judged from the end of its
warm-up, which begins when it is first seen, or when the model whose replica was killed answers again.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.soak import WARM_UP
from benchmarks.soak.held import Held
from benchmarks.soak.kills import Kill
from serve.bench.ask import Answer

MEMORY = 0.02
FILES = 4
"""By so many connections and files the number moves while nothing is lost."""
LOGS = "log_monitor.py"
"""Ray's, which holds the logs of each worker that ever was, of 200 at most (LOG_MONITOR_MAX_OPEN_FILES)."""
LOOKS = 2
"""Fewer show no growth."""

Fate = Literal["well", "in flight", "later", "lost"]
"""Of a request; `in flight` and `later`, which is 503 with Retry-After, are what a kill explains."""


@dataclass(frozen=True)
class Seen:
    """Times are of `time.perf_counter`."""

    begin: float
    seconds: float
    answers: Mapping[str, Sequence[Answer]]
    """By model."""
    due: int
    """Replicas to kill."""
    kills: Sequence[Kill]
    held: Sequence[Held]


@dataclass(frozen=True)
class Rule:
    what: str
    wanted: str
    measured: str
    holds: bool


def fate(answer: Answer, kills: Iterable[Kill]) -> Fate:
    """Of a request to the model whose replica was killed so often."""
    if not answer.error:
        return "well"
    if not any(kill.meets(answer) for kill in kills):
        return "lost"
    return "later" if answer.retry_after else "in flight"


def fates(seen: Seen, model: str) -> Counter[Fate]:
    kills = [kill for kill in seen.kills if kill.model == model]
    return Counter(fate(answer, kills) for answer in seen.answers[model])


def judged(seen: Seen) -> list[Held]:
    """What was seen after its warm-up of each process that lived to the end."""
    end = max(held.times[-1] for held in seen.held)
    lived = [held.after(_warm(seen, held)) for held in seen.held if held.times[-1] == end]
    return [held for held in lived if len(held.times) >= LOOKS]


def _warm(seen: Seen, held: Held) -> float:
    answered = (kill.answered for kill in seen.kills if kill.model == held.application)
    return max(held.times[0], *answered, -1) + WARM_UP * seen.seconds


def rules(seen: Seen) -> list[Rule]:
    """All that must hold."""
    away = [kill.model for kill in seen.kills if kill.answered == math.inf]
    left = [name for kill in seen.kills for name in kill.left]
    silent = [model for model in seen.answers if not fates(seen, model)["well"]]
    return [
        _none("requests that failed, and were in flight on no replica that was killed", _lost(seen)),
        _none("models that answered nothing", silent),
        Rule("replicas killed", str(seen.due), str(len(seen.kills)), len(seen.kills) == seen.due),
        _none("models that did not answer again", away),
        _none("processes that a killed replica left behind", left),
        _memory(seen),
        _files(seen),
    ]


def _none(what: str, found: Sequence[str]) -> Rule:
    causes = ", ".join(f"{number} x {cause}" for cause, number in Counter(found).items())
    return Rule(what, "0", f"{len(found)}: {causes}" if found else "0", not found)


def _lost(seen: Seen) -> list[str]:
    found = []
    for model, answers in seen.answers.items():
        kills = [kill for kill in seen.kills if kill.model == model]
        found += [f"{model} {answer.error}" for answer in answers if fate(answer, kills) == "lost"]
    return found


def _memory(seen: Seen) -> Rule:
    grown = {held.name: held.growth() for held in judged(seen) if held.serves}
    what = f"growth of memory of a process that requests pass through, of {len(grown)} such"
    beyond = [name for name, growth in grown.items() if growth > MEMORY]
    return Rule(what, f"at most {MEMORY:.0%}", _most(grown, "{:+.1%}"), bool(grown) and not beyond)


def _files(seen: Seen) -> Rule:
    more = {held.name: held.more_files() for held in judged(seen) if LOGS not in held.name}
    what = f"growth of open files of a process, of {len(more)}"
    beyond = [name for name, growth in more.items() if growth > FILES]
    return Rule(what, f"at most {FILES}", _most(more, "{:+.0f}"), bool(more) and not beyond)


def _most(grown: Mapping[str, float], style: str) -> str:
    if not grown:
        return "no process lived long enough"
    name = max(grown, key=lambda name: grown[name])
    return f"{style.format(grown[name])} ({name})"
