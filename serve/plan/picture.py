"""Racks of cards go in, a bar for each card comes out: who takes what of it, and what is free.

Cards that look the same are drawn once. Each model keeps its letter of shading over all bars.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from serve.plan.cards import Card, Rack, Slice
from serve.plan.words import gibibytes

WIDTH = 40
FREE = "·"
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def bars(racks: Sequence[Rack]) -> Iterator[Text]:
    """A line for each kind of card, under a line for its accelerator."""
    names = {one.model: None for rack in racks for card in rack.cards for one in card.slices}
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    for rack in racks:
        yield Text(_title(rack), style="bold")
        for same, cards in groupby(rack.cards, key=lambda card: tuple(card.slices)):
            yield _bar(same, len(list(cards)), rack, colours)


def _title(rack: Rack) -> str:
    nodes = str(rack.most) if rack.least == rack.most else f"{rack.least} to {rack.most}"
    many = "" if nodes == "1" else f" on {nodes} nodes"
    memory = "" if rack.memory is None else f" of {gibibytes(rack.memory)}"
    return f"{rack.accelerator}: {len(rack.cards)} x {rack.resource}{memory}{many}"


def _bar(slices: Sequence[Slice], times: int, rack: Rack, colours: dict[str, str]) -> Text:
    line = Text(f"  {f'{times} x ' if times > 1 else ''}[")
    end = 0
    total = 0.0
    for one in slices:
        total += one.share
        start, end = end, round(min(total, 1) * WIDTH)
        line.append(_segment(one.model, end - start), style=colours[one.model])
    line.append(FREE * (WIDTH - end), style="dim")
    return line.append(f"] {_legend(slices, rack)}")


def _segment(model: str, width: int) -> str:
    """The model's name within its part of the bar, as far as it fits."""
    return f"{model[: max(width - 2, 0)]:=^{width - 1}}|" if width > 1 else "|" * width


def _legend(slices: Sequence[Slice], rack: Rack) -> str:
    """By model, a model that has several slices of one card once."""
    card = Card(0, list(slices))
    parts = []
    for model in dict.fromkeys(one.model for one in slices):
        mine = [one for one in slices if one.model == model]
        times = f"{len(mine)} x " if len(mine) > 1 else ""
        parts.append(f"{model} {times}{mine[0].share:.2g} ({gibibytes(mine[0].memory)})")
    left = "" if rack.memory is None else f" ({gibibytes(rack.memory - card.taken)} with its reserve)"
    return ", ".join([*parts, f"free {card.free:.2g}{left}"])
