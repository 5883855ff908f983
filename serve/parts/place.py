"""Where rows come from and go to: a path or a URL goes in, files to read and write come out.

fsspec reads URLs with what the environment knows, as for sources of models.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from serve.errors import ConfigurationError

PARTIAL = ".partial"


@dataclass(frozen=True)
class Place:
    """A folder somewhere; `files` are named below it."""

    filesystem: Any
    folder: str

    def path(self, file: str) -> str:
        return f"{self.folder}/{file}"

    def size(self, file: str) -> int:
        return int(self.filesystem.size(self.path(file)))

    def open(self, file: str) -> IO[bytes]:
        opened: IO[bytes] = self.filesystem.open(self.path(file), "rb")
        return opened

    def files(self) -> set[str]:
        """All below it, without those that a break left half written."""
        if not self.filesystem.exists(self.folder):
            return set()
        found = self.filesystem.find(self.folder)
        return {path.removeprefix(f"{self.folder}/") for path in found if not path.endswith(PARTIAL)}

    def read(self, file: str) -> bytes:
        content: bytes = self.filesystem.cat_file(self.path(file))
        return content

    def write(self, file: str, content: bytes) -> None:
        """All of it or nothing: an object is there when it is whole, and a file on a disk is renamed when it is."""
        path = self.path(file)
        if not isinstance(self.filesystem, LocalFileSystem):
            self.filesystem.pipe_file(path, content)
            return
        partial = Path(f"{path}.{uuid.uuid4().hex}{PARTIAL}")
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as written:
            written.write(content)
            os.fsync(written.fileno())  # A node may go down after the rename and before the content is on the disk.
        partial.rename(path)


def folder(url: str) -> Place:
    """The folder that `url` names, whether it is there or not."""
    filesystem, path = _opened(url)
    return Place(filesystem, path.rstrip("/"))


def inputs(url: str) -> tuple[Place, list[str]]:
    """The files that `url` names: one, all of a folder, or those of a pattern; by their names below a folder."""
    filesystem, path = _opened(url)
    path = path.rstrip("/")
    root = PurePosixPath(path)
    if any(sign in path for sign in "*?["):
        while any(sign in str(root) for sign in "*?["):
            root = root.parent
        found = filesystem.glob(path)
    elif filesystem.isfile(path):
        root, found = root.parent, [path]
    else:
        found = filesystem.find(path)
    names = sorted(str(PurePosixPath(one).relative_to(root)) for one in found if filesystem.isfile(one))
    if not names:
        raise ConfigurationError(f"input: there is no file at {url}; check it, and that the pods may read it")
    return Place(filesystem, str(root)), names


def _opened(url: str) -> tuple[Any, str]:
    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        extra = url.partition("://")[0].replace("gcs", "gs")
        raise ConfigurationError(f"{url}: {error}; install it by: pip install 'ai-inference[{extra}]'") from error
    except ValueError as error:
        raise ConfigurationError(f"{url}: {error}; write a path, s3:// or gs://") from error
    return filesystem, path
