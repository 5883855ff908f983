"""A folder like this repository goes in, with build.py and tiny images; what `python build.py` says comes out.

In these images `python` is a shell, so that a contract is a shell script and an image has two megabytes.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

ROOT = Path(__file__).parents[2]
LABEL = "ai-inference.tests"
VERSIONS = "# Shared.\nVERSION=1.2.3\nPYTHON=3.12\nRAY=2.60.0\nTORCH=2.13.0\nUV=0.13.8\n"
INVENTORY = {
    "os": {"id": "debian", "version": "13"},
    "system": [{"name": "wget", "version": "1.25.0-2", "architecture": "amd64"}],
    "python": [
        {"name": "ray", "version": "2.60.0", "license": "Apache-2.0"},
        {"name": "odd", "version": "1", "license": "Its Own\n" + "and a long text " * 20},
        {"name": "silent", "version": "2", "license": ""},
    ],
}
DOCKERFILE = """\
ARG BASE={base}
FROM ${{BASE}}
LABEL {label}={name}
RUN echo packages of {vendor}
COPY images/contract.py images/inventory.json /opt/ai-inference/
{more}
USER 1000:1000
ENTRYPOINT ["/bin/nothing"]
COPY serve /opt/serve
"""
CONTRACT = """\
[ "$1" = --inventory ] && exec cat /opt/ai-inference/inventory.json
status=0
holds() { if eval "$2"; then echo "ok      $1"; else echo "FAILED  $1: $3"; status=1; fi; }
holds ray '[ "$RAY" = 2.60.0 ]' "2.60.0, but versions.env has $RAY"
holds vendor '[ -n "$VENDOR" ]' "not named"
"""


@dataclass(frozen=True)
class Workshop:
    """The folder, and a label of its own by which what came from it is found."""

    root: Path
    base: str
    engine: docker.DockerClient | None = None
    environment: dict[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def label(self) -> str:
        return f"{LABEL}={self.name}"

    @property
    def registry(self) -> str:
        """Where nobody listens: a name only."""
        return f"nowhere.invalid/{self.name}"

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def vendor(self, name: str, more: str = "") -> None:
        text = DOCKERFILE.format(base=self.base, label=LABEL, name=self.name, vendor=name, more=more)
        self.write(f"images/{name}/Dockerfile", text)

    def contract(self, more: str = "") -> None:
        self.write("images/contract.py", f"{CONTRACT}{more}\nexit $status\n")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(words), capture_output=True, text=True, env=self.env(), check=False)

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env()
        )

    def interrupted(self, words: list[str], at: Callable[[str], bool]) -> tuple[int, str, list[str]]:
        """Ctrl-C at a line of the output: the exit code, what was said after, and the containers that ran."""
        with self.start(*words) as process:
            assert process.stdout
            assert any(at(line) for line in process.stdout)
            running = [one.id for one in self.containers()]
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
        return process.returncode, rest, running

    def containers(self) -> list[Any]:
        assert self.engine
        return self.engine.containers.list(all=True, filters={"label": self.label})

    def tags(self) -> list[str]:
        assert self.engine
        return sorted(tag for image in self.engine.images.list(filters={"label": self.label}) for tag in image.tags)

    def command(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, str(self.root / "build.py"), *words]

    def env(self) -> Mapping[str, str]:
        """The user's, without the credentials and what a continuous integration sets."""
        outer = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        return {**outer, "DOCKER_CONFIG": str(self.root / "docker"), **self.environment}


def opened(root: Path, base: str = "debian:13@sha256:0", engine: docker.DockerClient | None = None) -> Workshop:
    """With the images cpu and cuda."""
    workshop = Workshop(root, base, engine)
    for name in ("build.py", "images/__init__.py"):
        workshop.write(name, (ROOT / name).read_bytes())
    shutil.copytree(
        ROOT / "images" / "toolkit", root / "images" / "toolkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    workshop.write("images/versions.env", VERSIONS)
    workshop.write("images/inventory.json", json.dumps(INVENTORY))
    workshop.write("serve/__init__.py", "")
    workshop.write("pyproject.toml", "")
    workshop.write("README.md", "")
    workshop.write("docker/config.json", "{}")
    workshop.contract()
    workshop.vendor("cpu")
    workshop.vendor("cuda")
    return workshop
