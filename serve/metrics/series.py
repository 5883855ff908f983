"""Gauges, running totals and histograms: what happens is added up in the process, the sums are said to Ray.

A record by Ray costs some microseconds, and there are a dozen for each request; a sum in the process costs less than
one. Ray's own histograms also lose each value but for its bucket. So all is said as gauges, totals and buckets too,
under the names that Prometheus expects: they begin anew with the process, as it expects of counters, and end with it.
"""

import asyncio
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.util.metrics import Gauge

Labels = tuple[str, ...]
REPEAT_SECONDS = 5  # Ray drops a series that was not said during two of its reports, of which one comes in 10 seconds.


class Level:
    """A gauge, with a series for each combination of values of its labels."""

    def __init__(self, name: str, description: str, labels: Labels) -> None:
        self.name = name
        self.description = description
        self.labels = labels

    @cached_property
    def _gauge(self) -> "Gauge":
        """Made when there is something to say: command lines list the engines, which import this, and want no Ray."""
        from ray.util.metrics import Gauge

        return Gauge(self.name, self.description, self.labels)

    def say(self, values: Mapping[Labels, float]) -> None:
        """What is so now; a series that is not said again is gone in half a minute."""
        for labels, value in values.items():
            self._gauge.set(value, dict(zip(self.labels, labels, strict=True)))


class Total:
    """A sum that only grows, by the values of its labels; `of` are labels that are known when it is said."""

    def __init__(self, name: str, description: str, of: Labels, labels: Labels = ()) -> None:
        self._level = Level(name, description, (*of, *labels))
        self._sums: dict[Labels, float] = {}

    def add(self, amount: float, labels: Labels = ()) -> None:
        """From one thread: the event loop's."""
        self._sums[labels] = self._sums.get(labels, 0) + amount

    def sums(self, of: Labels) -> dict[Labels, float]:
        return {(*of, *labels): value for labels, value in self._sums.items()}

    def say(self, of: Labels) -> None:
        self._level.say(self.sums(of))


class Histogram:
    """How often a value was at most each of `bounds`; from any thread, as those of devices say what they compute."""

    def __init__(self, name: str, description: str, of: Labels, bounds: Sequence[float]) -> None:
        self._buckets = Level(f"{name}_bucket", description, (*of, "le"))
        self._sum = Level(f"{name}_sum", description, of)
        self._count = Level(f"{name}_count", description, of)
        self._bounds = bounds
        self._names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
        self._counts = [0] * len(self._names)
        self._total = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        with self._lock:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._total += value

    def buckets(self) -> dict[str, int]:
        """By upper bound, each with all below it."""
        return dict(zip(self._names, accumulate(self._counts), strict=True))

    def say(self, of: Labels) -> None:
        with self._lock:
            buckets, total = self.buckets(), self._total
        self._buckets.say({(*of, bound): count for bound, count in buckets.items()})
        self._sum.say({of: total})
        self._count.say({of: buckets["+Inf"]})


async def repeat(say: Callable[[], None]) -> None:
    """Says it for as long as the task lives."""
    while True:
        say()
        await asyncio.sleep(REPEAT_SECONDS)
