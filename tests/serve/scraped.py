"""What Prometheus reads of a running service: the service goes in, our series come out."""

import json
import re

import requests

from serve.local.service import Service

SAMPLE = re.compile(r"^ray_(ai_inference_\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
OURS = ("accelerator", "card", "model", "cause")
Series = dict[tuple[str, ...], float]


def scraped(service: Service) -> dict[str, Series]:
    """By name and by the values of our labels, from where Ray tells Prometheus to look."""
    found: dict[str, Series] = {}
    for text in _texts(service):
        for name, labels, value in SAMPLE.findall(text):
            all_labels = dict(LABEL.findall(labels))
            ours = tuple(all_labels[key] for key in OURS if key in all_labels)
            found.setdefault(name, {})[ours] = float(value)
    return found


def names(service: Service) -> set[str]:
    """Of all series, Ray's and the engines' too."""
    return {name for text in _texts(service) for name in re.findall(r"^(\w+)\{", text, re.MULTILINE)}


def _texts(service: Service) -> list[str]:
    discovery = service.nodes.folder / "ray" / "prom_metrics_service_discovery.json"
    return [_said(target) for group in json.loads(discovery.read_text()) for target in group["targets"]]


def _said(target: str) -> str:
    """Nothing by a target that is down, as Ray also names ports of parts that do not run here."""
    try:
        return requests.get(f"http://{target}/metrics", timeout=60).text
    except requests.ConnectionError:
        return ""
