"""Kinds of changes of the values: what is applied first, what then, and the plan's verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.machines import LABEL
from tests.cluster.release import Release
from tests.helm import fleet

ARC = {"vendor": "xpu", "resource": "gpu.intel.com/xe", "memory": "8Gi", "order": 9}
VOICE = {"task": "tts", "engine": "fake", "source": {"path": "/voice"}, "accelerator": "small", "gpu": 0.2}
SPARE = {"upgrade__strategy": "newCluster"}
TAINTED = [{"key": "gpu", "operator": "Exists"}]
BOUNDS = {"accelerators__small__nodes": {"min": 1, "max": 2}}


@dataclass(frozen=True)
class Case:
    """A change of values, and the verdict on it."""

    verdict: str
    new: Mapping[str, Any]
    old: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "newCluster"

    def files(self, release: Release, node: str) -> tuple[Path, Path]:
        """The old values and the new."""
        old = {**self.old, "upgrade__strategy": self.strategy}
        return release.file(values(node, old), "old"), release.file(values(node, {**old, **self.new}), "new")


CASES = {
    "nothing at all": Case("nothing", {}),
    "a quantity in another spelling": Case("nothing", {"head__ram": "4096Mi"}),
    "a model changed": Case("inPlace", {"models__ears__gpu": 0.25}),
    "a model added": Case("inPlace", {"models__voice": VOICE}),
    "a model removed": Case("inPlace", {"models__ears": None}),
    "the prefix of the aliases": Case("inPlace", {"aliases__prefix": "staging-"}),
    "an accelerator appended": Case("groupAppended", {"accelerators__arc": ARC}),
    "an accelerator appended under recreate": Case("groupAppended", {"accelerators__arc": ARC}, strategy="recreate"),
    "an accelerator appended and another grown": Case(
        "groupAppended", {"accelerators__arc": ARC, "accelerators__small__nodes": 2}
    ),
    "an accelerator appended and a model on it": Case(
        "groupAppended", {"accelerators__arc": ARC, "models__voice": {**VOICE, "accelerator": "arc"}}
    ),
    "an accelerator inserted": Case("secondCluster", {"accelerators__arc": {**ARC, "order": 0}}),
    "accelerators reordered": Case("secondCluster", {"accelerators__big__order": 5}),
    "an accelerator removed": Case("secondCluster", {"accelerators__big": None, "models__chat": None}),
    "an accelerator appended and an image": Case("secondCluster", {"accelerators__arc": ARC, "image__tag": "2"}),
    "more nodes": Case("ignored", {"accelerators__small__nodes": 2}),
    "other bounds of nodes": Case("ignored", {"accelerators__small__nodes": {"min": 1, "max": 3}}, BOUNDS),
    "bounds instead of a number of nodes": Case("secondCluster", BOUNDS),
    "tolerations of an accelerator": Case("ignored", {"accelerators__small__tolerations": TAINTED}),
    "tolerations of the head": Case("ignored", {"head__tolerations": TAINTED}),
    "tolerations and a model": Case(
        "inPlace", {"accelerators__small__tolerations": TAINTED, "models__ears__gpu": 0.25}
    ),
    "the image": Case("secondCluster", {"image__tag": "2"}),
    "the environment": Case("secondCluster", {"accelerators__small__env": {"A": "b"}}),
    "the version of Ray": Case("secondCluster", {"rayVersion": "2.61.0"}),
    "the memory of the head": Case("secondCluster", {"head__ram": "6Gi"}),
    "the image and a model": Case("secondCluster", {"image__tag": "2", "models__ears__gpu": 0.25}),
    "the image under recreate": Case("recreation", {"image__tag": "2"}, strategy="recreate"),
    "the image and a model under recreate": Case(
        "recreation", {"image__tag": "2", "models__ears__gpu": 0.25}, strategy="recreate"
    ),
    "the strategy": Case("nothing", SPARE, strategy="recreate"),
    "the strategy and the image": Case("secondCluster", {**SPARE, "image__tag": "2"}, strategy="recreate"),
}


def values(node: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Two accelerators with a model on each, where all pods go to one node."""
    changed = fleet(**changes)
    for entry in (changed.setdefault("head", {}), *changed["accelerators"].values()):
        entry["nodeSelector"] = {LABEL: node}
    return changed
