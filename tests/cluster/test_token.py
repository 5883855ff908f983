"""The token of Ray's dashboard: made once by the hook's command under its rights, and what KubeRay does with it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from tests.cluster import kubectl
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.errand import PROGRAM
from tests.cluster.release import NAME, SESAME, Release
from tests.helm import render

HOOK = f"{NAME}-token"
SECRET = f"{NAME}-dashboard"


@pytest.fixture
def account(release: Release, node: str, tmp_path: Path) -> Path:
    """A kubeconfig of the account that the hook's pod has, as Helm makes it before the pod."""
    rendered = render(values(node, {}), release=NAME, namespace=release.namespace)
    for kind in ("ServiceAccount", "Role", "RoleBinding"):
        kubectl.apply(rendered.of(kind)[HOOK])
    token = kubectl.run("create", "token", HOOK, *release.place)
    config: dict[str, Any] = yaml.safe_load(kubectl.run("config", "view", "--raw", "--minify", "--flatten"))
    config["users"][0]["user"] = {"token": token.strip()}
    (file := tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    return file


def made(account: Path, release: Release) -> str:
    command = [str(PROGRAM), "token", SECRET, *release.place]
    environment = {"KUBECONFIG": str(account), "PATH": ""}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_it_is_made_once_and_then_left_alone(account: Path, release: Release) -> None:
    assert made(account, release).startswith(f"{SECRET} is made")
    first = kubectl.get("secret", SECRET, *release.place)
    assert made(account, release).startswith(f"{SECRET} is there")
    assert kubectl.get("secret", SECRET, *release.place) == first


def test_its_maker_can_read_and_change_no_secret(account: Path, release: Release) -> None:
    made(account, release)
    asked = (f"--as=system:serviceaccount:{release.namespace}:{HOOK}", "--list", *release.place)
    rights = kubectl.run("auth", "can-i", *asked)
    (line,) = [line for line in rights.splitlines() if line.startswith("secrets")]
    assert line.split()[-1] == "[create]"


def test_helm_makes_no_pod_for_one_that_is_there(release: Release, node: str) -> None:
    file = release.file(values(node, {}), "base")

    def hooks() -> str:
        done = release.helm("install", str(CHART), f"--values={file}", "--dry-run=server")
        assert not done.returncode, done.stderr
        return done.stdout

    assert f"name: {HOOK}" in hooks()
    kubectl.apply(release.secret)
    assert f"name: {HOOK}" not in hooks()


def test_every_pod_of_ray_has_it_from_the_secret_and_kuberay_sends_it(
    release: Release, ray: Dashboard, node: str
) -> None:
    release.apply(release.file(values(node, {}), "base"))
    release.ready()
    reference = {"name": SECRET, "key": "auth_token"}
    for pod in release.pods.values():
        environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
        assert environment["RAY_AUTH_TOKEN"]["valueFrom"] == {"secretKeyRef": reference}
    assert ray.tokens[release.namespace, release.active] == {f"Bearer {SESAME}"}


def test_a_second_cluster_has_the_same_one(release: Release, ray: Dashboard, node: str) -> None:
    release.apply(release.file(values(node, {"upgrade__strategy": "newCluster"}), "base"))
    release.ready()
    first = release.active
    release.apply(release.file(values(node, {"upgrade__strategy": "newCluster", "image__tag": "2"}), "changed"))
    second = ray.wait_for_another(release.namespace, first)
    assert ray.tokens[release.namespace, second] == ray.tokens[release.namespace, first]
