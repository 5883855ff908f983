"""The hook that makes the cluster anew: when it is there, and what it may do."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

NAME = "ai-inference-recreate"
KINDS = ("ServiceAccount", "Role", "RoleBinding", "Pod")


def _pod(rendered: Rendered) -> dict[str, Any]:
    return rendered.of("Pod")[NAME]


def _rules(rendered: Rendered) -> dict[str, Any]:
    rules = rendered.of("Role")[NAME]["rules"]
    return {f"{verb} {rule['resources'][0]}": rule.get("resourceNames") for rule in rules for verb in rule["verbs"]}


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_after_an_upgrade_or_a_rollback_and_goes_with_its_rights(small: Rendered, kind: str) -> None:
    annotations = small.of(kind)[NAME]["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "post-upgrade,post-rollback"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_it_is_not_there_where_a_second_cluster_is_started() -> None:
    rendered = render(fleet(upgrade__strategy="newCluster"))
    assert not [kind for kind in KINDS if NAME in rendered.of(kind)]


def test_it_may_delete_clusters_and_change_only_itself(small: Rendered) -> None:
    assert _rules(small) == {
        "get rayservices": ["ai-inference"],
        "get rayclusters": None,
        "delete rayclusters": None,
        "get services": ["ai-inference-serve-svc"],
        "list pods": None,
        "patch pods": [NAME],
    }


def test_its_account_is_its_own_and_the_only_one_with_a_token(small: Rendered) -> None:
    (subject,) = small.of("RoleBinding")[NAME]["subjects"]
    assert _pod(small)["spec"]["serviceAccountName"] == subject["name"] == NAME
    assert _pod(small)["spec"]["automountServiceAccountToken"]
    assert not small.pod("head")["automountServiceAccountToken"]


def test_it_is_told_the_release_itself_and_how_long_to_wait() -> None:
    rendered = render(fleet(upgrade__patience=900), release="fleet", namespace="here")
    (container,) = rendered.of("Pod")["fleet-recreate"]["spec"]["containers"]
    options = ["--namespace=here", "--pod=fleet-recreate", "--patience=900"]
    assert container["command"] == ["ai-inference", "recreate", "fleet", *options]
