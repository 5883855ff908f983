"""A short run of each way of asking, always with the same requests: `make fuzz` makes the long ones, with others."""

from collections.abc import Iterator

import pytest

from tests.fuzz import SEED
from tests.fuzz.run import WAYS, run
from tests.fuzz.service import Target, served
from tests.fuzz.verdict import rules

SECONDS = 20
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with served() as target:
        yield target


@pytest.mark.parametrize("way", WAYS)
def test_a_service_that_is_asked_what_nobody_should_ask_answers_and_stays_well(target: Target, way: str) -> None:
    seen = run(target, WAYS[way], SECONDS, SEED)
    assert [f"{rule.what}: {rule.measured}" for rule in rules(seen) if not rule.holds] == []
