"""Intervals on numbers that are known."""

import pytest

from benchmarks.paired import Compared, difference, ratio

T = 4.302653  # Student's for 2 degrees of freedom and 97.5%, as tables have it.


def test_the_interval_is_that_of_the_example_in_nists_handbook() -> None:
    """Its 195 measurements by their mean and deviation: eda352.htm says 9.258242 to 9.264679."""
    middle, deviation = 9.261460, 0.022789
    values = [middle, *[middle - deviation] * 97, *[middle + deviation] * 97]
    found = difference(dict(enumerate(values)), dict.fromkeys(range(195), 0.0))
    assert found
    assert (found.measured, found.low, found.high) == pytest.approx((middle, 9.258242, 9.264679), abs=2e-6)


def test_ratios_of_rounds_are_averaged_as_they_multiply() -> None:
    ours, theirs = {0: 110, 1: 242, 2: 399.3}, {0: 100, 1: 200, 2: 300}
    found = ratio(ours, theirs)
    assert found
    half = T / 3**0.5
    expected = (1.1**2, 1.1 ** (2 - half), 1.1 ** (2 + half))
    assert (found.measured, found.low, found.high) == pytest.approx(expected, rel=1e-6)


def test_what_changes_for_both_from_round_to_round_widens_nothing() -> None:
    drift = {number: 100.0 * (number + 1) for number in range(10)}
    found = ratio({number: 0.98 * rate for number, rate in drift.items()}, drift)
    assert found
    assert (found.low, found.high) == pytest.approx((0.98, 0.98))


def test_only_rounds_that_have_both_count() -> None:
    assert ratio({0: 10, 1: 20}, {1: 10, 2: 40}) == Compared(2.0, 2.0, 2.0, 1)
    assert ratio({0: 10}, {1: 10}) is None
    assert difference({0: 10}, {1: 10}) is None


def test_a_peer_that_did_nothing_has_no_ratio() -> None:
    assert ratio({0: 10, 1: 10}, {0: 0, 1: 10}) is None
