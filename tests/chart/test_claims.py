"""Devices by Dynamic Resource Allocation: what accelerators claim, what drivers are told, and one card for several."""

from typing import Any

import pytest
import yaml

from serve.errors import ConfigurationError
from tests.helm import Rendered, fleet, render

NVIDIA = {"deviceClass": "gpu.nvidia.com"}
EXAMPLE = {"deviceClass": "gpu.example.com"}
FRONT = {**NVIDIA, "sharing": "timeSlicing", "shared": "front"}
TWIN: dict[str, Any] = {"vendor": "cuda", "claim": FRONT, "memory": "8Gi", "order": 3}
MOUTH = {"task": "tts", "engine": "fake", "source": {"path": "/m"}, "accelerator": "twin", "gpu": 0.5}
TIME_SLICES = {"strategy": "TimeSlicing", "timeSlicingConfig": {"interval": "Default"}}
MIG = {"apiVersion": "resource.nvidia.com/v1beta1", "kind": "MigDeviceConfig", "sharing": {"strategy": "MPS"}}
LONGEST = "r" * 47


def claimed(claim: Any, **changes: Any) -> dict[str, Any]:
    """The fleet, where `small` claims its GPU."""
    return fleet(accelerators__small__resource=None, accelerators__small__claim=claim, **changes)


def shared(**changes: Any) -> dict[str, Any]:
    """The fleet, where `small` and `twin` share a device and a model on each takes half of it."""
    return claimed(FRONT, accelerators__twin={**TWIN}, models__mouth={**MOUTH}, **changes)


def device(rendered: Rendered) -> dict[str, Any]:
    """What the only claim of the release asks for."""
    claims = {**rendered.of("ResourceClaim"), **rendered.of("ResourceClaimTemplate")}
    (claim,) = claims.values()
    spec = claim["spec"].get("spec", claim["spec"])
    assert isinstance(spec["devices"], dict)
    return spec["devices"]


def name(rendered: Rendered) -> str:
    """What the pods of `small` claim."""
    (claim,) = rendered.pod("small")["resourceClaims"]
    return str(claim.get("resourceClaimName") or claim["resourceClaimTemplateName"])


def test_a_claim_takes_the_place_of_the_resource() -> None:
    rendered = render(claimed(NVIDIA, accelerators__small__count=2))
    resources = rendered.container("small")["resources"]
    assert (resources["claims"], resources["limits"]) == ([{"name": "gpu"}], {"memory": "16Gi"})
    assert rendered.groups["small"]["rayStartParams"]["num-gpus"] == "2"


def test_each_pod_gets_a_claim_of_its_own_by_a_template() -> None:
    rendered = render(claimed(NVIDIA, accelerators__small__count=2, accelerators__small__nodes=2))
    (template,) = rendered.of("ResourceClaimTemplate")
    assert rendered.pod("small")["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": template}]
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 2}}
    assert device(rendered) == {"requests": [request]}
    assert not rendered.of("ResourceClaim")


def test_a_job_on_the_accelerator_gets_a_claim_by_the_same_template() -> None:
    job = {"task": "embeddings", "engine": "fake", "source": {"path": "/m"}, "input": "s3://a", "output": "s3://b"}
    rendered = render(claimed(NVIDIA, jobs__corpus={**job, "accelerator": "small", "workers": 2}))
    (made,) = rendered.of("RayJob").values()
    (group,) = made["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert group["template"]["spec"]["resourceClaims"] == rendered.pod("small")["resourceClaims"]
    assert len(rendered.of("ResourceClaimTemplate")) == 1


def test_a_template_that_exists_is_named_and_none_is_made() -> None:
    rendered = render(claimed({"template": "quarter"}))
    assert rendered.pod("small")["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "quarter"}]
    assert not rendered.of("ResourceClaimTemplate")


def test_a_device_is_selected_by_expressions() -> None:
    expression = 'device.attributes["gpu.nvidia.com"].productName == "NVIDIA L4" // "the small one"'
    (request,) = device(render(claimed({**NVIDIA, "selectors": [expression]})))["requests"]
    assert request["exactly"]["selectors"] == [{"cel": {"expression": expression}}]


@pytest.mark.parametrize(
    ("claim", "driver", "api", "sharing"),
    [
        (NVIDIA, "gpu.nvidia.com", "resource.nvidia.com/v1beta1", TIME_SLICES),
        (EXAMPLE, "gpu.example.com", "gpu.resource.example.com/v1alpha1", TIME_SLICES),
        (
            {"deviceClass": "l4", "driver": "gpu.nvidia.com"},
            "gpu.nvidia.com",
            "resource.nvidia.com/v1beta1",
            TIME_SLICES,
        ),
    ],
    ids=["nvidia", "example", "a class of another name"],
)
def test_time_slicing_is_said_in_the_words_of_the_driver(
    claim: dict[str, Any], driver: str, api: str, sharing: dict[str, Any]
) -> None:
    (config,) = device(render(claimed({**claim, "sharing": "timeSlicing"})))["config"]
    parameters = {"apiVersion": api, "kind": "GpuConfig", "sharing": sharing}
    assert config == {"requests": ["gpu"], "opaque": {"driver": driver, "parameters": parameters}}


def test_space_is_partitioned_by_nvidias_mps() -> None:
    (config,) = device(render(claimed({**NVIDIA, "sharing": "spacePartitioning"})))["config"]
    assert config["opaque"]["parameters"]["sharing"] == {"strategy": "MPS"}


def test_space_is_partitioned_among_the_pods_that_hold_the_claim() -> None:
    alone: dict[str, Any] = {**EXAMPLE, "sharing": "spacePartitioning"}
    together = {**alone, "shared": "front"}
    twin = {**TWIN, "claim": together}
    both = claimed(together, accelerators__small__nodes={"max": 2}, accelerators__twin=twin)
    for values, partitions in ((claimed(alone, accelerators__small__nodes=3), 1), (both, 3)):
        (config,) = device(render(values))["config"]
        partitioned = {"strategy": "SpacePartitioning", "spacePartitioningConfig": {"partitionCount": partitions}}
        assert config["opaque"]["parameters"]["sharing"] == partitioned


def test_a_driver_of_any_kind_takes_its_own_parameters() -> None:
    claim = {"deviceClass": "mig.nvidia.com", "driver": "gpu.nvidia.com", "parameters": MIG}
    (config,) = device(render(claimed(claim)))["config"]
    assert config["opaque"] == {"driver": "gpu.nvidia.com", "parameters": MIG}


def test_a_shared_claim_is_one_object_that_all_pods_name() -> None:
    rendered = render(shared())
    (claim,) = rendered.of("ResourceClaim")
    for group in ("small", "twin"):
        assert rendered.pod(group)["resourceClaims"] == [{"name": "gpu", "resourceClaimName": claim}]
    assert not rendered.of("ResourceClaimTemplate")


def test_another_claim_is_another_name_and_the_same_claim_the_same() -> None:
    """Kubernetes refuses a change of the spec, and pods that run would not see one."""
    one = render(claimed(NVIDIA))
    assert name(one) == name(render(claimed({**NVIDIA, "selectors": []}, models__ears=None)))
    changes: list[dict[str, Any]] = [
        {"sharing": "timeSlicing"},
        {"selectors": ["true"]},
        {"shared": "front"},
        {"deviceClass": "l4"},
    ]
    others = [name(render(claimed({**NVIDIA, **change}))) for change in changes]
    others.append(name(render(claimed(NVIDIA, accelerators__small__count=2))))
    assert len({name(one), *others}) == 1 + len(others)


def test_a_shared_claim_of_an_accelerators_name_is_another_than_the_accelerators() -> None:
    alone = {**TWIN, "claim": NVIDIA}
    rendered = render(claimed({**NVIDIA, "shared": "twin"}, accelerators__twin=alone))
    assert (len(rendered.of("ResourceClaim")), len(rendered.of("ResourceClaimTemplate"))) == (1, 1)
    assert not set(rendered.of("ResourceClaim")) & set(rendered.of("ResourceClaimTemplate"))


def test_names_fit_and_stay_apart_where_release_and_accelerator_are_as_long_as_may_be() -> None:
    entry = {"vendor": "cuda", "claim": NVIDIA, "memory": "8Gi", "order": 3}
    accelerators = {f"{'a' * 30}{end}": {**entry, "order": 3 + order} for order, end in enumerate("bc")}
    values = fleet()
    values["accelerators"] |= accelerators
    names = list(render(values, release=LONGEST).of("ResourceClaimTemplate"))
    assert [len(one) for one in names] == [63, 63]


def test_who_claims_nothing_is_not_touched(homelab: Rendered) -> None:
    assert not [kind for kind in ("ResourceClaim", "ResourceClaimTemplate") if homelab.of(kind)]
    assert "laim" not in yaml.safe_dump(homelab.service)


def test_a_shared_card_takes_the_models_of_all_that_share_it() -> None:
    rendered = render(shared())
    assert [rendered.placement(model)["numGpus"] for model in ("ears", "mouth")] == [0.5, 0.5]


def test_one_hundredth_too_much_for_a_shared_card_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(shared(models__mouth__gpu=0.51))
    assert refused.value.message == OVERCOMMITTED


def test_the_memory_of_a_shared_card_is_taken_by_all_too() -> None:
    half = {"models__ears__gpu": None, "models__ears__memory": "4Gi", "models__mouth__gpu": None}
    render(shared(**half, models__mouth__memory="4Gi"))
    with pytest.raises(ConfigurationError, match="share front, which is overcommitted"):
        render(shared(**half, models__mouth__memory="4294967297"))


def test_the_nodes_of_a_shared_card_are_one_card_too() -> None:
    nodes = {"accelerators__small__nodes": 2, "models__ears__gpu": 0.4}
    render(claimed(FRONT, **nodes, models__ears__replicas=2))
    with pytest.raises(ConfigurationError, match=r"accelerators.small is overcommitted(.|\n)*there is +1 "):
        render(claimed(FRONT, **nodes, models__ears__replicas=3))


OVERCOMMITTED = """\
accelerators.small and accelerators.twin share front, which is overcommitted; lower gpu, memory, cpus or replicas, or \
move a model:
  model                replicas    share     memory   cpus
  ears                        1      0.5     4096Mi      1
  mouth                       1     0.51     4177Mi      1
  all                               1.01     8273Mi      2
  there is                             1     8192Mi      8"""

REFUSALS: list[tuple[dict[str, Any], str]] = [
    (
        fleet(accelerators__small__claim=NVIDIA),
        "accelerators.small: resource nvidia.com/gpu and claim are both set, so that a device plugin and DRA would "
        "each hand out a GPU; write one",
    ),
    (
        claimed(NVIDIA, accelerators__small__vendor="cpu"),
        "accelerators.small: vendor cpu has no device; remove claim, or write the GPU's vendor",
    ),
    (
        claimed({**NVIDIA, "template": "quarter", "sharing": "timeSlicing"}),
        "accelerators.small.claim: template names one that exists, and leaves no room for deviceClass, sharing; write "
        "either",
    ),
    (
        claimed({"sharing": "timeSlicing"}),
        "accelerators.small.claim: write deviceClass, such as gpu.nvidia.com, or template, a ResourceClaimTemplate "
        "that exists",
    ),
    (
        claimed({**NVIDIA, "sharing": "timeSlicing", "parameters": MIG}),
        "accelerators.small.claim: sharing timeSlicing and parameters are both set; write one",
    ),
    (
        claimed({"deviceClass": "gpu.intel.com", "sharing": "timeSlicing"}),
        "accelerators.small.claim.sharing: known of gpu.example.com, gpu.nvidia.com, not of gpu.intel.com; write "
        "parameters, that driver's own object with apiVersion and kind",
    ),
    (
        claimed({**NVIDIA, "parameters": {"kind": "GpuConfig"}}),
        "accelerators.small.claim.parameters: the driver knows its object by apiVersion and kind; write both",
    ),
    (
        claimed(FRONT, accelerators__small__count=2),
        "accelerators.small.claim.shared: front is one device, found count 2; write count: 1",
    ),
    (
        shared(accelerators__twin__memory="16Gi"),
        "accelerators.twin.claim.shared: front is accelerators.small's too, whose memory is another; write the same, "
        "or another name",
    ),
    (
        shared(accelerators__twin__claim={**NVIDIA, "shared": "front"}),
        "accelerators.twin.claim.shared: front is accelerators.small's too, whose claim is another; write the same, or "
        "another name",
    ),
]


@pytest.mark.parametrize(("values", "message"), REFUSALS, ids=[message.partition(";")[0] for _, message in REFUSALS])
def test_claims_that_cannot_work_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        render(values)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("quarter", "got string, want object"),
        ({"sharing": "mps"}, "/accelerators/small/claim/sharing"),
        ({"deviceclass": "gpu.nvidia.com"}, "additional properties 'deviceclass' not allowed"),
        ({**NVIDIA, "shared": "a" * 32}, "/accelerators/small/claim/shared"),
    ],
)
def test_a_claim_is_closed_and_typed(claim: Any, place: str) -> None:
    with pytest.raises(ConfigurationError, match=place):
        render(claimed(claim))
