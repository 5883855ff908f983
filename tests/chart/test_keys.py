"""Keys of clients: which Secret the pods see as a folder, and who of them."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

FOLDER = "/etc/ai-inference/keys"
TOKEN = "/etc/ai-inference/token/auth_token"  # noqa: S105
TOKEN_MOUNT = {"name": "token", "mountPath": "/etc/ai-inference/token", "readOnly": True}
MOUNT = {"name": "keys", "mountPath": FOLDER, "readOnly": True}
SERVING = ("head", "big", "small")
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip


def volume(secret: str) -> dict[str, Any]:
    return {"name": "keys", "secret": {"secretName": secret, "optional": True}}


def token(secret: str) -> dict[str, Any]:
    items = [{"key": "auth_token", "path": "auth_token"}]
    return {"name": "token", "secret": {"secretName": secret, "items": items, "optional": True}}


@pytest.mark.parametrize(("named", "secret"), [("", "ai-inference-keys"), ("mine", "mine")])
def test_every_serving_pod_sees_the_secret_as_a_folder_and_starts_without_it(named: str, secret: str) -> None:
    rendered = render(fleet(auth={"existingSecret": named}))
    for group in SERVING:
        assert MOUNT in rendered.container(group)["volumeMounts"]
        assert volume(secret) in rendered.pod(group)["volumes"]
        assert rendered.environment(group)["AI_INFERENCE_KEYS"] == FOLDER


@pytest.mark.parametrize("auth", ["token", "disabled"])
@pytest.mark.parametrize(("named", "secret"), [("", "ai-inference-dashboard"), ("mine", "mine")])
def test_whom_kuberay_does_not_tell_the_token_sees_it_as_a_file_for_the_services_own_key(
    named: str, secret: str, auth: str
) -> None:
    rendered = render(fleet(dashboard={"existingSecret": named, "auth": auth}))
    tester, *serving = rendered.of("Pod")["ai-inference-test"]["spec"], *map(rendered.pod, SERVING)
    for spec in (tester, *(serving if auth == "disabled" else ())):
        container = spec["containers"][0]
        assert TOKEN_MOUNT in container["volumeMounts"]
        assert {"name": "RAY_AUTH_TOKEN_PATH", "value": TOKEN} in container["env"]
        assert token(secret) in spec["volumes"]
    assert "keys" not in str(tester)
    assert ("ai-inference-token" in rendered.of("Pod")) == (named == "")
    assert auth == "disabled" or TOKEN not in str(serving)


def test_open_to_all_is_said_to_the_pods_and_nothing_is_mounted() -> None:
    rendered = render(fleet(auth={"enabled": False}))
    for group in SERVING:
        assert rendered.environment(group)["AI_INFERENCE_KEYS"] == "open"
        seen = str(rendered.pod(group).get("volumes"))
        assert "keys" not in seen and "token" not in seen


def test_a_job_asks_nobody_for_a_key_and_sees_none() -> None:
    (job,) = render(fleet(jobs={"corpus": JOB})).of("RayJob").values()
    assert "keys" not in str(job["spec"]["rayClusterSpec"]).lower()


def test_which_secret_it_is_no_model_and_no_application_knows(small: Rendered) -> None:
    assert "ai-inference-keys" not in small.service["spec"]["serveConfigV2"]
