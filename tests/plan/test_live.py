"""What becomes of a plan where the cluster cannot be asked; tests/cluster asks a real one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helm import fleet, render
from tests.plan.conftest import Call

REFUSED = "nodes is forbidden"
SPARE = {"upgrade__strategy": "newCluster"}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program of this text in the place of kubectl."""

    def put(script: str) -> None:
        program = tmp_path / "kubectl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


def running() -> tuple[str, str]:
    """A RayService and its RayCluster as the API server prints them."""
    service = render(fleet(**SPARE)).service
    spec = {**service["spec"]["rayClusterConfig"], "suspend": None}
    status = {"activeServiceStatus": {"rayClusterName": "one"}, "pendingServiceStatus": {}}
    return json.dumps({**service, "status": status}), json.dumps({"metadata": {"name": "one"}, "spec": spec})


def test_without_kubectl_the_other_way_is_named(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("serve.plan.live.shutil.which", lambda _: None)
    assert "kubectl, which is not on PATH; install it, or give --old" in str(call(fleet(), None, "--live").exception)


def test_what_kubectl_says_is_passed_on(call: Call, kubectl: Callable[[str], None]) -> None:
    kubectl("echo 'no such host' >&2; exit 1")
    message = str(call(fleet(), None, "--live").exception)
    assert message == "the cluster did not say its rayservices.ray.io: no such host"


def test_who_may_not_read_nodes_gets_the_verdict_all_the_same(
    plan: Callable[..., dict[str, Any]], kubectl: Callable[[str], None], tmp_path: Path
) -> None:
    for kind, text in zip(("rayservices", "rayclusters"), running(), strict=True):
        (tmp_path / f"{kind}.ray.io").write_text(text)
    kubectl(f"cat {tmp_path}/$2 2>/dev/null || {{ echo '{REFUSED}' >&2; exit 1; }}")
    found = plan(fleet(image__tag="2", **SPARE), None, "--live")
    assert (found["verdict"], found["comparedWith"]) == ("secondCluster", "one")
    assert found["nodes"]["enough"] is None
    assert REFUSED in found["nodes"]["unknown"]
