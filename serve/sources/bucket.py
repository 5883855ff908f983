"""Weights from S3, anything that speaks it, or Google Cloud Storage: the objects below a prefix fill a folder.

fsspec reads them with what the environment knows: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, a service account, and so on.
Each file grows piece by piece and is continued from where it ends, unless its object has another etag than the one
noted beside it.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from serve.sources.transfer import transfer
from serve.values import Source

PIECE = 16 * 2**20
"""Bytes of one request: what a break can cost, and long enough that the pauses between requests do not count."""
AT_ONCE = 8
"""Files that grow side by side."""
ETAGS = ".etags.json"
"""Notes in the folder which version each file belongs to."""


class Changed(OSError):
    """The objects are not those that the fetch began with."""


@dataclass(frozen=True)
class Object:
    """One object in the bucket and the file that it becomes."""

    key: str
    file: str
    size: int
    etag: str


def fill(source: Source, model: str, folder: Path) -> None:
    """Brings `folder` to the state of the bucket."""
    place, location = _address(source)
    # Neither an instance nor a listing from an earlier attempt: the bucket may have changed since.
    filesystem = fsspec.filesystem(place, skip_instance_cache=True, use_listings_cache=False)
    objects = _listing(filesystem, location, source.include)
    if not objects:
        raise FileNotFoundError
    _forget_changed(folder, objects)
    with transfer(model, folder, sum(item.size for item in objects)), ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda item: _grow(filesystem, item, folder / item.file), objects):
            continue
    if _listing(filesystem, location, source.include) != objects:
        raise Changed(f"{place}://{location} changed while it was fetched")


def incurable(error: Exception, source: Source) -> str | None:
    """What happened and what to do, where another attempt would fail alike."""
    place, location = _address(source)
    match error:
        case ImportError():
            return f"source.{place} needs a package that is missing; install it by: pip install 'ai-inference[{place}]'"
        case FileNotFoundError():
            which = f" that matches {', '.join(source.include)}" if source.include else ""
            return f"there is nothing{which} at {place}://{location}; check source.{place}"
        case PermissionError():
            return f"{place}://{location} may not be read ({error}); check the credentials in the environment"
    return None


def _address(source: Source) -> tuple[str, str]:
    place = "gs" if source.s3 is None else "s3"
    return place, getattr(source, place).strip("/")


def _listing(filesystem: Any, location: str, include: tuple[str, ...]) -> list[Object]:
    found = filesystem.find(location, detail=True)
    objects = [_object(location, key, entry) for key, entry in found.items() if not key.endswith("/")]
    return [item for item in objects if not include or any(fnmatch(item.file, pattern) for pattern in include)]


def _object(location: str, key: str, entry: Mapping[str, Any]) -> Object:
    file = PurePosixPath(key.removeprefix(location).lstrip("/") or PurePosixPath(key).name)
    if ".." in file.parts:
        raise PermissionError(f"the object {key!r} would leave the folder")
    return Object(key, str(file), entry["size"], str(entry.get("ETag") or entry.get("etag")))


def _forget_changed(folder: Path, objects: list[Object]) -> None:
    """Removes what was fetched of other versions, and notes the versions that are fetched now."""
    notes, etags = folder / ETAGS, {item.file: item.etag for item in objects}
    known = json.loads(notes.read_text()) if notes.exists() else {}
    for file in [file for file in folder.rglob("*") if file.is_file() and file != notes]:
        name = file.relative_to(folder).as_posix()
        if name not in etags or known.get(name) != etags[name]:
            file.unlink()
    written = notes.with_suffix(".new")
    written.write_text(json.dumps(etags, indent=2))
    written.rename(notes)


def _grow(filesystem: Any, item: Object, file: Path) -> None:
    """Appends to `file` until it has the object's size."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as grown:
        while (start := grown.tell()) < item.size:
            piece = filesystem.cat_file(item.key, start=start, end=min(start + PIECE, item.size))
            if not piece:
                raise Changed(f"{item.key} ends at {start} of {item.size} bytes")
            grown.write(piece)
