"""What the pages have alike: cells or a run go in, Markdown comes out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def of_run(run: Mapping[str, Any]) -> list[str]:
    """By what command it was measured, when, at which commit and on what machine."""
    about = table(["", ""], [("commit", run["commit"]), *run["machine"].items()])
    return [f"## Run of {run['date']}", f"    {run['command']}", about]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
