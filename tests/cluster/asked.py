"""`ai-inference plan` as a person calls it: arguments go in, what it prints comes out."""

import json
import shlex
from typing import Any

from typer.testing import CliRunner

from serve.cli.app import app
from tests.cluster.release import Release
from tests.cluster.served import Served


def said(release: Release | Served, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["plan", "--release", release.name, *release.place, *arguments])
    assert not result.exit_code, result.exception
    return result.stdout


def plan(release: Release | Served, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(release, "--json", *arguments))
    return found


def advised(printed: str) -> list[str]:
    """The command that the plan prints, as words."""
    (line,) = (line for line in printed.splitlines() if line.startswith("  kubectl "))
    return shlex.split(line)[1:]
