"""What examples/ promises, on statuses that the real operator wrote: statuses/, made by record.py."""

from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
STATUSES = Path(__file__).with_name("statuses")


def recorded(name: str) -> dict[str, Any]:
    """A resource of KubeRay's as a live cluster had it."""
    thing: dict[str, Any] = yaml.safe_load((STATUSES / f"{name}.yaml").read_text())
    return thing


def example(tool: str, name: str) -> dict[str, Any]:
    """One manifest of examples/."""
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLES / tool / f"{name}.yaml").read_text())
    return manifest
