"""infinity with its torch engine, without BetterTransformer, which made it slower here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import DTYPE, ENV, threads
from benchmarks.environment import Environment
from benchmarks.hardware import DEVICE, ON_CPU
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("embeddings", "rerank")
PACKAGES = ("infinity-emb", "sentence-transformers", "transformers", "torch", "optimum")
ENVIRONMENT = Environment("infinity", over_ours=not ON_CPU)
ENGINE = ("--engine=torch", "--no-bettertransformer", f"--device={DEVICE}", f"--dtype={DTYPE}")


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    own = [
        f"--model-id={folder}",
        "--served-model-name=model",
        f"--port={port}",
        "--host=127.0.0.1",
        "--url-prefix=/v1",
    ]
    command: list[str | Path] = [ENVIRONMENT.python().parent / "infinity_emb", "v2", *own, *ENGINE]
    with started(command, ENV | threads(task)) as server:
        server.wait(f"http://127.0.0.1:{port}/v1/models")
        yield Server(f"http://127.0.0.1:{port}", "model")
