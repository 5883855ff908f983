"""Limits over replicas in a time of the test's own: no minute has more than is allowed."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serve.quotas import AT_ONCE, SECONDS, TICK_SECONDS, Account, Ask
from serve.quotas.lease import PATIENCE_SECONDS, Lease
from serve.quotas.quotas import GONE_SECONDS, RETRY_SECONDS, Quotas
from serve.quotas.window import Window

STEP = 0.01


class Replica:
    """Takes requests as serve/quotas/leases.py has them, by the test's clock."""

    def __init__(self, name: str, actor: Quotas, kind: str, limit: float) -> None:
        self.name = name
        self.actor = actor
        self.lease = Lease(Account("me", "llm", kind), limit)
        self.calls = 0

    def admits(self, now: float) -> float:
        """What the request took; 0 where it is refused."""
        if not self.lease.has_room(now) and not self.lease.refused(now):
            self.lease.waiting += 1
            self.trade(now)
            self.lease.waiting -= 1
        if not self.lease.has_room(now):
            return 0
        taken = self.lease.take(now)
        if self.lease.low(now):
            self.trade(now)
        return taken

    def trade(self, now: float) -> None:
        self.calls += 1
        (grant,) = self.actor.trade(self.name, [self.lease.ask(now)])
        self.lease.granted(grant, now)


class Clock:
    now = 1000.5

    def __call__(self) -> float:
        return self.now


def minutes(
    replicas: int, limit: float, rate: float, seconds: int, used: float = 1, kind: str = "requests", seed: int = 0
) -> Iterator[tuple[float, float]]:
    """When each admitted request was, and what it used; `rate` come in a second, each to some replica."""
    clock, chance = Clock(), random.Random(seed)  # noqa: S311
    actor = Quotas(clock)
    group = [Replica(str(number), actor, kind, limit) for number in range(replicas)]
    end, ticked = clock.now + seconds, clock.now
    while clock.now < end:
        clock.now += STEP
        if clock.now - ticked >= TICK_SECONDS:
            for one in group:
                one.lease.tick(clock.now - ticked)
                one.trade(clock.now)
            ticked = clock.now
        for _ in range(int(rate * STEP) + (chance.random() < rate * STEP % 1)):
            one = chance.choice(group)
            if taken := one.admits(clock.now):
                one.lease.settle(taken, used)
                yield clock.now, used


def most(spent: list[tuple[float, float]]) -> float:
    """The largest sum of any minute."""
    best = total = 0.0
    first = 0
    for now, amount in spent:
        total += amount
        while spent[first][0] <= now - SECONDS:
            total -= spent[first][1]
            first += 1
        best = max(best, total)
    return best


@settings(max_examples=25, deadline=None)
@given(replicas=st.integers(1, 8), limit=st.integers(1, 3000), rate=st.floats(0.2, 400), seed=st.integers(0, 2**32))
@example(replicas=2, limit=23, rate=1.0, seed=1)
def test_no_minute_has_more_requests_than_the_limit(replicas: int, limit: int, rate: float, seed: int) -> None:
    assert most(list(minutes(replicas, limit, rate, 90, seed=seed))) <= limit


@pytest.mark.parametrize("replicas", [1, 3, 8])
@pytest.mark.parametrize(("limit", "rate"), [(60, 10), (600, 50), (3000, 400)])
def test_who_asks_for_more_gets_the_limit_within_a_twentieth(replicas: int, limit: int, rate: float) -> None:
    spent = list(minutes(replicas, limit, rate, 60))
    assert 0.95 * limit <= sum(amount for _, amount in spent) <= limit


@pytest.mark.parametrize("used", [20, 900])
def test_what_is_known_only_after_the_answer_stays_within_a_twentieth_too(used: float) -> None:
    spent = list(minutes(3, 100_000, 50, 60, used=used, kind="tokens"))
    assert 0.95 * min(100_000, 50 * 60 * used) <= sum(amount for _, amount in spent) <= 1.05 * 100_000


def test_a_replica_that_has_much_to_do_asks_seldom() -> None:
    clock = Clock()
    one = Replica("one", Quotas(clock), "requests", 60_000)
    for number in range(3000):
        clock.now += STEP
        if number % 50 == 0:
            one.lease.tick(TICK_SECONDS)
            one.trade(clock.now)
        assert one.admits(clock.now)
    assert one.calls < 3000 / 20


def test_what_a_replica_does_not_use_the_others_get() -> None:
    clock = Clock()
    actor = Quotas(clock)
    one, other = (Replica(name, actor, "requests", 10) for name in "ab")
    assert [bool(one.admits(clock.now)) for _ in range(4)] == [True] * 4
    clock.now += PATIENCE_SECONDS
    for _ in range(30):
        one.lease.tick(TICK_SECONDS)
        one.trade(clock.now)
        clock.now += TICK_SECONDS
    assert sum(bool(other.admits(clock.now)) for _ in range(10)) == 6


def test_a_replica_is_ready_for_as_much_as_came_at_once_however_the_pauses_fall() -> None:
    for pause in range(1, 9):
        one = Replica("a", Quotas(clock := Clock()), "requests", 10_000)
        for burst in range(20):
            calls = one.calls
            assert all(one.admits(clock.now) for _ in range(32 - burst % 8))
            assert one.calls == calls or not burst, f"burst {burst} of those with {pause} ticks between"
            for _ in range(pause):
                clock.now += TICK_SECONDS
                one.lease.tick(TICK_SECONDS)
                one.trade(clock.now)


def test_who_asks_again_before_the_last_request_is_given_back_waits_for_nobody() -> None:
    one = Replica("a", Quotas(clock := Clock()), AT_ONCE, 1000)
    under_way = [one.admits(clock.now) for _ in range(32)]
    clock.now += TICK_SECONDS
    one.lease.tick(TICK_SECONDS)
    one.trade(clock.now)
    for _ in range(32):
        calls = one.calls
        assert one.admits(clock.now)
        one.lease.settle(under_way.pop(), 1)
        assert one.calls == calls


@pytest.mark.parametrize("seed", range(20))
def test_requests_in_a_row_get_all_of_a_small_limit_whichever_replicas_they_come_to(seed: int) -> None:
    chance, actor = random.Random(seed), Quotas(clock := Clock())  # noqa: S311
    group = [Replica(name, actor, "requests", 6) for name in "abc"]
    admitted = []
    for _ in range(9):
        clock.now += STEP
        admitted.append(bool(chance.choice(group).admits(clock.now)))
    assert admitted == [True] * 6 + [False] * 3


def test_a_burst_leaves_most_of_the_limit_to_the_others() -> None:
    one = Replica("a", Quotas(clock := Clock()), "requests", 100)
    assert all(one.admits(clock.now) for _ in range(30))
    one.lease.tick(TICK_SECONDS)
    assert one.lease.ask(clock.now).want <= 0.2 * 100


def test_what_is_passed_on_is_not_expected_here_again() -> None:
    one = Replica("a", Quotas(clock := Clock()), "tokens", 10_000)
    for _ in range(30):
        one.lease.settle(one.admits(clock.now), 0)
    one.lease.tick(TICK_SECONDS)
    assert one.lease.ask(clock.now).want == one.lease.cost


def test_who_is_refused_what_others_hold_and_do_not_use_shall_come_again_soon() -> None:
    actor = Quotas(clock := Clock())
    group = [Replica(name, actor, "requests", 100) for name in "abc"]
    for one in group:
        assert all(one.admits(clock.now) for _ in range(10))
    clock.now += TICK_SECONDS
    for one in group:
        one.lease.tick(TICK_SECONDS)
        one.trade(clock.now)
    late = Replica("d", actor, "requests", 100)
    admitted = sum(bool(late.admits(clock.now)) for _ in range(100))
    assert admitted < 70, "the others hold some"
    assert late.lease.refused(clock.now) == RETRY_SECONDS
    clock.now += RETRY_SECONDS
    for one in group:
        one.lease.tick(RETRY_SECONDS)
        one.trade(clock.now)
    assert late.admits(clock.now)


def test_requests_at_once_are_counted_over_replicas_and_a_replica_that_ended_holds_none() -> None:
    clock = Clock()
    actor = Quotas(clock)
    one, other = (Replica(name, actor, AT_ONCE, 4) for name in "ab")
    held = [one.admits(clock.now) for _ in range(3)]
    assert all(held) and other.admits(clock.now) and not other.admits(clock.now)
    clock.now += PATIENCE_SECONDS
    one.lease.settle(held[0], 1)
    for _ in range(2):
        one.lease.tick(TICK_SECONDS)
        one.trade(clock.now)
    assert other.admits(clock.now)
    clock.now += GONE_SECONDS + 1
    assert sum(bool(other.admits(clock.now)) for _ in range(4)) == 2


def test_a_refusal_says_when_there_is_enough_again() -> None:
    clock = Clock()
    actor = Quotas(clock)
    account = Account("me", "llm", "requests")
    actor.trade("a", [Ask(account, 10, least=1, want=10)])
    clock.now += 20
    (grant,) = actor.trade("a", [Ask(account, 10, least=1, want=1)])
    assert grant.credit == 0
    assert SECONDS - 20 <= grant.wait <= SECONDS - 20 + 1
    clock.now += grant.wait
    (grant,) = actor.trade("a", [Ask(account, 10, least=1, want=1)])
    assert grant.credit == 1


def test_a_window_takes_back_what_came_then_and_where_that_is_less_of_what_came_before() -> None:
    window = Window()
    for second, amount in ((0, 5), (1, 3), (2, 1)):
        window.add(amount, second)
    window.take_back(4, 1)
    assert window.used(3) == 5
    assert window.used(61.5) == 1
