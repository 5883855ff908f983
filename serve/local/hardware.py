"""Whether this machine has what the values ask for: groups go in, a refusal that names what is missing comes out.

Device files tell without any vendor's library: the kernel driver makes them.
"""

from collections.abc import Iterable
from pathlib import Path

from serve.errors import ConfigurationError
from serve.local.group import Group

DEVICES = {  # Glob below /dev, and what to install for it.
    "cuda": ("nvidia[0-9]*", "the NVIDIA driver"),
    "rocm": ("kfd", "the amdgpu driver"),
    "xpu": ("dri/renderD*", "the i915 or xe driver"),
}


def check(groups: Iterable[Group], root: Path = Path("/dev")) -> None:
    """Raises ConfigurationError unless each group's devices are here."""
    missing = [refusal for group in groups if group.vendor in DEVICES and (refusal := _refusal(group, root))]
    if missing:
        raise ConfigurationError("\n".join(missing))


def _refusal(group: Group, root: Path) -> str | None:
    pattern, driver = DEVICES[group.vendor]
    found = len(list(root.glob(pattern)))
    wanted = 1 if group.vendor == "rocm" else group.num_gpus  # One kfd for all of AMD's.
    if found >= wanted:
        return None
    return (
        f"accelerator {group.name!r} wants {group.num_gpus} GPU of vendor {group.vendor!r}, and this machine has "
        f"{found} at {root}/{pattern}; install {driver}, or try the placement alone: --simulate"
    )
