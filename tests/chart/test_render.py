"""What the chart makes of values: the RayService, its pods, and what stands beside it."""

import json

import pytest

from tests.helm import Rendered, fleet, render

MODELS = ["embeddings", "llm", "reranker", "tts", "whisper"]


def test_homelab_has_the_gateway_and_then_its_five_applications_by_name(homelab: Rendered) -> None:
    assert list(homelab.applications) == ["gateway", *MODELS]


def test_homelab_has_a_worker_group_per_accelerator_in_their_order(homelab: Rendered) -> None:
    assert list(homelab.groups) == ["head", "strix-halo", "rtx-2070", "radeon-680m", "arc"]


def test_homelab_has_an_alias_per_model_that_leads_to_the_operators_service(homelab: Rendered) -> None:
    aliases = homelab.of("Service")
    assert sorted(aliases) == [f"{model}-predictor" for model in MODELS]
    target = {"type": "ExternalName", "externalName": "ai-inference-serve-svc.ai-ml.svc.cluster.local"}
    assert all(alias["spec"] == target and alias["metadata"]["namespace"] == "ai-ml" for alias in aliases.values())


@pytest.mark.parametrize(
    ("group", "cpus", "gpus", "resources"),
    [
        ("head", "0", "0", {"head": 1}),
        ("strix-halo", "8", "1", {"strix-halo": 1}),
        ("rtx-2070", "6", "1", {"rtx-2070": 1}),
        ("radeon-680m", "4", "1", {"radeon-680m": 1}),
        ("arc", "4", "1", {"arc": 1}),
    ],
)
def test_ray_is_told_every_resource(
    homelab: Rendered, group: str, cpus: str, gpus: str, resources: dict[str, int]
) -> None:
    start = homelab.groups[group]["rayStartParams"]
    assert (start["num-cpus"], start["num-gpus"]) == (cpus, gpus)
    assert json.loads(json.loads(start["resources"])) == resources, "quoted twice: once more for the operator's shell"


@pytest.mark.parametrize(
    ("group", "vendor", "resource"),
    [
        ("strix-halo", "rocm", "amd.com/gpu"),
        ("rtx-2070", "cuda", "nvidia.com/gpu"),
        ("radeon-680m", "rocm", "amd.com/gpu"),
        ("arc", "xpu", "gpu.intel.com/xe"),
    ],
)
def test_a_worker_has_the_image_and_the_device_of_its_vendor(
    homelab: Rendered, group: str, vendor: str, resource: str
) -> None:
    container = homelab.container(group)
    assert container["image"].endswith(f":0.1.0-{vendor}")
    assert container["resources"]["limits"][resource] == "1"
    assert homelab.environment(group)["AI_INFERENCE_VENDOR"] == vendor


@pytest.mark.parametrize("group", ["head", "big", "small"])
def test_every_pod_has_rays_fast_proxy_one_arena_and_no_telemetry_and_its_workers_give_way_to_none(
    small: Rendered, group: str
) -> None:
    fast = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_worker_niceness": "0"}
    expected = {**fast, "MALLOC_ARENA_MAX": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    assert expected.items() <= small.environment(group).items()


@pytest.mark.parametrize("group", ["head", "big", "small"])
def test_a_pod_has_one_label_of_ours_and_no_other(small: Rendered, group: str) -> None:
    assert small.groups[group]["template"]["metadata"]["labels"] == {"ai-inference/release": "ai-inference"}


@pytest.mark.parametrize("group", ["head", "small"])
def test_a_pod_that_ends_has_time_for_what_it_has_begun_and_then_to_end(group: str) -> None:
    pod = render(fleet(upgrade__drainTimeout=60)).groups[group]["template"]["spec"]
    env = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    assert (env["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"], pod["terminationGracePeriodSeconds"]) == ("60", 75)


def test_only_workers_mount_the_model_cache(small: Rendered) -> None:
    assert {"name": "models", "mountPath": "/models"} in small.container("big")["volumeMounts"]
    assert small.environment("big")["AI_INFERENCE_CACHE"] == "/models"
    assert "models" not in {one["name"] for one in small.pod("head")["volumes"]}


@pytest.mark.parametrize(
    ("cache", "volume"),
    [
        (None, {"emptyDir": {}}),
        ({"hostPath": "/data"}, {"hostPath": {"path": "/data", "type": "Directory"}}),
        ({"existingClaim": "mine"}, {"persistentVolumeClaim": {"claimName": "mine"}}),
        ({"claim": {"accessModes": ["ReadWriteOnce"]}}, {"persistentVolumeClaim": {"claimName": "r-small-models"}}),
    ],
)
def test_the_cache_lies_where_the_accelerator_says(cache: object, volume: dict[str, object]) -> None:
    rendered = render(fleet(accelerators__small__cache=cache), release="r")
    assert {"name": "models", **volume} in rendered.pod("small")["volumes"]


def test_a_claim_is_made_from_its_spec_and_outlives_the_release() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}}
    claim = render(fleet(accelerators__small__cache={"claim": spec})).of("PersistentVolumeClaim")
    assert claim["ai-inference-small-models"]["spec"] == spec
    kept = claim["ai-inference-small-models"]["metadata"]["annotations"]
    assert kept == {"helm.sh/resource-policy": "keep"}


def test_hami_gets_the_memory_of_each_gpu_in_mebibytes_beside_their_number() -> None:
    values = fleet(accelerators__small__limit="hami", accelerators__small__memory="7.5Gi")
    limits = render(values).container("small")["resources"]["limits"]
    assert limits == {"memory": "16Gi", "nvidia.com/gpu": "1", "nvidia.com/gpumem": "7680"}


@pytest.mark.parametrize("limit", ["mps", "hami"])
def test_a_model_learns_what_limits_it(limit: str) -> None:
    rendered = render(fleet(accelerators__small__limit=limit))
    assert rendered.placement("ears")["limit"] == limit
    assert "limit" not in rendered.placement("chat")


def test_a_pods_placement_environment_and_groups_are_the_accelerators() -> None:
    given = {
        "nodeSelector": {"kubernetes.io/hostname": "a"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "runtimeClassName": "nvidia",
    }
    values = fleet(accelerators__small__env={"RAY_USAGE_STATS_ENABLED": "1"}, accelerators__small__groups=[44])
    values["accelerators"]["small"] |= given
    rendered = render(values)
    assert given.items() <= rendered.pod("small").items()
    assert rendered.pod("small")["securityContext"]["supplementalGroups"] == [44]
    assert rendered.environment("small")["RAY_USAGE_STATS_ENABLED"] == "1", "the entry's own value wins"


def test_the_heads_place_size_and_environment_are_values() -> None:
    head = {"cpus": 3, "ram": "6Gi", "nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}], "env": {"D": "e"}}
    rendered = render(fleet(head=head))
    assert rendered.container("head")["resources"]["requests"] == {"cpu": "3", "memory": "6Gi"}
    assert {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "c"}]}.items() <= rendered.pod("head").items()
    assert rendered.environment("head")["D"] == "e"


@pytest.mark.parametrize(("cpus", "whole"), [(4, "4"), (2.5, "3"), (0.5, "1")])
def test_ray_counts_whole_cores(cpus: float, whole: str) -> None:
    rendered = render(fleet(accelerators__small__cpus=cpus))
    assert rendered.groups["small"]["rayStartParams"]["num-cpus"] == whole
    assert rendered.container("small")["resources"]["requests"]["cpu"] == f"{cpus}"


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    rendered = render(fleet(image={"repository": "here/it", "tag": "1", "digests": {"cuda": digest}}))
    assert rendered.container("small")["image"] == f"here/it@{digest}"
    assert rendered.container("big")["image"] == "here/it:1-rocm"


def test_pull_secrets_reach_every_pod() -> None:
    rendered = render(fleet(image__pullSecrets=["mine"]))
    assert all(rendered.pod(group)["imagePullSecrets"] == [{"name": "mine"}] for group in rendered.groups)
