"""Names and rights: the longest names, releases side by side, aliases elsewhere, and what pods may do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from serve.cli import helm
from tests.cluster import kubectl
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import NAME, Release
from tests.helm import render

Eventually = Callable[[Callable[[], bool]], None]
LONGEST = "r" * 47
LONG_KEY = "a" * 31
CLAIM = {"deviceClass": "gpu.example.com"}
LONG_CARD = {"vendor": "xpu", "memory": "8Gi", "order": 9, "nodes": {"max": 2}, "claim": CLAIM}
FETCHED = {"task": "embeddings", "engine": "fake", "source": {"hub": "a/b"}, "accelerator": LONG_KEY, "gpu": 0.1}
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": LONG_KEY,
       "input": "s3://in", "output": "s3://out"}  # fmt: skip
READING = {"get", "list", "watch"}


def everything(node: str = "any", **changes: Any) -> dict[str, Any]:
    """Values in which whatever makes an object is on."""
    volume = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    cache = {"claim": volume, "prefetch": True}
    cached = {"accelerators__big__cache__claim": volume, f"accelerators__{LONG_KEY}": {**LONG_CARD, "cache": cache}}
    shared = {"accelerators__small__resource": None, "accelerators__small__claim": {**CLAIM, "shared": LONG_KEY}}
    secrets = {"huggingFace__existingSecret": "hub", "image__pullSecrets": ["registry"]}
    ways = {"ingress": {"enabled": True, "hosts": ["a.example.com"]}, "network__egress__limited": True}
    account = {"serviceAccount__annotations__cloud": "identity"}
    return values(node, {**cached, **shared, **secrets, **ways, **account, **changes})


def taken(documents: list[dict[str, Any]], release: Release) -> list[str]:
    """What the API server would have made of them, once the accounts of the pods are there."""
    accounts = [one for one in documents if one["kind"] == "ServiceAccount"]
    names = []
    for some, mode in ((accounts, "none"), (documents, "server")):
        made = ("apply", "--server-side", f"--dry-run={mode}", "--output=name", "--filename=-", *release.place)
        names = kubectl.run(*made, text=yaml.safe_dump_all(some)).splitlines()
    return names


@pytest.mark.parametrize("aliases", ["ExternalName", "Service"])
@pytest.mark.parametrize("strategy", ["recreate", "newCluster"])
def test_every_object_of_the_longest_names_is_one_that_kubernetes_takes(
    strategy: str, aliases: str, release: Release
) -> None:
    more: dict[str, Any] = {"models__fetched": FETCHED, "monitoring__dashboards__enabled": True}
    asked = everything(upgrade__strategy=strategy, aliases__type=aliases, **more)
    file = release.file(asked, "all")
    documents = helm.template([file], LONGEST, release.namespace)
    names = taken(documents, release)
    assert len(names) == len(documents)
    kinds = {name.partition("/")[0].partition(".")[0] for name in names}
    assert kinds >= {
        "networkpolicy",
        "ingress",
        "rayservice",
        "service",
        "serviceaccount",
        "pod",
        "job",
        "persistentvolumeclaim",
        "resourceclaim",
        "configmap",
    }


def test_a_job_is_an_object_that_kubernetes_takes(release: Release) -> None:
    asked = everything(jobs__one={**JOB, "queue": "batch"}, jobs__other={**JOB, "scheduler": "volcano"})
    names = taken(helm.template([release.file(asked, "jobs")], release.name, release.namespace), release)
    assert sum(name.startswith("rayjob") for name in names) == 2


def test_a_release_of_the_longest_name_serves(release: Release, ray: Dashboard, node: str) -> None:
    long = replace(release, name=LONGEST)
    arc = {"vendor": "xpu", "resource": "gpu.intel.com/xe", "memory": "8Gi", "order": 9}
    long.apply(long.file(values(node, {f"accelerators__{LONG_KEY}": arc}), "long"))
    long.ready()
    services = {one["metadata"]["name"] for one in kubectl.items("services", *release.place)}
    assert services >= {f"{LONGEST}-serve-svc", f"{LONGEST}-head-svc", "chat-predictor", "ears-predictor"}
    assert len(long.pods) == 4


def test_one_character_more_is_refused_before_anything_is_there(release: Release, node: str) -> None:
    longer = replace(release, name=f"{LONGEST}r")
    file = longer.file(values(node, {}), "longer")
    with pytest.raises(AssertionError, match="KubeRay wants at most 47 characters"):
        longer.apply(file)
    assert not kubectl.items("rayservices.ray.io", *longer.place)


def test_two_releases_of_one_namespace_serve_side_by_side(release: Release, ray: Dashboard, node: str) -> None:
    second = replace(release, name="second")
    release.apply(release.file(values(node, {"aliases__type": "Service"}), "first"))
    prefixed = {"aliases__type": "Service", "aliases__prefix": "second-"}
    second.apply(second.file(values(node, prefixed), "second"))
    for one in (release, second):
        one.ready()
    pods = {**release.pods, **second.pods}
    found = {name: chosen(service, pods) for name, service in selecting(release).items()}
    assert {name for name, owners in found.items() if owners == {"second"}} >= {
        "second-serve-svc", "second-head-svc", "second-chat-predictor", "second-ears-predictor"
    }  # fmt: skip
    assert {name for name, owners in found.items() if owners == {NAME}} >= {
        f"{NAME}-serve-svc", f"{NAME}-head-svc", "chat-predictor", "ears-predictor"
    }  # fmt: skip
    assert all(len(owners) == 1 for owners in found.values())


def selecting(release: Release) -> dict[str, dict[str, str]]:
    """The selectors of the namespace's Services."""
    services = kubectl.items("services", *release.place)
    return {one["metadata"]["name"]: one["spec"]["selector"] for one in services if one["spec"].get("selector")}


def chosen(selector: Mapping[str, str], pods: Mapping[str, dict[str, Any]]) -> set[str]:
    """The releases of the pods that a Service selects."""
    labels = [pod["metadata"]["labels"] for pod in pods.values()]
    return {one["ai-inference/release"] for one in labels if selector.items() <= one.items()}


def test_an_alias_that_another_release_has_is_refused_by_its_name(release: Release, ray: Dashboard, node: str) -> None:
    release.apply(release.file(values(node, {}), "first"))
    second = replace(release, name="second")
    done = second.helm("install", str(CHART), f"--values={second.file(values(node, {}), 'second')}")
    assert done.returncode
    assert 'Service "chat-predictor"' in done.stderr
    assert f'current value is "{NAME}"' in done.stderr
    assert [one["metadata"]["name"] for one in kubectl.items("rayservices.ray.io", *release.place)] == [NAME]


def test_aliases_of_another_namespace_lead_to_the_release(release: Release, ray: Dashboard, node: str) -> None:
    elsewhere = f"{release.namespace}-aliases"
    kubectl.run("create", "namespace", elsewhere)
    try:
        release.apply(release.file(values(node, {"aliases__namespace": elsewhere}), "aliases"))
        release.ready()
        alias = kubectl.get("service", "chat-predictor", f"--namespace={elsewhere}")["spec"]
        service, namespace, _ = alias["externalName"].split(".", 2)
        assert (alias["type"], namespace) == ("ExternalName", release.namespace)
        assert kubectl.get("service", service, f"--namespace={namespace}")["spec"]["ports"][0]["port"] == 8000
    finally:
        kubectl.run("delete", "namespace", elsewhere, "--wait=false")


@pytest.mark.parametrize("strategy", ["recreate", "newCluster"])
def test_the_chart_asks_for_no_right_beyond_its_namespace_and_its_own_objects(strategy: str) -> None:
    rendered = render(everything(upgrade__strategy=strategy))
    assert not [kind for kind in ("ClusterRole", "ClusterRoleBinding") if rendered.of(kind)]
    roles = rendered.of("Role").values()
    assert {role["metadata"]["namespace"] for role in roles} <= {"ai-ml"}
    assert all(is_narrow(rule) for role in roles for rule in role["rules"])


def is_narrow(rule: Mapping[str, Any]) -> bool:
    """Its objects are named; but for RayClusters, whose names are the operator's, what is only read, and Secrets, which
    are only made: Kubernetes cannot name what is not there yet."""
    spelt = "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
    unnamed = rule["resources"] == ["rayclusters"] or READING.issuperset(rule["verbs"])
    if "secrets" in rule["resources"]:
        return bool(rule["verbs"] == ["create"])
    return spelt and bool(rule.get("resourceNames") or unnamed)


def test_the_pods_have_no_more_rights_than_an_account_that_is_given_none(
    release: Release, ray: Dashboard, node: str
) -> None:
    release.apply(release.file(values(node, {}), "values"))
    release.ready()
    accounts = {pod["spec"]["serviceAccountName"] for pod in release.pods.values()}
    assert accounts == {NAME}
    assert rights(release, NAME) == rights(release, "nobody")
    assert not [pod for pod in release.pods.values() if pod["spec"]["automountServiceAccountToken"]]


def rights(release: Release, account: str) -> list[str]:
    as_account = f"--as=system:serviceaccount:{release.namespace}:{account}"
    return sorted(kubectl.run("auth", "can-i", "--list", as_account, *release.place).splitlines())


def test_the_rights_of_the_autoscaler_are_the_operators_to_give_and_only_the_head_can_use_them(
    release: Release, ray: Dashboard, node: str, eventually: Eventually
) -> None:
    release.apply(release.file(values(node, {"accelerators__small__nodes": {"min": 1, "max": 2}}), "bounds"))
    eventually(lambda: len(release.pods) == 3)
    roles = kubectl.items("roles", *release.place)
    assert [one["kind"] for role in roles for one in role["metadata"]["ownerReferences"]] == ["RayCluster"]
    mounted = {pod["metadata"]["labels"]["ray.io/group"] for pod in release.pods.values()
               if pod["spec"]["automountServiceAccountToken"]}  # fmt: skip
    assert mounted == {"headgroup"}
    assert not [one for one in kubectl.items("clusterrolebindings") if release.namespace in json.dumps(one)]
