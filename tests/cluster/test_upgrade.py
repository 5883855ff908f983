"""Changes of a service that is being called, on real pods: what is lost, and what those are told who lose it.

Tests of one installation, in their order; the last one uninstalls it. What they print is in docs/upgrades.md.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from serve.chart_values import CHART
from tests.cluster import kubectl
from tests.cluster.calls import POD, Caller, calling, downtime, outcomes, until
from tests.cluster.served import NAME, Served, loading_images, running_pods, served

pytestmark = running_pods
SPEC: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("faked.yaml").read_text())
ANSWERED = {(200, None)}
RETRIED = {(200, None), (503, "10")}


@pytest.fixture(scope="module")
def release(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with loading_images(SPEC):
        pass
    with served(tmp_path_factory.mktemp("values"), SPEC) as release:
        release.apply()
        release.ready()
        yield release


@pytest.fixture(scope="module")
def caller(release: Served) -> Iterator[Caller]:
    with calling(release, "still", "changing") as caller:
        yield caller


def change(release: Served, values: Mapping[str, Any]) -> str:
    """Lays values over those of the release: what Helm says."""
    file = release.values.with_name("change.yaml")
    file.write_text(yaml.safe_dump(dict(values)))
    return told(release, "upgrade", str(CHART), "--reuse-values", f"--values={file}")


def told(release: Served, *command: str) -> str:
    done = release.helm(*command)
    assert not done.returncode, done.stderr
    return done.stdout + done.stderr


def pods(release: Served) -> set[str]:
    """Of Ray, by name, but those that end."""
    found = kubectl.items("pods", "--selector=ray.io/is-ray-node=yes", *release.place)
    return {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


def colours(release: Served) -> set[str]:
    """Of the heads, by their environment."""
    found = kubectl.items("pods", "--selector=ray.io/node-type=head", *release.place)
    variables = [one for pod in found for one in pod["spec"]["containers"][0]["env"]]
    return {one["value"] for one in variables if one["name"] == "COLOUR"}


def serving(release: Served) -> str:
    """The cluster that serves, by name; empty while another is to follow."""
    status = kubectl.get("rayservices.ray.io", NAME, *release.place)["status"]
    pending = status.get("pendingServiceStatus", {}).get("rayClusterName")
    return "" if pending else str(status["activeServiceStatus"]["rayClusterName"])


def test_a_changed_model_answers_anew_in_the_same_pods_and_the_others_answer_on(
    release: Served, caller: Caller
) -> None:
    before, old = pods(release), release.replicas("changing")
    with caller.during() as calls:
        change(release, {"models": {"changing": {"engineConfig": {"maxTokens": 64}}}})
        until(lambda: (new := release.replicas("changing")) and not new & old)
    assert pods(release) == before
    assert set(outcomes(calls, "still")) == ANSWERED
    assert set(outcomes(calls, "changing")) <= {(200, None), (503, "5")}
    print(f"\na model changed: it was away for {downtime(calls, 'changing'):.1f} s; {dict(outcomes(calls))}")


def test_an_accelerator_appended_leaves_the_pods_alone_and_serves_its_model(release: Served, caller: Caller) -> None:
    before = pods(release)
    second = {**yaml.safe_load(release.values.read_text())["accelerators"]["first"], "order": 2}
    added = {**SPEC["models"]["still"], "accelerator": "second"}
    with caller.during() as calls, release.address() as address:
        change(release, {"accelerators": {"second": second}, "models": {"added": added}})
        body = {"model": "added", "input": "Hello!"}
        until(lambda: requests.post(f"{address}/added/v1/embeddings", json=body, timeout=60).status_code == 200)
    (new,) = pods(release) - before
    assert "-second-worker-" in new
    assert before < pods(release)
    assert set(outcomes(calls)) == ANSWERED


def test_replicas_grow_in_the_same_pods_and_nodes_wait_for_the_next_cluster(release: Served, caller: Caller) -> None:
    before = pods(release)
    with caller.during() as calls:
        change(release, {"models": {"still": {"replicas": 2}}, "accelerators": {"second": {"nodes": 2}}})
        until(lambda: len(release.replicas("still")) == 2)
        change(release, {"models": {"still": {"replicas": 1}}, "accelerators": {"second": {"nodes": 1}}})
        until(lambda: len(release.replicas("still")) == 1)
    assert pods(release) == before
    assert set(outcomes(calls)) == ANSWERED


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_a_second_cluster_takes_over_without_a_request_lost(release: Served, caller: Caller, command: str) -> None:
    before, old = pods(release), serving(release)
    with caller.during() as calls:
        if command == "upgrade":
            change(release, {"head": {"env": {"COLOUR": "green"}}})
        else:
            told(release, "rollback")
        until(lambda: serving(release) not in ("", old))
    assert {pod for pod in pods(release) if pod.startswith(serving(release))}.isdisjoint(before)
    assert set(outcomes(calls)) == ANSWERED
    print(f"\nsecond cluster, {command}: {dict(outcomes(calls))}")


def test_the_hook_leaves_pods_that_need_not_change(release: Served, caller: Caller) -> None:
    until(
        lambda: all(pod.startswith(serving(release)) for pod in pods(release))
    )  # The other cluster ends a minute later.
    before = pods(release)
    with caller.during() as calls:
        said = change(release, {"upgrade": {"strategy": "recreate"}})
    assert "nothing to make anew" in said
    assert pods(release) == before
    assert set(outcomes(calls)) == ANSWERED


@pytest.mark.parametrize(("command", "colour"), [("upgrade", {"blue"}), ("rollback", set())])
def test_a_cluster_made_anew_is_missed_and_clients_are_told_when_to_return(
    release: Served, caller: Caller, command: str, colour: set[str]
) -> None:
    before = pods(release)
    with caller.during() as calls:
        if command == "upgrade":
            said = change(release, {"head": {"env": {"COLOUR": "blue"}}})
        else:
            said = told(release, "rollback")
    assert " serves after " in said
    assert pods(release).isdisjoint(before)
    assert colours(release) == colour
    lost = [call.error for call in calls if not call.status]
    assert set(outcomes([call for call in calls if call.status])) == RETRIED
    away = {model: round(downtime(calls, model), 1) for model in caller.models}
    print(f"\nmade anew, {command}: away for {away} s; {dict(outcomes(calls))}; without an answer: {lost}")


def test_uninstalling_leaves_the_models_and_nothing_else(release: Served) -> None:
    told(release, "uninstall", "--wait")
    for what in (("rayclusters.ray.io", "--all"), ("pods", f"--selector=ai-inference/release={NAME}")):
        kubectl.run("wait", *what, "--for=delete", "--timeout=3m", *release.place)
    left = {f"{one['kind']} {one['metadata']['name']}" for one in kubectl.items(_kinds(), *release.place)}
    rest = {"ServiceAccount default", "ConfigMap kube-root-ca.crt", "PersistentVolumeClaim models"}
    kept = {f"Secret {NAME}-{ours}" for ours in ("keys", "dashboard")}
    assert left - {f"Pod {POD}"} == rest | kept


def _kinds() -> str:
    """All that a namespace can hold, but what Kubernetes writes of itself."""
    found = kubectl.run("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    return ",".join(kind for kind in found if not kind.startswith(("events", "endpoints", "leases")))
