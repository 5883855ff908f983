"""The real image, where `python build.py xpu` has made it: published, pulled by digest, and asked for an embedding."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import numpy as np
import openai
import pytest
import requests
import yaml
from docker.errors import ImageNotFound
from docker.models.containers import Container

from serve import standins
from serve.cli import helm
from serve.local.group import Group
from serve.local.manifest import Manifest
from tests.images.registry import Registry
from tests.images.test_files import ROOT, versions
from tests.serve import references

IMAGE = f"ghcr.io/ai-inference/ai-inference:{versions()['VERSION']}"
Condition = Callable[[], bool]


@pytest.fixture
def image(engine: docker.DockerClient) -> str:
    try:
        engine.images.get(f"{IMAGE}-xpu")
    except ImageNotFound:
        pytest.skip(f"there is no image {IMAGE}-xpu: python build.py xpu")
    return f"{IMAGE}-xpu"


@pytest.fixture
def published(engine: docker.DockerClient, image: str, depot: Registry, tmp_path: Path) -> Iterator[str]:
    """The xpu image by the digest that was written for the chart, after its local names are gone."""
    registry, digests = f"{depot.address}/tests", tmp_path / "images.yaml"
    options = shlex.split(os.environ.get("AI_INFERENCE_BUILD", ""))  # As it was built with: nothing is built again.
    publish = [sys.executable, "build.py", "xpu", "--push", f"--registry={registry}", f"--digests={digests}", *options]
    subprocess.run(publish, cwd=ROOT, check=True)
    written = yaml.safe_load(digests.read_text())["image"]
    engine.images.remove(f"{registry}/ai-inference:{written['tag']}-xpu")
    name = f"{written['repository']}@{written['digests']['xpu']}"
    engine.images.pull(name)
    yield name
    engine.images.remove(name)


def values(folder: str) -> dict[str, Any]:
    model = {"task": "embeddings", "engine": "openvino", "source": {"path": folder}, "accelerator": "arc"}
    arc = {"vendor": "xpu", "resource": "gpu.intel.com/xe", "memory": "8Gi", "order": 1}
    simulated = {**arc, "env": {"AI_INFERENCE_SIMULATED": "1"}}
    return {"auth": {"enabled": False}, "accelerators": {"arc": simulated}, "models": {"vectors": model}}


def started(engine: docker.DockerClient, image: str, group: Group, folder: Path) -> Container:
    """One Ray node as a pod would be: the image's user, and a root that may only be read."""
    resources = json.dumps({**group.resources, "head": 1})
    start = f"ray start --head --block --dashboard-host=0.0.0.0 --num-cpus=16 --num-gpus=1 --resources='{resources}'"
    return engine.containers.run(
        image, ["bash", "-lc", start], detach=True, read_only=True, shm_size="2g", cap_drop=["ALL"],
        tmpfs={"/tmp": "exec,mode=1777", "/models": "mode=1777"}, volumes=[f"{folder}:/data/vectors:ro"],
        environment=dict(group.env),
        ports={f"{inner}/tcp": ("127.0.0.1", 0) for inner in (8000, 8265)},
    )  # fmt: skip


def port(container: Container, inner: int) -> int:
    container.reload()
    published = container.ports[f"{inner}/tcp"]
    assert published
    return int(published[0]["HostPort"])


@pytest.mark.parametrize(
    ("promise", "harm", "said"),
    [
        ("programs", "rm /usr/bin/wget", "FAILED  wget: not on PATH"),
        ("versions", "sed -i s/^RAY=.*/RAY=2.0.0/ versions.env", "but the image was to have 2.0.0"),
        ("lock", "sed -i s/^openvino==[0-9.]*/openvino==1.0/ requirements.txt", "but the lock has 1.0"),
        ("engines", "rm -r lib/python3*/site-packages/optimum", "No module named 'optimum'"),
        ("tasks", "rm -r lib/python3*/site-packages/fastapi", "FAILED  import serve.tasks.embeddings:"),
    ],
)
def test_an_image_that_lacks_something_breaks_a_promise_that_names_it(
    engine: docker.DockerClient, image: str, promise: str, harm: str, said: str
) -> None:
    contract = ["bash", "-c", f"cd /opt/ai-inference && {harm} && python contract.py {promise}"]
    container = engine.containers.run(image, contract, user="0", detach=True)
    try:
        assert container.wait()["StatusCode"] == 1
        assert said in container.logs().decode()
    finally:
        container.remove(force=True)


@pytest.mark.slow  # Gigabytes go through a registry.
def test_the_pulled_image_serves_an_embedding(
    published: str, engine: docker.DockerClient, tmp_path: Path, eventually: Callable[[Condition], None]
) -> None:
    folder = standins.make("embeddings", "openvino", tmp_path / "vectors")
    (folder / "model.safetensors").chmod(0o644)  # For the image's user.
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values("/data/vectors")))
    manifest = Manifest.of(helm.template([file]))
    container = started(engine, published, manifest.workers[0], folder)
    try:
        dashboard = f"http://127.0.0.1:{port(container, 8265)}/api/serve/applications/"
        eventually(lambda: _status(requests.get, dashboard) == 200)
        assert _status(requests.put, dashboard, json=manifest.config) == 200
        address = f"http://127.0.0.1:{port(container, 8000)}"
        eventually(lambda: _model(address).get("status") in {"ok", "unavailable"})
        assert _model(address)["status"] == "ok", _model(address)
        with openai.OpenAI(base_url=f"{address}/v1", api_key="unused") as client:
            found = client.embeddings.create(model="vectors", input=["a harbour"]).data[0].embedding
    finally:
        container.remove(force=True)
    expected = references.vectors(folder, ["a harbour"])
    assert references.cosines(np.array([found], np.float32), expected).min() >= 0.999


def _status(call: Callable[..., requests.Response], url: str, **more: Any) -> int:
    try:
        return call(url, timeout=60, **more).status_code
    except requests.ConnectionError:
        return 0


def _model(address: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = requests.get(f"{address}/health", timeout=60).json()["models"]["vectors"]
    except (requests.RequestException, ValueError, LookupError):
        return {}
    return found
