"""Which processes are a model's: its replica's own and all below it, as engines start some; read from /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM = 1, 11, 12
"""Places in /proc/PID/stat behind the name, which may itself have spaces and brackets (man 5 proc)."""


def family(root: Path, ancestor: int | None = None) -> list[int]:
    """The ancestor, by default this process, and its descendants."""
    parents = {pid: int(stat[PARENT]) for pid, stat in _stats(root)}
    found = [ancestor or os.getpid()]
    for pid in found:  # It grows meanwhile.
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def resident(root: Path, pid: int) -> int:
    """Bytes of RAM; 0 of one that has ended."""
    try:
        return int((root / f"proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def worked(root: Path, pid: int) -> float:
    """Seconds of one core."""
    stat = _stat(root / f"proc/{pid}/stat")
    return (int(stat[USER]) + int(stat[SYSTEM])) / TICKS if stat else 0.0


def _stats(root: Path) -> Iterator[tuple[int, list[str]]]:
    for file in root.glob("proc/[0-9]*/stat"):
        if stat := _stat(file):
            yield int(file.parent.name), stat


def _stat(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
