"""Values go in, the plan comes out: as data, as text, and with a kubectl that says what a test has written down."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from serve.cli.app import app

Values = Mapping[str, Any]
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """`ai-inference plan` with files of these contents."""

    def called(new: Values | Sequence[Values], old: Values | None = None, *arguments: str) -> Result:
        files = [new] if isinstance(new, Mapping) else new
        named = [f"-f{_file(tmp_path, f'new{number}', one)}" for number, one in enumerate(files)]
        compared = [f"--old={_file(tmp_path, 'old', old)}"] if old is not None else []
        return CliRunner().invoke(app, ["plan", *named, *compared, *arguments])

    return called


@pytest.fixture
def plan(call: Call) -> Callable[..., dict[str, Any]]:
    """The same as data."""

    def planned(new: Values, old: Values | None = None, *arguments: str) -> dict[str, Any]:
        result = call(new, old, "--json", *arguments)
        assert not result.exit_code, result.exception
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return planned


@pytest.fixture
def said(call: Call) -> Callable[..., str]:
    """The same as text."""

    def printed(new: Values, old: Values | None = None, *arguments: str) -> str:
        result = call(new, old, *arguments)
        assert not result.exit_code, result.exception
        return result.stdout

    return printed


def _file(folder: Path, name: str, content: Values) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False))
    return path
