"""Where clients find the pod that refuses them: it takes the labels of Services behind which no pod of Ray answers.

So it never stands beside a pod that answers, and is gone from a Service as soon as one is there. To KubeRay it is a pod
of no cluster: the operator's Service names one that is gone until the next one serves.
"""

from dataclasses import dataclass, field

from serve.recreate.release import Release


@dataclass
class Place:
    """The labels of one pod."""

    release: Release
    pod: str
    labels: dict[str, str | None] = field(default_factory=dict)
    """What it was given; None is a label that was taken away."""

    def take(self) -> None:
        """Behind the Services that lead nowhere, and no others."""
        selectors = list(self.release.selectors())
        labels: dict[str, str | None] = dict.fromkeys(key for one in (self.labels, *selectors) for key in one)
        for selector in selectors:
            if not self.release.answering(selector) - {self.pod}:
                labels |= selector
        self._give(labels)

    def leave(self) -> None:
        self._give(dict.fromkeys(self.labels))

    def _give(self, labels: dict[str, str | None]) -> None:
        if labels != self.labels:
            self.release.label(self.pod, labels)
            self.labels = labels
