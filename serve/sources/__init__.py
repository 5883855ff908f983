"""Where weights come from: a `Source` goes in, a complete local folder comes out.

`hub` and `bucket` fill a folder and say which failures another attempt cannot cure; this module names the folder, keeps
trying, and puts failures into words. A folder once complete is used without asking anybody, so a branch, or a bucket
without a `revision`, stays what it was when it was first fetched.
"""

import errno
import hashlib
import logging
import os
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from serve.errors import ModelUnavailable
from serve.report import report
from serve.sources import bucket, hub
from serve.sources.complete import complete
from serve.sources.transfer import bytes_in
from serve.values import Source

DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further attempt; one that brought the fetch forward starts the list anew."""


class Place(Protocol):
    """A module that fetches from one kind of store."""

    def fill(self, source: Source, model: str, folder: Path) -> None:
        """Brings `folder` to the source's state, continuing what is there, and logs how far it is."""

    def incurable(self, error: Exception, source: Source) -> str | None:
        """What happened and what to do, where another attempt would fail alike."""


def cache() -> Path:
    """The folder that keeps fetched models, one folder for each source and revision."""
    return Path(os.environ.get("AI_INFERENCE_CACHE", "~/.cache/ai-inference/models")).expanduser()


def fetch(source: Source, model: str) -> Path:
    """The folder with the source's files, or the file that `path` names. Blocks for as long as fetching takes."""
    if source.path is not None:
        path = Path(source.path)
        if not path.exists():
            raise ModelUnavailable(f"model {model!r}: there is no {source.path!r} on this node; check source.path")
        return path
    place: Place = bucket if source.hub is None else hub
    try:
        return complete(cache() / folder_name(source), lambda partial: _persist(place, source, model, partial))
    except OSError as error:
        raise ModelUnavailable(f"model {model!r}: the cache {str(cache())!r} cannot be used: {error}") from error


def folder_name(source: Source) -> str:
    """Such as `hub/BAAI/bge-large-en-v1.5@main`; patterns that leave files out add a fingerprint of themselves."""
    place, location = next((place, value) for place in ("hub", "s3", "gs") if (value := getattr(source, place)))
    if ".." in Path(location).parts:
        raise ModelUnavailable(f"source.{place}: {location!r} must not contain '..'")
    revision = quote(source.revision or ("main" if place == "hub" else "latest"), safe="")
    patterns = hashlib.sha256("\n".join(sorted(source.include)).encode()).hexdigest()[:8]
    return f"{place}/{location.strip('/')}@{revision}" + (f"+{patterns}" if source.include else "")


def _persist(place: Place, source: Source, model: str, partial: Path) -> None:
    """Fills `partial`, again and again while there is hope."""
    delays = iter(DELAYS)
    while True:
        held = bytes_in(partial)
        try:
            place.fill(source, model, partial)
            return
        except Exception as error:
            if bytes_in(partial) > held:
                delays = iter(DELAYS)
            reason, delay = _full(error) or place.incurable(error, source), next(delays, None)
            if reason is not None or delay is None:
                raise ModelUnavailable(f"model {model!r}: {reason or _broke_off(error)}") from error
            report("model %s: fetching broke off, next attempt in %g s: %s", model, delay, error, level=logging.WARNING)
            time.sleep(delay)


def _full(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror} in {str(cache())!r}; make room there, or point AI_INFERENCE_CACHE elsewhere"
    return None


def _broke_off(error: Exception) -> str:
    return (
        f"its source could not be fetched in {len(DELAYS) + 1} attempts; check that this node can reach it, or give "
        f"source.path (what arrived is kept): {type(error).__name__}: {error}"
    )
