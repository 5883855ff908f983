"""What Prometheus reads of a running service: who has what of each card, as the ledger says it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.local.manifest import Manifest
from serve.local.service import Service
from tests.helm import Rendered, render
from tests.serve.scraped import Series, scraped
from tests.serve.test_gateway import replicas

pytestmark = pytest.mark.slow

LAPTOP: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "laptop.yaml").read_text())
MODEL = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "laptop"}
Eventually = Callable[[Callable[[], bool]], None]


def serving(**models: str) -> Rendered:
    """Models by the memory they get."""
    return render({**LAPTOP, "models": {name: {**MODEL, "memory": memory} for name, memory in models.items()}})


def told(rendered: Rendered) -> dict[str, Series]:
    """The same as the ledger has it."""
    (rack,) = Manifest.of(rendered.documents).ledger
    ((number, card),) = rack.numbered()
    at = (rack.accelerator, str(number))
    return {
        "ai_inference_card_memory_bytes": {at: rack.memory},
        "ai_inference_card_free_memory_bytes": {at: rack.memory - sum(one.memory for one in card.slices)},
        "ai_inference_card_free_share": {at: card.free},
        "ai_inference_model_budget_bytes": {(*at, one.model): one.memory for one in card.slices},
        "ai_inference_model_share": {(*at, one.model): one.share for one in card.slices},
    }


@pytest.fixture
def applied(service: Service) -> Iterator[Callable[[Rendered], None]]:
    def apply(rendered: Rendered) -> None:
        service.apply(rendered.config)
        service.wait()

    yield apply


def test_the_gateway_says_who_has_what_of_each_card_and_a_change_is_said_by_the_same_replica(
    service: Service, applied: Callable[[Rendered], None], eventually: Eventually
) -> None:
    def said(rendered: Rendered) -> bool:
        found = scraped(service)
        return {name: found.get(name) for name in told(rendered)} == told(rendered)

    before, after = serving(one="4Gi", two="6Gi"), serving(two="8Gi", three="1Gi")
    applied(before)
    eventually(lambda: said(before))
    gateway = replicas(service)["gateway"]
    applied(after)
    eventually(lambda: said(after))
    assert replicas(service)["gateway"] == gateway
