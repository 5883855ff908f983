"""Who loads now: the models of one physical GPU load one after the other, each within the context that comes out here.

Engines measure what memory is free while they load, so that two at once charge each other's to themselves. What a model
has is a lock on a file for each of its GPUs. The kernel frees it when the process ends, in whatever way. The files lie
in the cache, which pods share that have one hostPath, also those of several clusters; their names say which boot of
which node they are of, for a cache that several nodes share.
"""

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from serve.card import cards
from serve.report import report
from serve.sources import cache
from serve.values import ModelArgs

LOOK = 0.2
"""Seconds between two looks: the kernel tells a waiter that it may go on, but not when it has waited enough."""
BOOT = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def turn(args: ModelArgs) -> Iterator[None]:
    """Nobody else loads on its GPUs meanwhile, unless that takes longer than `loadPatience` to come about."""
    deadline = time.monotonic() + args.load_patience
    with ExitStack() as held:
        for card in cards(args.placement):
            try:
                file = held.enter_context(_file(card))
                if _waited(file, args, card, deadline):
                    # A process that the engine forked has the file too, and may live on.
                    held.callback(fcntl.flock, file, fcntl.LOCK_UN)
                    _write(file, f"model {args.model}, process {os.getpid()} of {socket.gethostname()}, {_now()}")
            except OSError as error:
                report("model %s: takes no turn on GPU %s: %s", args.model, card, error, level=logging.WARNING)
        yield


def _file(card: str) -> TextIO:
    folder = cache() / "turns"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"{BOOT.read_text().strip()}-{card}").open("a+", encoding="utf-8")


def _waited(file: TextIO, args: ModelArgs, card: str, deadline: float) -> bool:
    """Whether its turn came in time; the log says for whom it waits."""
    known = None
    while not _taken(file):
        file.seek(0)
        holder = file.read() or "another"
        if holder != known:
            report("model %s: waits for its turn on GPU %s, where this loads since: %s", args.model, card, holder)
            known = holder
        if time.monotonic() >= deadline:
            message = "model %s: loads on GPU %s beside another after loadPatience %g s: %s"
            report(message, args.model, card, args.load_patience, holder, level=logging.WARNING)
            return False
        time.sleep(LOOK)
    return True


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(file: TextIO, holder: str) -> None:
    file.truncate(0)
    file.write(holder)
    file.flush()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
