"""When requests for a model that does not answer are refused, and when one may try again."""

import pytest

from serve import circuit
from serve.circuit import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Circuit
from serve.errors import ModelUnavailable
from tests.serve.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(circuit, "time", found)
    return found


def fail(tried: Circuit, times: int = 1) -> None:
    for _ in range(times):
        tried.enter()
        tried.leave(answered=False)


def test_requests_go_on_until_so_many_in_a_row_have_failed(clock: Clock) -> None:
    tried = Circuit("llm")
    fail(tried, FAILURES - 1)
    tried.enter()
    tried.leave(answered=True)
    fail(tried, FAILURES)
    assert tried.open
    with pytest.raises(ModelUnavailable, match="model 'llm' has not answered the last 5 requests") as refused:
        tried.enter()
    assert refused.value.retry_after == 1


def test_after_a_pause_one_at_a_time_tries_whether_the_model_is_back(clock: Clock) -> None:
    tried = Circuit("llm")
    fail(tried, FAILURES)
    clock.now += FIRST_PAUSE
    tried.enter()
    with pytest.raises(ModelUnavailable):
        tried.enter()
    tried.leave(answered=True)
    assert not tried.open
    tried.enter()
    tried.enter()


def test_the_pause_doubles_and_has_a_bound(clock: Clock) -> None:
    tried = Circuit("llm")
    fail(tried, FAILURES)
    pauses = []
    for _ in range(10):
        began = clock.now
        while True:
            try:
                tried.enter()
                break
            except ModelUnavailable:
                clock.now += 0.1
        pauses.append(clock.now - began)
        tried.leave(answered=False)
    assert all(0.5 * FIRST_PAUSE * 2**n <= pause <= FIRST_PAUSE * 2**n + 0.1 for n, pause in enumerate(pauses[:5]))
    assert max(pauses) <= LONGEST_PAUSE + 0.1


def test_a_client_that_leaves_says_nothing_of_the_model(clock: Clock) -> None:
    tried = Circuit("llm")
    fail(tried, FAILURES)
    clock.now += FIRST_PAUSE
    tried.enter()
    tried.leave(answered=None)
    tried.enter()
