"""A release of the chart in a namespace of its own: values go in by helm, what the operator made of them comes out."""

import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serve.chart_values import CHART
from serve.cli import helm
from tests.cluster import kubectl

NAME = "fleet"
SESAME = "of the dashboard"


@dataclass(frozen=True)
class RayCluster:
    """One cluster of the operator's as it is."""

    name: str
    spec: Mapping[str, Any]
    pods: Mapping[str, str]
    """The group of each pod."""

    @property
    def groups(self) -> list[str]:
        return [group["groupName"] for group in self.spec["workerGroupSpecs"]]


@dataclass(frozen=True)
class Release:
    """One installation."""

    namespace: str
    folder: Path
    name: str = NAME

    def file(self, values: Mapping[str, Any], name: str) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(dict(values), sort_keys=False))
        return path

    def apply(self, values: Path) -> None:
        """Without the hooks, whose pods would never run; a test runs their commands itself."""
        kubectl.apply(self.secret)
        done = self.helm("upgrade", "--install", str(CHART), f"--values={values}", "--no-hooks")
        assert not done.returncode, done.stderr

    def helm(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What Helm says and does of this release."""
        command = [str(helm.find()), verb, self.name, *arguments, *self.place]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def end(self) -> None:
        """Takes away what the operator looks after."""
        kubectl.run("delete", "rayservices.ray.io", self.name, "--wait=false", *self.place)

    def seen(self) -> None:
        """Waits until the operator has done what it does at once about the last change: it writes this after that."""
        generation = self.service["metadata"]["generation"]
        self.wait(f"jsonpath={{.status.observedGeneration}}={generation}")

    def wait(self, condition: str) -> None:
        kubectl.wait(f"rayservices.ray.io/{self.name}", condition, *self.place)

    def ready(self) -> None:
        """Waits until the first RayCluster serves."""
        self.wait("condition=Ready")
        self.settled(self.active)

    def settled(self, cluster: str) -> None:
        """Waits until the RayCluster has the pods that it asks for."""
        kubectl.wait(f"rayclusters.ray.io/{cluster}", "create", *self.place)
        desired = sum(group["replicas"] for group in self.cluster(cluster).spec["workerGroupSpecs"])
        ready = f"jsonpath={{.status.readyWorkerReplicas}}={desired}"
        kubectl.wait(f"rayclusters.ray.io/{cluster}", ready, *self.place)

    @property
    def secret(self) -> dict[str, Any]:
        """With the token of Ray's dashboard, as the hook of an install makes it."""
        metadata = {"name": f"{self.name}-dashboard", "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"auth_token": SESAME}}

    @property
    def place(self) -> tuple[str]:
        return (f"--namespace={self.namespace}",)

    @property
    def service(self) -> dict[str, Any]:
        return kubectl.get("rayservices.ray.io", self.name, *self.place)

    @property
    def pods(self) -> dict[str, dict[str, Any]]:
        """All pods of Ray by name."""
        found = kubectl.items("pods", f"--selector=ai-inference/release={self.name}", *self.place)
        return {pod["metadata"]["name"]: pod for pod in found}

    @property
    def active(self) -> str:
        return str(self.service["status"].get("activeServiceStatus", {}).get("rayClusterName", ""))

    @property
    def pending(self) -> str:
        return str(self.service["status"].get("pendingServiceStatus", {}).get("rayClusterName", ""))

    def cluster(self, name: str) -> RayCluster:
        spec = kubectl.get("rayclusters.ray.io", name, *self.place)["spec"]
        pods = kubectl.items("pods", f"--selector=ray.io/cluster={name}", *self.place)
        groups = {pod["metadata"]["name"]: pod["metadata"]["labels"]["ray.io/group"] for pod in pods}
        return RayCluster(name, spec, {pod: group.replace("headgroup", "head") for pod, group in groups.items()})


@contextmanager
def made(folder: Path) -> Iterator[Release]:
    """A namespace for a release, until the end of the block."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    kubectl.run("create", "namespace", namespace)
    try:
        yield Release(namespace, folder)
    finally:
        kubectl.run("delete", "namespace", namespace, "--wait=false")
