"""What the kernel says of a process's use of a GPU: its open files of /dev/dri go in, memory and work come out.

Source: docs.kernel.org/gpu/drm-usage-stats.html. Compute by ROCm and Level Zero opens these files too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
LINE = re.compile(r"^(drm-[\w-]+):\s*(\S+)(?: +(\w+))?", re.MULTILINE)


@dataclass(frozen=True)
class Client:
    """One opening of a GPU, however many file descriptors it has."""

    gpu: str
    """Its address on the bus."""
    numbers: Mapping[str, int]
    """What the driver says, in bytes, nanoseconds and cycles."""

    def memory(self, regions: Iterable[str]) -> int:
        """Bytes in regions of such names; older drivers have no word for what is resident."""
        kinds = ("resident", "memory", "total")
        found = (
            next((self.numbers[key] for kind in kinds if (key := f"drm-{kind}-{region}") in self.numbers), 0)
            for region in regions
        )
        return sum(found)


def clients(root: Path, pids: Iterable[int]) -> list[Client]:
    found = {}
    for pid in pids:
        for said in _files(root / f"proc/{pid}/fdinfo"):
            numbers = {key: int(value) * UNITS.get(unit, 1) for key, value, unit in said if value.isdigit()}
            address = next((value for key, value, _ in said if key == "drm-pdev"), "")
            found[address, numbers.get("drm-client-id")] = Client(address, numbers)
    return list(found.values())


def device(root: Path, address: str) -> Path | None:
    """The GPU's folder in /sys, unless it is gone."""
    nodes = root.glob("sys/class/drm/renderD*/device")
    return next((node for node in nodes if node.resolve().name == address), None)


def number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _files(folder: Path) -> Iterator[list[tuple[str, str, str]]]:
    """Those of GPUs; a process that has ended has none, and one of another user shows none."""
    try:
        texts = [file.read_text() for file in folder.iterdir()]
    except OSError:
        return
    for text in texts:
        if "drm-pdev" in text:
            yield LINE.findall(text)
