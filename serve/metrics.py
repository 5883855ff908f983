"""Every metric of ours: what is so goes in, what Prometheus reads at the metrics port of Ray's nodes comes out.

Ray writes `ray_` before each name, and labels of its own beside ours. The values of a label are names and numbers of
the values file, so that there are never more series than entries and cards.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from ray.util.metrics import Gauge

from serve.ledger import Rack

Labels = tuple[str, ...]
REPEAT_SECONDS = 5  # Ray drops a series that was not said during two of its reports, of which one comes in 10 seconds.


class Level:
    """A gauge, with a series for each combination of values of its labels."""

    def __init__(self, name: str, description: str, labels: Labels) -> None:
        self.name = name
        self.description = description
        self.labels = labels

    @cached_property
    def _gauge(self) -> Gauge:
        """Made when there is something to say, as whoever builds an application imports this without Ray."""
        return Gauge(self.name, self.description, self.labels)

    def say(self, values: Mapping[Labels, float]) -> None:
        """What is so now; a series that is not said again is gone in half a minute."""
        for labels, value in values.items():
            self._gauge.set(value, dict(zip(self.labels, labels, strict=True)))


async def repeat(say: Callable[[], None]) -> None:
    """Says it for as long as the task lives."""
    while True:
        say()
        await asyncio.sleep(REPEAT_SECONDS)


CARD = ("accelerator", "card")
CARD_MEMORY = Level("ai_inference_card_memory_bytes", "Memory of a GPU.", CARD)
CARD_FREE_MEMORY = Level("ai_inference_card_free_memory_bytes", "Memory of a GPU less reserve and budgets.", CARD)
CARD_FREE_SHARE = Level("ai_inference_card_free_share", "Part of a GPU that no model has, 0 to 1.", CARD)
MODEL_BUDGET = Level("ai_inference_model_budget_bytes", "Memory of a GPU that a model may take.", (*CARD, "model"))
MODEL_SHARE = Level("ai_inference_model_share", "Part of a GPU that a model has, 0 to 1.", (*CARD, "model"))

MODEL_AVAILABLE = Level(
    "ai_inference_model_available",
    "1 where a replica answers, else 0; cause: ok, load, budget, kernels or reference, also of why it is on the CPU.",
    ("model", "cause"),
)


def say_ledger(racks: Iterable[Rack]) -> None:
    """The cards and what each model has of them."""
    for rack in racks:
        for number, card in rack.numbered():
            at = (rack.accelerator, str(number))
            CARD_MEMORY.say({at: rack.memory})
            CARD_FREE_MEMORY.say({at: rack.free_memory(card)})
            CARD_FREE_SHARE.say({at: card.free})
            MODEL_BUDGET.say({(*at, model): sum(one.memory for one in card.of(model)) for model in card.models})
            MODEL_SHARE.say({(*at, model): sum(one.share for one in card.of(model)) for model in card.models})
