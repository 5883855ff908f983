"""Digests that a registry gave go in, a values file of the chart comes out: image.repository, .tag and .digests.

The chart runs a vendor by its digest when the file has one, so that a commit of this file is what changes a cluster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from images.toolkit import atomic
from images.toolkit.errors import Misused
from images.toolkit.vendors import ROOT

FILE = ROOT / "values" / "images.yaml"
HEADER = """\
# What the chart runs, by digest. Written by `python build.py --push`; give it to helm beside your own values:
#   helm upgrade --install ai-inference charts/ai-inference -n ai-ml -f values/images.yaml -f values/homelab.yaml
"""


@dataclass(frozen=True, kw_only=True)
class Digests:
    """The images of one version."""

    repository: str
    tag: str
    digests: Mapping[str, str]

    def over(self, older: "Digests | None") -> "Digests":
        """These, and of the older ones those that are the same version's."""
        same = older is not None and (older.repository, older.tag) == (self.repository, self.tag)
        return replace(self, digests={**older.digests, **self.digests}) if older and same else self


def read(path: Path) -> Digests:
    try:
        image: dict[str, Any] = yaml.safe_load(path.read_text())["image"]
        return Digests(repository=image["repository"], tag=image["tag"], digests=dict(image["digests"]))
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Misused(f"{path} is not a file that `build.py --push` wrote ({error!r}); give another") from error


def record(new: Digests, path: Path) -> bool:
    """Whether the file had to change."""
    whole = new.over(read(path) if path.exists() else None)
    image = {"repository": whole.repository, "tag": whole.tag, "digests": dict(sorted(whole.digests.items()))}
    return atomic.write(path, HEADER + yaml.safe_dump({"image": image}, sort_keys=False, width=1000))


def merged(paths: Iterable[Path]) -> Digests:
    """Those of several files, such as one per job of a matrix, as one."""
    first, *others = (read(path) for path in paths)
    for one in others:
        if (one.repository, one.tag) != (first.repository, first.tag):
            names = " and ".join(f"{each.repository}:{each.tag}" for each in (first, one))
            raise Misused(f"these files are of different versions, {names}: record them one after the other")
        first = one.over(first)
    return first
