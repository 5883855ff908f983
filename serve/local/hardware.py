"""Whether this machine has what the values ask for: groups go in, a refusal that names what is missing comes out.

Device files tell without any vendor's library: the kernel driver makes them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from serve.errors import ConfigurationError
from serve.local.group import Group

DEVICES = {  # Glob below /dev, and what to install for it.
    "cuda": ("nvidia[0-9]*", "the NVIDIA driver"),
    "rocm": ("kfd", "the amdgpu driver"),
    "xpu": ("dri/renderD*", "the i915 or xe driver"),
}


def check(groups: Iterable[Group], root: Path = Path("/dev")) -> None:
    """Raises ConfigurationError unless the devices of all groups are here."""
    vendors: dict[str, list[Group]] = {}
    for group in groups:
        if group.vendor in DEVICES:
            vendors.setdefault(group.vendor, []).append(group)
    missing = [refusal for vendor, ours in vendors.items() for refusal in _refusals(vendor, ours, root)]
    if missing:
        raise ConfigurationError("\n".join(missing))


def _refusals(vendor: str, groups: Sequence[Group], root: Path) -> list[str]:
    """A line for each group, when there are fewer devices than all of them want."""
    pattern, driver = DEVICES[vendor]
    found = len(list(root.glob(pattern)))
    wanted = sum({group.shared or group.name: group.num_gpus for group in groups}.values())
    if found >= (1 if vendor == "rocm" else wanted):  # One kfd for all of AMD's.
        return []
    together = f" for {wanted} in all" if len(groups) > 1 else ""
    return [
        f"accelerator {group.name!r} wants {group.num_gpus} GPU of vendor {vendor!r}, and this machine has {found} at "
        f"{root}/{pattern}{together}; install {driver}, or try the placement alone: --simulate"
        for group in groups
    ]
