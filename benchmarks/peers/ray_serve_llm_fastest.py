"""Ray Serve LLM at its fastest settings: HAProxy, its throughput options, and streams straight from the replica."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import Server, ray_serve_llm

TASKS = ray_serve_llm.TASKS
PACKAGES = ()
ENVIRONMENT = ray_serve_llm.ENVIRONMENT
FASTEST = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING": "1",
}


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with ray_serve_llm.served(task, folder, port, FASTEST) as server:
        yield server
