"""NetworkPolicies as Kubernetes judges them: policies, two ends and a port go in, whether they may talk comes out.

An end is a pod by its labels, or what has an address and none. A connection passes when policies that select its source
let it out and policies that select its target let it in; where none selects an end, that end lets everything pass.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Labels = Mapping[str, str]
Policy = Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """A pod in its namespace, or an address."""

    labels: Labels = field(default_factory=dict)
    namespace: str = ""
    address: str = ""

    @property
    def namespace_labels(self) -> Labels:
        """Which Kubernetes itself gives it."""
        return {"kubernetes.io/metadata.name": self.namespace}


def allowed(policies: Iterable[Policy], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    every = list(policies)
    wanted = {"port": port, "protocol": protocol}
    return _admits(every, "Egress", source, target, wanted) and _admits(every, "Ingress", target, source, wanted)


def _admits(policies: list[Policy], direction: str, pod: End, other: End, wanted: Mapping[str, Any]) -> bool:
    """Whether the policies on `pod` have nothing against `other`."""
    about = [one for one in policies if direction in one["spec"]["policyTypes"] and _selects(one, pod)]
    rules = [(one, rule) for one in about for rule in one["spec"].get(direction.lower()) or []]
    peers = {"Ingress": "from", "Egress": "to"}[direction]
    return not about or any(
        _is_port(rule.get("ports"), wanted) and _is_peer(rule.get(peers), other, one["metadata"]["namespace"])
        for one, rule in rules
    )


def _selects(policy: Policy, pod: End) -> bool:
    inside = bool(pod.namespace) and policy["metadata"]["namespace"] == pod.namespace
    return inside and matches(policy["spec"]["podSelector"], pod.labels)


def _is_port(ports: list[dict[str, Any]] | None, wanted: Mapping[str, Any]) -> bool:
    return not ports or any(one.get("protocol", "TCP") == wanted["protocol"] and _covers(one, wanted) for one in ports)


def _covers(rule: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return bool("port" not in rule or rule["port"] <= wanted["port"] <= rule.get("endPort", rule["port"]))


def _is_peer(peers: list[dict[str, Any]] | None, end: End, home: str) -> bool:
    """No peers are everybody. Without a selector of namespaces a peer is in the policy's own."""
    return not peers or any(_is(peer, end, home) for peer in peers)


def _is(peer: Mapping[str, Any], end: End, home: str) -> bool:
    if block := peer.get("ipBlock"):
        inside = [end.address and _within(end.address, one) for one in (block["cidr"], *block.get("except", []))]
        return bool(inside[0]) and not any(inside[1:])
    if not end.namespace:
        return False
    there = (
        matches(peer["namespaceSelector"], end.namespace_labels)
        if "namespaceSelector" in peer
        else (end.namespace == home)
    )
    return there and matches(peer.get("podSelector", {}), end.labels)


def _within(address: str, block: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(block)


def matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """An empty selector is everything."""
    return all(_conditions(selector, labels))


def _conditions(selector: Mapping[str, Any], labels: Labels) -> Iterator[bool]:
    for key, value in (selector.get("matchLabels") or {}).items():
        yield labels.get(key) == value
    for one in selector.get("matchExpressions") or []:
        present, among = one["key"] in labels, labels.get(one["key"]) in one.get("values", [])
        yield {"In": among, "NotIn": not among, "Exists": present, "DoesNotExist": not present}[one["operator"]]
