"""What a cluster has of a release: its name goes in, the RayService, the RayCluster behind it, nodes and pods come out.

By kubectl and not by a client library: whoever can install the chart has it, it speaks every way of logging in, and the
images need not carry a package that only this command uses. Everything is read, nothing is written.
"""

import json
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from serve.errors import ConfigurationError
from serve.plan.nodes import Node, nodes

SERVICES = "rayservices.ray.io"
CLUSTERS = "rayclusters.ray.io"
CLUSTER_LABEL = "ray.io/cluster"
RUNS = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True)
class Live:
    """A release as the cluster has it; each property asks once."""

    release: str
    namespace: str

    @cached_property
    def service(self) -> dict[str, Any] | None:
        """The RayService, None before the first install."""
        return _get(SERVICES, self.release, f"--namespace={self.namespace}", "--ignore-not-found")

    @property
    def active(self) -> str:
        """The RayCluster that serves, by name."""
        return self._named("activeServiceStatus")

    @property
    def pending(self) -> str:
        """The RayCluster that is to serve once its models answer."""
        return self._named("pendingServiceStatus")

    @cached_property
    def cluster(self) -> dict[str, Any] | None:
        """The RayCluster that the operator compares with: the pending one where there is one."""
        name = self.pending or self.active
        return _get(CLUSTERS, name, f"--namespace={self.namespace}", "--ignore-not-found") if name else None

    def nodes(self, without: Collection[str] = ()) -> list[Node]:
        """The nodes with what is free on them, as if the pods of these RayClusters were gone."""
        running = [pod for pod in self._pods if _cluster(pod) not in without]
        return nodes(self._nodes, running)

    @cached_property
    def _nodes(self) -> list[dict[str, Any]]:
        return list((_get("nodes") or {})["items"])

    @cached_property
    def _pods(self) -> list[dict[str, Any]]:
        return list((_get("pods", "--all-namespaces", f"--field-selector={RUNS}") or {})["items"])

    def _named(self, kind: str) -> str:
        status = (self.service or {}).get("status", {})
        name: str = status.get(kind, {}).get("rayClusterName", "")
        return name


def _cluster(pod: Mapping[str, Any]) -> str | None:
    labels: dict[str, str] = pod["metadata"].get("labels", {})
    return labels.get(CLUSTER_LABEL)


def _get(*what: str) -> dict[str, Any] | None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        raise ConfigurationError("--live asks the cluster by kubectl, which is not on PATH; install it, or give --old")
    done = subprocess.run([kubectl, "get", *what, "--output=json"], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigurationError(f"the cluster did not say its {what[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None
