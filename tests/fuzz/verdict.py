"""The judge: what was answered and what is left of the service go in, rules with what was measured come out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.soak.held import Held
from benchmarks.soak.verdict import Rule
from tests.fuzz.client import Answer, Ask

GROWTH = 0.05
FEW = 2.0
"""Megabytes, which are no growth: HAProxy, of 12, keeps what each of its threads has needed at once."""
WARM_UP = 0.3
"""Of the looks at memory: caches fill, allocators take what they keep."""
LOOKS = 10
"""Fewer are all of them warm-up."""


@dataclass
class Seen:
    """Filled while the service is asked, and afterwards."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Answers by the kind of the request and the status; 0 is no answer, as the client left."""
    wrong: Counter[str] = field(default_factory=Counter)
    first: dict[str, Ask] = field(default_factory=dict)
    """The first request of each that is wrong."""
    slowest: float = 0
    held: list[Held] = field(default_factory=list)
    ended: Sequence[str] = ()
    """Processes that served before, and did not afterwards."""
    unwell: Sequence[str] = ()
    unanswered: Sequence[str] = ()
    """Plain requests that were not answered well afterwards."""
    in_flight: Mapping[str, float] = field(default_factory=dict)

    def add(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self.statuses[answer.ask.kind, answer.status] += 1
            self.slowest = max(self.slowest, answer.seconds)
            if answer.said:
                cause = f"{answer.said}: {answer.status or ''} {answer.ask.path.partition('?')[0]} {_message(answer)}"
                self.wrong[cause] += 1
                self.first.setdefault(cause, answer.ask)


def rules(seen: Seen) -> list[Rule]:
    """All that must hold."""
    asked = sum(seen.statuses.values())
    found = [
        Rule("requests", "some of each kind", str(asked), asked > 0),
        _none("answers that are 5xx, none, late, or of another shape", list(seen.wrong.elements())),
        _none("serving processes that ended", seen.ended),
        _none("models that are not well afterwards", seen.unwell),
        _none("plain requests that are not answered afterwards", seen.unanswered),
        Rule("requests in progress afterwards", "0", _counts(seen.in_flight), _idle(seen.in_flight)),
    ]
    if warm := [_warm(held) for held in seen.held if len(held.times) >= LOOKS]:
        found.append(_memory(warm))
    return found


def _memory(warm: Sequence[Held]) -> Rule:
    most = max(warm, key=Held.growth)
    beyond = [held for held in warm if held.growth() > GROWTH and held.more_megabytes() > FEW]
    wanted = f"at most {GROWTH:.0%}, or {FEW:g} MB"
    said = f"{most.growth():+.1%}, {most.more_megabytes():+.1f} MB ({most.name})"
    return Rule("growth of memory of a serving process", wanted, said, not beyond)


def _warm(held: Held) -> Held:
    return held.after(held.times[round(len(held.times) * WARM_UP)])


def _none(what: str, found: Sequence[str]) -> Rule:
    return Rule(what, "0", f"{len(found)}: {'; '.join(sorted(set(found))[:5])}" if found else "0", not found)


def _idle(in_flight: Mapping[str, float]) -> bool:
    return bool(in_flight) and not any(in_flight.values())


def _counts(in_flight: Mapping[str, float]) -> str:
    busy = {name: value for name, value in in_flight.items() if value}
    return ", ".join(f"{value:g} of {name}" for name, value in busy.items()) or (
        "0" if in_flight else "nothing was said"
    )


def _message(answer: Answer) -> str:
    return answer.body[:120].decode("utf-8", "replace")
