"""The token of Ray's dashboard: asked for unless the values say otherwise, and never made by a render."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

NAME = "ai-inference-token"
DASHBOARD = "ai-inference-dashboard"
KINDS = ("ServiceAccount", "Role", "RoleBinding", "Pod")
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out"}  # fmt: skip


def _auth(cluster: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = cluster["authOptions"]
    return options


def _service(rendered: Rendered) -> dict[str, Any]:
    return _auth(rendered.service["spec"]["rayClusterConfig"])


def test_the_service_and_its_jobs_ask_for_one_token_from_one_secret() -> None:
    rendered = render(fleet(jobs={"one": JOB}))
    (job,) = rendered.of("RayJob").values()
    assert _service(rendered) == _auth(job["spec"]["rayClusterSpec"]) == {"mode": "token", "secretName": DASHBOARD}


def test_the_secret_is_no_part_of_the_release_so_that_every_render_is_the_same(small: Rendered) -> None:
    assert not small.of("Secret")
    assert render(fleet()).documents == small.documents


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_made_before_the_first_pod_asks_for_it_by_a_pod_that_goes_with_its_rights(
    small: Rendered, kind: str
) -> None:
    annotations = small.of(kind)[NAME]["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_that_pod_may_make_a_secret_and_read_and_change_none(small: Rendered) -> None:
    assert small.of("Role")[NAME]["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]
    (subject,) = small.of("RoleBinding")[NAME]["subjects"]
    assert small.of("Pod")[NAME]["spec"]["serviceAccountName"] == subject["name"] == NAME


def test_that_pod_is_told_the_secret_that_ray_asks_for() -> None:
    rendered = render(fleet(), release="fleet", namespace="here")
    (container,) = rendered.of("Pod")["fleet-token"]["spec"]["containers"]
    assert container["command"] == ["ai-inference", "token", "fleet-dashboard", "--namespace=here"]
    assert _service(rendered)["secretName"] == "fleet-dashboard"


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({"dashboard": {"existingSecret": "mine"}}, {"mode": "token", "secretName": "mine"}),
        ({"dashboard": {"auth": "disabled"}, "auth": {"enabled": False}}, {"mode": "disabled"}),
    ],
)
def test_a_secret_of_the_users_own_is_left_to_them_and_where_nobody_needs_one_there_is_none(
    values: dict[str, Any], options: dict[str, str]
) -> None:
    rendered = render(fleet(**values))
    assert _service(rendered) == options
    assert not [kind for kind in KINDS if NAME in rendered.of(kind)]
