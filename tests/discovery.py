"""What Prometheus makes of pods that it discovers: pods go in, a scrape by way of the API server comes out.

Its targets are written out with the labels that discovery gives them
(prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config), as Debian's has no discovery.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

META = "__meta_kubernetes_"
POD = f"{META}pod_"
WHOSE = [
    {"source_labels": [f"{META}namespace"], "target_label": "namespace"},
    {"source_labels": [f"{POD}name"], "target_label": "pod"},
]
Pods = Iterable[Mapping[str, Any]]


def by_annotations(pods: Pods, api: str) -> dict[str, Any]:
    """As Prometheus' own example reads pods with `prometheus.io/scrape`."""
    asks = f"{POD}annotation_prometheus_io_"
    rules = [
        {"source_labels": [f"{asks}scrape"], "action": "keep", "regex": "true"},
        _by_way_of(f"{asks}port", f"{asks}path"),
        {"action": "labelmap", "regex": f"{POD}label_(.+)"},
    ]
    return _scrape("annotated", pods, api, rules)


def by_monitor(monitor: Mapping[str, Any], pods: Pods, api: str) -> dict[str, Any]:
    """As the Prometheus operator reads a PodMonitor that says no more than this."""
    spec = monitor["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    assert (set(spec), set(endpoint)) == ({"selector", "podTargetLabels", "podMetricsEndpoints"}, {"port", "interval"})
    assert set(spec["selector"]) == {"matchLabels"}
    rules = [
        *(
            {"source_labels": [f"{POD}label_{_plain(label)}"], "action": "keep", "regex": re.escape(value)}
            for label, value in spec["selector"]["matchLabels"].items()
        ),
        {"source_labels": [f"{POD}container_port_name"], "action": "keep", "regex": re.escape(endpoint["port"])},
        {"target_label": "__metrics_path__", "replacement": "/metrics"},
        _by_way_of(f"{POD}container_port_number", "__metrics_path__"),
        {"source_labels": [f"{POD}container_name"], "target_label": "container"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
        {"target_label": "job", "replacement": f"{monitor['metadata']['namespace']}/{monitor['metadata']['name']}"},
        *(
            {"source_labels": [f"{POD}label_{_plain(label)}"], "regex": "(.+)", "target_label": _plain(label)}
            for label in spec["podTargetLabels"]
        ),
    ]
    return _scrape("monitored", pods, api, rules)


def _by_way_of(port: str, path: str) -> dict[str, Any]:
    return {
        "source_labels": [f"{META}namespace", f"{POD}name", port, path],
        "regex": "(.+);(.+);(.+);(.+)",
        "target_label": "__metrics_path__",
        "replacement": "/api/v1/namespaces/$1/pods/$2:$3/proxy$4",
    }


def _scrape(job: str, pods: Pods, api: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    targets = [{"targets": [api], "labels": labels} for pod in pods for labels in _discovered(pod)]
    only = {"source_labels": ["__metrics_path__"], "action": "keep", "regex": "/api/v1/namespaces/.+"}  # Not its own.
    return {"job_name": job, "static_configs": targets, "relabel_configs": [*rules, only, *WHOSE]}


def _discovered(pod: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The labels of each of its ports."""
    metadata = pod["metadata"]
    common = {f"{META}namespace": metadata["namespace"], f"{POD}name": metadata["name"]}
    for kind in ("label", "annotation"):
        common |= {f"{POD}{kind}_{_plain(key)}": value for key, value in metadata.get(f"{kind}s", {}).items()}
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", []):
            where = {
                "name": container["name"],
                "port_number": str(port["containerPort"]),
                "port_name": port.get("name", ""),
            }
            yield common | {f"{POD}container_{key}": value for key, value in where.items()}


def _plain(name: str) -> str:
    """As a label of Prometheus."""
    return re.sub(r"\W", "_", name)
