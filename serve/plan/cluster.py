"""What KubeRay does about a change of rayClusterConfig: the old and the new go in, one of four effects comes out.

This is the operator's own rule (isClusterSpecHashEqual in ray-operator/controllers/ray/rayservice_controller.go of
github.com/ray-project/kuberay, GenerateHashWithoutReplicasAndWorkersToDelete in utils/util.go). It hashes all but sizes
of groups, tolerations and scheduling gates. Equal hashes: nothing, not even for what the hash leaves out. Equal up to
new groups at the end: the cluster is updated in place, with all of the new text. Else a second cluster, or nothing
where upgradeStrategy is None.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serve.plan.tree import Difference, canonical, differences

SIZES = ("replicas", "minReplicas", "maxReplicas")
UNHASHED_OF_PODS = ("tolerations", "schedulingGates")


class Effect(StrEnum):
    """What happens to the pods."""

    NONE = "nothing"
    IGNORED = "ignored"
    APPENDED = "groupAppended"
    REPLACED = "replaced"


@dataclass(frozen=True)
class ClusterChange:
    """The effect, and what brings it about."""

    effect: Effect
    appended: tuple[str, ...] = ()
    """Worker groups that are added to the running cluster."""
    hashed: tuple[Difference, ...] = ()
    """What needs other pods, by worker group or `head`."""
    unhashed: tuple[Difference, ...] = ()
    """What the operator does not look at."""


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> ClusterChange:
    """The change from one rayClusterConfig, or a RayCluster's spec, to another."""
    before, after = canonical(dict(old)), canonical(dict(new))
    hashed = _differences(_muted(before), _muted(after))
    count = len(before.get("workerGroupSpecs", []))
    added = tuple(group["groupName"] for group in after.get("workerGroupSpecs", [])[count:])
    head_of_list = {**after, "workerGroupSpecs": after.get("workerGroupSpecs", [])[:count]}
    unhashed = tuple(one for one in _differences(before, head_of_list) if _is_unhashed(one.path))
    if added and _muted(before) == _muted(head_of_list):
        return ClusterChange(Effect.APPENDED, added, unhashed=unhashed)
    if hashed:
        return ClusterChange(Effect.REPLACED, hashed=hashed)
    wanted = tuple(one for one in unhashed if not _is_autoscalers(one, after))
    return ClusterChange(Effect.IGNORED if wanted else Effect.NONE, unhashed=wanted)


def _muted(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What the operator hashes."""
    muted: dict[str, Any] = copy.deepcopy(dict(cluster))
    muted.pop("upgradeStrategy", None)
    groups = muted.get("workerGroupSpecs", [])
    for group in (muted["headGroupSpec"], *groups):
        for key in UNHASHED_OF_PODS:
            group["template"]["spec"].pop(key, None)
    for group in groups:
        for key in SIZES:
            group.pop(key, None)
        group.get("scaleStrategy", {}).pop("workersToDelete", None)
    cleaned: dict[str, Any] = canonical(muted)
    return cleaned


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """By group, then the order of groups when nothing else explains why the lists are not the same."""
    found = tuple(differences(_by_group(old), _by_group(new)))
    orders = [[group["groupName"] for group in cluster.get("workerGroupSpecs", [])] for cluster in (old, new)]
    kept = [[name for name in order if name in orders[1 - side]] for side, order in enumerate(orders)]
    if kept[0] != kept[1]:
        found += (Difference("order of accelerators", ", ".join(kept[0]), ", ".join(kept[1])),)
    return found


def _by_group(cluster: Mapping[str, Any]) -> dict[str, Any]:
    groups = {group["groupName"]: group for group in cluster.get("workerGroupSpecs", [])}
    rest = {key: value for key, value in cluster.items() if key not in ("headGroupSpec", "workerGroupSpecs")}
    return {**rest, "head": cluster["headGroupSpec"], **groups}


def _is_autoscalers(one: Difference, cluster: Mapping[str, Any]) -> bool:
    """Between the bounds it sets the size itself, and nobody asked for another."""
    return bool(cluster.get("enableInTreeAutoscaling")) and one.path.endswith(".replicas")


def _is_unhashed(path: str) -> bool:
    return bool({*SIZES, *UNHASHED_OF_PODS} & set(path.split(".")))
