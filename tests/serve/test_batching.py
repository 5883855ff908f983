"""TokenBatcher with a device that a test holds and lets go, so that what waits meanwhile is known."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.batching import TokenBatcher, check_length
from serve.engine import Tokens
from serve.errors import TooLong

Lengths = list[int]


class Device:
    """Answers each item by its `ids`; while it is held, a batch that has started waits."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.costs: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.started = threading.Event()

    def compute(self, batch: Sequence[Tokens]) -> list[Any]:
        self.batches.append([tokens.ids for tokens in batch])
        self.costs.append(len(batch) * max(tokens.length for tokens in batch))
        self.started.set()
        self.free.wait()
        if "poison" in self.batches[-1]:
            raise ValueError("this item cannot be computed")
        return [f"result of {tokens.ids}" for tokens in batch]


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def batcher(device: Device) -> Iterator[TokenBatcher]:
    made = TokenBatcher(device.compute, max_tokens=100, longest=1000)
    yield made
    device.free.set()
    made.close()


def tokens(*lengths: int) -> list[Tokens]:
    return [Tokens(length, length) for length in lengths]


@asynccontextmanager
async def held(device: Device, batcher: TokenBatcher) -> AsyncIterator[None]:
    """The device computes one item, and does not end before the body has."""
    device.free.clear()
    first = asyncio.create_task(batcher.run([Tokens("first", 1)]))
    await asyncio.to_thread(device.started.wait)
    yield
    device.free.set()
    await first


async def started(*runs: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Tasks that have put their items into the queue."""
    tasks = [asyncio.create_task(run) for run in runs]
    await asyncio.sleep(0)
    return tasks


def test_results_come_in_the_order_of_their_items(batcher: TokenBatcher) -> None:
    results = asyncio.run(batcher.run(tokens(30, 5, 200, 5, 31)))
    assert results == [f"result of {length}" for length in (30, 5, 200, 5, 31)]


def test_no_items_have_no_results(batcher: TokenBatcher) -> None:
    assert asyncio.run(batcher.run([])) == []


def test_an_idle_device_starts_with_the_first_item(device: Device, batcher: TokenBatcher) -> None:
    asyncio.run(batcher.run(tokens(3)))
    assert device.batches == [[3]]


def test_what_comes_while_the_device_computes_shares_a_batch(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> None:
        async with held(device, batcher):
            tasks = await started(*(batcher.run(tokens(length)) for length in (9, 8, 10)))
        await asyncio.gather(*tasks)

    asyncio.run(many())
    assert device.batches == [["first"], [8, 9, 10]]


def test_a_batch_is_bounded_by_its_longest_item_times_its_size(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> None:
        async with held(device, batcher):
            tasks = await started(batcher.run(tokens(*[25] * 9)))
        await asyncio.gather(*tasks)

    asyncio.run(many())
    assert device.batches[1:] == [[25] * 4, [25] * 4, [25]]


def test_an_item_above_the_bound_goes_alone(device: Device, batcher: TokenBatcher) -> None:
    asyncio.run(batcher.run(tokens(400, 390)))
    assert sorted(device.batches) == [[390], [400]]


def test_a_cut_item_costs_what_is_left_of_it(device: Device) -> None:
    batcher = TokenBatcher(device.compute, max_tokens=100, longest=10)

    async def many() -> None:
        async with held(device, batcher):
            tasks = await started(batcher.run(tokens(10, 5000)))
        await asyncio.gather(*tasks)

    asyncio.run(many())
    batcher.close()
    assert device.batches[1:] == [[10, 5000]]


def test_short_items_are_not_padded_to_the_length_of_a_long_one(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> None:
        async with held(device, batcher):
            tasks = await started(batcher.run(tokens(45, 2, 3)))
        await asyncio.gather(*tasks)

    asyncio.run(many())
    assert device.batches[1:] == [[45], [2, 3]]


def test_the_oldest_item_is_always_in_the_next_batch(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> None:
        async with held(device, batcher):
            tasks = await started(batcher.run(tokens(90)), batcher.run(tokens(*[20] * 10)), batcher.run(tokens(91)))
        await asyncio.gather(*tasks)

    asyncio.run(many())
    assert device.batches[1:] == [[90], [20] * 5, [20] * 5, [91]]


def test_a_cancelled_request_leaves_the_queue(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> int:
        async with held(device, batcher):
            tasks = await started(batcher.run(tokens(10, 11)), batcher.run(tokens(12)))
            tasks[0].cancel()
            await asyncio.gather(tasks[0], return_exceptions=True)
            waiting = len(batcher.waits)
        assert await tasks[1] == ["result of 12"]
        return waiting

    assert asyncio.run(many()) == 1
    assert device.batches == [["first"], [12]]


def test_a_request_cancelled_while_it_is_computed_harms_no_other(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> Any:
        device.free.clear()
        (gone,) = await started(batcher.run(tokens(7)))
        await asyncio.to_thread(device.started.wait)
        gone.cancel()
        (next_one,) = await started(batcher.run(tokens(8)))
        device.free.set()
        return await next_one

    assert asyncio.run(many()) == ["result of 8"]


def test_an_item_that_fails_takes_no_other_of_its_batch_with_it(device: Device, batcher: TokenBatcher) -> None:
    async def many() -> list[Any]:
        async with held(device, batcher):
            good, bad = tokens(5, 6), [Tokens("poison", 5)]
            tasks = await started(batcher.run(good), batcher.run(bad), batcher.run(good))
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, failed, last = asyncio.run(many())
    assert first == last == ["result of 5", "result of 6"]
    assert repr(failed) == "ValueError('this item cannot be computed')"
    assert asyncio.run(batcher.run(tokens(9))) == ["result of 9"]


def test_a_failed_request_leaves_the_queue(device: Device, batcher: TokenBatcher) -> None:
    with pytest.raises(ValueError, match="cannot be computed"):
        asyncio.run(batcher.run([Tokens("poison", 1), *tokens(*[90] * 50)]))
    assert len(batcher.waits) == 0
    assert device.batches == [["poison"]]


def test_an_engine_that_loses_results_fails_the_request() -> None:
    batcher = TokenBatcher(lambda batch: ["only one"], max_tokens=100, longest=100)
    assert asyncio.run(batcher.run(tokens(4))) == ["only one"]
    batcher.close()
    batcher = TokenBatcher(lambda batch: [], max_tokens=100, longest=100)
    with pytest.raises(ValueError, match="zip"):
        asyncio.run(batcher.run(tokens(4)))
    batcher.close()


def test_a_closed_loop_does_not_end_the_device(device: Device, batcher: TokenBatcher) -> None:
    async def leave() -> None:
        device.free.clear()
        await started(batcher.run(tokens(1)))
        await asyncio.to_thread(device.started.wait)

    asyncio.run(leave())
    device.free.set()
    assert asyncio.run(batcher.run(tokens(2))) == ["result of 2"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 120), min_size=1, max_size=12), min_size=1, max_size=8))
def test_every_item_is_computed_once_within_the_bound(requests: list[Lengths]) -> None:
    device = Device()
    batcher = TokenBatcher(device.compute, max_tokens=100, longest=1000)

    async def many() -> list[Any]:
        async with held(device, batcher):
            tasks = await started(*(batcher.run(tokens(*lengths)) for lengths in requests))
        return await asyncio.gather(*tasks)

    results = asyncio.run(many())
    batcher.close()
    assert results == [[f"result of {length}" for length in lengths] for lengths in requests]
    assert sorted(chain(*device.batches[1:])) == sorted(chain(*requests))
    assert all(cost <= 100 or len(batch) == 1 for cost, batch in zip(device.costs, device.batches, strict=True))


def test_an_item_that_is_too_long_is_named_with_what_to_do() -> None:
    check_length(tokens(8, 8), 8, "input")
    with pytest.raises(
        TooLong, match=r"input\[1\] has at least 9 tokens; this model takes 8\. Shorten it, or send truncate: true"
    ):
        check_length(tokens(8, 9), 8, "input")
