"""A manifest goes into a live cluster; each version of it that the operator makes comes out, the fleeting ones too."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.cluster import kubectl

Thing = Mapping[str, Any]
PATIENCE = 300


class Life:
    """The versions of one object since it was made, in their order."""

    def __init__(self, kind: str, name: str, place: str) -> None:
        self.kind, self.name, self.place = kind, name, place
        self.seen = 0
        self._versions: list[Thing] = []
        self._changed = threading.Condition()

    def until(self, holds: Callable[[Thing], Any]) -> Thing:
        """The first version for which it holds, after the one that the last call found."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                for number in range(self.seen, len(self._versions)):
                    if holds(self._versions[number]):
                        self.seen = number
                        return self._versions[number]
                left = deadline - time.monotonic()
                assert left > 0, f"this did not come to pass; last: {json.dumps(self._versions[-1:])}"
                self._changed.wait(left)

    def patch(self, change: Thing) -> int:
        """Merges a change; the generation that it makes."""
        text = kubectl.run(
            "patch", self.kind, self.name, "--type=merge", f"--patch={json.dumps(change)}", self.place, "--output=json"
        )
        return int(json.loads(text)["metadata"]["generation"])

    def add(self, version: Thing) -> None:
        with self._changed:
            self._versions.append(version)
            self._changed.notify_all()


@contextmanager
def living(kind: str, name: str, place: str) -> Iterator[Life]:
    """Follows an object from before it is made until the end of the block."""
    life = Life(kind, name, place)
    with kubectl.watching(kind, f"--field-selector=metadata.name={name}", place, "--output=json") as watch:
        follower = threading.Thread(target=_follow, args=(watch.stdout, life), daemon=True)
        follower.start()
        yield life
        watch.terminate()
        follower.join()


def _follow(lines: Iterator[str], life: Life) -> None:
    """kubectl prints one indented document after the other."""
    document: list[str] = []
    for line in lines:
        document.append(line)
        if line == "}\n":
            life.add(json.loads("".join(document)))
            document.clear()


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace of its own until the end of the block, as an option of kubectl's."""
    name = f"gitops-{uuid.uuid4().hex[:6]}"
    kubectl.run("create", "namespace", name)
    try:
        yield f"--namespace={name}"
    finally:
        kinds = "rayservices.ray.io,rayjobs.ray.io,rayclusters.ray.io"
        kubectl.run("delete", kinds, "--all", "--wait=false", f"--namespace={name}")
        kubectl.run("delete", "namespace", name, "--wait=false")
