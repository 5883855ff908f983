"""What is said of the cost of limits."""

from benchmarks.limits import cost, page
from tests.benchmarks.test_results import row


def test_a_limited_key_that_does_half_as_much_is_said_to_with_the_interval_of_its_turns() -> None:
    found = {"requests/s": {"limited": {0: 50.0, 1: 51.0, 2: 49.0}, "unlimited": {0: 100.0, 1: 102.0, 2: 98.0}}}
    assert row(page([cost("llm", found)]), "llm")[1:] == ["requests/s", "0.500", "0.500 to 0.500", "3"]


def test_turns_that_differ_leave_it_open() -> None:
    found = {"requests/s": {"limited": {0: 50.0, 1: 200.0}, "unlimited": {0: 100.0, 1: 100.0}}}
    low, _, high = row(page([cost("llm", found)]), "llm")[3].split()
    assert float(low) < 1 < float(high)
