"""The service that is fuzzed: values files go in, five models on real engines that ask for a key come out."""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import requests

from benchmarks.engine import ENV
from benchmarks.soak.held import Held, look
from serve.cli import helm
from serve.front.keys import VARIABLE, bearer
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from serve.local.substitutes import substituted
from serve.sources import cache
from tests.fuzz import BOUND_SECONDS
from tests.serve.scraped import scraped

VALUES = (Path(__file__).parents[2] / "values" / "local.yaml", Path(__file__).with_name("values.yaml"))
IN_FLIGHT = "ai_inference_requests_in_flight"


@dataclass(frozen=True)
class Target:
    """The running service, and a key that it takes; `models` have their tasks."""

    service: Service
    key: str
    models: Mapping[str, str]

    @property
    def address(self) -> str:
        return self.service.address

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def headers(self) -> dict[str, str]:
        return {**bearer(self.key)}

    def unwell(self) -> list[str]:
        """What the models say whose own path does not say that they are well."""
        said = {name: self._said(name) for name in self.models}
        return [f"{name}: {what}" for name, what in said.items() if what]

    def in_flight(self) -> dict[str, float]:
        """How many requests each model and the gateway work on, when none is left or the time for that is over."""
        deadline = time.monotonic() + BOUND_SECONDS
        while any((found := self._counted()).values()) or not found:
            if time.monotonic() > deadline:
                break
            time.sleep(1)
        return found

    def serving(self) -> dict[psutil.Process, Held]:
        """The processes that requests pass through, as they are now."""
        held: dict[psutil.Process, Held] = {}
        look(held, psutil.Process().children(recursive=True), time.perf_counter())
        return {process: of for process, of in held.items() if of.serves}

    def _said(self, model: str) -> str:
        try:
            answer = requests.get(f"{self.address}/{model}/health", headers=self.headers, timeout=BOUND_SECONDS)
        except requests.RequestException as error:
            return str(error)
        return "" if answer.status_code == 200 else answer.text

    def _counted(self) -> dict[str, float]:
        return {model: value for (model,), value in scraped(self.service).get(IN_FLIGHT, {}).items()}


@contextmanager
def served(values: Sequence[Path] = VALUES) -> Iterator[Target]:
    """Started as `ai-inference up` starts it, from the same chart."""
    manifest, _ = substituted(Manifest.of(helm.template([*values])))
    key = secrets.token_hex(24)
    with TemporaryDirectory() as folder:
        keys = Path(folder)
        (keys / "fuzz").write_text(key)
        env = {**ENV, "AI_INFERENCE_CACHE": str(cache()), VARIABLE: str(keys)}
        with Nodes(manifest.head, manifest.workers, env) as nodes:
            service = Service(nodes, free_port())
            service.apply(manifest.config)
            service.wait()
            yield Target(service, key, {name: manifest.task(name) for name in manifest.models})
