"""Pods that run one command of ours and end, of `helm test` and of the hooks: beside the head, and no pods of Ray."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

pytestmark = pytest.mark.parametrize("name", ["ai-inference-test", "ai-inference-recreate", "ai-inference-token"])


def spec(rendered: Rendered, name: str) -> dict[str, Any]:
    found: dict[str, Any] = rendered.of("Pod")[name]["spec"]
    return found


def test_it_runs_beside_the_head_with_the_heads_image_and_without_privileges(small: Rendered, name: str) -> None:
    head = {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}]}
    pod, (container,) = (found := spec(render(fleet(head=head)), name)), found["containers"]
    assert head.items() <= pod.items()
    assert container["image"] == small.container("head")["image"]
    assert container["securityContext"] == small.container("head")["securityContext"]
    assert pod["securityContext"] == small.pod("head")["securityContext"]


def test_it_pulls_as_the_pods_of_ray_do(name: str) -> None:
    rendered = render(fleet(image={"pullSecrets": ["one"], "pullPolicy": "Always"}))
    assert spec(rendered, name)["imagePullSecrets"] == rendered.pod("head")["imagePullSecrets"] == [{"name": "one"}]
    assert spec(rendered, name)["containers"][0]["imagePullPolicy"] == "Always"


def test_no_service_takes_it_for_a_pod_of_ray(small: Rendered, name: str) -> None:
    ours = set(small.groups["head"]["template"]["metadata"]["labels"])
    assert not ours & set(small.of("Pod")[name]["metadata"]["labels"])
