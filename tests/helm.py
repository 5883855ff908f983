"""Values go in, what the chart renders from them comes out, taken apart as tests want to ask for it."""

import copy
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from serve.chart_values import CHART
from serve.cli import helm

VALUES = CHART.parents[1] / "values"
FLEET: dict[str, Any] = {
    "accelerators": {
        "big": {"vendor": "rocm", "resource": "amd.com/gpu", "memory": "96Gi", "reserve": "1Gi", "order": 1},
        "small": {"vendor": "cuda", "resource": "nvidia.com/gpu", "memory": "8Gi", "order": 2},
    },
    "models": {
        "chat": {"task": "llm", "engine": "fake", "source": {"path": "/chat"}, "accelerator": "big"},
        "ears": {"task": "stt", "engine": "fake", "source": {"path": "/ears"}, "accelerator": "small", "gpu": 0.5},
    },
}
"""Two accelerators of one card each, and a model on each."""
FETCHED: dict[str, Any] = {
    "models__ears__source": {"hub": "a/b"},
    "accelerators__small__cache": {"existingClaim": "models", "prefetch": True},
}
"""Changes of it by which a model is fetched beforehand."""


@dataclass(frozen=True)
class Rendered:
    """The documents of one release."""

    documents: list[dict[str, Any]]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Documents of a kind by name."""
        return {one["metadata"]["name"]: one for one in self.documents if one["kind"] == kind}

    @cached_property
    def service(self) -> dict[str, Any]:
        (service,) = self.of("RayService").values()
        return service

    @cached_property
    def config(self) -> dict[str, Any]:
        """serveConfigV2."""
        config: dict[str, Any] = yaml.safe_load(self.service["spec"]["serveConfigV2"])
        return config

    @cached_property
    def applications(self) -> dict[str, dict[str, Any]]:
        return {application["name"]: application for application in self.config["applications"]}

    def placement(self, model: str) -> dict[str, Any]:
        placement: dict[str, Any] = self.applications[model]["args"]["placement"]
        return placement

    @cached_property
    def groups(self) -> dict[str, dict[str, Any]]:
        """Worker groups by name, in their order, after the head."""
        cluster = self.service["spec"]["rayClusterConfig"]
        return {"head": cluster["headGroupSpec"]} | {group["groupName"]: group for group in cluster["workerGroupSpecs"]}

    def pod(self, group: str) -> dict[str, Any]:
        pod: dict[str, Any] = self.groups[group]["template"]["spec"]
        return pod

    def container(self, group: str) -> dict[str, Any]:
        (container,) = self.pod(group)["containers"]
        assert isinstance(container, dict)
        return container

    def environment(self, group: str) -> dict[str, Any]:
        return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in self.container(group)["env"]}


def render(*values: str | Mapping[str, Any], chart: Path = CHART, **release: str) -> Rendered:
    """`values` are names of files under values/, or the content of one."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_file(one, Path(folder) / f"{number}.yaml") for number, one in enumerate(values)]
        return Rendered(helm.template(files, chart=chart, **release))  # type: ignore[arg-type]


def _file(values: str | Mapping[str, Any], target: Path) -> Path:
    if isinstance(values, str):
        return VALUES / f"{values}.yaml"
    target.write_text(yaml.safe_dump(dict(values), sort_keys=False))
    return target


def fleet(**changes: Any) -> dict[str, Any]:
    """FLEET, where `models__ears__gpu=0.6` changes one key and None takes it away."""
    values = copy.deepcopy(FLEET)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = values
        for parent in parents:
            node = node.setdefault(parent, {})
        node.pop(last, None) if value is None else node.update({last: value})
    return values
