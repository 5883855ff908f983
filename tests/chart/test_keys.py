"""Keys of clients: which Secret the pods see as a folder, and who of them."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

FOLDER = "/etc/ai-inference/keys"
MOUNT = {"name": "keys", "mountPath": FOLDER, "readOnly": True}
SERVING = ("head", "big", "small")
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip


def volume(secret: str) -> dict[str, Any]:
    return {"name": "keys", "secret": {"secretName": secret, "optional": True}}


@pytest.mark.parametrize(("named", "secret"), [("", "ai-inference-keys"), ("mine", "mine")])
def test_every_serving_pod_sees_the_secret_as_a_folder_and_starts_without_it(named: str, secret: str) -> None:
    rendered = render(fleet(auth={"existingSecret": named}))
    for group in SERVING:
        assert MOUNT in rendered.container(group)["volumeMounts"]
        assert volume(secret) in rendered.pod(group)["volumes"]
        assert rendered.environment(group)["AI_INFERENCE_KEYS"] == FOLDER


def test_the_pod_of_helm_test_sees_it_too(small: Rendered) -> None:
    spec = small.of("Pod")["ai-inference-test"]["spec"]
    assert MOUNT in spec["containers"][0]["volumeMounts"]
    assert volume("ai-inference-keys") in spec["volumes"]


def test_open_to_all_is_said_to_the_pods_and_nothing_is_mounted() -> None:
    rendered = render(fleet(auth={"enabled": False}))
    for group in SERVING:
        assert rendered.environment(group)["AI_INFERENCE_KEYS"] == "open"
        assert "keys" not in str(rendered.pod(group).get("volumes"))


def test_a_job_asks_nobody_for_a_key_and_sees_none() -> None:
    (job,) = render(fleet(jobs={"corpus": JOB})).of("RayJob").values()
    assert "keys" not in str(job["spec"]["rayClusterSpec"]).lower()


def test_which_secret_it_is_no_model_and_no_application_knows(small: Rendered) -> None:
    assert "ai-inference-keys" not in small.service["spec"]["serveConfigV2"]
