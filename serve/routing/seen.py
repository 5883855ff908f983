"""Who has had which beginning: blocks and a replica go in, the replica comes out again for the same blocks.

A block has one place, where the last that was written stays: what is lost costs a detour, as only replicas are named
that run.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from serve.routing import table

ROW = np.dtype([("block", np.uint64), ("replica", np.uint64)])


class Seen:
    """Of one application on this node, in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._rows = table.mapped(path, ROW)

    def remember(self, blocks: Sequence[int], replica: str) -> None:
        numbers = np.array(blocks, np.uint64)
        self._rows["block"][table.place(numbers)] = numbers
        self._rows["replica"][table.place(numbers)] = table.number(replica)

    def who(self, blocks: Sequence[int], replicas: Iterable[str]) -> Iterator[str]:
        """Those who have had them, from the longest beginning to the shortest."""
        names = {table.number(name): name for name in replicas}
        rows = self._rows[table.place(np.array(blocks, np.uint64))]
        for block, (held, replica) in zip(reversed(blocks), reversed(rows.tolist()), strict=True):
            if held == block and replica in names:
                yield names[replica]
