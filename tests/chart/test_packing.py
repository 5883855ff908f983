"""What the chart accepts, Ray can place in any order of arrival; what it cannot, the chart refuses."""

import pytest

from serve.errors import ConfigurationError
from tests.helm import fleet, render

THIRD = {"task": "tts", "engine": "fake", "source": {"path": "/m"}, "accelerator": "small", "memory": "2730Mi"}


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
