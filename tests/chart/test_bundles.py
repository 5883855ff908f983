"""Several GPUs for one replica: the placement group that Serve makes of them, on one node or over several."""

from typing import Any

import pytest

from serve.errors import ConfigurationError
from tests.helm import fleet, render

FOUR = {
    "accelerators__small__count": 4, "models__ears__gpu": None, "models__ears__gpus": 4,
    "models__ears__tensorParallel": 2, "models__ears__pipelineParallel": 2, "models__ears__cpus": 2,
}  # fmt: skip
SPAN = {**FOUR, "accelerators__small__count": 2, "accelerators__small__nodes": 2, "models__ears__span": True}
PIN = {"small": 0.001}


def deployment(**changes: Any) -> dict[str, Any]:
    (found,) = render(fleet(**changes)).applications["ears"]["deployments"]
    return dict(found)


def test_gpus_of_one_node_are_one_bundle_of_the_replica() -> None:
    found = deployment(**FOUR)
    assert found["placement_group_bundles"] == [{"CPU": 2, "GPU": 4, **PIN}]
    assert found["placement_group_strategy"] == "STRICT_PACK"


def test_gpus_that_may_span_nodes_are_a_bundle_each() -> None:
    found = deployment(**SPAN)
    assert found["placement_group_bundles"] == [{"CPU": 2, "GPU": 1, **PIN}, *[{"GPU": 1, **PIN}] * 3]
    assert found["placement_group_strategy"] == "PACK"
    assert render(fleet(**SPAN)).placement("ears")["span"] is True


def test_one_gpu_or_a_share_needs_no_placement_group() -> None:
    assert "placement_group_bundles" not in deployment()


def test_gpus_of_two_nodes_are_refused_where_the_model_does_not_span() -> None:
    with pytest.raises(ConfigurationError, match=r"ears\.gpus: 4 is more than the count 2"):
        deployment(**{**SPAN, "models__ears__span": False})


def test_more_gpus_than_all_nodes_have_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"ears\.gpus"):
        deployment(**{**SPAN, "accelerators__small__nodes": 1})
