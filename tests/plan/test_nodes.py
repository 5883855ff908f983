"""A place for each pod, or the reason why there is none; tests/cluster/test_plan_nodes.py asks the real scheduler."""

from typing import Any

from serve.plan.demand import pods
from serve.plan.nodes import nodes, placed
from tests.helm import fleet, render


def node(name: str, **more: Any) -> dict[str, Any]:
    room = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1", "amd.com/gpu": "1"}
    labels = {"kubernetes.io/hostname": name}
    return {"metadata": {"name": name, "labels": labels}, "spec": more, "status": {"allocatable": room}}


def running(on: str, **requests: str) -> dict[str, Any]:
    return {"spec": {"nodeName": on, "containers": [{"resources": {"requests": requests}}]}}


def reasons(found: list[dict[str, Any]], there: list[dict[str, Any]], **changes: Any) -> dict[str, str]:
    cluster = render(fleet(**changes)).service["spec"]["rayClusterConfig"]
    return {place.pod.group: place.node or place.reason for place in placed(pods(cluster), nodes(found, there))}


def test_pods_take_the_first_node_that_has_room() -> None:
    assert reasons([node("one"), node("two")], []) == {"head": "one", "big": "one", "small": "one"}


def test_what_runs_is_taken_off() -> None:
    gpu = running("one", **{"nvidia.com/gpu": "1"})
    assert reasons([node("one"), node("two")], [gpu])["small"] == "two"
    assert reasons([node("one")], [gpu])["small"] == "one has 0 of 1 nvidia.com/gpu free"


def test_cores_and_memory_count_too() -> None:
    busy = running("one", cpu="13500m", memory="56Gi")
    found = reasons([node("one")], [busy])
    assert found == {
        "head": "one",
        "big": "one has 0.5 of 4 cpu, 4.0Gi of 16.0Gi memory free",
        "small": "one has 0.5 of 4 cpu, 4.0Gi of 16.0Gi memory free",
    }


def test_a_label_that_no_node_has_is_named() -> None:
    found = reasons([node("one")], [], accelerators__small__nodeSelector={"kubernetes.io/hostname": "elminster"})
    assert found["small"] == "no node has the labels kubernetes.io/hostname=elminster"


def test_a_taint_that_is_not_tolerated_is_named() -> None:
    taints = [{"key": "gpu", "value": "only", "effect": "NoSchedule"}, {"key": "soft", "effect": "PreferNoSchedule"}]
    tolerated = {"accelerators__small__tolerations": [{"key": "gpu", "operator": "Exists"}]}
    found = reasons([node("one", taints=taints)], [], **tolerated)
    refused = "one has the taint gpu=only:NoSchedule, which is not tolerated"
    assert found == {"head": refused, "big": refused, "small": "one"}


def test_a_node_that_is_cordoned_takes_nothing() -> None:
    found = reasons([node("one", unschedulable=True)], [])
    assert found["head"] == "one has the taint node.kubernetes.io/unschedulable:NoSchedule, which is not tolerated"


def test_a_toleration_of_another_effect_does_not_help() -> None:
    taints = [{"key": "gpu", "value": "only", "effect": "NoExecute"}]
    toleration = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
    found = reasons([node("one", taints=taints)], [], accelerators__small__tolerations=[toleration])
    assert "gpu=only:NoExecute" in found["small"]


def test_a_cluster_without_nodes_says_so() -> None:
    assert reasons([], [])["head"] == "there is no node"
