"""What a plan says of a change; tests/cluster/test_plan.py shows that the operator does it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.changes import ARC, CASES, VOICE
from tests.helm import fleet

Plan = Callable[..., dict[str, Any]]
Said = Callable[..., str]
CLAIMED = "small.template.spec.resourceClaims.gpu.resourceClaimTemplateName"
SPARE = {"upgrade__strategy": "newCluster"}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_change_has_its_verdict(name: str, plan: Plan) -> None:
    case = CASES[name]
    old = {**case.old, "upgrade__strategy": case.strategy}
    assert plan(fleet(**{**old, **case.new}), fleet(**old))["verdict"] == case.verdict


def test_a_changed_model_is_named_with_the_keys_that_changed(plan: Plan) -> None:
    new = fleet(models__ears__source={"path": "/other"}, models__ears__engineConfig={"delay": 1})
    models = plan(new, fleet())["models"]
    assert [one["path"] for one in models["changed"]["ears"]] == ["engineConfig", "source.path"]
    assert (models["added"], models["removed"], models["gateway"]) == ([], [], None)


def test_a_number_of_replicas_is_named_as_in_the_values_and_leaves_those_that_stay_alone(
    plan: Plan, said: Said
) -> None:
    old, new = fleet(models__ears__gpu=0.25), fleet(models__ears__gpu=0.25, models__ears__replicas=2)
    assert plan(new, old)["models"]["changed"] == {"ears": [{"path": "replicas", "old": 1, "new": 2}]}
    assert "  ~ ears: replicas: 1 → 2; replicas that stay are left alone\n" in said(new, old)
    assert "  ~ ears: gpu: 0.5 → 0.25; its replicas are replaced" not in said(new, old)


def test_the_gateway_gets_a_table_when_models_come_and_go(plan: Plan) -> None:
    models = plan(fleet(models__voice=VOICE, models__chat=None), fleet())["models"]
    assert (models["added"], models["removed"], models["gateway"]) == (["voice"], ["chat"], "table")


def test_the_gateway_gets_a_ledger_when_only_cards_come_and_go(plan: Plan) -> None:
    change = plan(fleet(accelerators__small__nodes=2), fleet())
    assert (change["verdict"], change["models"]["gateway"]) == ("ignored", "ledger")


def test_a_second_cluster_needs_every_gpu_once_more(plan: Plan) -> None:
    pods = plan(fleet(image__tag="2", **SPARE, accelerators__big__count=2), fleet(**SPARE))["pods"]
    assert pods["devices"] == {"amd.com/gpu": 2, "nvidia.com/gpu": 1}
    assert pods["start"] == ["head", "big", "small"]


def test_redis_for_the_control_plane_comes_with_a_second_cluster(plan: Plan) -> None:
    change = plan(fleet(redis__address="redis:6379", **SPARE), fleet(**SPARE))
    assert change["verdict"] == "secondCluster"
    (changed,) = change["pods"]["changed"]
    assert changed["path"].startswith("gcsFaultToleranceOptions")


def test_an_appended_group_needs_only_its_own(plan: Plan) -> None:
    pods = plan(fleet(accelerators__arc=ARC), fleet())["pods"]
    assert (pods["start"], pods["devices"]) == (["arc"], {"gpu.intel.com/xe": 1})


def test_what_grows_with_an_appended_group_starts_too(plan: Plan) -> None:
    pods = plan(fleet(accelerators__arc=ARC, accelerators__small__nodes=3), fleet())["pods"]
    assert pods["start"] == ["small", "small", "arc"]


def test_the_memory_that_hami_hands_out_is_no_device(plan: Plan) -> None:
    assert plan(fleet(accelerators__small__limit="hami"))["pods"]["devices"] == {"amd.com/gpu": 1, "nvidia.com/gpu": 1}


def test_a_claim_counts_the_devices_that_each_pod_claims(plan: Plan) -> None:
    claimed = fleet(accelerators__small__resource=None, accelerators__small__claim={"template": "quarter"}, **SPARE)
    claimed["accelerators"]["small"] |= {"count": 2, "nodes": 2}
    assert plan(claimed, fleet(**SPARE))["pods"]["devices"] == {"amd.com/gpu": 1, "claim quarter": 4}


def test_a_claim_that_pods_share_counts_once(plan: Plan) -> None:
    claim = {"deviceClass": "gpu.nvidia.com", "shared": "front"}
    shared = fleet(accelerators__small__resource=None, accelerators__small__claim=claim, **SPARE)
    shared["accelerators"]["small"]["nodes"] = 3
    found = plan(shared, fleet(**SPARE))
    (claimed,) = (name for name in found["pods"]["devices"] if name.startswith("claim ai-inference-front-"))
    assert found["pods"]["devices"] == {"amd.com/gpu": 1, claimed: 1}
    assert found["objects"]["added"] == [claimed.replace("claim", "ResourceClaim")]


def test_another_claim_is_a_change_of_pods(plan: Plan) -> None:
    claim = {"deviceClass": "gpu.nvidia.com"}
    old = fleet(accelerators__small__resource=None, accelerators__small__claim=claim, **SPARE)
    new = fleet(accelerators__small__resource=None, accelerators__small__claim={**claim, "sharing": "timeSlicing"})
    found = plan({**new, "upgrade": old["upgrade"]}, old)
    assert found["verdict"] == "secondCluster"
    assert [one["path"] for one in found["pods"]["changed"]] == [CLAIMED]


def test_under_recreate_the_next_cluster_starts_with_the_changes_of_models(said: Said) -> None:
    """On all its accelerators, one that was inserted too."""
    new = fleet(accelerators__arc={**ARC, "order": 0}, models__voice={**VOICE, "accelerator": "arc"})
    printed = said(new, fleet())
    assert printed.startswith("The cluster is made anew: a hook of Helm's ends its pods, KubeRay starts others")
    assert "Pods that start: head, arc, big, small; they need" in printed
    assert "It starts with these changes of models:\n  + voice\n" in printed
    assert "kubectl" not in printed


def test_without_a_cluster_nothing_is_said_of_nodes(plan: Plan, said: Said) -> None:
    nodes = plan(fleet())["nodes"]
    assert (nodes["enough"], nodes["places"]) == (None, [])
    assert "is not known: no cluster was asked; --live asks one" in said(fleet())


def test_a_first_install_names_all_that_is_made(said: Said) -> None:
    printed = said(fleet())
    assert printed.startswith("First install: KubeRay starts a Ray cluster of 3 pods.\n")
    assert "Helm adds NetworkPolicy ai-inference" in printed
    assert "ServiceAccount ai-inference, Service chat-predictor, Service ears-predictor." in printed


def test_an_alias_comes_with_its_model(plan: Plan) -> None:
    objects = plan(fleet(models__voice=VOICE, models__chat=None), fleet())["objects"]
    assert objects == {"added": ["Service voice-predictor"], "changed": [], "removed": ["Service chat-predictor"]}


def test_a_change_of_strategy_warns_of_what_was_held_back(said: Said) -> None:
    assert "What recreate has held back" in said(fleet(**SPARE), fleet())
    assert "What recreate has held back" not in said(fleet(), fleet(**SPARE))


def test_what_kuberay_ignores_comes_with_the_command_that_does_it(said: Said) -> None:
    printed = said(fleet(accelerators__small__nodes=2), fleet(), "--release=mine", "--namespace=here")
    (command,) = (line for line in printed.splitlines() if line.startswith("  kubectl"))
    assert "--namespace here patch rayclusters.ray.io $(kubectl --namespace here get rayservices.ray.io mine" in command
    assert '{"op": "add", "path": "/spec/workerGroupSpecs/1/replicas", "value": 2}' in command


def test_the_reason_for_other_pods_is_named(said: Said) -> None:
    printed = said(fleet(rayVersion="2.61.0", accelerators__arc={**ARC, "order": 0}), fleet())
    assert "  rayVersion: 2.60.0 → 2.61.0\n" in printed
    assert "  arc added\n" in printed


def test_an_order_of_accelerators_is_a_reason(said: Said) -> None:
    assert "  order of accelerators: big, small → small, big\n" in said(fleet(accelerators__big__order=5), fleet())
