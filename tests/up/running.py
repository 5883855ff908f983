"""A command that serves until Ctrl-C: its arguments go in, a running process whose output is read comes out."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from serve.local.nodes import free_port

ROOT = Path(__file__).parents[2]
READY = "Ctrl-C stops"
MINUTES = 10


class Running:
    """`command` at a free port, in a process group of its own as a terminal gives it."""

    def __init__(self, command: Sequence[str], **env: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.output = ""
        self._grown = threading.Condition()
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, **env, "AI_INFERENCE_PORT": str(self.port), "COLUMNS": "200"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.interrupt()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until the output has `text` so often; fails with the output when the process ends before."""
        with self._grown:
            found = self._grown.wait_for(lambda: self._count(text) >= times or self._ended(), MINUTES * 60)
        assert found and self._count(text) >= times, self.output

    def interrupt(self) -> int:
        """Ctrl-C: the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self._reader.join(MINUTES * 60)
        return self.process.wait()

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def _count(self, text: str) -> int:
        return len(re.findall(re.escape(text), self.output))

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._grown:
                    self.output += line
                    self._grown.notify_all()
        self.process.wait()
        with self._grown:
            self._grown.notify_all()
