"""Files of the repository go in, the build context comes out: a tar of the same bytes for the same content.

Docker reuses a layer when what it copies is unchanged, so nothing of this machine (times, owners, umask, order) may be
in it. It lies in a temporary file: wheels have hundreds of megabytes.
"""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from images.toolkit.errors import Misused
from images.toolkit.vendors import ROOT

FILES = ("README.md", "images", "pyproject.toml", "serve")
LEFT_OUT = {"__pycache__", ".DS_Store"}


@contextmanager
def packed(wheels: Path | None = None, root: Path = ROOT) -> Iterator[IO[bytes]]:
    """The context as an open file, gone at the end."""
    if wheels and not any(wheels.glob("*.whl")):
        raise Misused(f"--wheels {wheels}: there is no wheel in this folder")
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, path in _members(root, wheels):
                tar.add(path, arcname=name, recursive=False, filter=_plain)
        yield file


def _members(root: Path, wheels: Path | None) -> Iterator[tuple[str, Path]]:
    for top in FILES:
        path = root / top
        below = sorted(path.rglob("*")) if path.is_dir() else []
        for one in (path, *below):
            name = one.relative_to(root)
            if one.exists() and not LEFT_OUT.intersection(name.parts):
                yield name.as_posix(), one
    for wheel in sorted(wheels.glob("*.whl")) if wheels else ():
        yield f"wheels/{wheel.name}", wheel.resolve()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
