"""`python -m benchmarks.growth`: curves go in, RESULTS.md, results.json and plots/ come out.

Curves that are not measured stay on the page as they were, each with its own run.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import tasks
from benchmarks.growth.curves import CURVES
from benchmarks.growth.measure import measured
from benchmarks.growth.page import page
from benchmarks.machine import begun
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
    run, drawn = begun("benchmarks.growth"), read(out.with_name("results.json"))
    for curve in CURVES:
        if wanted and curve.name not in wanted:
            continue
        points = []
        for found in measured(curve):
            rate = f"{found.figures.requests_per_second:.4g} requests/s"
            typer.echo(f"{curve.name}: {found.figures.level}: {rate} {found.figures.errors or ''}")
            points.append(asdict(found))
        drawn[curve.name] = {"name": curve.name, "task": curve.task, "along": curve.along, "run": run, "points": points}
        write([drawn[name] for name in NAMES if name in drawn], out)
    typer.echo(f"{out} is written")


def read(file: Path) -> dict[str, dict[str, Any]]:
    """By name the curves that were written; none where there is no file."""
    curves = json.loads(file.read_text())["curves"] if file.exists() else []
    return {curve["name"]: curve for curve in curves}


def write(curves: Sequence[dict[str, Any]], out: Path) -> None:
    """The page, the record and the plots."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(curves))
    out.with_name("results.json").write_text(json.dumps({"curves": curves}, indent=1) + "\n")
    (out.parent / "plots").mkdir(exist_ok=True)
    for curve in curves:
        drawn = {"ours": [Figures(**point["figures"]) for point in curve["points"]]}
        file = out.parent / "plots" / plot_name(curve["task"], curve["along"])
        plot(drawn, tasks.unit(curve["task"]), file, curve["along"])


if __name__ == "__main__":
    typer.run(main)
