"""THE course of events: a release goes in, a line for each of them comes out, and its outdated Ray clusters are gone.

Nothing is deleted before KubeRay has taken the change, as it makes no cluster for one that it refuses, nor before
clients can be answered. The pod that runs this then stands behind each Service for as long as no pod of Ray does.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
from lightkube import ApiError

from serve.errors import ConfigurationError
from serve.plan import cluster
from serve.plan.cluster import Effect
from serve.recreate.place import Place
from serve.recreate.refusal import Refusal, refusing
from serve.recreate.release import RayCluster, Release, State

LOOK_SECONDS = 0.5
REACTION_SECONDS = 10.0  # KubeRay looks at a change at once; until then its word is of the one before.
SETTLE_SECONDS = 3.0  # Nodes hear a moment later where a Service leads.


@dataclass
class Recreation:
    """One run of it."""

    release: Release
    pod: str
    """In which this runs."""
    patience: float
    """Seconds in all."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Somebody wants it to end."""
    began: float = field(default_factory=time.monotonic)

    def events(self, port: int) -> Iterator[str]:
        state = self._taken()
        outdated = list(self._outdated(state))
        if not outdated:
            yield "nothing to make anew: the pods are those that the values ask for"
            return
        with refusing(port) as refusal:
            for old in outdated:
                yield f"{old.name} is deleted, and its pods with it; no model answers until the next cluster serves"
                self.release.delete(old)
            yield self._outcome({old.uid for old in outdated}, refusal)

    def _taken(self) -> State:
        """Waits until KubeRay has seen the last change."""
        while True:
            state = self.release.state()
            if state.refusal and time.monotonic() - self.began > REACTION_SECONDS:
                raise ConfigurationError(f"KubeRay refuses the change, so nothing was deleted: {state.refusal}")
            if state.seen and not state.refusal:
                return state
            if self._is_over():
                raise ConfigurationError(
                    f"KubeRay has not looked at {self.release.name} within {self.patience:g} seconds, so nothing was "
                    "deleted; see whether its operator runs"
                )

    def _outdated(self, state: State) -> Iterator[RayCluster]:
        """What KubeRay compares with, if it needs other pods; and what still serves where that waits for its GPUs."""
        active, pending = self.release.cluster(state.active), self.release.cluster(state.pending)
        if active and pending:
            yield active
        latest = pending or active
        if latest and cluster.compared(latest.spec, state.wanted).effect is Effect.REPLACED:
            yield latest

    def _outcome(self, outdated: set[str], refusal: Refusal) -> str:
        """Answers clients until the next cluster does."""
        since, anew = time.monotonic(), ""
        place = Place(self.release, self.pod)
        while not anew and not self._is_over():
            with suppress(ApiError, httpx2.TransportError):  # The API server is away for a moment; waiting goes on.
                place.take()
                anew = self._serving(outdated)
        place.leave()
        self.ended.wait(SETTLE_SECONDS)
        told = f"after {time.monotonic() - since:.0f} s; {refusal.count} requests were answered 503 meanwhile"
        return f"{anew} serves {told}" if anew else f"the next cluster is still starting {told}"

    def _serving(self, outdated: set[str]) -> str:
        """The cluster to which the Service leads, by name; empty while that is one which was deleted."""
        state = self.release.state()
        found = None if state.pending else self.release.cluster(state.active)
        return found.name if found and found.uid not in outdated else ""

    def _is_over(self) -> bool:
        return self.ended.wait(LOOK_SECONDS) or time.monotonic() - self.began > self.patience
