"""Figures as a table that is read at a glance: a row for each level, and what the client could do at most."""

from collections.abc import Sequence

from rich.table import Table

from serve.bench.figures import Figures, Percentiles


def table(rows: Sequence[Figures], unit: str, open_loop: bool) -> Table:
    """`unit` is what the task counts in a second, if anything."""
    streams, counted = any(row.per_token for row in rows), any(row.tokens_per_second for row in rows)
    found = Table(box=None, padding=(0, 1), header_style="dim")
    rates = ["requests/s", "tokens/s" if counted else "", unit]
    times = [
        "first ms p50",
        "p95",
        "p99",
        *(["per token p50", "p95", "p99"] if streams else []),
        "latency p50",
        "p95",
        "p99",
    ]
    for name in ["arrivals" if open_loop else "at once", *filter(None, rates), *times, "errors"]:
        found.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        found.add_row(*_cells(row, streams, counted, bool(unit)))
    return found


def _cells(row: Figures, streams: bool, counted: bool, has_unit: bool) -> list[str]:
    rates = [row.requests_per_second]
    rates += [row.tokens_per_second] if counted else []
    rates += [row.units_per_second] if has_unit else []
    times = [*_of(row.first), *(_of(row.per_token) if streams else []), *_of(row.latency)]
    errors = ", ".join(f"{number} x {cause}" for cause, number in row.errors.items())
    return [row.level, *(f"{rate:.4g}" for rate in rates), *times, errors]


def _of(found: Percentiles) -> list[str]:
    return [f"{found[name]:.3g}" if found else "" for name in ("p50", "p95", "p99")]
