"""What nobody uses goes back to the system now and then: garbage in cycles, and what glibc keeps of freed memory.

Python looks through old objects again when there are a quarter more, and Serve freezes those of a replica's start after
it has counted them: so what an exception holds on to, and with it bodies of megabytes, would stay for very long. glibc
keeps what was freed until it is told, and the free end of each arena but the first even then: so pods have no other
(MALLOC_ARENA_MAX). A pod's limit counts all that.
"""

import asyncio
import ctypes
import gc

EVERY_SECONDS = 30.0


async def repeat() -> None:
    """For as long as the task lives."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        gc.collect()  # Milliseconds, as what was there at the start is frozen.
        await asyncio.to_thread(trim)


def trim() -> None:
    """All that is free in whole pages (man7.org, malloc_trim); other libraries than glibc have no word for it."""
    told = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if told is not None:
        told(0)
