"""What a replica holds at once of many things: an id goes in, the thing comes out, loaded if it was not there.

At most so many are held. For one more, that goes whose last use is longest ago; one that is in use stays until it is
not, so that memory is bounded and nobody loses what they work with.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Place(Generic[T]):
    thing: "asyncio.Task[T]"
    users: int = 0


class Shelf(Generic[T]):
    """`load(id)` brings a thing, `drop(id, thing)` takes it away; both may take long."""

    def __init__(
        self, most: int, load: Callable[[str], Awaitable[T]], drop: Callable[[str, T], Awaitable[None]]
    ) -> None:
        self._most = most
        self._load = load
        self._drop = drop
        self._places: OrderedDict[str, _Place[T]] = OrderedDict()  # The last used at the end.
        self._changed = asyncio.Condition()
        self.loaded = 0
        self.evicted = 0

    def ids(self) -> list[str]:
        """What is held, the last used at the end."""
        return list(self._places)

    @asynccontextmanager
    async def held(self, id: str) -> AsyncIterator[T]:
        """The thing, which stays until the context ends. Raises what `load` raises, and holds nothing then."""
        place = await self._place(id)
        try:
            # A client that leaves does not end what others wait for.
            yield await asyncio.shield(place.thing)
        finally:
            await self._leave(id, place)

    async def _place(self, id: str) -> _Place[T]:
        async with self._changed:
            await self._changed.wait_for(lambda: id in self._places or self._room())
            if id not in self._places:
                gone = self._least_used() if len(self._places) == self._most else ()
                self._places[id] = _Place(asyncio.create_task(self._exchange(id, *gone)))
            self._places.move_to_end(id)
            self._places[id].users += 1
            return self._places[id]

    def _room(self) -> bool:
        return len(self._places) < self._most or any(place.users == 0 for place in self._places.values())

    def _least_used(self) -> tuple[str, "asyncio.Task[T]"]:
        id = next(id for id, place in self._places.items() if place.users == 0)
        return id, self._places.pop(id).thing

    async def _exchange(self, id: str, goes: str = "", thing: "asyncio.Task[T] | None" = None) -> T:
        """Loads `id`, when what goes for it is away: that may itself be loading, for a client that has left."""
        if thing is not None:
            await asyncio.wait([thing])
            if not thing.cancelled() and thing.exception() is None:
                await self._drop(goes, thing.result())
                self.evicted += 1
        loaded = await self._load(id)
        self.loaded += 1
        return loaded

    async def _leave(self, id: str, place: _Place[T]) -> None:
        async with self._changed:
            place.users -= 1
            failed = place.thing.done() and (place.thing.cancelled() or place.thing.exception())
            if failed and self._places.get(id) is place:
                del self._places[id]
            self._changed.notify_all()
