"""What `ai-inference up` prints: manifests and states go in, tables for a terminal come out."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from serve.cli.curls import curl
from serve.local.manifest import Manifest

COLOURS = {"ok": "green", "ready": "green", "unavailable": "red"}


class Starting:
    """How far each model is: lines that change in a terminal, a line for each change in a log."""

    def __init__(self, console: Console, manifest: Manifest) -> None:
        self._console = console
        self._states = dict.fromkeys(manifest.models, "waiting for its Ray node")
        self._live = Live(self._table(), console=console, transient=True) if console.is_terminal else nullcontext()

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, states: Mapping[str, str]) -> None:
        changed = {model: state for model, state in states.items() if self._states.get(model) != state}
        self._states |= changed
        if isinstance(self._live, Live):
            self._live.update(self._table())
        else:
            for model, state in changed.items():
                self._console.print(f"  {model}: {state}", soft_wrap=True, markup=False, highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for model, state in self._states.items():
            table.add_row(f"  {model}", Text(state, style=COLOURS.get(state, "yellow")))
        return table


def endpoints(
    console: Console,
    address: str,
    manifest: Manifest,
    health: Mapping[str, Mapping[str, str]],
    made: set[str],
    keys: Path | None,
) -> None:
    """The services, then a curl for each, with a key of the folder `keys`."""
    table = Table("model", "task", "engine", "accelerator", "state", box=None, padding=(0, 2), header_style="dim")
    for model, state in health.items():
        said = ": ".join(filter(None, [state["status"], state.get("reason")]))
        table.add_row(
            model,
            state["task"],
            state["engine"],
            state["accelerator"],
            Text(said, style=COLOURS.get(state["status"], "yellow")),
        )
    console.print(table)
    if made:
        named = ", ".join(sorted(made))
        console.print(f"\nrandom weights, since no model hub answers: {named}", style="yellow", soft_wrap=True)
    console.print()
    if keys:
        console.print(f"  KEY=$(cat {sorted(keys.iterdir())[0]})", soft_wrap=True, markup=False, highlight=False)
    for model in manifest.models:
        line = curl(address, model, manifest.task(model), keys=keys is not None)
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"\nA page to try them in: {address}/   OpenAI's clients: base_url={address}/v1   Ctrl-C stops.", soft_wrap=True
    )
