"""Adapters and small models of a store that is slow to answer: who waits for what, and who is held up by it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve import sources
from serve.store import AT_ONCE, Store
from serve.values import Source

FILES = Path("/fetched")


class Hangs:
    """A store that answers nobody until `answers` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.reached = threading.Semaphore(0)

    def fetch(self, source: Source, model: str) -> Path:
        self.asked.append(model)
        self.reached.release()
        self.answers.wait()
        return FILES


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hangs]:
    monkeypatch.setattr(sources, "fetch", (hangs := Hangs()).fetch)
    yield hangs
    hangs.answers.set()


@pytest.fixture
def store() -> Store:
    return Store("llama", Source(s3="models/adapters"))


async def waiting(store: Store, hangs: Hangs, *ids: str) -> list[asyncio.Task[Path]]:
    """For each of them, once all are asked for."""
    tasks = [asyncio.create_task(store.folder(id)) for id in ids]
    for _ in range(min(len(set(ids)), AT_ONCE)):
        await asyncio.to_thread(hangs.reached.acquire)
    return tasks


def test_who_asks_for_the_same_waits_for_the_same(store: Store, hangs: Hangs) -> None:
    async def ask() -> None:
        tasks = await waiting(store, hangs, "one", "one", "two")
        hangs.answers.set()
        assert await asyncio.gather(*tasks) == [FILES] * 3

    asyncio.run(ask())
    assert sorted(hangs.asked) == ["llama:one", "llama:two"]


def test_who_leaves_takes_nothing_from_who_waits_on(store: Store, hangs: Hangs) -> None:
    async def ask() -> None:
        leaves, waits = await waiting(store, hangs, "one", "one")
        leaves.cancel()
        await asyncio.wait([leaves])
        hangs.answers.set()
        assert await waits == FILES

    asyncio.run(ask())
    assert hangs.asked == ["llama:one"]


def test_a_store_that_hangs_holds_up_no_other_work_and_forgets_who_left(store: Store, hangs: Hangs) -> None:
    async def ask() -> None:
        tasks = await waiting(store, hangs, *map(str, range(AT_ONCE + 1)))
        assert await asyncio.to_thread(lambda: "other work") == "other work"
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        hangs.answers.set()
        assert await store.folder("later") == FILES

    asyncio.run(ask())
    assert hangs.asked == [*(f"llama:{id}" for id in range(AT_ONCE)), "llama:later"]
