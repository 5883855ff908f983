"""THE question of this package: a new render and what there is go in, a plan comes out.

`Before` is what the new render is compared with: an older render, or what a cluster has. A plan says only what KubeRay
and Serve do on their own; the pods that start are placed on nodes where a cluster was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from serve.errors import ConfigurationError
from serve.ledger import Ledger
from serve.local.manifest import Manifest
from serve.plan import cluster, demand, models, objects
from serve.plan.cluster import ClusterChange, Effect
from serve.plan.live import Live
from serve.plan.models import ModelChanges
from serve.plan.nodes import Place, placed
from serve.plan.objects import ObjectChanges

NO_CLUSTER_ASKED = "no cluster was asked; --live asks one"
SPARES_GPUS = "None"
"""KubeRay's upgradeStrategy that makes no second cluster: upgrade.strategy recreate."""


class Verdict(StrEnum):
    """What happens to the pods, or to the models where nothing happens to the pods."""

    FIRST_INSTALL = "firstInstall"
    NOTHING = "nothing"
    IN_PLACE = "inPlace"
    IGNORED = "ignored"
    APPENDED = "groupAppended"
    SECOND_CLUSTER = "secondCluster"
    RECREATION = "recreation"


@dataclass(frozen=True)
class Before:
    """What there is."""

    service: Mapping[str, Any]
    """A RayService."""
    cluster: Mapping[str, Any]
    """The rayClusterConfig that is running: the RayService is ahead of it while other pods are held back."""
    name: str = ""
    """The RayCluster, where a cluster was asked."""
    serving: bool = True
    """False while the first RayCluster of a release is starting."""
    upgrading: bool = False
    """A second RayCluster is starting, which is what the operator compares with."""
    documents: Sequence[Mapping[str, Any]] | None = None
    """All that was rendered; a cluster is not asked for the rest."""

    @property
    def holds_back(self) -> bool:
        """Changes of pods may have been left undone that only a cluster can tell."""
        return not self.name and _strategy(self.service["spec"]) == SPARES_GPUS

    @classmethod
    def rendered(cls, documents: Sequence[Mapping[str, Any]]) -> Self:
        service = rayservice(documents)
        return cls(service, service["spec"]["rayClusterConfig"], documents=documents)

    @classmethod
    def live(cls, live: Live) -> Self | None:
        if live.service is None or live.cluster is None:
            return None
        name = live.cluster["metadata"]["name"]
        both = bool(live.active and live.pending)
        return cls(live.service, live.cluster["spec"], name, bool(live.active), both)


@dataclass(frozen=True)
class Plan:
    """The verdict, and all that led to it."""

    verdict: Verdict
    before: Before | None
    cluster: ClusterChange
    models: ModelChanges
    objects: ObjectChanges
    starts: Sequence[demand.Pod]
    """Pods that start."""
    ledger: Ledger
    """Who takes what of each card."""
    places: Sequence[Place] = ()
    """Where they would go."""
    unknown: str = NO_CLUSTER_ASKED
    """Why it is not known where they would go; empty where it is."""
    may_hold_back: bool = False
    """A change of the strategy lets through what the old one has held back, if there is such."""

    @property
    def devices(self) -> dict[str, Decimal]:
        return demand.devices(self.starts)

    @property
    def claims(self) -> dict[str, list[str]]:
        """Claims of devices with the pods that need them: only the scheduler knows which devices answer them."""
        found: dict[str, list[str]] = {}
        for pod in self.starts:
            if pod.claim:
                found.setdefault(pod.claim.name, []).append(pod.group)
        return found

    @property
    def waiting(self) -> list[Place]:
        """Pods for which no node has room."""
        return [place for place in self.places if not place.node]


def planned(documents: Sequence[Mapping[str, Any]], before: Before | None, live: Live | None = None) -> Plan:
    """What becomes of `before` when `documents` are applied."""
    service = rayservice(documents)
    config, strategy = service["spec"]["rayClusterConfig"], _strategy(service["spec"])
    change = cluster.compared(before.cluster, config) if before else ClusterChange(Effect.NONE)
    changes = models.compared(_served(before.service), _served(service)) if before else ModelChanges()
    verdict = _verdict(change, changes, strategy) if before else Verdict.FIRST_INSTALL
    starts = _starts(verdict, config, before)
    places, unknown = _places(starts, verdict, before, live)
    found = Plan(verdict, before, change, changes, _objects(documents, before), starts, Manifest.of(documents).ledger)
    return replace(
        found,
        places=places,
        unknown=unknown,
        may_hold_back=bool(before and before.holds_back and strategy != SPARES_GPUS),
    )


def _objects(documents: Sequence[Mapping[str, Any]], before: Before | None) -> ObjectChanges:
    if before and before.documents is None:
        return ObjectChanges()
    return objects.compared((before and before.documents) or [], documents)


def rayservice(documents: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next(document for document in documents if document["kind"] == "RayService")


def _served(service: Mapping[str, Any]) -> str:
    return str(service["spec"]["serveConfigV2"])


def _verdict(change: ClusterChange, changes: ModelChanges, strategy: str) -> Verdict:
    """What happens to the pods counts first."""
    if change.effect is Effect.REPLACED:
        return Verdict.RECREATION if strategy == SPARES_GPUS else Verdict.SECOND_CLUSTER
    if change.effect is Effect.APPENDED:
        return Verdict.APPENDED
    if changes:
        return Verdict.IN_PLACE
    if change.effect is Effect.IGNORED:
        return Verdict.IGNORED
    return Verdict.IN_PLACE if changes.gateway else Verdict.NOTHING


def _strategy(spec: Mapping[str, Any]) -> str:
    return str(spec.get("upgradeStrategy", {}).get("type", "NewCluster"))


def _starts(verdict: Verdict, config: Mapping[str, Any], before: Before | None) -> list[demand.Pod]:
    if verdict is Verdict.APPENDED and before:
        return demand.pods(config, demand.counts(before.cluster))
    whole = (Verdict.FIRST_INSTALL, Verdict.SECOND_CLUSTER, Verdict.RECREATION)
    return demand.pods(config) if verdict in whole else []


def _places(
    starts: Sequence[demand.Pod], verdict: Verdict, before: Before | None, live: Live | None
) -> tuple[list[Place], str]:
    """When the cluster is made anew, what its pods have now is free again."""
    if not live or not starts:
        return [], "" if not starts else NO_CLUSTER_ASKED
    gone = {live.active, live.pending} if verdict is Verdict.RECREATION else set()
    try:
        return placed(starts, live.nodes(without=gone)), ""
    except ConfigurationError as error:  # Who may read a namespace may not read nodes.
        return [], error.message
