"""`make fuzz`: minutes and a seed go in, a page with the verdict comes out, and 1 where a rule is broken."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.markdown import table
from tests.fuzz.run import WAYS, run
from tests.fuzz.service import served
from tests.fuzz.verdict import Seen, rules

STEPS = 10
Minutes = Annotated[float, typer.Option(min=0.1, help="How long, for each way of asking.")]
Seed = Annotated[int | None, typer.Option(help="Always the same requests; by default others each day.")]
Only = Annotated[str, typer.Option(help=f"One way of asking alone: {' or '.join(WAYS)}.")]
Keep = Annotated[Path | None, typer.Option(help="A folder for the body of the first request of each that is wrong.")]


def main(minutes: Minutes = 10, seed: Seed = None, only: Only = "", keep: Keep = None) -> None:
    """Send requests that nobody should send to a real service, and see that it answers each and stays well."""
    start = int(f"{datetime.now(UTC):%Y%m%d}") if seed is None else seed
    console, well = Console(width=140), True
    with served() as target:
        for name in [only] if only else WAYS:
            seen = run(target, WAYS[name], minutes * 60, start)
            well &= all(rule.holds for rule in rules(seen))
            console.print(Markdown(page(name, minutes, start, seen)))
            if keep:
                _keep(keep / name, seen)
    sys.exit(not well)


def page(name: str, minutes: float, seed: int, seen: Seen) -> str:
    """Verdict, requests, what is wrong, and memory."""
    verdict = [[rule.what, rule.wanted, rule.measured, "holds" if rule.holds else "BROKEN"] for rule in rules(seen)]
    statuses = sorted(seen.statuses.items())
    parts = [
        f"# {name}: {minutes:g} minutes, seed {seed}",
        table(["what", "wanted", "measured", ""], verdict),
        f"The slowest answer took {seen.slowest:.1f} s.",
        table(["requests", "status", "answers"], [[kind, status or "left", n] for (kind, status), n in statuses]),
        *(table(["what is wrong", "times"], seen.wrong.most_common()) for _ in [0] if seen.wrong),
        table(["process", "MB, by and by"], [[of.name, _by_and_by(of.megabytes)] for of in seen.held if of.megabytes]),
    ]
    return "\n\n".join(parts) + "\n"


def _by_and_by(megabytes: Sequence[float]) -> str:
    """What grows without an end is told from what has found its size."""
    places = [round(part * (len(megabytes) - 1) / STEPS) for part in range(STEPS + 1)]
    return " ".join(f"{megabytes[place]:.0f}" for place in places)


def _keep(folder: Path, seen: Seen) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (cause, ask) in enumerate(seen.first.items()):
        (folder / f"{number}.body").write_bytes(ask.body)
        (folder / f"{number}.txt").write_text(f"{cause}\n{ask}\n")


if __name__ == "__main__":
    typer.run(main)
