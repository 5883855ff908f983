"""What a Ray cluster asks of the nodes: a rayClusterConfig goes in, a list of pods with their requests comes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from serve.plan.tree import amount

HEAD = "head"
NATIVE = {"cpu", "memory", "ephemeral-storage", "pods"}
HAMI = "nvidia.com/gpumem"
"""Part of a GPU that is counted by itself: HAMi's scheduler knows of it, and nodes do not list it."""
Amounts = dict[str, Decimal]


@dataclass(frozen=True)
class Claim:
    """Devices by Dynamic Resource Allocation, instead of a device plugin's resource."""

    name: str
    """The ResourceClaimTemplate, or the ResourceClaim that is shared."""
    devices: int
    shared: bool


@dataclass(frozen=True)
class Pod:
    """One pod that is to be placed."""

    group: str
    """The accelerator, or `head`."""
    requests: Mapping[str, Decimal]
    selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, Any]]
    claim: Claim | None = None

    @property
    def devices(self) -> Amounts:
        """What it asks of device plugins, such as nvidia.com/gpu, or by a claim."""
        asked = {name: number for name, number in self.requests.items() if name not in NATIVE}
        return {**asked, f"claim {self.claim.name}": Decimal(self.claim.devices)} if self.claim else asked


def counts(cluster: Mapping[str, Any]) -> dict[str, int]:
    """How many pods the operator makes at once, by group; an autoscaler may add more."""
    return {HEAD: 1} | {group["groupName"]: group.get("replicas", 0) for group in cluster.get("workerGroupSpecs", [])}


def pods(cluster: Mapping[str, Any], besides: Mapping[str, int] | None = None) -> list[Pod]:
    """The pods of a cluster that come to those `besides` which its groups have already."""
    groups = {HEAD: cluster["headGroupSpec"]} | {one["groupName"]: one for one in cluster.get("workerGroupSpecs", [])}
    there = besides or {}
    return [
        _pod(name, groups[name]) for name, count in counts(cluster).items() for _ in range(count - there.get(name, 0))
    ]


def devices(wanted: Iterable[Pod]) -> Amounts:
    """What all of them ask of device plugins and claims; what pods share counts once."""
    pods = list(wanted)
    shared = {pod.claim: pod.devices for pod in pods if pod.claim and pod.claim.shared}
    return added([*(pod.devices for pod in pods if pod.claim not in shared), *shared.values()])


def claim(group: Mapping[str, Any]) -> Claim | None:
    """What each pod of a group claims, which the chart writes as one claim at most."""
    named = next(iter(group["template"]["spec"].get("resourceClaims", [])), None)
    if not named:
        return None
    shared = named.get("resourceClaimName")
    return Claim(shared or named["resourceClaimTemplateName"], int(group["rayStartParams"]["num-gpus"]), bool(shared))


def requested(spec: Mapping[str, Any]) -> Amounts:
    """What the scheduler counts for a pod: all containers together, or an init container that takes more."""
    total = added(_asked(container) for container in spec.get("containers", []))
    for container in spec.get("initContainers", []):
        for name, number in _asked(container).items():
            total[name] = max(total.get(name, Decimal(0)), number)
    return total


def added(parts: Iterable[Mapping[str, Decimal]]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, Decimal(0)) + number
    return total


def _pod(name: str, group: Mapping[str, Any]) -> Pod:
    spec = group["template"]["spec"]
    selector, tolerations = spec.get("nodeSelector", {}), spec.get("tolerations", [])
    return Pod(name, requested(spec), selector, tolerations, claim(group))


def _asked(container: Mapping[str, Any]) -> Amounts:
    """A limit counts as the request where there is none."""
    resources = container.get("resources", {})
    asked = {**resources.get("limits", {}), **resources.get("requests", {})}
    return {name: amount(value) for name, value in asked.items() if name != HAMI}
