"""What pods may do, what they may write to, and that no secret lies where a dump or a log would show it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helm import FETCHED, Rendered, fleet, render

JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip
SCRATCH = {"tmp": "/tmp", "home": "/home/ray"}
HUB = "/etc/ai-inference/hub"
SECRETS = {
    "auth": {"existingSecret": "secret-of-keys"},
    "dashboard": {"existingSecret": "secret-of-dashboard"},
    "huggingFace": {"existingSecret": "secret-of-hub", "key": "word"},
    "redis": {"address": "redis:6379", "existingSecret": "secret-of-redis"},
}


def pods(rendered: Rendered) -> dict[str, dict[str, Any]]:
    """Specs of all pods of a release: the service's, jobs', and those that fetch models or are hooks."""
    found = {group: rendered.pod(group) for group in rendered.groups}
    for name, job in rendered.of("RayJob").items():
        cluster = job["spec"]["rayClusterSpec"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            found[f"{name}/{group.get('groupName', 'head')}"] = group["template"]["spec"]
    found |= {name: job["spec"]["template"]["spec"] for name, job in rendered.of("Job").items()}
    return found | {name: pod["spec"] for name, pod in rendered.of("Pod").items()}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["containers"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def all_on() -> Rendered:
    """With each secret, a job, and models that are fetched beforehand."""
    return render(fleet(jobs={"one": JOB}, **FETCHED, **SECRETS))


def test_no_pod_runs_as_root_or_has_privileges_or_a_token_that_it_does_not_need(all_on: Rendered) -> None:
    for name, pod in pods(all_on).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        security = container(pod)["securityContext"]
        assert (security["allowPrivilegeEscalation"], security["capabilities"]) == (False, {"drop": ["ALL"]}), name
        assert pod["automountServiceAccountToken"] is (name in ("ai-inference-recreate", "ai-inference-token")), name


def vendors(rendered: Rendered) -> dict[str, str]:
    images = {name: container(pod)["image"] for name, pod in pods(rendered).items()}
    return {name: image.rpartition("-")[2] for name, image in images.items()}


def test_pods_of_the_named_vendors_write_beside_their_image_and_never_into_it(all_on: Rendered) -> None:
    on_cpu = {name for name, vendor in vendors(all_on).items() if vendor == "cpu"}
    assert on_cpu >= {"head", "ai-inference-test", "ai-inference-recreate"}
    for name in on_cpu:
        pod = pods(all_on)[name]
        assert container(pod)["securityContext"]["readOnlyRootFilesystem"] is True
        mounts = {mount["name"]: mount["mountPath"] for mount in container(pod)["volumeMounts"]}
        assert SCRATCH.items() <= mounts.items()
        assert [one for one in pod["volumes"] if "emptyDir" in one] == [
            {"name": key, "emptyDir": {}} for key in sorted(SCRATCH)
        ]


@pytest.mark.parametrize(
    ("read_only", "expected"), [([], set()), (["cuda"], {"small"}), (["cpu", "cuda"], {"head", "small"})]
)
def test_which_vendors_these_are_is_a_value(read_only: list[str], expected: set[str]) -> None:
    rendered = render(fleet(image__readOnly=read_only))
    security = {group: rendered.container(group)["securityContext"] for group in rendered.groups}
    assert {group for group, one in security.items() if "readOnlyRootFilesystem" in one} == expected


def test_the_hubs_token_is_a_file_of_the_workers_that_may_be_missing() -> None:
    rendered = render(fleet(huggingFace={"existingSecret": "mine", "key": "word"}))
    secret = {"secretName": "mine", "items": [{"key": "word", "path": "token"}], "optional": True}
    for group in ("big", "small"):
        assert {"name": "hub", "secret": secret} in rendered.pod(group)["volumes"]
        assert {"name": "hub", "mountPath": HUB, "readOnly": True} in rendered.container(group)["volumeMounts"]
        assert rendered.environment(group)["HF_TOKEN_PATH"] == f"{HUB}/token"
    assert "hub" not in json.dumps(rendered.pod("head")["volumes"])


def test_the_chart_puts_no_secret_into_an_environment(all_on: Rendered) -> None:
    """KubeRay itself does so with what Ray reads from there alone: the dashboard's token and Redis' password."""
    for name, pod in pods(all_on).items():
        for one in container(pod).get("env", []):
            assert set(one) == {"name", "value"}, name
        assert "envFrom" not in container(pod), name


def texts(rendered: Rendered) -> Iterator[str]:
    """What Ray logs and shows: applications, what a job starts, and commands of hooks."""
    yield rendered.service["spec"]["serveConfigV2"]
    for job in rendered.of("RayJob").values():
        yield job["spec"]["entrypoint"]
    for pod in rendered.of("Pod").values():
        yield json.dumps(pod["spec"]["containers"][0]["command"])


def test_no_application_job_or_command_knows_a_secret_even_by_name(all_on: Rendered) -> None:
    named = json.dumps(all_on.documents)
    assert all(f"secret-of-{kind}" in named for kind in ("keys", "dashboard", "hub", "redis"))
    assert not [text for text in texts(all_on) if "secret-of-" in text]


def test_no_object_of_the_release_is_a_secret_or_a_map_of_texts(all_on: Rendered) -> None:
    assert not all_on.of("Secret") | all_on.of("ConfigMap")
