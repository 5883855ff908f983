"""A Docker Engine, a base of two megabytes, a registry, and the folders in which `python build.py` runs."""

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, ImageNotFound

from tests.images import registry, workshop
from tests.images.registry import Registry
from tests.images.workshop import Workshop

BASE = os.environ.get("AI_INFERENCE_IMAGE_BASE", "debian-base:12")
SMALL = f"""\
FROM {BASE} AS full
RUN mkdir -p /small/bin /small/lib64 && cp /bin/dash /small/bin/sh && cp /bin/dash /small/bin/python \\
 && cp /bin/cat /bin/sleep /small/bin && cp --parents /lib/*/libc.so.6 /small && cp -L /lib64/ld-* /small/lib64
FROM scratch
COPY --from=full /small /
"""


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    # In a process of its own, since the client leaves the socket open on which nobody answered.
    probe = [sys.executable, "-c", "import docker; docker.from_env().close()"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"there is no Docker Engine: {done.stderr.splitlines()[-1]}")
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> Iterator[str]:
    """A shell, which is called python as well, and nothing else."""
    try:
        engine.images.get(BASE)
    except ImageNotFound:
        pytest.skip(f"there is no image {BASE} with a Debian: name one by AI_INFERENCE_IMAGE_BASE")
    name = f"ai-inference-tests:{uuid.uuid4().hex}"
    engine.images.build(fileobj=io.BytesIO(SMALL.encode()), rm=True, tag=name)
    yield name
    engine.images.remove(name)


@pytest.fixture
def paper(tmp_path: Path) -> Workshop:
    """For what needs no Docker Engine, so there is none."""
    opened = workshop.opened(tmp_path)
    opened.environment["DOCKER_HOST"] = f"unix://{tmp_path}/nobody.sock"
    return opened


@pytest.fixture
def shop(tmp_path: Path, base: str, engine: docker.DockerClient) -> Iterator[Workshop]:
    """With a Docker Engine; what was built is gone at the end."""
    opened = workshop.opened(tmp_path, base, engine)
    yield opened
    cleared(opened, engine)


def cleared(shop: Workshop, engine: docker.DockerClient) -> None:
    for container in shop.containers():
        with suppress(APIError):  # The Engine may be at it itself, for a build that ended.
            container.remove(force=True)
    for image in engine.images.list(filters={"label": shop.label}):
        with suppress(ImageNotFound):
            engine.images.remove(str(image.id), force=True)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Registry]:
    """A registry that takes everything."""
    if registry.PROGRAM is None:
        pytest.skip("there is no docker-registry on PATH")
    with registry.running(tmp_path / "depot") as running:
        yield running
