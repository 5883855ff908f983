"""Prometheus's own programs: rules and series go in, what it makes of them comes out.

Debian has them in its package `prometheus`; without it the tests that ask for them are skipped, and say so.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.cli import helm
from tests.helm import Rendered, fleet, render

SERVICE = f'namespace="{helm.NAMESPACE}",ai_inference_release="{helm.RELEASE}"'
ALL: Mapping[str, Any] = {kind: {"enabled": True} for kind in ("podMonitor", "rules", "dashboards")}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install prometheus")
    return found


def monitored(**changes: Any) -> Rendered:
    return render(fleet(monitoring=ALL, **{f"monitoring__{path}": value for path, value in changes.items()}))


def rules(rendered: Rendered, folder: Path) -> Path:
    """The chart's alerts as a file of Prometheus's own."""
    (found,) = rendered.of("PrometheusRule").values()
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(found["spec"]))
    return file


def promtool(*arguments: str) -> str:
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
