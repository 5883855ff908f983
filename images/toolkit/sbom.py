"""What a tested image has in it goes in, a CycloneDX bill of materials comes out: by syft if it is here, else by the
image's own inventory (`contract.py --inventory`). The same image always gives the same file.
"""

import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from images.toolkit import atomic
from images.toolkit.plan import Image
from images.toolkit.report import Step

LONGEST_LICENSE = 100  # Some packages put the text where the name belongs.


def scanned(identity: str, path: Path, step: Step) -> bool:
    """Whether syft is here and wrote the file."""
    syft = shutil.which("syft")
    if syft is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [syft, "scan", f"docker:{identity}", "-o", f"cyclonedx-json={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    step.write(f"{done.stdout}{done.stderr}\n")
    return done.returncode == 0


def written(inventory: Mapping[str, Any], image: Image, identity: str, created: str, path: Path) -> None:
    """The same from an inventory."""
    bom = Bom(components=_components(inventory), serial_number=uuid.uuid5(uuid.NAMESPACE_URL, identity))
    bom.metadata.timestamp = datetime.fromisoformat(created[:19] + "+00:00")
    whole = Component(name=image.reference, type=ComponentType.CONTAINER, version=identity, bom_ref=identity)
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    atomic.write(path, JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def _components(inventory: Mapping[str, Any]) -> Iterator[Component]:
    system = inventory["os"]
    yield Component(
        name=system["id"], version=system["version"], type=ComponentType.OPERATING_SYSTEM, bom_ref="distribution"
    )
    for package in inventory["system"]:
        where = {"arch": package["architecture"], "distro": f"{system['id']}-{system['version']}"}
        yield _library(package, PackageURL("deb", system["id"], package["name"], package["version"], where))
    for package in inventory["python"]:
        yield _library(package, PackageURL("pypi", None, package["name"], package["version"]))


def _library(package: Mapping[str, str], address: PackageURL) -> Component:
    name = (package.get("license") or "").strip()
    licenses = [LicenseFactory().make_from_string(name)] if name and len(name) <= LONGEST_LICENSE else []
    return Component(
        name=package["name"], version=package["version"], purl=address, bom_ref=str(address), licenses=licenses
    )
