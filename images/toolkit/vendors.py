"""Folders of images/ go in, vendors come out: a vendor is a folder with a Dockerfile; nothing lists them by hand."""

import difflib
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from images.toolkit.errors import Misused

ROOT = Path(__file__).parents[2]
BASE_LINE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)
ARGUMENT = re.compile(r"^\s*ARG\s+(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One image: its folder's name, and what its Dockerfile asks for."""

    name: str
    dockerfile: Path
    base: str
    arguments: frozenset[str]

    @property
    def context_path(self) -> str:
        """Where the Dockerfile lies in the context."""
        return f"images/{self.name}/Dockerfile"


def found(root: Path = ROOT) -> dict[str, Vendor]:
    """All there are, by name."""
    return {path.parent.name: _read(path) for path in sorted(root.glob("images/*/Dockerfile"))}


def chosen(names: Sequence[str], root: Path = ROOT) -> tuple[Vendor, ...]:
    """Those named, all if none is; every wrong name is in the one message."""
    there = found(root)
    if wrong := [name for name in names if name not in there]:
        raise Misused("; ".join(f"there is no image {_nearest(name, there)}" for name in wrong))
    if not there:
        raise Misused(f"no folder of {root / 'images'} has a Dockerfile")
    return tuple(there[name] for name in dict.fromkeys(names or there))


def _nearest(name: str, there: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    return f"{name!r}; did you mean {near[0]}?" if near else f"{name!r}, only {', '.join(there)}"


def _read(path: Path) -> Vendor:
    text = path.read_text()
    base = BASE_LINE.search(text)
    if base is None:
        raise Misused(f"{path} has no line ARG BASE=name:tag@digest, which names what it builds on; add one")
    declared = (shlex.split(line, comments=True) for line in ARGUMENT.findall(text))
    arguments = frozenset(word.partition("=")[0] for words in declared for word in words)
    return Vendor(name=path.parent.name, dockerfile=path, base=base[1], arguments=arguments)
