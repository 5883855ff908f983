"""What `ai-inference plan --live` knows beyond the values: what runs, what KubeRay has held back, and the way out."""

from tests.cluster import kubectl
from tests.cluster.asked import advised, plan, said
from tests.cluster.changes import TAINTED, values
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import NAME, Release

IMAGE = {"image__tag": "2"}


def test_a_label_of_the_rayservice_alone_is_no_change(release: Release, ray: Dashboard, node: str) -> None:
    base = release.file(values(node, {}), "base")
    release.apply(base)
    release.ready()
    before = release.cluster(release.active)
    kubectl.run("label", "rayservices.ray.io", NAME, "team=speech", *release.place)
    assert plan(release, f"-f{base}", "--live")["verdict"] == "nothing"
    changed = release.file(values(node, {"models__ears__gpu": 0.25}), "changed")
    release.apply(changed)
    ray.wait_for(release.namespace, "ears", "numGpus", 0.25)  # Whoever heard of this has seen the label.
    assert (release.active, release.pending) == (before.name, "")
    assert release.cluster(before.name) == before


def test_the_way_out_of_what_kuberay_ignores_lasts(release: Release, ray: Dashboard, node: str) -> None:
    release.apply(release.file(values(node, {}), "old"))
    release.ready()
    more = {"accelerators__small__nodes": 2, "accelerators__big__tolerations": TAINTED}
    new = release.file(values(node, more), "new")
    command = advised(said(release, f"-f{new}", "--live"))
    release.apply(new)
    release.seen()
    before = release.cluster(release.active)
    kubectl.run(*command)
    release.settled(before.name)
    after = release.cluster(before.name)
    assert sorted(after.pods.values()) == ["big", "head", "small", "small"]
    assert before.pods.items() <= after.pods.items()
    assert plan(release, f"-f{new}", "--live")["verdict"] == "nothing"


def test_what_recreate_held_back_comes_with_another_strategy(release: Release, ray: Dashboard, node: str) -> None:
    """Two renders cannot show it: the values differ only in the strategy."""
    release.apply(release.file(values(node, {}), "old"))
    release.ready()
    held = release.file(values(node, IMAGE), "held")
    release.apply(held)
    release.seen()
    new = release.file(values(node, {**IMAGE, "upgrade__strategy": "newCluster"}), "new")
    assert plan(release, f"-f{new}", f"--old={held}")["verdict"] == "nothing"
    assert plan(release, f"-f{new}", "--live")["verdict"] == "secondCluster"
    ray.hold(release.namespace)
    release.apply(new)
    release.seen()
    assert release.pending


def test_during_an_upgrade_the_new_cluster_counts(release: Release, ray: Dashboard, node: str) -> None:
    """To go back is a third cluster then, although the first still serves."""
    spare = {"upgrade__strategy": "newCluster"}
    old, new = release.file(values(node, spare), "old"), release.file(values(node, {**spare, **IMAGE}), "new")
    release.apply(old)
    release.ready()
    ray.hold(release.namespace)
    release.apply(new)
    release.seen()
    second = release.pending
    release.settled(second)
    found = plan(release, f"-f{new}", "--live")
    assert (found["verdict"], found["comparedWith"], found["upgrading"]) == ("nothing", second, True)
    assert plan(release, f"-f{old}", "--live")["verdict"] == "secondCluster"
    release.apply(old)
    release.seen()
    assert release.pending not in ("", second)


def test_a_second_cluster_takes_over_when_its_models_answer(release: Release, ray: Dashboard, node: str) -> None:
    spare = {"upgrade__strategy": "newCluster"}
    release.apply(release.file(values(node, spare), "old"))
    release.ready()
    ray.hold(release.namespace)
    new = release.file(values(node, {**spare, **IMAGE}), "new")
    release.apply(new)
    release.seen()
    second = release.pending
    ray.release(release.namespace)
    release.wait(f"jsonpath={{.status.activeServiceStatus.rayClusterName}}={second}")
    found = plan(release, f"-f{new}", "--live")
    assert (found["verdict"], found["comparedWith"], found["upgrading"]) == ("nothing", second, False)


def test_before_the_first_install_everything_starts(release: Release, node: str) -> None:
    new = release.file(values(node, {}), "new")
    found = plan(release, f"-f{new}", "--live")
    assert (found["verdict"], found["pods"]["start"]) == ("firstInstall", ["head", "big", "small"])
    assert {place["node"] for place in found["nodes"]["places"]} == {node}
