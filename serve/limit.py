"""A limit that holds without the engine: a placement goes in, the environment that tells NVIDIA's MPS comes out.

MPS reads it when a process starts to use CUDA (docs.nvidia.com/deploy/mps, Environment Variables): before the engine.
HAMi's limit is the pod's, by the chart; MIG's and a claim's are the device's own.
"""

from collections.abc import Mapping
from pathlib import Path

from serve.values import Placement

ROOT = Path("/")


def environment(placement: Placement, root: Path = ROOT) -> Mapping[str, str]:
    """The budget on each GPU of the pod, since MPS counts them in an order of its own, and the share of its threads."""
    if placement.limit != "mps" or placement.vendor != "cuda":
        return {}
    gpus = max(1, len(list(root.glob("dev/nvidia[0-9]*"))))
    share = 100 * min(1, placement.num_gpus)
    return {
        "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": ",".join(f"{gpu}={placement.memory // 2**20}M" for gpu in range(gpus)),
        "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": f"{share:g}",
    }
