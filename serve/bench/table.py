"""Figures as a table that is read at a glance: a row for each level, and what the client could do at most."""

from collections.abc import Sequence

from rich.table import Table

from serve.bench.figures import Figures, Percentiles


def table(rows: Sequence[Figures], unit: str, open_loop: bool) -> Table:
    """`unit` is what the task counts in a second, if anything."""
    streams = any(row.per_token for row in rows)
    found = Table(box=None, padding=(0, 1), header_style="dim")
    rates = ["requests/s", "tokens/s" if streams else "", unit]
    times = ["first ms p50", "p95", "p99", *(["per token p50", "p99"] if streams else []), "latency p50", "p95", "p99"]
    for name in ["arrivals" if open_loop else "at once", *filter(None, rates), *times, "errors"]:
        found.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        found.add_row(*_cells(row, streams, bool(unit)))
    return found


def _cells(row: Figures, streams: bool, counts: bool) -> list[str]:
    rates = [row.requests_per_second]
    rates += [row.tokens_per_second] if streams else []
    rates += [row.units_per_second] if counts else []
    times = [*_of(row.first), *(_of(row.per_token, "p50", "p99") if streams else []), *_of(row.latency)]
    errors = ", ".join(f"{number} x {cause}" for cause, number in row.errors.items())
    return [row.level, *(f"{rate:.4g}" for rate in rates), *times, errors]


def _of(found: Percentiles, *names: str) -> list[str]:
    return [f"{found[name]:.3g}" if found else "" for name in names or ("p50", "p95", "p99")]
