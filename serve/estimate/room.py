"""What a budget leaves for a language model's cache: an estimate and a placement go in, bytes and tokens come out.

On a CPU vLLM is told these bytes, so that it has as many blocks. On a GPU it measures what else it takes, and the
number is a forecast.
"""

from dataclasses import dataclass

from serve.estimate.estimate import Estimate
from serve.values import Placement

BLOCK = {"cpu": 128}
"""Tokens that vLLM gives out at a time (vllm.platforms.cpu); on GPUs 16 (vllm.config.CacheConfig)."""


@dataclass(frozen=True)
class Room:
    """On each GPU."""

    size: int
    """Bytes."""
    blocks: int
    tokens: int


def room(found: Estimate, placement: Placement) -> Room:
    """What is left beside weights, activations and overhead; less than nothing where these take more."""
    left = placement.memory - (found.total - found.cache)
    block = BLOCK.get(placement.vendor, 16)
    blocks = max(0, left) // (found.cache_per_token * block) if found.cache_per_token else 0
    return Room(left, blocks, blocks * block)
