"""vLLM's own server as it starts by itself, which on a CPU means a process more for the model."""

from benchmarks.peers import vllm

TASKS = vllm.TASKS
PACKAGES = ()
serving = vllm.served
