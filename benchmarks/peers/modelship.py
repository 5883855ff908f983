"""modelship as its installer provisions it, with its own Python and vLLM, and without its sizing by the hardware.

Its models' replicas take as many requests at once as are sent; its cache of keys and values is told in whole GiB.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmarks.engine import ENV, keywords, threads
from benchmarks.environment import ROOT, Environment, installed
from benchmarks.hardware import ON_CPU
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("llm",)
PACKAGES = ("mship",)
ENVIRONMENT = Environment("modelship")
HOME = {"MSHIP_HOME": str(ROOT / ".venv" / "bench" / "modelship" / "home"), "VLLM_CPU_KVCACHE_SPACE": "1"}
VARIANT = "--cpu" if ON_CPU else "--cuda"


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    mship = ENVIRONMENT.python().parent / "mship"
    uv = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # Ours, or it would fetch one.
    installed(mship, "bootstrap", VARIANT, env={**os.environ, **HOME, "PATH": uv})
    with tempfile.TemporaryDirectory() as made:
        config = Path(made) / "models.yaml"
        config.write_text(yaml.safe_dump({"models": [_model(task, folder)]}))
        command: list[str | Path] = [mship, "start", VARIANT, f"--config={config}", f"--openai-api-port={port}"]
        with started([*command, "--no-preflight"], ENV | threads(task) | HOME) as server:
            server.wait(f"http://127.0.0.1:{port}/modelship/v1/models/model")
            yield Server(f"http://127.0.0.1:{port}/modelship", "model")


def _model(task: str, folder: Path) -> dict[str, object]:
    flags = {name: value for name, value in keywords().items() if name != "kv_cache_memory_bytes"}
    return {
        "name": "model",
        "model": str(folder),
        "usecase": "generate",
        "loader": "vllm",
        "num_gpus": 0 if ON_CPU else 1,
        "num_cpus": int(threads(task)["OMP_NUM_THREADS"]),
        "max_ongoing_requests": 256,
        "vllm_engine_kwargs": flags,
    }
