"""Who takes what of each GPU, as the chart has dealt it out (templates/_ledger.tpl): the types of what it renders.

Nothing is computed here that the chart has not decided: NOTES, `ai-inference plan` and the gateway's metrics show one
packing.
"""

from collections.abc import Iterator

from pydantic import Field

from serve.values import Closed


class Slice(Closed):
    """What one replica takes of one card."""

    model: str
    """The key under `models`."""
    share: float = Field(gt=0, le=1)
    """Part of the card."""
    memory: int = Field(ge=0)
    """Budget in bytes."""


class Card(Closed):
    """GPUs with the same slices, one after the other; or the memory of nodes without one."""

    times: int = Field(ge=1)
    """How many they are."""
    slices: tuple[Slice, ...] = ()
    """None: the card is free."""

    @property
    def free(self) -> float:
        """Part of the card, to the four decimals that Ray keeps."""
        return max(0.0, round(1 - sum(one.share for one in self.slices), 4))

    @property
    def models(self) -> tuple[str, ...]:
        """Each once, in the order of the slices."""
        return tuple(dict.fromkeys(one.model for one in self.slices))

    def of(self, model: str) -> list[Slice]:
        """The slices of one model."""
        return [one for one in self.slices if one.model == model]

    @property
    def taken(self) -> int:
        """Bytes."""
        return sum(one.memory for one in self.slices)


class Bounds(Closed):
    """How many nodes there are; the same where their number is fixed."""

    min: int
    """At least."""
    max: int
    """At most: the cards of all of them are dealt."""


class Rack(Closed):
    """The cards of one accelerator, or of those that share one device."""

    accelerator: str
    """The key under `accelerators`; `a and b` where they share."""
    resource: str
    """What the device plugin offers, or the claim."""
    nodes: Bounds
    """Where the cards are."""
    count: int = Field(ge=1)
    """Cards of each node."""
    memory: int
    """Bytes of each card."""
    reserve: int
    """Bytes of each card that no model takes."""
    cards: tuple[Card, ...]
    """By number, those of one node together."""

    def numbered(self) -> Iterator[tuple[int, Card]]:
        """Each card with its number within the accelerator; the first node has the first `count` of them."""
        yield from enumerate(card for card in self.cards for _ in range(card.times))

    def free_memory(self, card: Card) -> int:
        """Bytes that models may still take."""
        return self.memory - self.reserve - card.taken


Ledger = tuple[Rack, ...]
