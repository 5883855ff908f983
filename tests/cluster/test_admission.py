"""A namespace that enforces the restricted Pod Security Standard, and NetworkPolicies: on the pods as they really are.

Pods of the chart go to the API server as it would get them; those of the service and of a job are made by the operator.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster import kubectl
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import NAME, Release
from tests.helm import Rendered, render
from tests.policies import End, allowed

Eventually = Callable[[Callable[[], bool]], None]
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip
BOUNDS = {"accelerators__small__nodes": {"min": 1, "max": 2}}
PREFETCHED = {
    "accelerators__small__cache": {"existingClaim": "models", "prefetch": True},
    "models__fetched": {"task": "embeddings", "engine": "fake", "source": {"hub": "a/b"}, "accelerator": "small",
                        "gpu": 0.1},
}  # fmt: skip
SECRETS = {"huggingFace__existingSecret": "hub"}


@pytest.fixture
def restricted(release: Release) -> Release:
    """The release in a namespace that refuses whatever the standard forbids."""
    kubectl.run("label", "namespace", release.namespace, "pod-security.kubernetes.io/enforce=restricted")
    return release


@pytest.fixture
def asked(restricted: Release) -> Release:
    """With the account of the pods, so that it can be asked about them without an installation."""
    account = {"name": NAME, "namespace": restricted.namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    return restricted


def pods(rendered: Rendered) -> Iterator[dict[str, Any]]:
    """Each template of a pod as a pod, and the pods of hooks."""
    groups = list(rendered.groups.values())
    for job in rendered.of("RayJob").values():
        cluster = job["spec"]["rayClusterSpec"]
        groups += [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for number, group in enumerate(groups):
        template = copy.deepcopy(group["template"])
        template["metadata"]["name"] = f"pod-{number}"
        yield {"apiVersion": "v1", "kind": "Pod", **template}
    jobs = [{"apiVersion": "v1", "kind": "Pod", "metadata": job["metadata"], "spec": job["spec"]["template"]["spec"]}
            for job in rendered.of("Job").values()]  # fmt: skip
    for pod in (*rendered.of("Pod").values(), *jobs):
        account = pod["spec"]["serviceAccountName"]
        yield {**pod, "spec": {**pod["spec"], "serviceAccountName": NAME}} if account != NAME else pod


def admit(pod: dict[str, Any], release: Release) -> None:
    pod = {**pod, "metadata": {**pod["metadata"], "namespace": release.namespace}}
    kubectl.run("create", "--dry-run=server", "--validate=strict", "--filename=-", text=json.dumps(pod))


def test_every_pod_of_the_chart_is_admitted_where_the_restricted_standard_is_enforced(asked: Release) -> None:
    changes = {"jobs__one": JOB, **SECRETS, **PREFETCHED}
    rendered = render(values("any", changes), release=NAME, namespace=asked.namespace)
    every = list(pods(rendered))
    assert len(every) == 3 + 2 + 3 + 1
    for pod in every:
        admit(pod, asked)


def test_a_folder_of_the_node_as_cache_is_refused_there_and_a_claim_is_not(asked: Release) -> None:
    cache = {"hostPath": "/var/lib/models"}
    rendered = render(values("any", {"accelerators__small__cache": cache}), release=NAME)
    refused = [pod for pod in pods(rendered) if "hostPath" in json.dumps(pod)]
    assert len(refused) == 1
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted:latest": restricted volume types'):
        admit(refused[0], asked)
    for pod in pods(render(values("any", {"accelerators__small__cache": {"existingClaim": "mine"}}), release=NAME)):
        admit(pod, asked)


def test_the_operator_makes_every_pod_there_the_autoscaler_and_a_jobs_among_them(
    restricted: Release, ray: Dashboard, node: str, eventually: Eventually
) -> None:
    restricted.apply(restricted.file(values(node, {**BOUNDS, "jobs__one": JOB}), "base"))
    restricted.ready()
    eventually(lambda: len(restricted.pods) == 5)
    containers = [one["name"] for pod in restricted.pods.values() for one in pod["spec"]["containers"]]
    assert sorted(containers) == ["autoscaler", *["ray"] * 5]


def test_the_policies_know_the_pods_that_the_operator_makes(
    release: Release, ray: Dashboard, node: str, eventually: Eventually
) -> None:
    release.apply(release.file(values(node, {"jobs__one": JOB}), "base"))
    release.ready()
    eventually(lambda: len(release.pods) == 5)
    policies = kubectl.items("networkpolicies", *release.place)
    stranger = End({"app": "stranger"}, "somewhere")
    ends = {name: End(pod["metadata"]["labels"], release.namespace) for name, pod in release.pods.items()}
    service = {name for name, end in ends.items() if "ai-inference/job" not in end.labels}
    assert len(service) == 3
    for name, source in ends.items():
        assert {port for port in (6379, 8265, 10001, 8000, 8080) if allowed(policies, stranger, source, port)} == (
            {8000} if name in service else set()
        )
        reached = {other for other, end in ends.items() if allowed(policies, source, end, 6379)}
        assert reached == (service if name in service else set(ends) - service)
