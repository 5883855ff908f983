"""Freed memory goes back to the system: glibc keeps what was freed, in an arena of each thread, until it is told.

Requests of megabytes, decoded and answered in several threads, would else leave a process as large as all of them at
their worst, which a pod's limit counts.
"""

import asyncio
import ctypes

EVERY_SECONDS = 30.0


async def repeat() -> None:
    """For as long as the task lives."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        await asyncio.to_thread(trim)


def trim() -> None:
    """All that is free in whole pages (man7.org, malloc_trim); other libraries than glibc have no word for it."""
    told = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if told is not None:
        told(0)
