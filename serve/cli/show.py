"""What `ai-inference up` prints: manifests and states go in, tables for a terminal come out."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from serve.cli.curls import curl
from serve.local.manifest import Manifest

COLOURS = {"ok": "green", "ready": "green", "unavailable": "red"}


def starting(manifest: Manifest, states: Mapping[str, str]) -> Table:
    """A line for each model that comes up."""
    table = Table.grid(padding=(0, 2))
    for model in manifest.models:
        state = states.get(model, "waiting for its Ray node")
        table.add_row(f"  {model}", f"[{COLOURS.get(state, 'yellow')}]{state}")
    return table


def endpoints(
    console: Console, address: str, manifest: Manifest, health: Mapping[str, Mapping[str, str]], made: set[str]
) -> None:
    """The services, then a curl for each."""
    table = Table("model", "task", "engine", "accelerator", "state", box=None, padding=(0, 2), header_style="dim")
    for model, state in health.items():
        said = ": ".join(filter(None, [state["status"], state.get("reason")]))
        table.add_row(
            model, state["task"], state["engine"], state["accelerator"], f"[{COLOURS.get(state['status'])}]{said}"
        )
    console.print(table)
    if made:
        named = ", ".join(sorted(made))
        console.print(f"\nrandom weights, since no model hub answers: {named}", style="yellow", soft_wrap=True)
    console.print()
    for model in manifest.models:
        console.print(f"  {curl(address, model, manifest.task(model))}", soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"\nA page to try them in: {address}/   OpenAI's clients: base_url={address}/v1   Ctrl-C stops.", soft_wrap=True
    )
