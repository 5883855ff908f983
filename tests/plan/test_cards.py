"""The picture of the cards: the placements that the chart rendered go in, a bar for each card comes out."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from serve.errors import ConfigurationError
from tests.helm import fleet, render

Plan = Callable[..., dict[str, Any]]
Said = Callable[..., str]
PAIR = {"models__ears__gpu": 0.5, "accelerators__small__count": 2, "accelerators__small__cpus": 8}


def taken(card: dict[str, Any]) -> list[tuple[str, float]]:
    return [(one["model"], one["share"]) for one in card["models"]]


def of(found: dict[str, Any], accelerator: str) -> list[dict[str, Any]]:
    (rack,) = (rack for rack in found["cards"] if rack["accelerator"] == accelerator)
    cards: list[dict[str, Any]] = rack["cards"]
    return cards


def test_a_card_is_shared_as_the_chart_has_placed_it(plan: Plan) -> None:
    placement = render(fleet(models__ears__memory="5Gi")).placement("ears")
    (card,) = of(plan(fleet(models__ears__memory="5Gi")), "small")
    assert card["models"] == [{"model": "ears", "share": placement["numGpus"], "memory": placement["memory"]}]
    assert card["free"] == round(1 - placement["numGpus"], 4) == 0.375


def test_replicas_fill_one_card_after_the_other(plan: Plan) -> None:
    cards = of(plan(fleet(**PAIR, models__ears__replicas=3)), "small")
    assert [taken(card) for card in cards] == [[("ears", 0.5), ("ears", 0.5)], [("ears", 0.5)]]


def test_no_card_is_drawn_fuller_than_it_is(plan: Plan) -> None:
    """0.4 fits twice on each of two cards."""
    cards = of(plan(fleet(**{**PAIR, "models__ears__gpu": 0.4}, models__ears__replicas=4)), "small")
    assert [len(card["models"]) for card in cards] == [2, 2]


def test_a_model_of_several_gpus_takes_cards_of_one_node(plan: Plan) -> None:
    wide = {"models__chat__gpus": 2, "models__chat__tensorParallel": 2, "models__chat__replicas": 2}
    cards = of(plan(fleet(**wide, accelerators__big__count=3, accelerators__big__nodes=2)), "big")
    assert [(card["node"], len(card["models"])) for card in cards] == [(0, 1), (0, 1), (0, 0), (1, 1), (1, 1), (1, 0)]


def test_the_most_replicas_and_nodes_are_drawn(plan: Plan, said: Said) -> None:
    values = fleet(**{**PAIR, "accelerators__small__nodes": {"min": 0, "max": 2}}, models__ears__replicas={"max": 8})
    assert [len(card["models"]) for card in of(plan(values), "small")] == [2, 2, 2, 2]
    printed = said(values)
    assert "small: 4 x nvidia.com/gpu of 8.0Gi on 0 to 2 nodes\n  4 x [=======ears========|" in printed


def test_a_node_without_a_gpu_shares_its_memory(plan: Plan) -> None:
    cpu = {"vendor": "cpu", "memory": "8Gi", "order": 2}
    values = fleet(accelerators__small=cpu, models__ears__gpu=None, models__ears__memory="2Gi")
    (card,) = of(plan(values), "small")
    assert (taken(card), card["free"]) == ([("ears", 0.25)], 0.75)


def test_a_bar_is_as_long_as_the_share(said: Said) -> None:
    lines = said(fleet(models__ears__gpu=0.25)).splitlines()
    bar = lines[lines.index("small: 1 x nvidia.com/gpu of 8.0Gi") + 1]
    assert bar == f"  [==ears===|{'·' * 30}] ears 0.25 (2.0Gi), free 0.75 (6.0Gi with its reserve)"


def test_an_accelerator_without_a_model_is_free(said: Said) -> None:
    values = fleet(models__ears=None)
    assert f"small: 1 x nvidia.com/gpu of 8.0Gi\n  [{'·' * 40}] free 1 (8.0Gi with its reserve)\n" in said(values)


def test_accelerators_that_share_a_device_are_one_card(plan: Plan) -> None:
    claim = {"resource": None, "claim": {"deviceClass": "gpu.nvidia.com", "shared": "front"}}
    twin = {**claim, "vendor": "cuda", "memory": "8Gi", "order": 3}
    values = fleet(accelerators__twin=twin, models__voice__accelerator="twin", models__ears__replicas=1)
    values["accelerators"]["small"] |= {**claim, "nodes": 2}
    values["models"]["voice"] |= {"task": "tts", "engine": "fake", "source": {"path": "/voice"}, "gpu": 0.25}
    (card,) = of(plan(values), "small and twin")
    assert (taken(card), card["free"]) == ([("ears", 0.5), ("voice", 0.25)], 0.25)


def test_what_the_chart_refuses_is_refused_with_the_same_table(call: Callable[..., Result]) -> None:
    values = fleet(models__ears__gpu=0.51, models__ears__replicas=2)
    with pytest.raises(ConfigurationError) as refused:
        render(values)
    assert "there is" in refused.value.message
    assert str(call(values).exception) == refused.value.message
