"""Where a model's adapters and small models come from: an id goes in, its name, source and folder come out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from serve import sources
from serve.errors import UnknownModel
from serve.values import Source

AT_ONCE = 8


@dataclass
class _Fetch:
    """Of one id, and how many wait for it."""

    files: asyncio.Future[Path]
    waiting: int = 0


class Store:
    """A folder, bucket or account of the hub, at `source`, with something of each id for `model`.

    Who asks for the same one waits for the same.
    """

    def __init__(self, model: str, source: Source) -> None:
        self._model = model
        self._source = source
        self._threads = ThreadPoolExecutor(AT_ONCE, "store")  # A store that hangs must not hold up what computes.
        self._fetching: dict[str, _Fetch] = {}

    def name(self, id: str) -> str:
        """By which clients ask for it."""
        return f"{self._model}:{id}"

    def source(self, id: str) -> Source:
        """Where its files are; UnknownModel where a folder of theirs has none."""
        source = located(self._source, id)
        if source.path is not None and not Path(source.path).is_dir():
            raise UnknownModel(f"the model {self.name(id)!r} does not exist", param="model")
        return source

    async def folder(self, id: str) -> Path:
        """Its own, once its files are here; raises as `sources.fetch` does."""
        source = self.source(id)
        if source.path is not None:
            return Path(source.path)
        fetch = self._fetching.get(id)
        if fetch is None:
            files = asyncio.get_running_loop().run_in_executor(self._threads, sources.fetch, source, self.name(id))
            fetch = self._fetching[id] = _Fetch(files)
        fetch.waiting += 1
        try:
            return await asyncio.shield(fetch.files)
        finally:
            fetch.waiting -= 1
            if not fetch.waiting:
                self._fetching.pop(id, None)
                fetch.files.cancel()  # Nobody wants it any more; what has begun goes on, and its files stay.


def located(source: Source, id: str) -> Source:
    """Where the store has `id`."""
    place, root = next((place, root) for place in ("path", "s3", "gs", "hub") if (root := getattr(source, place)))
    return source.model_copy(update={place: f"{root.rstrip('/')}/{id}"})
