"""Where a model's adapters and small models come from: an id goes in, its name, source and folder come out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from serve import sources
from serve.errors import UnknownModel
from serve.values import Source


class Store:
    """A folder, bucket or account of the hub, at `source`, with something of each id for `model`.

    At most so many are fetched at once; who asks for the same one waits for the same.
    """

    def __init__(self, model: str, source: Source, at_once: int) -> None:
        self._model = model
        self._source = source
        self._threads = ThreadPoolExecutor(at_once, "store")  # A store that hangs must hold up nothing else.
        self._fetching: dict[str, asyncio.Future[Path]] = {}

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
        fetching = self._fetching.get(id)
        if fetching is None:
            loop, source = asyncio.get_running_loop(), self.source(id)
            fetching = loop.run_in_executor(self._threads, sources.fetch, source, self.name(id))
            self._fetching[id] = fetching
            fetching.add_done_callback(partial(self._done, id))
        return await asyncio.shield(fetching)

    def _done(self, id: str, fetching: "asyncio.Future[Path]") -> None:
        del self._fetching[id]
        fetching.exception()  # Whoever waited has heard it; perhaps nobody does any more.


def located(source: Source, id: str) -> Source:
    """Where the store has `id`."""
    place, root = next((place, root) for place in ("path", "s3", "gs", "hub") if (root := getattr(source, place)))
    return source.model_copy(update={place: f"{root.rstrip('/')}/{id}"})
