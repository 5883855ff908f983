"""The page of curves: what was recorded goes in, Markdown comes out. It computes every figure on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import tasks
from benchmarks.markdown import of_run, table
from benchmarks.results import FIRST, plot_name

Record = Mapping[str, Any]
"""A curve: its task, what it goes along, the run that measured it, and its points."""
NOTE = """\
Written by `python -m benchmarks.growth` and by nothing else, each curve by the run that is named with it; results.json
has the same figures. Ours alone on the machine, at the model's own path and without keys, each point measured once
after a quarter as many requests to warm up. The machine's cores compute the answers and send the requests, so a curve
ends where they do."""
HEAD = ["first ms p50", "p95", "per token ms", "latency ms p50", "p99", "errors"]


def page(curves: Sequence[Record]) -> str:
    """All of it."""
    runs = {(curve["run"]["date"], curve["run"]["command"]): curve["run"] for curve in curves}
    parts = [
        "# Growth",
        NOTE,
        *(part for curve in curves for part in _curve(curve)),
        *(part for run in runs.values() for part in of_run(run)),
    ]
    return "\n\n".join(parts) + "\n"


def _curve(curve: Record) -> Sequence[str]:
    name, unit = curve["name"], tasks.unit(curve["task"])
    head = [curve["along"], "requests/s", *([unit] if unit else ["tokens read"]), *HEAD]
    rows = [_row(point, unit) for point in curve["points"]]
    return [
        f"## {name}",
        f"Run of {curve['run']['date']}.",
        f"![{name}](plots/{plot_name(curve['task'], curve['along'])})",
        table(head, rows),
    ]


def _row(point: Mapping[str, Any], unit: str) -> Sequence[str]:
    of = point["figures"]
    counted = f"{of['units_per_second']:.4g}" if unit else f"{point['prompt_tokens']:.0f}"
    said = [f"{of[name][p]:.4g}" if of[name] else "" for name, p in FIRST]
    errors = ", ".join(f"{number} x {cause}" for cause, number in of["errors"].items())
    return [of["level"], f"{of['requests_per_second']:.4g}", counted, *said, errors]
