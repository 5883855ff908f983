"""The health checks of examples/argocd, run as Argo CD runs them: on recorded resources, in Lua 5.1 almost bare."""

from collections.abc import Mapping
from typing import Any

import pytest
from lupa import lua51  # type: ignore[import-untyped]

from tests.gitops import example, recorded

CHECKS = example("argocd", "health")["data"]
# Argo CD opens base, package, table, and of os two functions for dates.
MISSING = "string", "io", "os", "math", "debug", "coroutine"


def health(thing: Mapping[str, Any]) -> tuple[str, str]:
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.execute("getmetatable('').__index = nil")
    for library in MISSING:
        lua.globals()[library] = None
    lua.globals().obj = lua.table_from(thing, recursive=True)
    answer = lua.execute(CHECKS[f"resource.customizations.health.ray.io_{thing['kind']}"])
    assert answer["status"] in ("Healthy", "Progressing", "Degraded", "Suspended")
    assert isinstance(answer["message"], str)
    return answer["status"], answer["message"]


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("service-new", "Progressing", "KubeRay has not looked at it yet"),
        ("service-initializing", "Progressing", "RayService is initializing"),
        ("service-deploying", "Progressing", "ears DEPLOYING, gateway DEPLOYING"),
        ("service-ready", "Healthy", "2 applications run"),
        ("service-redeploying", "Progressing", "ears DEPLOYING"),
        ("service-deploy-failed", "Degraded", "No module named 'serve.tasks.nothing'"),
        ("service-swap-began", "Progressing", "a second cluster takes over"),
        ("service-swapping", "Progressing", "a second cluster takes over: ears DEPLOYING"),
        ("service-swapped", "Healthy", "2 applications run"),
        ("service-invalid", "Degraded", "Spec.UpgradeStrategy.Type value Sideways is invalid"),
        ("service-invalid-later", "Degraded", "Spec.UpgradeStrategy.Type value Sideways is invalid"),
        ("service-timeout", "Degraded", "failed to become ready within the configured timeout"),
        ("job-suspended", "Suspended", "waits to be admitted or resumed"),
        ("job-initializing", "Progressing", "Initializing"),
        ("job-running", "Progressing", "Job is currently running."),
        ("job-succeeded", "Healthy", "Job finished successfully."),
        ("job-failed", "Degraded", "failed with exit code 3"),
        ("job-late", "Degraded", "has passed the activeDeadlineSeconds"),
        ("job-invalid", "Degraded", "is not allowed to be suspended"),
        ("cluster-starting", "Progressing", "the head is not ready"),
        ("cluster-ready", "Healthy", "the head is ready"),
        ("cluster-of-service", "Healthy", "the head is ready"),
        ("cluster-suspended", "Suspended", "suspended"),
        ("cluster-refused", "Degraded", "exceeded quota"),
    ],
)
def test_argo_cd_sees_what_a_resource_does_and_says_so(name: str, status: str, message: str) -> None:
    found, said = health(recorded(name))
    assert (found, message in said) == (status, True), said


@pytest.mark.parametrize("name", ["service-changed", "service-broken-model"])
def test_only_a_request_shows_what_argo_cd_cannot_see(name: str) -> None:
    assert health(recorded(name))[0] == "Healthy"


def test_a_failure_from_before_a_correction_is_tried_again() -> None:
    assert health(recorded("service-corrected"))[0] == "Degraded"
    assert example("argocd", "homelab")["spec"]["syncPolicy"]["retry"]["limit"] > 0


def test_an_unhealthy_application_is_degraded_with_its_message() -> None:
    thing = recorded("service-ready")
    application = thing["status"]["activeServiceStatus"]["applicationStatuses"]["ears"]
    application.update(status="UNHEALTHY", message="a replica died")
    assert health(thing) == ("Degraded", "ears UNHEALTHY: a replica died")


def test_a_suspended_service_is_suspended() -> None:
    thing = recorded("service-ready")
    thing["status"]["conditions"].append({"type": "Suspended", "status": "True", "message": "on request"})
    assert health(thing) == ("Suspended", "on request")


def test_a_job_that_someone_stopped_is_degraded() -> None:
    thing = recorded("job-succeeded")
    thing["status"].update(jobStatus="STOPPED", message="Job was intentionally stopped.")
    assert health(thing) == ("Degraded", "Job was intentionally stopped.")
