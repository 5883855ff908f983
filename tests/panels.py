"""What Grafana asks: the chart's dashboards go in, each query of each panel comes out, for the release of a test."""

import json
import math
from collections.abc import Iterator
from typing import Any

from serve.chart_values import CHART
from serve.cli import helm

VARIABLES = {"$namespace": helm.NAMESPACE, "$release": helm.RELEASE, "$__rate_interval": "2m"}


def queries() -> Iterator[tuple[str, str]]:
    """By where each is."""
    for file in sorted((CHART / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{file.stem}: {panel['title']}: {target['legendFormat']}", asked(target["expr"])


def asked(query: str) -> str:
    """With the variables of a dashboard put in."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def answered(found: list[dict[str, Any]]) -> bool:
    """Whether there is anything to draw."""
    return any(not math.isnan(float(one["value"][1])) for one in found)
