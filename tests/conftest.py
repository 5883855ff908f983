"""What every tier of tests needs."""

import time
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds; the test fails when it does not within the time that a slow machine needs."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "it never became true"
            time.sleep(0.05)

    return wait
