"""The ledger goes in, a bar for each card comes out: who takes what of it, and what is free.

Cards that look the same are drawn once. Each model keeps its letter of shading over all bars.
"""

from collections.abc import Iterator

from rich.text import Text

from serve.ledger import Card, Ledger, Rack
from serve.plan.words import gibibytes

WIDTH = 40
FREE = "·"
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")


def bars(ledger: Ledger) -> Iterator[Text]:
    """A line for each kind of card, under a line for its accelerator."""
    names = {one.model: None for rack in ledger for card in rack.cards for one in card.slices}
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    for rack in ledger:
        yield Text(_title(rack), style="bold")
        for card in rack.cards:
            yield _bar(card, rack, colours)


def _title(rack: Rack) -> str:
    least, most = rack.nodes.min, rack.nodes.max
    nodes = str(most) if least == most else f"{least} to {most}"
    many = "" if nodes == "1" else f" on {nodes} nodes"
    return f"{rack.accelerator}: {rack.count * most} x {rack.resource} of {gibibytes(rack.memory)}{many}"


def _bar(card: Card, rack: Rack, colours: dict[str, str]) -> Text:
    line = Text(f"  {f'{card.times} x ' if card.times > 1 else ''}[")
    end = 0
    total = 0.0
    for one in card.slices:
        total += one.share
        start, end = end, round(min(total, 1) * WIDTH)
        line.append(_segment(one.model, end - start), style=colours[one.model])
    line.append(FREE * (WIDTH - end), style="dim")
    return line.append(f"] {_legend(card, rack)}")


def _segment(model: str, width: int) -> str:
    """The model's name within its part of the bar, as far as it fits."""
    return f"{model[: max(width - 2, 0)]:=^{width - 1}}|" if width > 1 else "|" * width


def _legend(card: Card, rack: Rack) -> str:
    """By model, a model that has several slices of one card once."""
    parts = []
    for model in card.models:
        mine = card.of(model)
        times = f"{len(mine)} x " if len(mine) > 1 else ""
        parts.append(f"{model} {times}{mine[0].share:.2g} ({gibibytes(mine[0].memory)})")
    return ", ".join([*parts, f"free {card.free:.2g} ({gibibytes(rack.memory - card.taken)} with its reserve)"])
