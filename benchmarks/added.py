"""What a server adds to its engine: figures of ours and of the engine behind uvicorn alone go in, a table comes out."""

from collections.abc import Iterator, Sequence

from benchmarks.goals import Measured
from benchmarks.markdown import table
from benchmarks.paired import difference
from benchmarks.rounds import OURS

ALONE = "uvicorn"
ADDED = {
    "ms to the first token": ("first_p50", 1),
    "ms for each token": ("per_token_p50", 1),
    "requests/s lost": ("requests_per_second", -1),
}
"""Of which figure, and whether more of it is worse."""


def added(measured: Measured, task: str, load: str) -> Iterator[str]:
    """By level, each with its interval; none where the engine was not measured alone."""
    levels = sorted(int(key[2]) for key in measured if (*key[:2], key[3]) == (task, load, ALONE))
    head = ["at once, ours beside uvicorn alone", *(name for what in ADDED for name in (what, "95%"))]
    if levels:
        yield table(head, [_row(measured, task, load, str(level)) for level in levels])


def _row(measured: Measured, task: str, load: str, level: str) -> Sequence[str]:
    row = [level]
    for figure, sign in ADDED.values():
        ours, alone = (measured.get((task, load, level, peer), {}).get(figure, {}) for peer in (OURS, ALONE))
        found = difference(ours, alone) if sign > 0 else difference(alone, ours)
        row += [f"{found.measured:.2f}", found.between("{:.2f}".format)] if found else ["", ""]
    return row
