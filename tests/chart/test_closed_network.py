"""Who reaches which port of which pod, by the NetworkPolicies that the chart renders: each rule, each kind of pod."""

from collections.abc import Mapping
from typing import Any

import pytest

from serve.errors import ConfigurationError
from tests.helm import FETCHED, Rendered, fleet, render
from tests.policies import End, allowed

HERE, ELSEWHERE = "ai-ml", "somewhere"
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip
RAY = [6379, 8265, 10001, 8000, 8080, 52365, 30001, 12345]
"""Control plane, dashboard, Ray's clients, proxy, metrics, agent, a replica's own port, a worker's."""
STRANGER = End({"app": "stranger"}, ELSEWHERE)
NEIGHBOUR = End({"app": "stranger"}, HERE)
OUTSIDE = End(address="203.0.113.7")
OPERATOR = End({"app.kubernetes.io/component": "kuberay-operator"}, "kuberay")
PROMETHEUS = End({"app.kubernetes.io/name": "prometheus"}, "monitoring")
ANSWERING = {"ai-inference/release": "ai-inference", "ray.io/serve": "true"}
"""What the hook `recreate` is labelled with while it answers in place of Ray's pods."""


@pytest.fixture(scope="module")
def closed() -> Rendered:
    return render(fleet(jobs={"one": JOB, "two": JOB}, **FETCHED))


def pods(rendered: Rendered) -> dict[str, End]:
    """Every pod of the release, by its kind."""
    templates = {name: group["template"]["metadata"] for name, group in rendered.groups.items()}
    for job in rendered.of("RayJob").values():
        spec, name = job["spec"]["rayClusterSpec"], job["metadata"]["labels"]["ai-inference/job"]
        templates[f"{name}'s head"] = spec["headGroupSpec"]["template"]["metadata"]
        templates[f"{name}'s worker"] = spec["workerGroupSpecs"][0]["template"]["metadata"]
    errands = {name.removeprefix("ai-inference-"): pod["metadata"] for name, pod in rendered.of("Pod").items()}
    for job in rendered.of("Job").values():
        errands["prefetch"] = job["spec"]["template"]["metadata"]
    answering = {"labels": errands["recreate"]["labels"] | ANSWERING}
    every = {**templates, **errands, "answering": answering}
    return {name: End(metadata["labels"], HERE) for name, metadata in every.items()}


def ports(rendered: Rendered, source: End, target: str) -> set[int]:
    """At which of Ray's ports the source gets through."""
    policies = rendered.of("NetworkPolicy").values()
    return {port for port in RAY if allowed(policies, source, pods(rendered)[target], port)}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (STRANGER, "head", {8000}),
        (NEIGHBOUR, "head", {8000}),
        (STRANGER, "small", {8000}),
        (OUTSIDE, "head", set()),
        (OPERATOR, "head", {8265, 8000}),
        (OPERATOR, "one's head", {8265, 8000}),
        (PROMETHEUS, "head", {8080, 8000}),
        (PROMETHEUS, "one's worker", {8080}),
        (STRANGER, "one's head", set()),
        (NEIGHBOUR, "one's worker", set()),
        (STRANGER, "recreate", {8000}),
        (STRANGER, "answering", {8000}),
        (STRANGER, "token", {8000}),
        (STRANGER, "prefetch", {8000}),
        (OUTSIDE, "answering", set()),
    ],
)
def test_from_outside_the_release(closed: Rendered, source: End, target: str, expected: set[int]) -> None:
    assert ports(closed, source, target) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("head", "small", set(RAY)),
        ("small", "head", set(RAY)),
        ("small", "big", set(RAY)),
        ("one's head", "one's worker", set(RAY)),
        ("one's worker", "one's head", set(RAY)),
        ("one's worker", "two's worker", set()),
        ("head", "one's head", set()),
        ("one's head", "head", {8000}),
        ("test", "head", {8000}),
        ("recreate", "head", {8000}),
        ("token", "one's head", set()),
    ],
)
def test_within_the_release(closed: Rendered, source: str, target: str, expected: set[int]) -> None:
    assert ports(closed, pods(closed)[source], target) == expected


def test_every_pod_of_the_release_is_behind_some_policy(closed: Rendered) -> None:
    assert not {name for name in pods(closed) if ports(closed, STRANGER, name) == set(RAY)}


def test_a_release_beside_it_is_a_stranger(closed: Rendered) -> None:
    other = End({"ai-inference/release": "other"}, HERE)
    assert ports(closed, other, "head") == {8000}


def test_clients_are_those_that_the_values_name_and_the_releases_own_test() -> None:
    named = [{"podSelector": {"matchLabels": {"app": "chat"}}}, {"ipBlock": {"cidr": "192.168.0.0/16"}}]
    rendered = render(fleet(network__clients=named))
    assert ports(rendered, End({"app": "chat"}, HERE), "head") == {8000}
    assert ports(rendered, End({"app": "chat"}, ELSEWHERE), "head") == set()
    assert ports(rendered, End(address="192.168.3.4"), "small") == {8000}
    assert ports(rendered, STRANGER, "head") == set()
    assert ports(rendered, pods(rendered)["test"], "head") == {8000}


@pytest.mark.parametrize(
    ("key", "source", "left"),
    [("clients", STRANGER, set()), ("operator", OPERATOR, {8000}), ("prometheus", PROMETHEUS, {8000})],
)
def test_an_empty_list_is_nobody(key: str, source: End, left: set[int]) -> None:
    assert ports(render(fleet(**{f"network__{key}": []})), source, "head") == left


def test_an_operators_namespace_can_be_named() -> None:
    kuberay = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kuberay"}}}
    rendered = render(fleet(network__operator=[{**kuberay, "podSelector": {"matchLabels": OPERATOR.labels}}]))
    assert ports(rendered, OPERATOR, "head") == {8265, 8000}
    assert ports(rendered, End(OPERATOR.labels, ELSEWHERE), "head") == {8000}


def leaves(rendered: Rendered, source: str, target: End, port: int, protocol: str = "TCP") -> bool:
    return allowed(rendered.of("NetworkPolicy").values(), pods(rendered)[source], target, port, protocol)


def test_pods_may_connect_to_anything_unless_that_is_limited(closed: Rendered) -> None:
    assert all(leaves(closed, name, OUTSIDE, 3128) for name in pods(closed))


@pytest.mark.parametrize("source", ["head", "small", "one's worker", "recreate", "token", "prefetch", "test"])
def test_limited_egress_leaves_names_redis_https_and_the_api_server(source: str) -> None:
    limited = {"network__egress__limited": True, "redis__address": "rediss://redis:6380", **FETCHED}
    rendered = render(fleet(jobs={"one": JOB}, **limited))
    reached = {port for port in (53, 80, 443, 3128, 6379, 6380, 6443, 8265) if leaves(rendered, source, OUTSIDE, port)}
    assert reached == {53, 443, 6380, 6443}
    assert leaves(rendered, source, OUTSIDE, 53, "UDP")
    assert not leaves(rendered, source, OUTSIDE, 443, "UDP")
    assert not leaves(rendered, source, STRANGER, 8000)


@pytest.mark.parametrize(
    ("endpoint", "port"), [("http://collector:4318", 4318), ("http://collector", 80), ("https://[2001:db8::1]/v1", 443)]
)
def test_limited_egress_leaves_the_collector_of_traces(endpoint: str, port: int) -> None:
    egress = {"limited": True, "rules": []}
    rendered = render(fleet(network__egress=egress, monitoring__traces__endpoint=endpoint))
    assert {one for one in (80, 443, 4318) if leaves(rendered, "small", OUTSIDE, one)} == {port}


def test_limited_egress_leaves_the_pods_to_each_other_and_to_their_test() -> None:
    rendered = render(fleet(network__egress__limited=True))
    assert ports(rendered, pods(rendered)["small"], "head") == set(RAY)
    assert ports(rendered, pods(rendered)["test"], "head") == {8000}


def test_limited_egress_takes_other_rules() -> None:
    proxy = {"to": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.9/32"]}}], "ports": [{"port": 3128}]}
    rendered = render(fleet(network__egress={"limited": True, "rules": [proxy]}))
    assert leaves(rendered, "small", OUTSIDE, 3128)
    assert not leaves(rendered, "small", End(address="203.0.113.9"), 3128)
    assert not leaves(rendered, "small", OUTSIDE, 443)


def test_without_policies_there_are_none_and_everybody_gets_through() -> None:
    rendered = render(fleet(network__policies=False))
    assert not rendered.of("NetworkPolicy")
    assert ports(rendered, OUTSIDE, "head") == set(RAY)


def test_a_misspelt_peer_is_refused_and_not_taken_for_everybody() -> None:
    wrong: list[Mapping[str, Any]] = [{"podSelecter": {"matchLabels": {"app": "chat"}}}]
    with pytest.raises(ConfigurationError, match="podSelecter"):
        render(fleet(network__clients=wrong))
