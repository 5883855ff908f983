"""Planned images go in; each comes out built, tested and tagged, and when all are, published.

Nothing is pushed before every image passed, and no digest is recorded before every image is pushed: what the chart
reads is never half a version.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import docker

from images.toolkit import building, context, contract, publishing, sbom
from images.toolkit.digests import Digests, record
from images.toolkit.plan import Image
from images.toolkit.report import Report
from images.toolkit.vendors import ROOT

BILLS = ROOT / "dist"


@dataclass(frozen=True, kw_only=True)
class Made:
    """An image that exists."""

    image: Image
    identity: str
    size: int
    sbom: Path
    seconds: float
    digest: str | None = None
    state: str = "built"

    def body(self) -> dict[str, Any]:
        named = {"vendor": self.image.vendor, "image": self.image.reference, "id": self.identity, "size": self.size}
        seconds = round(self.seconds, 1)
        return {**named, "digest": self.digest, "state": self.state, "seconds": seconds, "sbom": str(self.sbom)}


def assembled(
    client: docker.DockerClient,
    images: Sequence[Image],
    wheels: Path | None,
    cache: bool,
    digests: Path | None,
    report: Report,
) -> list[Made]:
    """Each image built, tested and tagged; with a file for their digests they are published as well."""
    report.say(f"Docker Engine {client.version()['Version']}")
    with context.packed(wheels) as packed:
        done = [_made(client, image, packed, cache, report) for image in images]
    return _all_published(client, done, digests, report) if digests else done


def _made(client: docker.DockerClient, image: Image, packed: IO[bytes], cache: bool, report: Report) -> Made:
    begun = time.monotonic()
    with report.step(image.vendor, "build") as step:
        identity = building.build(client, image, packed, cache, step)
    with report.step(image.vendor, "contract") as step:
        contract.hold(client, image, identity, step)
    facts = client.images.get(identity).attrs
    path = BILLS / f"{image.tag}.cdx.json"
    with report.step(image.vendor, "bill of materials") as step:
        if not sbom.scanned(identity, path, step):
            sbom.written(contract.inventory(client, image, identity, step), image, identity, facts["Created"], path)
    publishing.tag(client, image, identity)
    seconds = time.monotonic() - begun
    return Made(image=image, identity=identity, size=facts["Size"], sbom=path, seconds=seconds)


def _all_published(client: docker.DockerClient, tested: Sequence[Made], file: Path, report: Report) -> list[Made]:
    """Each image in its registry, and the file that tells the chart."""
    pushed = [_published(client, one, report) for one in tested]
    image = pushed[0].image
    digests = {one.image.vendor: str(one.digest) for one in pushed}
    changed = record(Digests(repository=image.repository, tag=image.version, digests=digests), file)
    report.say(f"{file}: {'written' if changed else 'unchanged'}")
    return pushed


def _published(client: docker.DockerClient, one: Made, report: Report) -> Made:
    begun = time.monotonic()
    with report.step(one.image.vendor, "push") as step:
        result = publishing.push(client, one.image, one.identity, step)
    state = "pushed" if result.changed else "unchanged"
    seconds = one.seconds + time.monotonic() - begun
    return replace(one, digest=result.digest, state=state, seconds=seconds)
