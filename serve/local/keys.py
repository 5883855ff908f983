"""The keys of a service on this machine: what the manifest asks for goes in, the folder of keys comes out.

In a cluster they are a Secret. Here they are the user's folder, else one in the cache with a key that stays the same
from one start to the next.
"""

import os
import secrets
from pathlib import Path

from serve.front.keys import OPEN, VARIABLE
from serve.local.manifest import Manifest
from serve.sources import cache

OWN = "me"
"""The name of the key that is made."""


def folder(manifest: Manifest, given: Path | None) -> Path | None:
    """None where everybody may ask."""
    if manifest.head.env.get(VARIABLE) == OPEN:
        return None
    return given or _made(cache().parent / "keys")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not any(folder.iterdir()):
        with open(os.open(folder / OWN, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # noqa: PTH123
            file.write(secrets.token_hex(24))
    return folder
