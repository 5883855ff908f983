"""`ai-inference up`: values files go in, the services they describe answer on this machine until Ctrl-C.

The same chart is rendered that a cluster would get; each worker group becomes a Ray node, and the same applications are
deployed. A values file that changes meanwhile is rendered and applied again, in place.
"""

import signal
import socket
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from serve.cli import helm, show
from serve.errors import ConfigurationError
from serve.front.keys import OPEN, VARIABLE
from serve.local import hardware
from serve.local import keys as local_keys
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes
from serve.local.progress import Progress
from serve.local.service import Service
from serve.local.substitutes import substituted
from serve.sources import cache

LOOK_SECONDS = 0.5

Values = Annotated[list[Path], typer.Option("-f", "--values", help="A values file; later ones override.", exists=True)]
Port = Annotated[int, typer.Option(help="Where the services answer.", envvar="AI_INFERENCE_PORT")]
Simulate = Annotated[bool, typer.Option("--simulate", help="Take GPUs as bookkeeping; engines run on the CPU.")]


Folder = Annotated[Path | None, typer.Option("--keys", help="A folder with a file for each client's key.", exists=True)]


def up(values: Values, port: Port = 8000, simulate: Simulate = False, keys: Folder = None) -> None:
    """Run a values file on this machine, without a cluster."""
    for number in (signal.SIGINT, signal.SIGTERM):  # A script's background job starts with SIGINT ignored.
        signal.signal(number, _interrupt)
    console = Console()
    _must_be_free(port)
    manifest, made = _read(console, values, simulate)
    folder = local_keys.folder(manifest, keys)
    env = {"AI_INFERENCE_CACHE": str(cache()), VARIABLE: str(folder or OPEN)}
    env |= {"AI_INFERENCE_SIMULATED": "1"} if simulate else {}
    try:
        with Nodes(manifest.head, manifest.workers, env) as nodes:
            session = Session(console, Service(nodes, port), values, simulate, folder)
            session.apply(manifest, made)
            session.follow()
    except KeyboardInterrupt:
        console.print("stopped")


class Session:
    """What is running, until the user ends it."""

    def __init__(
        self, console: Console, service: Service, values: list[Path], simulate: bool, keys: Path | None
    ) -> None:
        self.console = console
        self.service = service
        self.values = values
        self.simulate = simulate
        self.keys = keys

    def apply(self, manifest: Manifest, made: set[str]) -> None:
        """Deploys, shows how far each model is, then the table of endpoints."""
        self.manifest = manifest
        progress = Progress(self.service.logs)
        self.service.apply(manifest.config)
        with show.Starting(self.console, manifest) as starting:
            self.service.wait(lambda _: starting.show(progress.states()))
        health = self.service.health()["models"]
        show.endpoints(self.console, self.service.address, manifest, health, made, self.keys)

    def follow(self) -> None:
        """Applies the values files again whenever one is saved; ends by KeyboardInterrupt or with a dead node."""
        seen = self._saved()
        while (failure := self.service.nodes.failed()) is None:
            time.sleep(LOOK_SECONDS)
            self.service.nodes.bury()
            if (saved := self._saved()) != seen:
                seen = saved
                self._apply_again()
        raise ConfigurationError(failure)

    def _apply_again(self) -> None:
        try:
            manifest, made = _read(self.console, self.values, self.simulate)
            if (manifest.head, manifest.workers) != (self.manifest.head, self.manifest.workers):
                raise ConfigurationError("the accelerators have changed, which needs new Ray nodes: start up again")
            self.apply(manifest, made)
        except ConfigurationError as error:
            self.console.print(f"not applied: {error.message}", style="red", markup=False, highlight=False)

    def _saved(self) -> list[float]:
        return [path.stat().st_mtime for path in self.values if path.exists()]


def _read(console: Console, values: list[Path], simulate: bool) -> tuple[Manifest, set[str]]:
    """The manifest, checked before anything starts, and the models that run with random weights."""
    manifest = Manifest.of(helm.template(values))
    manifest.check()
    if not simulate:
        hardware.check(manifest.used())
    with console.status("looking for the models"):
        return substituted(manifest)


def _must_be_free(port: int) -> None:
    """HAProxy would share the port with whoever has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} is taken; stop what listens there, or give --port: {error}"
            ) from error


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
