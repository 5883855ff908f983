"""The page of results: what was measured goes in, Markdown comes out. It computes every figure on it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import tasks, template
from benchmarks.added import added
from benchmarks.goals import GOALS, Goal, Measured
from benchmarks.markdown import of_run, table
from benchmarks.paired import Compared, ratio
from benchmarks.rounds import OURS
from benchmarks.runs import Run, Runs, entries, tasks_of

FIRST = ("first", "p50"), ("first", "p95"), ("per_token", "p50"), ("latency", "p50"), ("latency", "p99")
NOTE = """\
Written by `python -m benchmarks` and by nothing else, each task by the run that is named with it; results.json has each
round. All peers of a task are started and take turns of some seconds; in a round each has one turn at every load.
Whoever's turn it is not is stopped, client and server, so that each has the machine alone. Figures are medians of the
rounds. Ratios are ours to the peer's in the same round, their geometric mean, and differences of times their mean;
beside each is the interval that in 95% of such runs holds the true value, which one round does not have. Requests that
are lost while replicas die are on [a page of their own](../docs/soak.md)."""


def page(runs: Runs) -> str:
    """All of it."""
    measured = _measured(runs)
    parts = [
        "# Results",
        NOTE,
        *("## What we want to reach", _goals(runs, measured)),
        *(
            part
            for task in tasks.names()
            for run in runs
            if task in tasks_of(run)
            for part in _task(run, measured, task)
        ),
        *(part for run in runs for part in _run(run)),
    ]
    return "\n\n".join(parts) + "\n"


def _measured(runs: Runs) -> Measured:
    seen: dict[tuple[str, str, str, str], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for entry, load, level in _levels(runs):
        at = seen[entry["task"], load, level["level"], entry["peer"]]
        for name in ("requests_per_second", "units_per_second"):
            at[name][entry["round"]] = level[name]
        for name, percentile in FIRST:
            if level[name]:
                at[f"{name}_{percentile}"][entry["round"]] = level[name][percentile]
    return seen


def _levels(runs: Runs) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    for entry in entries(runs):
        for load, levels in entry["loads"].items():
            for level in levels:
                yield entry, load, level


def _goals(runs: Runs, measured: Measured) -> str:
    head = ["what", "against", "at least", "aim", "measured", "95%", ""]
    rendered = next((run["template"] for run in reversed(runs) if "template" in run), None)
    return table(head, [*(_goal(goal, goal.compared(measured)) for goal in GOALS), template.row(rendered)])


def _goal(goal: Goal, compared: Compared | None) -> Sequence[str]:
    wanted = [goal.what, goal.against, goal.words(goal.least), goal.words(goal.aim)]
    if compared is None:
        return [*wanted, "", "", "not measured"]
    return [*wanted, goal.words(compared.measured), compared.between(goal.words), goal.verdict(compared)]


def _task(run: Run, measured: Measured, task: str) -> Iterator[str]:
    yield f"## {task}"
    yield f"[{run['date']}](#{_anchor(run)})"
    for load in dict.fromkeys(load for entry, load, _ in _levels([run]) if entry["task"] == task):
        yield f"### {load}"
        yield f"![{task}, {load}](plots/{plot_name(task, load)})"
        yield _figures(run, measured, task, load)
        yield from added(measured, task, load)
        yield from _ceiling(run, task, load)
    yield _agreements(run, task)
    yield from (f"{peer} was not measured: `{_end(reason)}`" for peer, reason in run["failures"].get(task, {}).items())


def _ceiling(run: Run, task: str, load: str) -> Iterator[str]:
    """What the client could do, which is no server's figure."""
    found = [entry["ceilings"][load] for entry in run["rounds"] if entry["task"] == task and entry.get("ceilings")]
    if found:
        yield f"The client could do {median(found):.4g} requests/s with such answers, at the last level."


def _end(reason: str) -> str:
    return " ".join(reason.split())[-300:]


def plot_name(task: str, load: str) -> str:
    return f"{task}-{load.replace(' ', '-')}.svg"


def _figures(run: Run, measured: Measured, task: str, load: str) -> str:
    """Sorted by level, ours first."""
    unit = tasks.unit(task) or "requests/s"
    head = ["at once", "peer", unit, "in rounds", "ours to it", "95%", "first ms p50", "p95", "per token ms",
            "latency p50", "p99", "errors"]  # fmt: skip
    keys = sorted(
        (key for key in measured if key[:2] == (task, load)), key=lambda key: (int(key[2]), key[3] != OURS, key[3])
    )
    return table(head, [_figures_of(run, measured, key) for key in keys])


def _figures_of(run: Run, measured: Measured, key: tuple[str, str, str, str]) -> Sequence[str]:
    """Of a peer at one level."""
    of, figure = measured[key], "units_per_second" if tasks.unit(key[0]) else "requests_per_second"
    ours = measured.get((*key[:3], OURS), {}).get(figure, {})
    compared = ratio(ours, of[figure]) if key[3] != OURS else None
    ratios = [f"{compared.measured:.2f}", compared.between("{:.2f}".format)] if compared else ["", ""]
    errors = sum(sum(level["errors"].values()) for level in _of(run, key))
    times = [f"{median(of[f'{name}_{p}'].values()):.3g}" if f"{name}_{p}" in of else "" for name, p in FIRST]
    rates = of[figure].values()
    return [key[2], key[3], f"{median(rates):.4g}", _range(rates), *ratios, *times, str(errors or "")]


def _range(values: Collection[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}" if len(values) > 1 else ""


def _of(run: Run, key: tuple[str, str, str, str]) -> Iterator[Mapping[str, Any]]:
    """The rounds of one row."""
    for entry, load, level in _levels([run]):
        if (entry["task"], load, level["level"], entry["peer"]) == key:
            yield level


def _agreements(run: Run, task: str) -> str:
    rows = [
        [found["peer"], "yes" if found["same"] else "NO", found["words"]]
        for found in run["agreements"]
        if found["task"] == task
    ]
    return table(["answers of ours and of", "agree", "how far"], rows) if rows else "No answers were compared."


def _run(run: Run) -> Iterator[str]:
    """By what it was measured."""
    yield from of_run(run)
    packages = {
        peer: ", ".join(f"{name} {number}" for name, number in of.items()) for peer, of in run["versions"].items()
    }
    yield table(["peer", "packages"], packages.items())
    yield run["settings"]
    yield "\n".join(f"- **{peer}**: {about}" for peer, about in run["about"].items())


def _anchor(run: Run) -> str:
    """Of its heading, as GitHub makes it."""
    kept = (letter for letter in f"run of {run['date']}".lower() if letter.isalnum() or letter in " -")
    return "".join(kept).replace(" ", "-")


def lines(runs: Runs) -> dict[tuple[str, str], dict[str, list[dict[str, Any]]]]:
    """What is drawn for each task and load: of each peer the round that was its middle one by its last level's rate."""
    found: dict[tuple[str, str], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries(runs):
        for load, levels in entry["loads"].items():
            found[entry["task"], load][entry["peer"]].append(levels)
    return {key: {peer: _middle(of) for peer, of in peers.items()} for key, peers in found.items()}


def _middle(rounds: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    ordered = sorted(rounds, key=lambda levels: levels[-1]["requests_per_second"])
    return ordered[len(ordered) // 2]
