"""How far a fetch is: a folder that grows goes in, log lines that a person and `ai-inference up` read come out."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from serve.report import report

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
EVERY = 3.0
"""Seconds between two lines."""
LINE = "model %s: fetching %s of %s (%d%%)"
"""Logged at the start, every few seconds, and at the end; `model whisper: fetching 312 MiB of 1.5 GiB (20%)`."""
PATTERN = re.compile(
    r"model (?P<model>\S+): fetching (?P<done>[0-9.]+ \w+) of (?P<total>[0-9.]+ \w+) \((?P<percent>[0-9]+)%\)"
)
"""Finds LINE in a replica's log."""


@contextmanager
def transfer(model: str, folder: Path, total: int) -> Iterator[None]:
    """While the body fills `folder` with `total` bytes, says how far it is; refuses at once what the disk cannot hold.

    The truth is what lies on the disk: so it is the same for every library that fetches, and right after a resumption.
    """
    missing, free = total - bytes_in(folder), shutil.disk_usage(folder).free
    if missing > free:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {readable(missing)} needed, {readable(free)} free")
    finished = Event()

    def report() -> None:
        while not finished.wait(EVERY):
            _log(model, bytes_in(folder), total)

    _log(model, bytes_in(folder), total)
    reporter = Thread(target=report, name=f"fetching {model}", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        finished.set()
        reporter.join()
    _log(model, total, total)


def bytes_in(folder: Path) -> int:
    """Bytes of all files below `folder`; files may come and go meanwhile."""
    held = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                held += (Path(parent) / file).stat().st_size
            except FileNotFoundError:
                continue
    return held


def readable(size: int) -> str:
    """`size` in bytes as `312 MiB` or `1.5 GiB`."""
    power = min(max(size.bit_length() - 1, 0) // 10, len(UNITS) - 1)
    number = size / 2 ** (10 * power)
    return f"{number:.0f} {UNITS[power]}" if power == 0 or number >= 10 else f"{number:.1f} {UNITS[power]}"


def _log(model: str, done: int, total: int) -> None:
    done = min(done, total)  # Beside the files lie notes about them.
    report(LINE, model, readable(done), readable(total), 100 * done // max(total, 1))
