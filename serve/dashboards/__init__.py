"""Grafana's dashboards of the service: questions to Prometheus go in, the chart's dashboards/*.json come out.

    python -m serve.dashboards

Each module lists panels, a line for each; `grafana` gives them the form that Grafana wants. They choose a service by
`namespace` and `release`, which are labels of what Prometheus reads, by a PodMonitor or by the pods' annotations alike.
"""

import json
from pathlib import Path

from serve.chart_values import CHART
from serve.dashboards import batch, fleet, sharing, tasks

FOLDER = CHART / "dashboards"


def written() -> dict[Path, str]:
    """Each generated file with its text."""
    found = {**fleet.DASHBOARDS, **tasks.DASHBOARDS, **sharing.DASHBOARDS, **batch.DASHBOARDS}
    return {FOLDER / f"{name}.json": json.dumps(one.json(name), indent=1) + "\n" for name, one in found.items()}
