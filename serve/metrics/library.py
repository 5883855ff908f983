"""The metrics that an engine's own library keeps, such as vLLM's: its registry goes in, the same is said to Ray.

By its own means vLLM would say each to Ray when it happens, also for each token: this reads the sums now and then. The
names are those that it has in Ray: `vllm:num_requests_running` is read as `ray_vllm_num_requests_running`.
"""

from functools import cache

from prometheus_client import REGISTRY

from serve.metrics.series import Labels, Level

level = cache(Level)
LEFT_OUT = ("vllm:lora_requests_info",)
"""Families whose labels are names as clients write them, and so without bound."""


def say(engine: str) -> None:
    """What is called `<engine>:...`; when a sum began is no metric."""
    for family in REGISTRY.collect():
        if not family.name.startswith(f"{engine}:") or family.name in LEFT_OUT:
            continue
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                name = sample.name.replace(":", "_")
                labels: Labels = tuple(sorted(sample.labels))
                level(name, family.documentation, labels).say(
                    {tuple(sample.labels[one] for one in labels): sample.value}
                )
