"""`python -m benchmarks.startup`: cases go in, RESULTS.md and results.json come out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.machine import begun
from benchmarks.startup.cases import cases
from benchmarks.startup.measure import measured
from benchmarks.startup.page import page
from serve.errors import ConfigurationError

HERE = Path(__file__).parent

Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Starts of each.")]
Only = Annotated[str, typer.Option(help="Cases whose name has this in it.")]
Out = Annotated[Path, typer.Option(help="The page; results.json is written beside it.")]


def main(number: Rounds = 3, only: Only = "", out: Out = HERE / "RESULTS.md") -> None:
    """Start each case a few times, and see how soon its models answer."""
    record: dict[str, Any] = {**begun("benchmarks.startup"), "cases": [], "failures": {}}
    for case in cases():
        if only not in case.name:
            continue
        typer.echo(case.name)
        try:
            record["cases"].append({"name": case.name, "starts": [measured(case) for _ in range(number)]})
        except (ConfigurationError, PermissionError, TimeoutError) as error:
            record["failures"][case.name] = str(error)
        write(record, out)
    typer.echo(f"{out} is written")


def write(record: dict[str, Any], out: Path) -> None:
    """The page and the record."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(record))
    out.with_name("results.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
