"""Real Ray with real Serve and HAProxy: entries of models go in, the address where they are served comes out."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from serve.cli import helm
from serve.front.keys import OPEN, VARIABLE
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service

CACHE = "AI_INFERENCE_CACHE"
PLACE = {"accelerator": "laptop", "vendor": "cpu", "cpus": 1, "memory": 4 * 2**30, "deviceMemory": 16 * 2**30}
Deploy = Callable[[Mapping[str, Mapping[str, Any]]], str]
Eventually = Callable[[Callable[[], bool]], None]
Line = Callable[[str, str], dict[str, Any]]


def application(model: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The application that the chart makes of an entry; engine and source default to the fake's."""
    args = {"model": model, "engine": "fake", "source": {"path": "/"}, "placement": PLACE, **entry}
    task = args.pop("task")
    return {"name": model, "route_prefix": f"/{model}", "import_path": f"serve.tasks.{task}:build", "args": args}


def gateway(models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    table = {
        name: {"task": entry["task"], "names": entry.get("names", []), "engine": entry.get("engine", "fake"),
               "accelerator": "laptop", "queueTimeout": entry.get("queueTimeout", 60)}
        for name, entry in models.items()
    }  # fmt: skip
    return {
        "name": "gateway", "route_prefix": "/", "import_path": "serve.gateway:build", "args": {},
        "deployments": [{"name": "Gateway", "user_config": {"models": table}}],
    }  # fmt: skip


@contextmanager
def laptop(cache: Path, keys: Path | None = None, **env: str) -> Iterator[Service]:
    """The nodes of laptop.yaml, which ask for one of `keys` where there are some."""
    manifest = Manifest.of(helm.template([Path(__file__).parent / "laptop.yaml"]))
    with Nodes(manifest.head, manifest.workers, {CACHE: str(cache), VARIABLE: str(keys or OPEN), **env}) as nodes:
        yield Service(nodes, free_port())


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with laptop(tmp_path_factory.mktemp("models")) as service:
        yield service


@pytest.fixture(scope="module")
def deploy(service: Service) -> Deploy:
    """Replaces what is served by `models`, waits until it has settled, and returns the address of the gateway."""

    def deployed(models: Mapping[str, Mapping[str, Any]]) -> str:
        applications = [application(name, entry) for name, entry in models.items()]
        service.apply({"applications": [gateway(models), *applications]})
        states = service.wait()
        troubled = {name: state["message"] for name, state in states.items() if state["status"] != "RUNNING"}
        assert not troubled
        return service.address

    return deployed


def post(address: str, body: Any = None, **more: Any) -> requests.Response:
    return requests.post(address, json=body, timeout=60, **more)


def lines(service: Service, application: str) -> list[dict[str, Any]]:
    """Of the log of its replica."""
    (file,) = service.logs.glob(f"requests_{application}_*.log")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def line(service: Service, eventually: Eventually) -> Line:
    """That of a request in the log of an application: it comes when the client has its answer."""

    def found(application: str, id: str) -> dict[str, Any]:
        def asked() -> list[dict[str, Any]]:
            return [one for one in lines(service, application) if one["request"] == id]

        eventually(lambda: len(asked()) == 1)
        return asked()[0]

    return found
