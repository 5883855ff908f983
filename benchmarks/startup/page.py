"""The page of starts: what was recorded goes in, Markdown comes out. It computes every figure on it."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.markdown import of_run, table
from benchmarks.startup.measure import GATEWAY

Record = Mapping[str, Any]
NOTE = """\
Written by the command below and by nothing else; results.json has the same figures. Seconds from `ai-inference up` to
the first answer, as a person would start it, with files that were read before but where a line says otherwise; a
model's own part is what it has beyond the gateway, which needs Ray and Serve alone. Medians, and beside them each."""


def page(record: Record) -> str:
    """All of it."""
    parts = [
        "# Start-up",
        NOTE,
        table(["started", "answers", "s", "each"], (row for case in record["cases"] for row in _rows(case))),
        *(f"{name} was not measured: {reason}" for name, reason in record["failures"].items()),
        *of_run(record),
    ]
    return "\n\n".join(parts) + "\n"


def _rows(case: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """The gateway's once, then each model's."""
    starts = case["starts"]
    for answering in (GATEWAY, *(name for name in starts[0] if name != GATEWAY)):
        each = [one[answering] for one in starts]
        yield [case["name"], answering, f"{median(each):.1f}", " ".join(f"{one:.1f}" for one in each)]
