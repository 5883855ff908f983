"""Figures of two peers by round go in, how ours compares with theirs comes out, and how sure that is.

Each round's two figures are compared with each other, as what changed on the machine meanwhile met both. The interval
is Student's, mean +- t(n-1) s / sqrt(n) (www.itl.nist.gov/div898/handbook/eda/section3/eda352.htm): of many such runs
it holds the true value in 95%. Ratios multiply, so theirs is of their logarithms.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95
ByRound = Mapping[int, float]


@dataclass(frozen=True)
class Compared:
    """One round has no interval: `low` and `high` are what was measured."""

    measured: float
    low: float
    high: float
    rounds: int

    def between(self, words: Callable[[float], str]) -> str:
        """The interval; empty where there is none."""
        return f"{words(self.low)} to {words(self.high)}" if self.rounds > 1 else ""


def ratio(ours: ByRound, theirs: ByRound) -> Compared | None:
    """Ours to theirs; None where no round has both, or where one did nothing."""
    both = sorted(set(ours) & set(theirs))
    if not both or not all(ours[number] > 0 and theirs[number] > 0 for number in both):
        return None
    found = _interval([math.log(ours[number] / theirs[number]) for number in both])
    return Compared(math.exp(found.measured), math.exp(found.low), math.exp(found.high), found.rounds)


def difference(ours: ByRound, theirs: ByRound) -> Compared | None:
    """How much more ours is; None where no round has both."""
    both = sorted(set(ours) & set(theirs))
    return _interval([ours[number] - theirs[number] for number in both]) if both else None


def _interval(values: list[float]) -> Compared:
    middle, number = mean(values), len(values)
    if number == 1:
        return Compared(middle, middle, middle, 1)
    half = float(stdtrit(number - 1, (1 + CONFIDENCE) / 2)) * stdev(values) / math.sqrt(number)
    return Compared(middle, middle - half, middle + half, number)
