"""Real Ray with real Serve and HAProxy: entries of models go in, the address where they are served comes out."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from serve.cli import helm
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service

PLACE = {"accelerator": "laptop", "vendor": "cpu", "cpus": 1, "memory": 4 * 2**30, "deviceMemory": 16 * 2**30}
Deploy = Callable[[Mapping[str, Mapping[str, Any]]], str]


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


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    manifest = Manifest.of(helm.template([Path(__file__).parent / "laptop.yaml"]))
    env = {"AI_INFERENCE_CACHE": str(tmp_path_factory.mktemp("models"))}
    with Nodes(manifest.head, manifest.workers, env) as nodes:
        yield Service(nodes, free_port())


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
