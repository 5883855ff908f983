"""What the RayService says beside pods and models, and the objects around it."""

from typing import Any

import pytest

from tests.helm import Rendered, fleet, render


def _cluster(rendered: Rendered) -> dict[str, Any]:
    cluster: dict[str, Any] = rendered.service["spec"]["rayClusterConfig"]
    return cluster


def _sizes(rendered: Rendered, group: str) -> dict[str, Any]:
    keys = ("replicas", "minReplicas", "maxReplicas", "numOfHosts")
    return {key: rendered.groups[group][key] for key in keys}


@pytest.mark.parametrize(("strategy", "kind"), [("recreate", "None"), ("newCluster", "NewCluster")])
def test_the_upgrade_strategy_is_always_said(strategy: str, kind: str) -> None:
    assert render(fleet(upgrade__strategy=strategy)).service["spec"]["upgradeStrategy"] == {"type": kind}


def test_the_control_plane_outlives_the_head_only_where_there_is_redis(small: Rendered) -> None:
    assert "gcsFaultToleranceOptions" not in _cluster(small)
    open_to_all = render(fleet(redis__address="redis:6379"))
    assert _cluster(open_to_all)["gcsFaultToleranceOptions"] == {"redisAddress": "redis:6379"}


def test_the_password_of_redis_comes_from_a_secret() -> None:
    rendered = render(fleet(redis={"address": "rediss://redis:6380", "existingSecret": "mine", "key": "word"}))
    password = {"valueFrom": {"secretKeyRef": {"name": "mine", "key": "word"}}}
    options = {"redisAddress": "rediss://redis:6380", "redisPassword": password}
    assert _cluster(rendered)["gcsFaultToleranceOptions"] == options


def test_an_account_that_redis_is_cleared_under_outlives_the_release(small: Rendered) -> None:
    assert "annotations" not in small.of("ServiceAccount")["ai-inference"]["metadata"]
    kept = render(fleet(redis__address="redis:6379", serviceAccount__annotations={"a": "b"}))
    annotations = kept.of("ServiceAccount")["ai-inference"]["metadata"]["annotations"]
    assert annotations == {"a": "b", "helm.sh/resource-policy": "keep"}


def test_without_bounds_there_is_no_autoscaler_and_no_token_of_the_api_server(small: Rendered) -> None:
    assert "enableInTreeAutoscaling" not in _cluster(small)
    assert _sizes(small, "small") == {"replicas": 1, "minReplicas": 1, "maxReplicas": 1, "numOfHosts": 1}


def test_bounds_of_nodes_start_the_autoscaler_which_alone_gets_a_token() -> None:
    rendered = render(fleet(accelerators__small__nodes={"min": 0, "max": 3}))
    assert _cluster(rendered)["enableInTreeAutoscaling"] is True
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert _cluster(rendered)["autoscalerOptions"] == {"version": "v2", "securityContext": restricted}
    assert _sizes(rendered, "small") == {"replicas": 0, "minReplicas": 0, "maxReplicas": 3, "numOfHosts": 1}
    tokens = {group: rendered.pod(group)["automountServiceAccountToken"] for group in rendered.groups}
    assert tokens == {"head": True, "big": False, "small": False}


def test_the_service_carries_the_usual_labels_and_no_annotation(homelab: Rendered) -> None:
    assert homelab.service["metadata"] == {
        "name": "ai-inference",
        "namespace": "ai-ml",
        "labels": {
            "app.kubernetes.io/name": "ai-inference",
            "app.kubernetes.io/instance": "ai-inference",
            "app.kubernetes.io/version": "0.1.0",
            "app.kubernetes.io/managed-by": "Helm",
            "helm.sh/chart": "ai-inference-0.1.0",
        },
    }


def test_an_alias_of_type_service_answers_at_port_80_and_outlives_a_swap_of_clusters() -> None:
    rendered = render(fleet(aliases__type="Service"), release="mine")
    assert rendered.of("Service")["chat-predictor"]["spec"] == {
        "type": "ClusterIP",
        "selector": {"ai-inference/release": "mine", "ray.io/serve": "true"},
        "ports": [{"name": "http", "port": 80, "targetPort": 8000}],
    }
    assert all(
        g["template"]["metadata"]["labels"] == {"ai-inference/release": "mine"} for g in rendered.groups.values()
    )


def test_aliases_of_a_second_release_differ_by_prefix_and_namespace() -> None:
    aliases = {"prefix": "staging-", "namespace": "other", "clusterDomain": "home.arpa"}
    rendered = render(fleet(aliases=aliases), release="second", namespace="here")
    alias = rendered.of("Service")["staging-chat-predictor"]
    assert alias["metadata"]["namespace"] == "other"
    assert alias["spec"]["externalName"] == "second-serve-svc.here.svc.home.arpa"
    gateway = rendered.applications["gateway"]["deployments"][0]
    assert gateway["user_config"]["aliasPrefix"] == "staging-"


def test_aliases_can_be_left_out() -> None:
    assert not render(fleet(aliases__enabled=False)).of("Service")


def test_a_disabled_model_has_neither_application_nor_alias() -> None:
    rendered = render(fleet(models__ears__enabled=False))
    assert list(rendered.applications) == ["gateway", "chat"]
    assert list(rendered.of("Service")) == ["chat-predictor"]


def test_the_account_of_the_pods_is_made_without_a_token(small: Rendered) -> None:
    assert small.of("ServiceAccount")["ai-inference"]["automountServiceAccountToken"] is False
    assert small.pod("head")["serviceAccountName"] == "ai-inference"


def test_an_account_that_exists_is_used_and_not_made() -> None:
    rendered = render(fleet(serviceAccount={"create": False, "name": "mine"}))
    hooks = ["ai-inference-recreate", "ai-inference-token"]  # Their own, with their rights.
    assert list(rendered.of("ServiceAccount")) == hooks
    assert rendered.pod("big")["serviceAccountName"] == "mine"


def test_annotations_of_the_account_carry_a_workload_identity() -> None:
    rendered = render(fleet(serviceAccount__annotations={"a": "b"}))
    assert rendered.of("ServiceAccount")["ai-inference"]["metadata"]["annotations"] == {"a": "b"}


def test_without_values_there_is_a_gateway_and_nothing_else() -> None:
    rendered = render({})
    assert list(rendered.applications) == ["gateway"]
    assert list(rendered.groups) == ["head"]
