"""What the ledger gives each model of each GPU: racks go in, gauges of memory and shares come out."""

from collections.abc import Iterable

from serve.ledger import Rack
from serve.metrics.series import Level

CARD = ("accelerator", "card")
CARD_MEMORY = Level("ai_inference_card_memory_bytes", "Memory of a GPU.", CARD)
CARD_FREE_MEMORY = Level("ai_inference_card_free_memory_bytes", "Memory of a GPU less reserve and budgets.", CARD)
CARD_FREE_SHARE = Level("ai_inference_card_free_share", "Part of a GPU that no model has, 0 to 1.", CARD)
MODEL_BUDGET = Level("ai_inference_model_budget_bytes", "Memory of a GPU that a model may take.", (*CARD, "model"))
MODEL_SHARE = Level("ai_inference_model_share", "Part of a GPU that a model has, 0 to 1.", (*CARD, "model"))


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
