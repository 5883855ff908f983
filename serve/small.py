"""Small models beside a replica's own: an id goes in, the application that answers for it comes out.

Each is a whole model of the same task by the same engine, in the same process, with a part of its memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Generic, Protocol, TypeVar

from serve.asgi import ASGI
from serve.errors import ModelUnavailable
from serve.store import Store
from serve.values import ModelArgs


class Small(Protocol):
    """One of them."""

    failure: ModelUnavailable | None

    async def answering(self) -> ASGI:
        """Its application."""

    def close(self) -> None:
        """Gives back what it took."""


Model = TypeVar("Model", bound=Small)


class SmallModels(Generic[Model]):
    """Puts those that are loaded into `held`, by their applications; `make` starts one."""

    def __init__(
        self,
        args: ModelArgs,
        store: Store,
        held: MutableMapping[ASGI, Model],
        make: Callable[[ModelArgs], Awaitable[Model]],
    ) -> None:
        self._args = args
        self._store = store
        self._held = held
        self._make = make

    async def load(self, id: str) -> ASGI:
        names = (*self._args.names, self._store.name(id))
        small = await self._make(self._args.model_copy(update={"names": names, "source": self._store.source(id)}))
        if small.failure is not None:
            raise small.failure
        app = await small.answering()
        self._held[app] = small
        return app

    async def drop(self, id: str, app: ASGI) -> None:
        await asyncio.to_thread(self._held.pop(app).close)
