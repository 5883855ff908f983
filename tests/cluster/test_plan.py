"""`ai-inference plan` against the real operator: for each kind of change it does what the plan said.

All cases install their old values first. Each then waits until they serve, asks for a plan in both ways, applies the
new values, and compares what the operator has done by the time it says that it has seen them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cluster.asked import plan
from tests.cluster.changes import CASES
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import RayCluster, Release, made

RECREATION = "recreation"


@pytest.fixture(scope="module")
def releases(
    request: pytest.FixtureRequest, ray: Dashboard, node: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Release]]:
    """One for each case that runs, with the old values on their way."""
    names = [item.callspec.params["name"] for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    with ExitStack() as stack:
        found = {name: stack.enter_context(made(tmp_path_factory.mktemp("values"))) for name in names}
        for name, release in found.items():
            release.apply(CASES[name].files(release, node)[0])
        yield found


@pytest.mark.parametrize("name", CASES)
def test_the_operator_does_what_the_plan_said(
    name: str, releases: dict[str, Release], ray: Dashboard, node: str
) -> None:
    case, release = CASES[name], releases[name]
    old, new = case.files(release, node)
    release.ready()
    before = release.cluster(release.active)
    sent = ray.count(release.namespace, before.name)
    rendered, live = plan(release, f"-f{new}", f"--old={old}"), plan(release, f"-f{new}", "--live")
    assert (rendered["verdict"], live["verdict"]) == (case.verdict, case.verdict)
    assert (rendered["models"], rendered["pods"]) == (live["models"], live["pods"])
    ray.hold(release.namespace)
    release.apply(new)
    release.seen()
    does_to_pods(release, before, live)
    told = case.verdict != "secondCluster" and any(live["models"].values())
    assert (ray.count(release.namespace, before.name) > sent) == told
    release.end()


def does_to_pods(release: Release, before: RayCluster, said: Mapping[str, Any]) -> None:
    """Fails unless the operator did to pods what the plan said, to the number of pods of each group."""
    assert release.active == before.name
    starts = Counter(said["pods"]["start"])
    if said["verdict"] == "secondCluster":
        assert release.pending
        assert started(release, release.pending, {}) == starts
    else:
        assert not release.pending
        assert started(release, before.name, before.pods) == (Counter() if said["verdict"] == RECREATION else starts)
    if said["verdict"] != "groupAppended":
        assert release.cluster(before.name) == before


def started(release: Release, cluster: str, before: Mapping[str, str]) -> Counter[str]:
    """The groups of the pods that were not there before."""
    release.settled(cluster)
    now = release.cluster(cluster).pods
    assert before.items() <= now.items()
    return Counter(group for pod, group in now.items() if pod not in before)
