"""The Job that fetches an accelerator's models before a replica asks for them."""

import json
from typing import Any

import pytest

from tests.helm import Rendered, fleet, render

HUB = {"hub": "org/chat", "revision": "main"}
S3 = {"s3": "bucket/other"}
SHARED = {"existingClaim": "models", "prefetch": True}
LOCAL = {"hostPath": "/var/lib/models", "prefetch": True}
HERE = {"accelerators__big__nodeSelector": {"a": "b"}}


def fetching(**changes: Any) -> Rendered:
    """The accelerator `big`, whose models are fetched into a claim."""
    return render(fleet(**{"models__chat__source": HUB, "accelerators__big__cache": SHARED, **changes}))


def job(rendered: Rendered) -> dict[str, Any]:
    (found,) = rendered.of("Job").values()
    return found


def container(rendered: Rendered) -> dict[str, Any]:
    (found,) = job(rendered)["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_nothing_is_fetched_beforehand_unless_a_cache_says_so(small: Rendered) -> None:
    assert not small.of("Job")
    assert not fetching(accelerators__big__cache={"existingClaim": "models"}).of("Job")


def test_it_fetches_what_the_models_of_its_accelerator_come_from() -> None:
    other = {"task": "rerank", "engine": "fake", "source": S3, "accelerator": "big", "gpu": 0.1}
    *_, tolerant, argument = container(fetching(models__other=other, models__chat__gpu=0.5))["command"]
    assert (tolerant, json.loads(argument.removeprefix("--sources="))) == ("--best-effort", {"chat": HUB, "other": S3})


def test_what_lies_on_the_nodes_anyway_is_not_fetched() -> None:
    assert not fetching(models__chat__source={"path": "/models/chat"}).of("Job")


def test_it_runs_where_the_models_will_in_their_image_and_sees_their_cache() -> None:
    place = {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}], "env": {"HF_ENDPOINT": "https://mirror"}}
    found = fetching(**{f"accelerators__big__{key}": value for key, value in place.items()},
                     huggingFace__existingSecret="hub")  # fmt: skip
    pod, worker = job(found)["spec"]["template"]["spec"], found.pod("big")
    for key in ("nodeSelector", "tolerations", "securityContext"):
        assert pod[key] == worker[key], key
    others = ("keys", "token")
    assert pod["volumes"] == [volume for volume in worker["volumes"] if volume["name"] not in others]
    theirs = found.container("big")
    assert {key: container(found)[key] for key in ("image", "securityContext")} == {
        key: theirs[key] for key in ("image", "securityContext")
    }
    said = {one["name"]: one["value"] for one in container(found)["env"]}
    assert said.items() <= found.environment("big").items()
    assert said.keys() == {"AI_INFERENCE_CACHE", "HF_TOKEN_PATH", "HF_ENDPOINT"}


def test_it_takes_no_gpu() -> None:
    assert "amd.com/gpu" not in json.dumps(container(fetching())["resources"])


@pytest.mark.parametrize(
    ("cache", "nodes", "pods"),
    [(SHARED, 3, 1), (SHARED, {"max": 4}, 1), (LOCAL, 3, 3), (LOCAL, {"min": 2, "max": 4}, 2)],
)
def test_nodes_with_a_cache_each_get_a_pod_each_and_those_that_share_one_get_one(
    cache: dict[str, Any], nodes: Any, pods: int
) -> None:
    spec = job(fetching(accelerators__big__cache=cache, accelerators__big__nodes=nodes, **HERE))["spec"]
    assert (spec["completions"], spec["parallelism"]) == (pods, pods)
    apart = spec["template"]["spec"].get("affinity", {}).get("podAntiAffinity", {})
    (rule,) = apart.get("requiredDuringSchedulingIgnoredDuringExecution", [{}])
    assert (rule.get("topologyKey") == "kubernetes.io/hostname") is (pods > 1)


def test_another_model_is_another_job_and_all_else_leaves_it_alone() -> None:
    names = [next(iter(fetching(**changes).of("Job"))) for changes in (
        {}, {"models__ears__gpu": 0.25}, {"models__chat__replicas": 1, "upgrade__drainTimeout": 9},
        {"models__chat__source": S3}, {"image__tag": "other"})]  # fmt: skip
    assert names[0] == names[1] == names[2]
    assert len(set(names)) == 3


def test_the_pods_of_ray_do_not_change_by_it() -> None:
    without = fetching(accelerators__big__cache={"existingClaim": "models"})
    assert fetching().service == without.service
