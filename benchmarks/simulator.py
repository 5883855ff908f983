"""An engine with a GPU's timing and no work to do: behind Serve as the engine `fake`, and here behind uvicorn alone.

What a server adds to its engine shows beside it even on two cores, since nothing else takes them.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvicorn

TIMING = {"delay": 0.02, "tokenDelay": 0.04}
"""Seconds before the first token and for each: a large model on one card, as an engineConfig."""


def serve(port: int) -> None:
    """Until it is ended."""
    from serve.engines import fake
    from serve.values import Placement

    place = Placement(accelerator="simulated", vendor="cpu", num_gpus=0, cpus=1, memory=2**30, device_memory=2**30)
    app: Any = asyncio.run(fake.Engine(fake.Config.model_validate(TIMING), Path(), place).app(["model"]))
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
