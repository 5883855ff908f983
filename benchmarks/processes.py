"""A server as processes of its own: a command goes in, what it started is ended when the context is left.

Each is in a session of its own, since a kernel with autogroups shares the cores between sessions, so that no server
shares its part with the client. Ray's daemons leave the group that started them, and become our children when their
parent ends; so whatever became our descendant meanwhile is the server's.
"""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import requests

from serve.errors import ConfigurationError
from serve.local.nodes import adopt_orphans, end_with_parent

GRACE_SECONDS = 20
START_SECONDS = 600
QUIET_LOOKS = 3


class Started:
    """A server that was started, and what it writes."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def wait(self, address: str) -> None:
        """Until a GET there is answered with 200; ConfigurationError with the end of the log when it never is."""
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace").strip()[-1500:]
                raise ConfigurationError(f"{address} did not answer:\n{said}")
            time.sleep(0.1)


@contextlib.contextmanager
def started(command: Sequence[str | Path], env: Mapping[str, str]) -> Iterator[Started]:
    """Ends everything on leaving, first asked and then made to."""
    adopt_orphans()
    others = set(psutil.Process().children(recursive=True))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603
                [str(part) for part in command],
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        try:
            yield Started(process, log)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
            _end(others)
            process.wait()


def settle(idle: float = 30, seconds: float = 60) -> None:
    """Until the machine has done less than `idle` percent for a while: servers go on starting after their first answer.

    One that never rests is measured as it is, after so many `seconds`.
    """
    deadline = time.monotonic() + seconds
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < deadline:
        quiet = quiet + 1 if psutil.cpu_percent(interval=1) < idle else 0


def _end(others: set[psutil.Process]) -> None:
    while alive := [process for process in psutil.Process().children(recursive=True) if process not in others]:
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(alive, GRACE_SECONDS)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).status_code == 200
    except requests.RequestException:
        return False
