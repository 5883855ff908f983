"""Ray nodes on this machine: the groups of a rendered RayService go in, one `ray start` each comes out.

Each node has the resources that its pod would have and runs from the environment of its vendor (`.venv/<vendor>`), as
each pod runs the image of its vendor. Leaving the context ends every process that the nodes have started.
"""

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from serve.errors import ConfigurationError
from serve.front.keys import TOKEN, bearer
from serve.local.group import Group

SET_CHILD_SUBREAPER = 36  # linux/prctl.h
SET_PARENT_DEATH_SIGNAL = 1
OBJECT_STORE_BYTES = 128 * 2**20  # Requests do not pass through the object store; Ray's default takes 30% of the RAM.
GRACE_SECONDS = 3
STARTED = b"Ray runtime started"  # What `ray start` says when its node is up, and
LATE = b"node timed out during startup"  # when it was not in time.
ATTEMPTS = 3
STOPPING = {signal.SIGINT, signal.SIGTERM}
TOKEN_BYTES = 32
OTHER_THAN_PODS = {"AI_INFERENCE_LOG": ""}  # The first process of a pod is ours; here it is the machine's.
REPLICA_PORTS = 20_000  # 12,000 from here on, below those that the kernel gives to clients.


class Nodes:
    """The running nodes; `dashboard` is the address of Ray's REST API, which `headers` open.

    Ray listens at every address of the machine, so its nodes ask for a token of their own, as the chart's do. Whoever
    joins them has it by `token` in its environment.
    """

    def __init__(self, head: Group, workers: Sequence[Group], env: Mapping[str, str]) -> None:
        self.head = head
        self.workers = workers
        self.env = env
        self.folder = Path(tempfile.mkdtemp(prefix="ai-", dir="/tmp"))  # Socket paths must be short.
        self.gcs = f"127.0.0.1:{free_port()}"
        self.dashboard = f"http://127.0.0.1:{free_port()}"
        self.token = {"RAY_AUTH_MODE": "token", TOKEN: secrets.token_urlsafe(TOKEN_BYTES)}
        self.headers = bearer(self.token[TOKEN])
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        adopt_orphans()
        try:
            self._start(self.head, ["--head", f"--port={self.gcs.rpartition(':')[2]}", *self._dashboard_options()])
            for group in self.workers:
                self.join(group)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def join(self, group: Group) -> None:
        """Starts one more worker."""
        self._start(group, [f"--address={self.gcs}"])

    def failed(self) -> str | None:
        """The name of a node that has ended by itself, with the end of its log."""
        for group, process in zip([self.head, *self.workers], self._processes, strict=False):
            if process.poll() is not None:
                return f"the Ray node of {group.name!r} ended:\n{self._log(group).read_text()[-2000:]}"
        return None

    def stop(self) -> None:
        """Ends all processes, first asked and then made to, and removes the folder with their logs and sockets."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)  # A second Ctrl-C must not leave half of them behind.
        try:
            self._end()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _end(self) -> None:
        ours = self._descendants()
        _send(ours, signal.SIGTERM)
        psutil.wait_procs(ours, GRACE_SECONDS)
        while alive := {process for process in ours | self._descendants() if process.is_running()}:
            ours |= alive  # A dying process may have left children behind, or started one more.
            _send(alive, signal.SIGKILL)
            psutil.wait_procs(alive, GRACE_SECONDS)
        for process in self._processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def bury(self) -> None:
        """Orphans that we adopted and that have ended, for whom nobody else waits."""
        started = {process.pid for process in self._processes}
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error, ChildProcessError):
                if child.pid not in started and child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)

    def _descendants(self) -> set[psutil.Process]:
        """Below the nodes, and orphans that we adopted, told from other children by the folder in their environment.

        Ray's workers and agents overwrite their environment with a title, so the tree is the first thing to look at.
        """
        found = set()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if child.environ().get("AI_INFERENCE_LOCAL") == str(self.folder):
                    found |= {child, *child.children(recursive=True)}
        return found

    def _start(self, group: Group, options: Sequence[str]) -> None:
        """Returns when the node is up. Ray gives one 30 seconds, which on a busy machine are not enough at first."""
        ours = {**OTHER_THAN_PODS, **self.token, **self._haproxy(), **self.env, "AI_INFERENCE_LOCAL": str(self.folder)}
        others = self._descendants()
        for attempt in range(1, ATTEMPTS + 1):
            with self._log(group).open("wb") as log:
                self._processes.append(
                    subprocess.Popen(  # noqa: S603
                        _command(group, options),
                        env={**os.environ, **group.env, **ours},
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        preexec_fn=end_with_parent,
                    )
                )
            if self._is_up(group, last=attempt == ATTEMPTS):
                return
            self._processes.pop()
            left = self._descendants() - others  # Which would join late, as one node more.
            _send(left, signal.SIGKILL)
            psutil.wait_procs(left, GRACE_SECONDS)

    def _is_up(self, group: Group, *, last: bool) -> bool:
        """Waits; False when the node was only late, unless this was the `last` attempt."""
        try:
            self._await(lambda: STARTED in self._log(group).read_bytes())
        except ConfigurationError:
            if last or LATE not in self._log(group).read_bytes():
                raise
            return False
        return True

    def _log(self, group: Group) -> Path:
        return self.folder / f"{group.name}.log"

    def _dashboard_options(self) -> list[str]:
        port = self.dashboard.rpartition(":")[2]
        return [f"--temp-dir={self.folder}/ray", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}"]

    def _haproxy(self) -> dict[str, str]:
        """HAProxy's files and ports, apart from those of any other Ray on this machine."""
        files = {"CONFIG_FILE_LOC": "haproxy.cfg", "SOCKET_PATH": "admin.sock", "SERVER_STATE_BASE": "",
                 "SERVER_STATE_FILE": "server-state", "METRICS_SOCKET_PATH": "metrics.sock"}  # fmt: skip
        env = {f"RAY_SERVE_HAPROXY_{name}": str(self.folder / file) for name, file in files.items()}
        alone = ("HAPROXY_METRICS", "HAPROXY_STATS", "FALLBACK_PROXY_HTTP", "FALLBACK_PROXY_GRPC")
        ports = {f"RAY_SERVE_{name}_PORT": str(free_port()) for name in alone}
        lowest = REPLICA_PORTS + os.getpid() % 60 * 200
        ports["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"] = str(lowest)
        ports["RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"] = str(lowest + 199)
        return env | ports

    def _await(self, condition: Callable[[], bool]) -> None:
        """Until it holds, or a ConfigurationError with the log of a node that ended."""
        while not condition():
            if failure := self.failed():
                raise ConfigurationError(failure)
            time.sleep(0.05)


def _command(group: Group, options: Sequence[str]) -> list[str]:
    return [
        str(interpreter(group.vendor)), "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats",
        "--node-ip-address=127.0.0.1", f"--num-cpus={group.num_cpus}", f"--num-gpus={group.num_gpus}",
        f"--resources={json.dumps(dict(group.resources))}", f"--object-store-memory={OBJECT_STORE_BYTES}", *options,
    ]  # fmt: skip


def interpreter(vendor: str) -> Path:
    """Python of the environment beside ours that is named as the vendor, else our own."""
    beside = Path(sys.prefix).parent / vendor / "bin" / "python"
    return beside if beside.exists() else Path(sys.executable)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def adopt_orphans() -> None:
    """Grandchildren whose parent dies become our children, so that none is lost sight of (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """For `preexec_fn`: a process that is killed shall leave none behind (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
