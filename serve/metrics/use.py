"""What models really take of GPUs beside what they may: a meter's looks go in, gauges come out.

Each replica says it of its own GPUs, so that models which share one say the same of it: take the largest.
"""

import asyncio

from serve.metrics.series import REPEAT_SECONDS, Level
from serve.use import Gpu, Meter

GPU = ("accelerator", "vendor", "gpu")
MEMORY = Level("ai_inference_gpu_memory_bytes", "Memory of a GPU, as its driver says.", GPU)
USED = Level("ai_inference_gpu_memory_used_bytes", "Memory of a GPU that is in use, by whomever.", GPU)
BUSY = Level("ai_inference_gpu_busy_ratio", "Part of the time that a GPU works, 0 to 1.", GPU)
PRESENT = Level("ai_inference_gpu_present", "1 while a GPU is there, else 0.", GPU)
OWN = Level("ai_inference_model_memory_used_bytes", "Memory of a GPU that a replica takes.", (*GPU, "model"))
BUDGET = Level("ai_inference_model_memory_budget_bytes", "Memory of a GPU that a replica may take.", (*GPU, "model"))


async def repeat(model: str, meter: Meter) -> None:
    """Looks and says it for as long as the task lives; files are read beside the event loop."""
    while True:
        for name, (gpu, busy) in (await asyncio.to_thread(meter.look)).items():
            _say(model, meter, name, gpu, busy)
        await asyncio.sleep(REPEAT_SECONDS)


def _say(model: str, meter: Meter, name: str, gpu: Gpu, busy: float | None) -> None:
    place = meter.placement
    at = (place.accelerator, place.vendor, name)
    own = (*at, model)
    PRESENT.say({at: float(gpu.present)})
    BUDGET.say({own: place.memory})
    for level, labels, value in (
        (MEMORY, at, gpu.memory), (USED, at, gpu.used), (BUSY, at, busy), (OWN, own, gpu.own),
    ):  # fmt: skip
        if value is not None:
            level.say({labels: value})
