"""The expressions of examples/flux, judged as Flux judges: on recorded statuses, by Google's CEL."""

from collections.abc import Mapping
from typing import Any

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]

from tests.gitops import example, recorded

RELEASE = example("flux", "homelab")
(CHECK,) = RELEASE["spec"]["healthCheckExprs"]
ENVIRONMENT = cel.NewEnv(variables=dict.fromkeys(("apiVersion", "kind", "metadata", "spec", "status"), cel.Type.DYN))


def verdict(thing: Mapping[str, Any]) -> str:
    """As github.com/fluxcd/pkg does it, runtime/cel/status_evaluator.go."""
    observed = thing.get("status", {}).get("observedGeneration")
    if observed is not None and observed != thing["metadata"]["generation"]:
        return "InProgress"
    for name in ("inProgress", "failed", "current"):
        if name in CHECK and holds(CHECK[name], thing):
            return name.capitalize()
    return "InProgress"


def holds(expression: str, thing: Mapping[str, Any]) -> bool:
    """An expression that ends in an error leaves Flux waiting, which is no answer that the examples rely on."""
    answer = ENVIRONMENT.compile(expression).eval(data=dict(thing))
    if "status" not in thing:  # the one error that no expression can avoid
        return False
    assert answer.type() == cel.Type.BOOL, answer
    return bool(answer.value())


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "service-new": "InProgress",
        "service-initializing": "InProgress",
        "service-deploying": "InProgress",
        "service-ready": "Current",
        "service-redeploying": "InProgress",
        "service-deploy-failed": "Failed",
        "service-swap-began": "InProgress",
        "service-swapping": "InProgress",
        "service-swapped": "Current",
        "service-invalid": "Failed",
        "service-timeout": "Failed",
    }.items(),
)
def test_flux_sees_what_a_service_does(name: str, expected: str) -> None:
    assert verdict(recorded(name)) == expected


def test_flux_waits_until_its_timeout_for_a_change_that_kuberay_refuses() -> None:
    assert verdict(recorded("service-invalid-later")) == "InProgress"


@pytest.mark.parametrize("name", ["service-changed", "service-broken-model"])
def test_only_a_request_shows_what_flux_cannot_see_so_the_release_runs_helm_test(name: str) -> None:
    assert verdict(recorded(name)) == "Current"
    assert RELEASE["spec"]["test"] == {"enable": True}


def test_a_failure_from_before_a_correction_is_tried_again_and_stops_nothing() -> None:
    assert verdict(recorded("service-corrected")) == "Failed"
    for action in ("install", "upgrade"):
        assert RELEASE["spec"][action]["strategy"]["name"] == "RetryOnFailure"


def test_an_application_that_failed_on_a_second_cluster_is_a_failure() -> None:
    thing = recorded("service-swapping")
    statuses = thing["status"]["pendingServiceStatus"]["applicationStatuses"]
    statuses["ears"]["status"] = "DEPLOY_FAILED"
    assert verdict(thing) == "Failed"


def test_an_unhealthy_application_may_heal() -> None:
    thing = recorded("service-ready")
    thing["status"]["activeServiceStatus"]["applicationStatuses"]["ears"]["status"] = "UNHEALTHY"
    assert verdict(thing) == "InProgress"


def test_flux_evaluates_the_expressions_in_this_release() -> None:
    assert RELEASE["spec"]["waitStrategy"]["name"] == "poller"
    assert not any(RELEASE["spec"][action].get("disableWait") for action in ("install", "upgrade"))
