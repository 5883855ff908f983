"""What the routers of one node know together: a file that they all map, whose places each finds by a number.

What one writes the others read at once, and one that is started anew too. Nobody waits for anybody: a number that is
lost when two write costs a detour at most.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

PLACES = 2**16
Numbers = NDArray[np.uint64]


def mapped(path: Path, row: np.dtype[Any]) -> NDArray[Any]:
    """The rows in the file, zeros at first."""
    with path.open("ab+") as file:
        file.truncate(PLACES * row.itemsize)  # All do so alike, and what is there stays.
        return np.memmap(path, row, "r+", shape=(PLACES,))


def place(numbers: Numbers) -> Numbers:
    return numbers % np.uint64(PLACES)


def number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def folder() -> Path:
    """Of this node's Ray, with which it goes."""
    return Path(ray._private.worker._global_node.get_session_dir_path())
