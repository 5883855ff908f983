"""Faults while five models are called, on real pods: what is lost, what clients are told, and when all answer again.

Tests of one installation. What they print is the table of docs/operations.md. Beside what served.py says:

- AI_INFERENCE_REDIS_IMAGE, an image that is a Redis without a password, for the faults of the head
- CLUSTER_TEST_STOP_DNS and CLUSTER_TEST_START_DNS, commands that halt the cluster's DNS server and let it go on
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.cluster import kubectl
from tests.cluster.asked import plan
from tests.cluster.calls import Call, Caller, calling, downtime, until
from tests.cluster.served import NAME, Served, load, loading_images, running_pods, served

pytestmark = running_pods
REDIS = os.environ.get("AI_INFERENCE_REDIS_IMAGE", "")
STOP_DNS, START_DNS = (os.environ.get(f"CLUSTER_TEST_{verb}_DNS", "") for verb in ("STOP", "START"))
SMALL = {"vendor": "cpu", "memory": "2Gi", "cpus": 0.1, "ram": "3Gi"}
FAKE = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "memory": "256Mi", "cpus": 0.1}
LEFT, RIGHT = ("one", "two", "three"), ("four", "five")
BY_NAME = "@one"
BY_FORCE = ("--force", "--grace-period=0")
LIMIT = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
WORDS, PAUSE = 40, 0.25  # Ten seconds of an answer, which is less than `upgrade.drainTimeout`.
CHAT = {"task": "llm", "engine": "fake", "source": {"path": "/"}, "memory": "256Mi", "cpus": 0.1,
        "engineConfig": {"tokenDelay": PAUSE}}  # fmt: skip
SPEC: dict[str, Any] = {
    "accelerators": {"left": {**SMALL, "order": 1}, "right": {**SMALL, "order": 2}},
    "head": {"cpus": 0.1, "ram": "3Gi"},
    "models": {model: {**FAKE, "accelerator": "left"} for model in LEFT}
    | {model: {**FAKE, "accelerator": "right"} for model in RIGHT}
    | {"chat": {**CHAT, "accelerator": "left"}},
    "upgrade": {"strategy": "newCluster"},
}
KILL = "kill -9 $(grep -ls '^ray::ServeReplica:one:' /proc/[0-9]*/cmdline | cut -d/ -f3) && date +%s.%N"


def lost(calls: Sequence[Call]) -> list[Call]:
    """Those that got neither an answer nor a word when to come back."""
    return [call for call in calls if call.status != 200 and not (call.status == 503 and call.retry)]


def of(calls: Sequence[Call], *models: str) -> list[Call]:
    return [call for call in calls if call.model in models]


def row(name: str, caller: Caller, calls: Sequence[Call], at: float) -> None:
    """Prints a row of the table, and below it what was lost: when it was sent, after the fault, and what came of it."""
    away = {model: downtime(calls, model) for model in caller.models}
    retried = sum(call.status == 503 and call.retry is not None for call in calls)
    print(f"\n| {name} | {len(calls)} | {len(lost(calls))} | {retried} | {max(away.values()):.1f} |")
    print("  away:", {model: round(seconds, 1) for model, seconds in away.items()})
    for call in lost(calls):
        print(f"  {call.model} {call.began - at:+.2f} to {call.ended - at:+.2f} s: {call.error or call.status}")


@pytest.fixture(scope="module")
def release(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with loading_images(SPEC):
        pass
    with served(tmp_path_factory.mktemp("values"), SPEC) as release:
        if REDIS:
            load(REDIS)
            start_redis(release)
        release.apply(*(["redis.address=redis:6379"] if REDIS else []))
        try:
            release.ready()
            yield release
        finally:
            uninstall(release)


def uninstall(release: Served) -> None:
    """And waits for the Job by which KubeRay clears Redis: a namespace that ends takes none."""
    release.helm("uninstall")
    until(lambda: not kubectl.items("rayclusters.ray.io", *release.place))


@pytest.fixture(scope="module")
def caller(release: Served) -> Iterator[Caller]:
    with calling(release, *LEFT, *RIGHT, BY_NAME) as caller:
        yield caller


def start_redis(release: Served) -> None:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container = {"name": "redis", "image": REDIS, "imagePullPolicy": "IfNotPresent", "securityContext": security}
    metadata = {"name": "redis", "namespace": release.namespace}
    node = yaml.safe_load(release.values.read_text())["head"]["nodeSelector"]
    spec = {
        "containers": [container],
        "nodeSelector": node,
        "securityContext": {"runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    labels = {"labels": {"app": "redis"}}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, **labels}, "spec": spec})
    ports = {"selector": {"app": "redis"}, "ports": [{"port": 6379}]}
    kubectl.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports})


def running(release: Served) -> dict[str, str]:
    """The pod of each group."""
    return {group: pod["metadata"]["uid"] for group, pod in release.pods().items()}


def execute(release: Served, group: str, command: str) -> str:
    pod = release.pods()[group]["metadata"]["name"]
    return kubectl.run("exec", pod, "--container=ray", *release.place, "--", "bash", "-c", command)


def delete(release: Served, group: str, *how: str) -> float:
    """And waits for its successor: when the Service led there no more."""
    pod = release.pods()[group]
    kubectl.run("delete", "pod", pod["metadata"]["name"], *how, *release.place)
    until(lambda: pod["status"]["podIP"] not in led_to(release))
    gone = time.time()
    until(lambda: running(release).get(group, pod["metadata"]["uid"]) != pod["metadata"]["uid"])
    kubectl.wait(f"pod/{release.pods()[group]['metadata']['name']}", "condition=Ready", *release.place)
    return gone


def led_to(release: Served) -> set[str]:
    """Addresses of the pods behind the Service."""
    slices = kubectl.items("endpointslices", f"--selector=kubernetes.io/service-name={NAME}-serve-svc", *release.place)
    return {address for one in slices for endpoint in one["endpoints"] or [] for address in endpoint["addresses"]}


def test_a_killed_replica_loses_what_it_was_answering(release: Served, caller: Caller) -> None:
    old = release.replicas("one")
    with caller.during() as calls:
        at = float(execute(release, "left", KILL))
        until(lambda: (new := release.replicas("one")) and not new & old)
    row("a replica killed", caller, calls, at)
    assert not lost(of(calls, *LEFT[1:], *RIGHT))
    assert all(call.began < at for call in lost(calls))


def test_a_lost_worker_loses_what_it_was_answering(release: Served, caller: Caller) -> None:
    with caller.during() as calls:
        at = delete(release, "left", *BY_FORCE)
    row("a worker's pod deleted by force", caller, calls, at)
    assert all(call.began < at for call in lost(calls))
    assert all(call.status == 200 for call in of(calls, *RIGHT) if call.began > at)


def test_a_worker_that_is_given_its_time_to_end_loses_nothing(release: Served, caller: Caller) -> None:
    with caller.during() as calls:
        at = delete(release, "left")
    row("a worker's pod deleted, as when its node is emptied", caller, calls, at)
    assert not lost(calls)
    assert all(call.status == 200 for call in of(calls, *RIGHT))


def test_what_streams_from_a_worker_that_is_given_its_time_to_end_ends_whole(release: Served) -> None:
    body = {"messages": [{"role": "user", "content": "word " * WORDS}], "stream": True, "max_tokens": WORDS}
    with release.address() as address:
        until(lambda: requests.get(f"{address}/chat/health", timeout=60).status_code == 200)
        with requests.post(f"{address}/chat/v1/chat/completions", json=body, stream=True, timeout=120) as stream:
            events = stream.iter_lines()
            told = [next(events)]
            pod = release.pods()["left"]["metadata"]["name"]
            kubectl.run("delete", "pod", pod, "--wait=false", *release.place)
            told += [line for line in events if line.startswith(b"data: {")]
    chunks = [json.loads(line.removeprefix(b"data: ")) for line in told]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks).split() == ["word"] * WORDS
    release.ready()


@pytest.mark.skipif(not REDIS, reason="AI_INFERENCE_REDIS_IMAGE names no image of Redis")
def test_a_lost_head_loses_nothing_at_the_paths_of_models(release: Served, caller: Caller) -> None:
    before = {model: release.replicas(model) for model in (*LEFT, *RIGHT)}
    with caller.during() as calls:
        at = delete(release, "head", *BY_FORCE)
    row("the head's pod deleted, with Redis", caller, calls, at)
    assert {model: release.replicas(model) for model in before} == before
    assert all(call.status == 200 for call in of(calls, *LEFT, *RIGHT) if call.began > at)
    assert all(call.began < at for call in lost(of(calls, *LEFT, *RIGHT)))


def test_a_lost_operator_loses_nothing(release: Served, caller: Caller) -> None:
    before = running(release)
    (old,) = operators()
    place = f"--namespace={old['namespace']}"
    with caller.during() as calls:
        kubectl.run("delete", "pod", old["name"], "--force", "--grace-period=0", place)
        at = time.time()
        until(lambda: any(one["uid"] != old["uid"] for one in operators()))
        kubectl.wait("pods", "condition=Ready", kubectl.OPERATOR, place)
    row("the operator's pod deleted", caller, calls, at)
    assert not lost(calls)
    assert running(release) == before


def operators() -> list[dict[str, Any]]:
    return [pod["metadata"] for pod in kubectl.items("pods", "--all-namespaces", kubectl.OPERATOR)]


@pytest.mark.skipif(not (STOP_DNS and START_DNS), reason="no commands that halt DNS and let it go on")
def test_without_dns_nothing_is_lost_that_has_found_the_service(release: Served, caller: Caller) -> None:
    before = running(release)
    with caller.during() as calls:
        at = time.time()
        subprocess.run(shlex.split(STOP_DNS), check=True)
        try:
            until(lambda: time.time() - at > 10)
        finally:
            subprocess.run(shlex.split(START_DNS), check=True)
    row("DNS away for 10 s", caller, calls, at)
    assert all("gaierror" in str(call.error) for call in calls if call.status != 200)  # The client's own resolver.
    assert running(release) == before


@pytest.mark.parametrize("group", ["left", "head"])
def test_memory_grows_in_place(release: Served, caller: Caller, group: str) -> None:
    before = release.pods()[group]
    memory = {"requests": {"memory": "3500Mi"}, "limits": {"memory": "3500Mi"}}
    patch = json.dumps({"spec": {"containers": [{"name": "ray", "resources": memory}]}})
    with caller.during() as calls:
        name = before["metadata"]["name"]
        kubectl.run("patch", "pod", name, "--subresource=resize", f"--patch={patch}", *release.place)
        kubectl.wait(
            f"pod/{name}", "jsonpath={.status.containerStatuses[0].resources.limits.memory}=3500Mi", *release.place
        )
    assert execute(release, group, LIMIT).strip() == str(3500 * 2**20)
    after = release.pods()[group]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert starts(after) == starts(before)
    assert not lost(calls)


def starts(pod: dict[str, Any]) -> dict[str, Any]:
    """Of its containers: how often they started, and when they last did."""
    return {one["name"]: (one["restartCount"], one["state"]) for one in pod["status"]["containerStatuses"]}


@pytest.mark.parametrize("entry", ["head", "accelerators.left"])
def test_more_memory_by_the_values_is_a_second_cluster(release: Served, tmp_path: Path, entry: str) -> None:
    values = yaml.safe_load(release.values.read_text())
    reduce(getitem, entry.split("."), values)["ram"] = "3500Mi"
    new = tmp_path / "new.yaml"
    new.write_text(yaml.safe_dump(values))
    assert plan(release, f"-f{new}", f"--old={release.values}")["verdict"] == "secondCluster"


@pytest.mark.skipif(not REDIS, reason="AI_INFERENCE_REDIS_IMAGE names no image of Redis")
def test_uninstalling_clears_redis_and_leaves_the_account(release: Served) -> None:
    size = ("exec", "redis", *release.place, "--", "redis-cli", "dbsize")
    assert int(kubectl.run(*size))
    uninstall(release)
    assert int(kubectl.run(*size)) == 0
    assert kubectl.get("serviceaccount", release.name, *release.place)
