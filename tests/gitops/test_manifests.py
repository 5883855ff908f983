"""The manifests of examples/ name what the repository has, render as helm would, and see no drift in a live service."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from images.toolkit import digests
from serve.chart_values import CHART
from serve.cli import helm
from tests.gitops import EXAMPLES, example, recorded
from tests.helm import VALUES

ROOT = CHART.parents[1]
IMAGES = "images.yaml"
FLUX = example("flux", "homelab")["spec"]
ARGO = example("argocd", "homelab")["spec"]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """values/images.yaml as it is after the first `build.py --push`."""
    digest = {"cuda": f"sha256:{'0' * 64}"}
    digests.record(
        digests.Digests(repository="registry.example/ai-inference", tag="1.0.0", digests=digest), tmp_path / IMAGES
    )
    return tmp_path / IMAGES


def rendered(files: list[Path], published: Path, release: str, namespace: str) -> list[dict[str, Any]]:
    there = [published if file == VALUES / IMAGES else file for file in files]
    return helm.template(there, release=release, namespace=namespace)


def test_flux_releases_what_helm_would_install(published: Path) -> None:
    chart = FLUX["chart"]["spec"]
    assert ROOT / chart["chart"] == CHART
    files = [ROOT / file for file in chart["valuesFiles"]]
    assert files[0] == CHART / "values.yaml", "Flux leaves the chart's own out when others are named"
    documents = rendered(files, published, FLUX["releaseName"], FLUX["targetNamespace"])
    assert documents == helm.template([published, VALUES / "homelab.yaml"])


def test_argo_cd_releases_what_helm_would_install(published: Path) -> None:
    chart = ROOT / ARGO["source"]["path"]
    files = [(chart / file).resolve() for file in ARGO["source"]["helm"]["valueFiles"]]
    assert chart == CHART
    release, namespace = ARGO["source"]["helm"]["releaseName"], ARGO["destination"]["namespace"]
    documents = rendered(files, published, release, namespace)
    assert documents == helm.template([published, VALUES / "homelab.yaml"])
    assert "registry.example/ai-inference" in str(documents)


def test_flux_reads_the_source_that_is_beside_it() -> None:
    source = example("flux", "source")
    assert FLUX["chart"]["spec"]["sourceRef"] == {"kind": source["kind"], "name": source["metadata"]["name"]}
    assert source["metadata"]["namespace"] == example("flux", "homelab")["metadata"]["namespace"]


def test_each_environment_of_an_example_is_one_of_the_values() -> None:
    names = {path.stem for path in EXAMPLES.glob("*/*.yaml")} - {"source", "health"}
    assert names
    assert names <= {path.stem for path in VALUES.glob("*.yaml")}


def test_argo_cd_sees_no_drift_in_a_live_service_even_without_asking_the_api_server() -> None:
    live = recorded("service-ready")["spec"]
    wanted = recorded("service-applied")["spec"]
    assert live != wanted
    (ignored,) = ARGO["ignoreDifferences"]
    for path in ignored["jqPathExpressions"]:
        remove({"spec": live}, path)
    assert live == wanted


def remove(thing: Any, path: str) -> None:
    """Takes away what a path of jq's leads to, of the kinds that the example has."""
    *parents, last = re.findall(r"[^.\[\]]+|\[\]", path)
    for place in places(thing, parents):
        place.pop(last, None)


def places(thing: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    if not path:
        yield thing
    elif path[0] == "[]":
        for one in thing:
            yield from places(one, path[1:])
    elif path[0] in thing:
        yield from places(thing[path[0]], path[1:])


def test_a_path_is_removed_from_each_item_of_a_list() -> None:
    thing = {"list": [{"gone": 1, "kept": 2}, {"kept": 3}]}
    remove(changed := copy.deepcopy(thing), ".list[].gone")
    assert changed == {"list": [{"kept": 2}, {"kept": 3}]}


def test_examples_hold_one_manifest_a_file_under_a_comment_that_says_what_it_is() -> None:
    for path in EXAMPLES.glob("*/*.yaml"):
        assert path.read_text().startswith("# ")
        (document,) = yaml.safe_load_all(path.read_text())
        assert document["kind"]
