"""Who takes what of each GPU: a rayClusterConfig and its serveConfigV2 go in, the cards of each accelerator come out.

The shares are those that the chart rendered for Ray. Replicas are dealt out as Ray does, each to the first card that
has room; the chart refuses values for which the order would matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serve.local.manifest import Manifest
from serve.plan import demand

EPSILON = 1e-9


@dataclass(frozen=True)
class Slice:
    """What one replica takes of one card."""

    model: str
    share: float
    memory: int


@dataclass
class Card:
    """One GPU, or the memory of a node without one."""

    node: int
    slices: list[Slice] = field(default_factory=list)

    @property
    def free(self) -> float:
        return max(0.0, 1 - sum(one.share for one in self.slices))

    @property
    def taken(self) -> int:
        """Bytes."""
        return sum(one.memory for one in self.slices)


@dataclass(frozen=True)
class Rack:
    """The cards of one accelerator, on as many nodes as it may have."""

    accelerator: str
    resource: str
    least: int
    most: int
    memory: int | None
    """Bytes of each card; not known where no model is placed, as the chart tells it with a placement only."""
    cards: Sequence[Card]


def racks(service: Mapping[str, Any]) -> list[Rack]:
    """The accelerators of a RayService, in their order; those that share a device are one."""
    manifest = Manifest.of([service])
    sharers: dict[Any, list[Mapping[str, Any]]] = {}
    for group in service["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        claim = demand.claim(group)
        sharers.setdefault(claim if claim and claim.shared else group["groupName"], []).append(group)
    return [_rack(groups, manifest) for groups in sharers.values()]


def models(service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arguments of each model's application."""
    return Manifest.of([service]).models


def _rack(groups: Sequence[Mapping[str, Any]], manifest: Manifest) -> Rack:
    group, names = groups[0], [group["groupName"] for group in groups]
    claim = demand.claim(group)
    least, nodes = (1, 1) if claim and claim.shared else (group["minReplicas"], group["maxReplicas"])
    mine = {key: one for key, one in manifest.models.items() if one["placement"]["accelerator"] in names}
    memory = next((one["placement"]["deviceMemory"] for one in mine.values()), None)
    count = max(1, int(group["rayStartParams"]["num-gpus"]))
    cards = [Card(node) for node in range(nodes) for _ in range(count)]
    for model, one in mine.items():
        for _ in range(manifest.replicas[model].get("max_replicas", 1)):
            _deal(model, one["placement"], cards)
    return Rack(" and ".join(names), _resource(group), least, nodes, memory, cards)


def _deal(model: str, placement: Mapping[str, Any], cards: Sequence[Card]) -> None:
    """One replica: several whole cards of one node, or a share of one card."""
    share = placement["numGpus"] or placement["memory"] / placement["deviceMemory"]
    width, each = (int(share), 1.0) if share > 1 else (1, share)
    for node in sorted({card.node for card in cards}):
        roomy = [card for card in cards if card.node == node and card.free + EPSILON >= each]
        if len(roomy) >= width:
            for card in roomy[:width]:
                card.slices.append(Slice(model, each, placement["memory"]))
            return


def _resource(group: Mapping[str, Any]) -> str:
    if claim := demand.claim(group):
        return f"claim {claim.name}"
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    return next((name for name in limits if name not in ("cpu", "memory")), "memory of the node")
