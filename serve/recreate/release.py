"""A release as the API server has it: names go in, its RayService, its Ray clusters and its pods come out.

Everything that is written is here too: a RayCluster is deleted, and the labels of one pod are changed. The chart's Role
(templates/recreate.yaml) allows these calls and no others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightkube
from lightkube import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import Pod as PodModel
from lightkube.resources.core_v1 import Pod, Service
from lightkube.types import CascadeType, PatchType

SERVICES = create_namespaced_resource("ray.io", "v1", "RayService", "rayservices")
CLUSTERS = create_namespaced_resource("ray.io", "v1", "RayCluster", "rayclusters")
Labels = Mapping[str, str]


@dataclass(frozen=True)
class State:
    """What the RayService says: what it wants, and how far the operator is."""

    wanted: Mapping[str, Any]
    """Its rayClusterConfig."""
    seen: bool
    """The operator has taken the last change into account."""
    refusal: str
    """Why the operator does not take it, or did not take the one before; empty where it does."""
    active: str
    """The RayCluster to which the Service leads, by name; it may be gone."""
    pending: str
    """The RayCluster that is to follow."""


@dataclass(frozen=True)
class RayCluster:
    """One of the operator's."""

    name: str
    uid: str
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """The connection, and where the release is."""

    client: lightkube.Client
    name: str
    namespace: str

    def state(self) -> State:
        found = self.client.get(SERVICES, self.name, namespace=self.namespace)
        status = found.get("status") or {}
        observed = status.get("observedGeneration") == found["metadata"]["generation"]
        active = status.get("activeServiceStatus", {}).get("rayClusterName", "")
        conditions = {one["type"]: one for one in status.get("conditions", [])}
        ready: Mapping[str, str] = conditions.get("Ready", {})
        return State(
            wanted=found["spec"]["rayClusterConfig"],
            # Before anything serves, the operator does not write down which generation it has seen.
            seen=observed or not active,
            refusal=ready["message"] if not observed and ready.get("reason") == "ValidationFailed" else "",
            active=active,
            pending=status.get("pendingServiceStatus", {}).get("rayClusterName", ""),
        )

    def cluster(self, name: str) -> RayCluster | None:
        try:
            found = self.client.get(CLUSTERS, name, namespace=self.namespace) if name else None
        except ApiError as error:
            if error.status.code != 404:
                raise
            return None
        return RayCluster(name, found["metadata"]["uid"], found["spec"]) if found else None

    def delete(self, cluster: RayCluster) -> None:
        """In the background: the operator makes the next one while the pods of this one still end."""
        self.client.delete(CLUSTERS, cluster.name, namespace=self.namespace, cascade=CascadeType.BACKGROUND)

    def selectors(self) -> Iterator[Labels]:
        """By which Services find pods: the operator's, once a cluster has served, and the chart's aliases."""
        yield {"ai-inference/release": self.name, "ray.io/serve": "true"}
        try:
            found = self.client.get(Service, f"{self.name}-serve-svc", namespace=self.namespace)
        except ApiError as error:
            if error.status.code != 404:
                raise
        else:
            yield (found.spec and found.spec.selector) or {}

    def answering(self, selector: Labels) -> set[str]:
        """Pods to which a Service with this selector leads, by name."""
        found = self.client.list(Pod, namespace=self.namespace, labels=dict(selector))
        return {str(pod.metadata.name) for pod in found if pod.metadata and _is_ready(pod)}

    def label(self, pod: str, labels: Mapping[str, str | None]) -> None:
        """None takes a label away."""
        self.client.patch(
            Pod, pod, {"metadata": {"labels": dict(labels)}}, namespace=self.namespace, patch_type=PatchType.MERGE
        )


def _is_ready(pod: PodModel) -> bool:
    """A pod that ends is not, whatever its condition still says."""
    ends = pod.metadata and pod.metadata.deletionTimestamp
    conditions = (pod.status and pod.status.conditions) or []
    return not ends and any(one.type == "Ready" and one.status == "True" for one in conditions)
