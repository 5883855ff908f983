"""What the command line wishes and images/versions.env go in, what will be built comes out; nothing is done yet."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from images.toolkit import revision
from images.toolkit.errors import Misused
from images.toolkit.vendors import ROOT, Vendor

REGISTRY = "ghcr.io/ai-inference"
NAME = "ai-inference"
EXPECTED = ("PYTHON", "RAY", "VERSION")
# Docker takes these without ARG: https://docs.docker.com/reference/dockerfile/#predefined-args
PROXIES = {
    name for word in ("HTTP", "HTTPS", "FTP", "NO", "ALL") for name in (f"{word}_PROXY", f"{word.lower()}_proxy")
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for, for all images alike."""

    registry: str = REGISTRY
    tag: str | None = None
    base: str | None = None
    platform: str | None = None
    wheels: bool = False
    """There is a folder of wheels: Dockerfiles with ARG WHEELS take from it what they take from an index otherwise."""
    arguments: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Image:
    """What will be built, and under which name."""

    vendor: str
    dockerfile: str
    base: str
    repository: str
    version: str
    platform: str | None
    arguments: Mapping[str, str]
    expected: Mapping[str, str]
    """The contract's environment."""

    @property
    def tag(self) -> str:
        return f"{self.version}-{self.vendor}"

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"

    def body(self) -> dict[str, Any]:
        return {"image": self.reference, **asdict(self)}


def versions(root: Path = ROOT) -> dict[str, str]:
    """images/versions.env."""
    path = root / "images" / "versions.env"
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    if missing := [key for key in EXPECTED if key not in pairs]:
        raise Misused(f"{path} has no line {missing[0]}=...; all images share it: add one")
    return pairs


def planned(vendors: Sequence[Vendor], wish: Wish, root: Path = ROOT) -> tuple[Image, ...]:
    """An image per vendor."""
    shared = versions(root)
    _check(vendors, wish, shared)
    facts = {**shared, "REVISION": revision.revision(root), "SOURCE": revision.source(root)}
    named = ({"BASE": wish.base} if wish.base else {}) | ({"WHEELS": "/wheels"} if wish.wheels else {})
    return tuple(_image(vendor, wish, {**facts, **named, **wish.arguments}) for vendor in vendors)


def _image(vendor: Vendor, wish: Wish, arguments: Mapping[str, str]) -> Image:
    return Image(
        vendor=vendor.name,
        dockerfile=vendor.context_path,
        base=arguments.get("BASE", vendor.base),
        repository=f"{wish.registry}/{NAME}",
        version=wish.tag or arguments["VERSION"],
        platform=wish.platform,
        arguments={key: value for key, value in arguments.items() if key in vendor.arguments | PROXIES},
        expected={key: arguments[key] for key in EXPECTED} | {"VENDOR": vendor.name},
    )


def _check(vendors: Sequence[Vendor], wish: Wish, shared: Mapping[str, str]) -> None:
    """Docker only warns about an argument that no Dockerfile reads, and its own words for a wrong name come late."""
    known = PROXIES.union(shared, *(vendor.arguments for vendor in vendors))
    for key in wish.arguments:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Misused(f"--build-arg {key}: no Dockerfile of these images has ARG {key}{hint}")
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", wish.registry):
        raise Misused(f"--registry {wish.registry}: not a registry's name and path, such as {REGISTRY}")
    if not re.fullmatch(r"\w[\w.-]{0,99}", wish.tag or shared["VERSION"]):
        raise Misused(f"--tag {wish.tag}: a tag has letters, digits, dots, hyphens and underscores")
