"""What libraries compile for a card is kept beside the models: nothing goes in, their environment names the folder.

A pod's own files go with it, and the next would compile for minutes what the one before had. The folder is shared by
all replicas of an accelerator; each library tells its entries apart by card, versions and settings, and writes them
whole.
"""

import os
from pathlib import Path

from serve.sources import cache

FOLDER = ".compiled"
KEPT_BY = {
    "VLLM_CACHE_ROOT": "vllm",  # docs.vllm.ai, Environment Variables; torch's and Triton's for its graphs are below it.
    "TORCHINDUCTOR_CACHE_DIR": "inductor",  # docs.pytorch.org, torch.compile caching configuration
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "CUDA_CACHE_PATH": "cuda",  # docs.nvidia.com, CUDA environment variables
    "MIOPEN_USER_DB_PATH": "miopen",  # rocm.docs.amd.com, MIOpen's databases
    "MIOPEN_CUSTOM_CACHE_DIR": "miopen",
}


def keep() -> None:
    """What the entry's `env` says already stays; where the models' folder cannot be written, so does everything."""
    if (folder := place()) is not None:
        for name, part in KEPT_BY.items():
            os.environ.setdefault(name, str(folder / part))


def place() -> Path | None:
    """The folder, or None where it cannot be made or written."""
    folder = cache() / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
