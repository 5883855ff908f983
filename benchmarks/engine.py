"""What every server is started with alike: threads, precision, and what vLLM is told."""

from typing import Any

from benchmarks import tasks
from benchmarks.hardware import ON_CPU

ENV = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
FLAGS: dict[str, Any] = {"maxModelLen": 1024, "dtype": "bfloat16", "kvCacheMemoryBytes": 2**30}
"""In the words of a values file's engineConfig."""
ASIDE = {"gpuMemoryUtilization": 0.2}
"""Of peers alone: vLLM's own server wants 92% of a card to be free, where others are on it; ours is told a budget."""
DTYPE = "float16"
"""Of encoders."""
if ON_CPU:
    ENV |= {
        "TORCHDYNAMO_DISABLE": "1",  # vLLM compiles single functions by g++ even when told to run eagerly.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # The client runs on these cores too.
    }
    FLAGS |= {"dtype": "float32", "enforceEager": True, "kvCacheMemoryBytes": 2**28}
    ASIDE = {}
    DTYPE = "float32"


def threads(task: str) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(tasks.task(task).THREADS)}


def keywords() -> dict[str, Any]:
    """FLAGS as vLLM's Python interface has them."""
    return {_words(name, "_"): value for name, value in (FLAGS | ASIDE).items()}


def flags() -> list[str]:
    """FLAGS as its command line has them."""
    return [
        f"--{_words(name, '-')}" + ("" if value is True else f"={value}") for name, value in (FLAGS | ASIDE).items()
    ]


def _words(name: str, between: str) -> str:
    return "".join(between + letter.lower() if letter.isupper() else letter for letter in name)
