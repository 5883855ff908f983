"""What the chart accepts, Ray can place in any order of arrival; what it cannot, the chart refuses."""

from typing import Any

import pytest

from serve.errors import ConfigurationError
from serve.ledger import Ledger
from serve.table import Table
from tests.helm import fleet, render

THIRD = {"task": "tts", "engine": "fake", "source": {"path": "/m"}, "accelerator": "small", "memory": "2730Mi"}
PAIR = {"gpus": 2, "tensorParallel": 2}


def ledger(values: dict[str, Any] | str) -> Ledger:
    """As the gateway gets it."""
    (gateway,) = render(values).applications["gateway"]["deployments"]
    return Table.model_validate(gateway["user_config"]).ledger


def dealt(values: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """How many cards of the last accelerator have which models."""
    return [(card.times, [one.model for one in card.slices]) for card in ledger(values)[-1].cards]


def test_three_thirds_fit_one_card() -> None:
    rendered = render(fleet(models__ears=None, models__a=THIRD, models__b=THIRD, models__c=THIRD))
    assert [rendered.placement(model)["numGpus"] for model in ("a", "b", "c")] == [0.3332] * 3


def test_a_byte_too_much_is_refused_although_rays_four_decimals_do_not_show_it() -> None:
    half = {**THIRD, "memory": "4294967296"}
    render(fleet(models__ears=None, models__a=half, models__b=half))
    with pytest.raises(ConfigurationError, match="overcommitted"):
        render(fleet(models__ears=None, models__a=half, models__b={**half, "memory": "4294967297"}))


def test_cores_are_packed_too() -> None:
    render(fleet(models__a={**THIRD, "cpus": 3}))
    with pytest.raises(ConfigurationError, match="overcommitted"):
        render(fleet(models__a={**THIRD, "cpus": 3.5}))


def test_the_most_replicas_and_the_most_nodes_count() -> None:
    bounds = {"models__ears__replicas": {"min": 1, "max": 4}, "models__ears__gpu": 0.5}
    render(fleet(**bounds, accelerators__small__nodes={"max": 2}))
    with pytest.raises(ConfigurationError, match="overcommitted"):
        render(fleet(**bounds))


def test_a_cpu_packs_memory() -> None:
    cpu = {"vendor": "cpu", "memory": "8Gi", "order": 2}
    values = {"accelerators__small": cpu, "models__ears__gpu": None, "models__ears__memory": "4Gi"}
    render(fleet(**values, models__ears__replicas=2))
    with pytest.raises(ConfigurationError, match="12288Mi"):
        render(fleet(**values, models__ears__replicas=3))


def test_of_several_cards_only_whole_places_count() -> None:
    """0.4 fits twice on each of two cards, although 5 x 0.4 is no more than 2."""
    two = {"accelerators__small__count": 2, "models__ears__gpu": 0.4}
    render(fleet(**two, models__ears__replicas=4))
    with pytest.raises(ConfigurationError, match=r"there is +1.6"):
        render(fleet(**two, models__ears__replicas=5, accelerators__small__cpus=8))


def test_a_replica_of_several_gpus_fits_only_whole_nodes() -> None:
    values = {"accelerators__big__count": 3, "accelerators__big__nodes": 2, "models__chat__gpus": 2}
    render(fleet(**values, models__chat__tensorParallel=2, models__chat__replicas=2))
    with pytest.raises(ConfigurationError, match=r"there is +4"):
        render(fleet(**values, models__chat__tensorParallel=2, models__chat__replicas=3))


def test_whole_cards_of_one_node_may_differ_as_none_is_left_in_pieces() -> None:
    values = {"accelerators__small__count": 4, "models__ears__gpu": 1, "models__ears__replicas": 2}
    assert dealt(fleet(**values, models__a={**THIRD, "memory": "1Gi", **PAIR})) == [(2, ["a"]), (2, ["ears"])]
    with pytest.raises(ConfigurationError, match="only equal shares, found 2, 1"):
        render(fleet(**values, models__a={**THIRD, "memory": "1Gi", **PAIR}, accelerators__small__nodes=2))


def test_whole_gpus_that_may_span_nodes_are_dealt_over_them() -> None:
    values = {"accelerators__small__count": 2, "accelerators__small__nodes": 3, "models__ears__gpu": 1}
    wide = {**THIRD, "memory": "1Gi", "gpus": 5, "tensorParallel": 5, "span": True}
    assert dealt(fleet(**values, models__a=wide)) == [(5, ["a"]), (1, ["ears"])]
    with pytest.raises(ConfigurationError, match="overcommitted"):
        render(fleet(**values, models__a=wide, models__ears__replicas=2))


def test_a_node_is_dealt_no_more_than_it_has_cores_for() -> None:
    values = {"accelerators__small__nodes": 2, "models__ears__gpu": 0.25, "models__ears__cpus": 2}
    assert dealt(fleet(**values, models__ears__replicas=4)) == [(2, ["ears", "ears"])]


def test_homelab_fits() -> None:
    taken = {rack.accelerator: [one.model for one in rack.cards[0].slices] for rack in ledger("homelab")}
    assert taken == {
        "strix-halo": ["llm"], "rtx-2070": ["tts", "whisper"], "radeon-680m": ["embeddings"], "arc": ["reranker"]
    }  # fmt: skip


@pytest.mark.parametrize("more", [{"models__mouth__gpu": 0.51}, {"models__mouth__memory": "4097Mi"}])
def test_one_hundredth_or_one_mebibyte_too_much_is_refused(more: dict[str, Any]) -> None:
    half = {"models__ears__memory": "4Gi", "models__mouth": {**THIRD, "gpu": 0.5, "memory": "4Gi"}}
    render(fleet(**half))
    with pytest.raises(ConfigurationError, match=r"small is overcommitted(.|\n)*  ears .*\n  mouth .*\n  all "):
        render(fleet(**half, **more))
