"""`python -m benchmarks`: tasks and peers go in, RESULTS.md, results.json and plots/ come out.

Tasks that are not measured stay on the page as they were.
"""

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from benchmarks import peers, results, rounds, runs, tasks, template
from benchmarks.engine import DTYPE, ENV, FLAGS
from benchmarks.machine import begun, versions
from benchmarks.rounds import Record
from serve.bench.figures import Figures
from serve.bench.plot import plot
from serve.errors import ConfigurationError

HERE = Path(__file__).parent
NAME = "results.json"

Wanted = Annotated[list[str] | None, typer.Argument(help=f"Which of {', '.join(tasks.names())}; default: all.")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="How often each peer has its turn at each load.")]
Only = Annotated[str, typer.Option(help=f"Peers with commas between them: {', '.join(peers.names())}.")]
Out = Annotated[Path, typer.Option(help="The page; results.json and plots/ are written beside it.")]
Model = Annotated[list[str] | None, typer.Option(help="task=folder: weights that both sides load.")]
Requests = Annotated[int, typer.Option(min=1, help="At most so many at each level, for a quick look.")]


def main(
    wanted: Wanted = None,
    number: Rounds = 12,
    only: Only = "",
    out: Out = HERE / "RESULTS.md",
    model: Model = None,
    requests: Requests = 10_000,
) -> None:
    """Compare ours with each peer, side by side on this machine."""
    for stopping in (signal.SIGINT, signal.SIGTERM):  # So that servers are ended.
        signal.signal(stopping, _interrupt)
    chosen, names = wanted or tasks.names(), [name for name in only.split(",") if name]
    _must_exist(chosen)
    taking_part = [peers.peer(name) for name in names or peers.names() if set(peers.peer(name).tasks) & set(chosen)]
    earlier = runs.read(out.with_name(NAME))
    run = {
        **begun("benchmarks"),
        "template": template.seconds(),
        "settings": _settings(chosen),
        "about": {peer.name: peer.about for peer in taking_part},
    }

    def keep(found: Record) -> None:
        failed = set.intersection(*(set(found.failures.get(task, {})) for task in chosen))
        known = versions(peer for peer in taking_part if peer.name not in failed)
        write(runs.joined(earlier, {**run, "versions": known, **asdict(found)}), out)

    rounds.measure(chosen, names, number, _named(model or []), requests, typer.echo, keep)
    typer.echo(f"{out} is written")


def write(measured: runs.Runs, out: Path) -> None:
    """The page, the record and the plots."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(results.page(measured))
    out.with_name(NAME).write_text(runs.written(measured))
    (out.parent / "plots").mkdir(exist_ok=True)
    for (task, load), lines in results.lines(measured).items():
        drawn = {peer: [Figures(**level) for level in levels] for peer, levels in lines.items()}
        plot(drawn, tasks.unit(task), out.parent / "plots" / results.plot_name(task, load))


def _settings(chosen: list[str]) -> str:
    counts = ", ".join(f"{tasks.task(task).THREADS} for {task}" for task in chosen)
    flags = " ".join(f"{name}={value}" for name, value in (FLAGS | ENV).items())
    return f"Alike for all: the weights' folder, {DTYPE}, OMP_NUM_THREADS ({counts}), and of vLLM `{flags}`."


def _must_exist(chosen: list[str]) -> None:
    for task in chosen:
        if task not in tasks.names():
            raise ConfigurationError(f"there is no task {task!r}; tasks: {', '.join(tasks.names())}")


def _named(given: list[str]) -> dict[str, Path]:
    """From task=folder."""
    found = {task: Path(folder) for task, _, folder in (one.partition("=") for one in given)}
    for task, folder in found.items():
        if task not in tasks.names() or not folder.is_dir():
            raise ConfigurationError(f"--model {task}={folder}: write task=folder with a folder that is there")
    return found


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except ConfigurationError as error:
        sys.exit(f"error: {error.message}")
