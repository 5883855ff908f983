"""Never half used: something that fills a folder goes in, a folder that is complete whenever it is there comes out."""

import fcntl
from collections.abc import Callable
from pathlib import Path


def complete(folder: Path, fill: Callable[[Path], None]) -> Path:
    """`folder`, filled by `fill` unless it is there.

    It is filled under another name, `<folder>.partial`, which a break leaves behind for the next attempt to continue,
    and gets its own name when it is whole. Of several processes that want it, on this node or on others that share the
    volume, one fills it and the others wait.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Let go when the file is closed, or its process ends in whatever way.
        if not folder.is_dir():
            partial = Path(f"{folder}.partial")
            partial.mkdir(exist_ok=True)
            fill(partial)
            partial.rename(folder)
    return folder
