"""infinity with its torch engine in float32, without BetterTransformer, which made it slower here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import ENV, threads
from benchmarks.environment import Environment
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("embeddings", "rerank")
PACKAGES = ("infinity-emb", "sentence-transformers", "transformers", "torch", "optimum")
ENVIRONMENT = Environment("infinity")
ENGINE = ("--engine=torch", "--no-bettertransformer", "--device=cpu", "--dtype=float32")


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
