"""Answers to figures: rates and percentiles of one level go out as a row that is printed, written and drawn.

Times are in milliseconds, as wide a word as the field uses: time to first token, time per output token, latency.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serve.bench.load import Run

PERCENTILES = (50, 95, 99)
Percentiles = dict[str, float]


@dataclass(frozen=True)
class Figures:
    """Of one level."""

    level: str
    requests: int
    errors: dict[str, int]
    seconds: float
    requests_per_second: float
    """Answered well."""
    tokens_per_second: float
    units_per_second: float
    """What the task counts: sentences, pairs, seconds of audio."""
    first: Percentiles
    """Milliseconds until the first token, or the first byte."""
    per_token: Percentiles
    """Milliseconds for each token after the first."""
    latency: Percentiles
    """Milliseconds until the end."""

    def record(self) -> dict[str, Any]:
        return asdict(self)


def figures(run: Run) -> Figures:
    """Errors count as such and in nothing else."""
    well = [answer for answer in run.answers if not answer.error]
    several = [one for one in well if one.pieces and one.tokens > 1]
    return Figures(
        level=str(run.level),
        requests=len(run.answers),
        errors=dict(Counter(one.error for one in run.answers if one.error)),
        seconds=run.seconds,
        requests_per_second=len(well) / run.seconds,
        tokens_per_second=sum(one.tokens for one in well) / run.seconds,
        units_per_second=sum(one.units for one in well) / run.seconds,
        first=_percentiles(one.first - one.begin for one in well if one.first),
        per_token=_percentiles((one.end - one.first) / (one.tokens - 1) for one in several),
        latency=_percentiles(one.end - one.begin for one in well),
    )


def _percentiles(seconds: Iterable[float]) -> Percentiles:
    found: Sequence[float] = list(seconds)
    if not found:
        return {}
    return {f"p{p}": round(float(np.percentile(found, p)) * 1000, 3) for p in PERCENTILES}
