"""Figures as a picture: throughput and times over what was asked at once, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serve.bench.figures import Figures
from serve.errors import ConfigurationError

SIZE = (11, 3.6)  # Inches.


def plot(lines: Mapping[str, Sequence[Figures]], unit: str, file: Path, along: str = "at once") -> None:
    """A line for each name, as for servers that are compared, over levels of what `along` says.

    Raises ConfigurationError without matplotlib.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ConfigurationError("--svg needs the package matplotlib: pip install 'ai-inference[bench]'") from error
    mpl.use("svg")
    import matplotlib.pyplot as plt

    drawn, (rate, first, latency) = plt.subplots(1, 3, figsize=SIZE, layout="constrained")
    for name, rows in lines.items():
        levels = [row.level for row in rows]
        rate.plot(levels, [_rate(row, unit) for row in rows], marker="o", label=name)
        first.plot(levels, [row.first.get("p50") for row in rows], marker="o")
        (line,) = latency.plot(levels, [row.latency.get("p50") for row in rows], marker="o")
        latency.plot(levels, [row.latency.get("p99") for row in rows], linestyle=":", color=line.get_color())
    _finish(rate, unit or "requests/s", along)
    _finish(first, "first, ms (p50)", along)
    _finish(latency, "latency, ms (p50, dotted p99)", along)
    rate.legend(frameon=False)
    drawn.savefig(file)
    plt.close(drawn)


def _rate(row: Figures, unit: str) -> float:
    return row.units_per_second if unit else row.requests_per_second


def _finish(axis: Any, title: str, along: str) -> None:
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel(along)
    axis.set_ylim(bottom=0)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
