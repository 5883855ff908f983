"""What Prometheus and Grafana are given: nothing unasked, and where to read on every pod."""

import json
from itertools import chain
from typing import Any

import pytest

from serve.chart_values import CHART
from tests.helm import Rendered, fleet, render
from tests.prometheus import ALL, monitored

KINDS = ("PodMonitor", "PrometheusRule", "ConfigMap")


@pytest.fixture(scope="module")
def watched() -> Rendered:
    return monitored()


def test_there_is_none_unasked_as_the_kinds_may_be_unknown(small: Rendered) -> None:
    assert not any(small.of(kind) for kind in KINDS)


@pytest.mark.parametrize(("key", "kind"), list(zip(ALL, KINDS, strict=True)))
def test_each_is_asked_for_alone_and_found_by_the_labels_of_the_values(key: str, kind: str) -> None:
    rendered = render(fleet(monitoring={key: {"enabled": True, "labels": {"release": "stack"}}}))
    assert {one for one in KINDS if rendered.of(one)} == {kind}
    for found in rendered.of(kind).values():
        assert found["metadata"]["labels"]["release"] == "stack"
        assert found["metadata"]["labels"]["app.kubernetes.io/instance"] == "ai-inference"


def test_the_monitor_finds_every_pod_at_its_port_for_metrics(watched: Rendered) -> None:
    (monitor,) = watched.of("PodMonitor").values()
    wanted = monitor["spec"]["selector"]["matchLabels"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    for name, group in watched.groups.items():
        assert wanted.items() <= group["template"]["metadata"]["labels"].items()
        ports = {port["name"]: port["containerPort"] for port in watched.container(name)["ports"]}
        assert ports[endpoint["port"]] == 8080


def test_pods_say_by_annotations_where_to_read_and_no_value_changes_them(small: Rendered, watched: Rendered) -> None:
    said = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}
    for rendered in (small, watched):
        for group in rendered.groups.values():
            assert group["template"]["metadata"]["annotations"] == said


def test_monitoring_changes_nothing_of_the_service(small: Rendered, watched: Rendered) -> None:
    assert small.service == watched.service


def test_every_file_of_the_dashboards_is_there_for_the_sidecar(watched: Rendered) -> None:
    maps = watched.of("ConfigMap").values()
    data: dict[str, Any] = dict(chain.from_iterable(one["data"].items() for one in maps))
    assert data == {path.name: path.read_text() for path in (CHART / "dashboards").iterdir()}
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in maps)
    assert len({json.loads(text)["uid"] for text in data.values()}) == len(data)


def test_the_front_of_the_fleet_is_the_four_panels_that_are_looked_at_first() -> None:
    panels = json.loads((CHART / "dashboards/fleet.json").read_text())["panels"]
    titles = [panel["title"] for panel in sorted(panels, key=lambda one: (one["gridPos"]["y"], one["gridPos"]["x"]))]
    assert titles[:4] == ["p99 latency", "Throughput", "GPU utilisation", "Queue depth"]
