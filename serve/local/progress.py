"""What each model is doing while it comes up: the logs of replicas go in, one short state per model comes out."""

import re
from pathlib import Path

from serve.sources.transfer import PATTERN as FETCHING

SAID = re.compile(r"model (?P<model>\S+): (?P<state>loading .*|ready)$")


class Progress:
    """Follows the logs in a session's folder of Serve logs."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._read: dict[Path, int] = {}
        self._states: dict[str, str] = {}

    def states(self) -> dict[str, str]:
        """By model, such as `fetching 312 MiB of 1.5 GiB (20%)` or `ready`."""
        for log in sorted(self._logs.glob("replica_*.log")):
            for line in self._new_lines(log):
                self._note(line)
        return self._states

    def _new_lines(self, log: Path) -> list[str]:
        with log.open("rb") as file:
            file.seek(self._read.get(log, 0))
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read[log] = self._read.get(log, 0) + len(whole)
        return whole.decode("utf-8", "replace").splitlines()

    def _note(self, line: str) -> None:
        if found := FETCHING.search(line):
            self._states[found["model"]] = f"fetching {found['done']} of {found['total']} ({found['percent']}%)"
        elif found := SAID.search(line):
            self._states[found["model"]] = found["state"]
