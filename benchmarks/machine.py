"""What was measured on, and with what: machine, commit and the versions of packages go out, written beside figures."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hardware import ON_CPU, card
from benchmarks.peers import Peer

AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


def begun(module: str) -> dict[str, Any]:
    """What a run is told from others by: its command, date, commit and machine, as it begins."""
    return {
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    return {
        **({} if ON_CPU else {"GPU": f"{card().name}, {card().total_memory / 2**30:.1f} GiB"}),
        "CPU": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "RAM": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "kernel": platform.release(),
        "kernel.sched_autogroup_enabled": AUTOGROUP.read_text().strip() if AUTOGROUP.exists() else "not there",
        "load when it began": f"{os.getloadavg()[0]:.1f}",
    }


def commit() -> str:
    """Of this project's folder, and whether it was changed since; empty where git does not know."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def versions(peers: Iterable[Peer]) -> dict[str, dict[str, str]]:
    return {peer.name: peer.environment.versions(peer.packages) for peer in peers if peer.packages}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
