"""`python -m benchmarks.growth`: curves go in, RESULTS.md, results.json and plots/ come out."""

import json
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import tasks
from benchmarks.growth.curves import CURVES
from benchmarks.growth.measure import measured
from benchmarks.growth.page import page
from benchmarks.machine import machine
from benchmarks.results import plot_name
from serve.bench.figures import Figures
from serve.bench.plot import plot

HERE = Path(__file__).parent
NAMES = [curve.name for curve in CURVES]

Wanted = Annotated[list[str] | None, typer.Argument(help=f"Which of {'; '.join(NAMES)}. Default: all.")]
Out = Annotated[Path, typer.Option(help="The page; results.json and plots/ are written beside it.")]


def main(wanted: Wanted = None, out: Out = HERE / "RESULTS.md") -> None:
    """Measure ours along each curve."""
    for name in set(wanted or ()) - set(NAMES):
        raise typer.BadParameter(f"there is no curve {name!r}; curves: {'; '.join(NAMES)}")
    record: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "benchmarks.growth", *sys.argv[1:]]),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": machine(),
        "curves": [],
    }
    for curve in CURVES:
        if wanted and curve.name not in wanted:
            continue
        points = []
        for found in measured(curve):
            rate = f"{found.figures.requests_per_second:.4g} requests/s"
            typer.echo(f"{curve.name}: {found.figures.level}: {rate} {found.figures.errors or ''}")
            points.append(asdict(found))
        record["curves"].append({"task": curve.task, "along": curve.along, "points": points})
        write(record, out)
    typer.echo(f"{out} is written")


def write(record: dict[str, Any], out: Path) -> None:
    """The page, the record and the plots."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(record))
    (out.parent / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    (out.parent / "plots").mkdir(exist_ok=True)
    for curve in record["curves"]:
        drawn = {"ours": [Figures(**point["figures"]) for point in curve["points"]]}
        file = out.parent / "plots" / plot_name(curve["task"], curve["along"])
        plot(drawn, tasks.unit(curve["task"]), file, curve["along"])


if __name__ == "__main__":
    typer.run(main)
