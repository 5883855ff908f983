"""Which physical GPUs a replica has: its placement goes in, names come out that every pod of the node has for them.

Only files are read that drivers and the kernel show, so that nothing opens a GPU for it: CUDA would leave a context of
some hundred megabytes behind, and MPS wants to know a limit before CUDA starts.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from serve.device import word_for
from serve.values import Placement

PCI = {"rocm": "0x1002", "xpu": "0x8086"}
"""Makers, as the PCI bus knows them."""
ROOT = Path("/")


def cards(placement: Placement, root: Path = ROOT) -> tuple[str, ...]:
    """PCI addresses, else the accelerator's name with Ray's ids; sorted, so that all take several in one order."""
    if placement.vendor == "cpu":
        return ()
    given = _given()
    there = () if word_for(placement.vendor) == "cpu" else tuple(_there(placement.vendor, root))
    found = _found(there, given) or [f"{placement.accelerator}-{one}" for one in given or ("0",)]
    return tuple(sorted(set(found)))


def _given() -> Sequence[str]:
    """What Ray calls the GPUs of this replica: their places among the pod's, or what CUDA_VISIBLE_DEVICES had."""
    import ray

    if not ray.is_initialized():
        return ()
    given: Sequence[str] = ray.get_runtime_context().get_accelerator_ids().get("GPU", ())
    return given


def _found(there: Sequence[tuple[str, str]], given: Sequence[str]) -> list[str]:
    """Addresses, of those `there`, of what is `given`; of all where that says nothing, and none where it is unclear."""
    if len(there) == 1 or not given:
        return [address for address, _ in there]
    known = {name: address for place, (address, uuid) in enumerate(there) for name in (str(place), uuid)}
    return [known[one] for one in given if one in known] if all(one in known for one in given) else []


def _there(vendor: str, root: Path) -> Iterator[tuple[str, str]]:
    """Address and, of NVIDIA's, UUID of each whose device file the pod has; in the order of the bus, as drivers count.

    NVIDIA's driver describes its own; AMD's and Intel's are the kernel's (docs.kernel.org/gpu/drm-uapi.html).
    """
    if vendor == "cuda":
        for file in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
            said = dict(re.findall(r"^([^:]+):\s*(.*?)\s*$", file.read_text(), re.MULTILINE))
            if (root / f"dev/nvidia{said.get('Device Minor')}").exists():
                yield file.parent.name, said.get("GPU UUID", "")
        return
    nodes = [node for node in root.glob("sys/class/drm/renderD*/device") if _has(node, vendor, root)]
    yield from sorted((node.resolve().name, "") for node in nodes)


def _has(node: Path, vendor: str, root: Path) -> bool:
    maker = (node / "vendor").read_text().strip()
    return maker == PCI[vendor] and (root / "dev/dri" / node.parent.name).exists()
