"""A peer that takes turns with others: all of it is stopped while it is not asked, so that one has the machine alone.

Peers that are started for each round meet another machine each time, as clouds have neighbours; turns of seconds meet
the same. SIGSTOP takes no processor time and leaves memory, connections and what was compiled as they are.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.client import Measured, Turn, Wanted
from benchmarks.engine import ENV, threads
from benchmarks.environment import OURS
from benchmarks.peers import Peer
from benchmarks.processes import GRACE_SECONDS, settle
from serve.errors import ConfigurationError
from serve.local.nodes import end_with_parent

TOLD_SECONDS = 900
"""For a start with what it installs, or for a turn."""
WAKE_SECONDS = 1.0
"""After a stop, what was due meanwhile is done first: health checks, metrics."""


class Participant:
    """From its start to `end`; raises ConfigurationError wherever its client fails, with what that said."""

    def __init__(self, peer: Peer, task: str, folder: Path) -> None:
        self.name = peer.name
        python = peer.environment.python()  # Installed before anything is timed.
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by `end`
        self._client = subprocess.Popen(  # noqa: S603
            [python if peer.loaded else OURS.python(), "-m", "benchmarks.client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **ENV, **(threads(task) if peer.loaded else {})},
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self._known: set[psutil.Process] = set()
        self.answers: list[Any] = []
        self._wanted = Wanted(peer.name, task, str(folder))

    def start(self) -> None:
        """Until it has answered what is compared, and rests; then it is stopped."""
        self.answers = self._told(asdict(self._wanted))
        settle()
        self._signal(signal.SIGSTOP)

    def turn(self, wanted: Turn) -> Measured:
        self._signal(signal.SIGCONT)
        time.sleep(WAKE_SECONDS)
        found: Measured = self._told(asdict(wanted))
        self._signal(signal.SIGSTOP)
        for level in found["levels"]:
            if level["errors"] and not level["requests_per_second"]:
                raise ConfigurationError(
                    f"{self.name} answered nothing with {level['level']} at once: {level['errors']}"
                )
        return found

    def end(self) -> None:
        """Once or more often."""
        if self._log.closed:
            return
        self._signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._client.communicate(timeout=2 * GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        self._client.wait()
        self._log.close()

    def _told(self, what: dict[str, Any]) -> Any:
        """One line there and one back."""
        late = threading.Timer(TOLD_SECONDS, self._signal, [signal.SIGKILL])
        late.start()
        try:
            assert self._client.stdin and self._client.stdout  # noqa: S101
            with contextlib.suppress(BrokenPipeError):
                print(json.dumps(what), file=self._client.stdin, flush=True)
            said = self._client.stdout.readline()
        finally:
            late.cancel()
        if not said:
            self._log.seek(0)
            raise ConfigurationError(f"{self.name} was not measured:\n{self._log.read().strip()[-1500:]}")
        return json.loads(said)

    def _signal(self, number: int) -> None:
        """To all of it, even if its client is gone; who was being started meanwhile is found by looking again."""
        told: set[psutil.Process] = set()
        while new := self._processes() - told:
            for process in new:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            told |= new

    def _processes(self) -> set[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            client = psutil.Process(self._client.pid)
            self._known |= {client, *client.children(recursive=True)}
        return set(self._known)
