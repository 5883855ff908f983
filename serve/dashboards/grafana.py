"""The form that Grafana wants: a dashboard of panels goes in, its JSON comes out, two panels in a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT = 12, 8
"""Of a panel, in a grid that is 24 wide."""
SCHEMA = 39
"""Grafana's number for this form, since 10.4."""


@dataclass(frozen=True)
class Panel:
    """A picture of some questions; `queries` by their legends, such as `{{model}}`."""

    title: str
    description: str
    unit: str
    """Grafana's word: s, bytes, reqps, percentunit, short."""
    queries: Mapping[str, str]
    kind: str = "timeseries"
    """Or stat, which shows the last value only."""

    def json(self, number: int) -> dict[str, Any]:
        place = {"h": HEIGHT, "w": WIDTH, "x": number % 2 * WIDTH, "y": number // 2 * HEIGHT}
        targets = [
            {"datasource": SOURCE, "expr": query, "legendFormat": legend, "refId": chr(ord("A") + index)}
            for index, (legend, query) in enumerate(self.queries.items())
        ]
        return {
            "id": number + 1, "type": self.kind, "title": self.title, "description": self.description,
            "datasource": SOURCE, "gridPos": place, "targets": targets,
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0}, "overrides": []},
        }  # fmt: skip


@dataclass(frozen=True)
class Dashboard:
    title: str
    panels: Sequence[Panel]

    def json(self, name: str) -> dict[str, Any]:
        info = "ray_ai_inference_model_info"
        release = f'label_values({info}{{namespace="$namespace"}}, ai_inference_release)'
        return {
            "uid": f"ai-inference-{name}", "title": f"ai-inference / {self.title}", "tags": ["ai-inference"],
            "schemaVersion": SCHEMA, "editable": False, "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
            "links": [{"type": "dashboards", "tags": ["ai-inference"], "title": "ai-inference", "keepTime": True,
                       "includeVars": True, "asDropdown": True}],
            "templating": {"list": [
                {"name": "source", "type": "datasource", "query": "prometheus"},
                _variable("namespace", f"label_values({info}, namespace)"),
                _variable("release", release),
            ]},
            "panels": [panel.json(number) for number, panel in enumerate(self.panels)],
        }  # fmt: skip


def _variable(name: str, query: str) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "sort": 1}
