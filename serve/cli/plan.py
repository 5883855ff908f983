"""`ai-inference plan`: values files go in, what they would do to a running service is printed; nothing is changed.

What there is comes from older values files or from a cluster; without either the plan is that of a first install.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serve.cli import helm
from serve.errors import ConfigurationError
from serve.local.manifest import Manifest
from serve.plan import entries, words
from serve.plan.budgets import budgets
from serve.plan.live import Live
from serve.plan.picture import bars
from serve.plan.plan import Before, Plan, Verdict, planned
from serve.plan.record import record

COLOURS = {
    Verdict.NOTHING: "green",
    Verdict.IN_PLACE: "green",
    Verdict.APPENDED: "green",
    Verdict.FIRST_INSTALL: "cyan",
    Verdict.IGNORED: "yellow",
    Verdict.SECOND_CLUSTER: "yellow",
    Verdict.RECREATION: "yellow",
}

New = Annotated[list[Path], typer.Option("-f", "--values", help="A new values file; later ones override.", exists=True)]
Old = Annotated[list[Path] | None, typer.Option("--old", help="A values file that was applied before.", exists=True)]
Asked = Annotated[bool, typer.Option("--live", help="Compare with the release in the cluster that kubectl talks to.")]
Release = Annotated[str, typer.Option(help="The release's name.")]
Namespace = Annotated[str, typer.Option("-n", "--namespace", help="The release's namespace.")]
Estimates = Annotated[bool, typer.Option("--estimate", help="Ask the hub too whether each model's memory is enough.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")]


def plan(
    values: New,
    old: Old = None,
    live: Asked = False,
    release: Release = helm.RELEASE,
    namespace: Namespace = helm.NAMESPACE,
    estimate: Estimates = False,
    as_json: AsJson = False,
) -> None:
    """Say what a change of the values would do: nothing, in place, or a second cluster."""
    if old and live:
        raise ConfigurationError("--old and --live are both given; the plan compares with one of them")
    documents = _rendered(values, release, namespace)
    asked = Live(release, namespace) if live else None
    found = planned(documents, _before(old, asked, release, namespace), asked)
    enough = budgets(documents, online=estimate)
    if as_json:
        typer.echo(json.dumps(record(found, enough), indent=2))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    _print(console, found, release, namespace)
    for line in words.budgets(enough, estimate):
        console.print(line, style="yellow")


def _before(old: list[Path] | None, asked: Live | None, release: str, namespace: str) -> Before | None:
    if asked:
        return Before.live(asked)
    return Before.rendered(helm.template(old, release, namespace)) if old else None


def _rendered(values: list[Path], release: str, namespace: str) -> list[dict[str, object]]:
    """Checked as the builders do it, so that what they would refuse is refused here."""
    entries.check(values)
    documents = helm.template(values, release, namespace)
    Manifest.of(documents).check()
    return documents


def _print(console: Console, found: Plan, release: str, namespace: str) -> None:
    console.print(words.verdict(found), style=f"bold {COLOURS[found.verdict]}")
    parts = (
        words.reasons(found),
        words.models(found),
        words.objects(found),
        words.pods(found),
        words.advice(found, release, namespace),
    )
    for part in parts:
        for line in part:
            console.print(line)
    console.print()
    for bar in bars(found.ledger):
        console.print(bar)
