"""What was measured, run by run: earlier runs and a new one go in, each task as it was measured last comes out.

All tasks take hours; one that is measured again takes the place of what it was, and the others stay, each with the
command, the commit and the machine of its run.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Run = Mapping[str, Any]
"""Command, date, commit, machine, settings, versions, seconds that the chart took, and what `rounds.Record` has."""
Runs = list[Run]


def read(file: Path) -> Runs:
    """What `written` wrote; nothing where there is no file."""
    return list(json.loads(file.read_text())["runs"]) if file.exists() else []


def written(runs: Runs) -> str:
    return json.dumps({"runs": runs}, indent=1) + "\n"


def joined(earlier: Runs, run: Run) -> Runs:
    """`run`, and of those before what it has not measured again."""
    anew = tasks_of(run)
    kept = [_without(one, anew) for one in earlier]
    return [*(one for one in kept if tasks_of(one)), run]


def tasks_of(run: Run) -> set[str]:
    return {entry["task"] for entry in run["rounds"]} | set(run["failures"])


def entries(runs: Runs) -> Iterator[Mapping[str, Any]]:
    """What each peer did in each round."""
    return (entry for run in runs for entry in run["rounds"])


def _without(run: Run, gone: set[str]) -> Run:
    """And without the peers that were there for those tasks alone."""
    kept = [entry for entry in run["rounds"] if entry["task"] not in gone]
    peers = {entry["peer"] for entry in kept}
    return {
        **run,
        "rounds": kept,
        "agreements": [found for found in run["agreements"] if found["task"] not in gone],
        "failures": {task: found for task, found in run["failures"].items() if task not in gone},
        "about": {peer: said for peer, said in run["about"].items() if peer in peers},
        "versions": {peer: said for peer, said in run["versions"].items() if peer in peers},
    }
