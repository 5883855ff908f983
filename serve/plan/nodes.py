"""Whether the nodes have what pods ask: pods, nodes and what runs there go in, a place or a reason for each comes out.

One pod after the other takes the first node that has room, as the scheduler would: labels, taints and every requested
resource count. Affinities and volumes do not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from serve.plan.demand import Amounts, Pod, added, requested
from serve.plan.tree import amount


@dataclass
class Node:
    """A node, with what is still free on it."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, Any]]
    free: Amounts

    def chosen_by(self, pod: Pod) -> bool:
        """By its labels."""
        return all(self.labels.get(key) == value for key, value in pod.selector.items())

    def refuses(self, pod: Pod) -> list[Mapping[str, Any]]:
        """The taints that keep it away."""
        hard = (taint for taint in self.taints if taint["effect"] != "PreferNoSchedule")
        return [taint for taint in hard if not any(_tolerates(one, taint) for one in pod.tolerations)]

    def lacks(self, pod: Pod) -> dict[str, tuple[Decimal, Decimal]]:
        """Resources that do not suffice: asked and free."""
        free = {name: max(self.free.get(name, Decimal(0)), Decimal(0)) for name in pod.requests}
        return {name: (asked, free[name]) for name, asked in pod.requests.items() if asked > free[name]}

    def take(self, pod: Pod) -> None:
        for name, asked in pod.requests.items():
            self.free[name] -= asked


@dataclass(frozen=True)
class Place:
    """Where a pod would go: a node, or the reason why there is none."""

    pod: Pod
    node: str = ""
    reason: str = ""


def nodes(found: Iterable[Mapping[str, Any]], running: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Nodes that take pods, less what `running` pods have requested of them."""
    used: dict[str, list[Amounts]] = {}
    for pod in running:
        if name := pod["spec"].get("nodeName"):
            used.setdefault(name, []).append(requested(pod["spec"]))
    return [_node(one, added(used.get(one["metadata"]["name"], []))) for one in found]


def placed(pods: Iterable[Pod], on: Sequence[Node]) -> list[Place]:
    """A place for each pod; takes it from the nodes' free resources."""
    return [_placed(pod, on) for pod in pods]


def _placed(pod: Pod, on: Sequence[Node]) -> Place:
    chosen = [node for node in on if node.chosen_by(pod)]
    free = next((node for node in chosen if not node.refuses(pod) and not node.lacks(pod)), None)
    if free:
        free.take(pod)
        return Place(pod, free.name)
    return Place(pod, reason=_reason(pod, chosen))


def _reason(pod: Pod, chosen: Sequence[Node]) -> str:
    """What is wrong with each node that has the labels; those that a taint closes when there is no other."""
    if not chosen:
        labels = ", ".join(f"{key}={value}" for key, value in pod.selector.items())
        return f"no node has the labels {labels}" if labels else "there is no node"
    lacking = [_lack(node, pod) for node in chosen if not node.refuses(pod)]
    tainted = [_taint(node, pod) for node in chosen if node.refuses(pod)]
    return "; ".join([*lacking, *(tainted if not lacking else [])])


def _taint(node: Node, pod: Pod) -> str:
    taints = (f"{taint['key']}={taint.get('value') or ''}:{taint['effect']}" for taint in node.refuses(pod))
    return f"{node.name} has the taint {', '.join(taints).replace('=:', ':')}, which is not tolerated"


def _lack(node: Node, pod: Pod) -> str:
    missing = (f"{_shown(free)} of {_shown(asked)} {name}" for name, (asked, free) in sorted(node.lacks(pod).items()))
    return f"{node.name} has {', '.join(missing)} free"


def _node(node: Mapping[str, Any], used: Amounts) -> Node:
    spec, labels = node["spec"], node["metadata"].get("labels", {})
    room = {name: amount(value) for name, value in node["status"].get("allocatable", {}).items()}
    taints = list(spec.get("taints", []))
    if spec.get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    free = {name: value - used.get(name, 0) for name, value in room.items()}
    return Node(node["metadata"]["name"], labels, taints, free)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration"""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same = ((toleration.get(key) or "", taint.get(key) or "") for key in ("key", "value"))
    return all(mine == theirs for mine, theirs in same)


def _shown(number: Decimal) -> str:
    return f"{number / 2**30:.1f}Gi" if number >= 2**30 else format(number.normalize(), "f")
