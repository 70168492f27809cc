"""Whatever is given, every measure answers with a value within its bounds or with one line."""

import pytest

from benchmarks.fuzz import outcome

RIGHT = ("value", "no value", "one line")


@pytest.mark.parametrize("hundred", range(10))
def test_anything_gets_a_value_or_one_line(hundred):
    found = {number: outcome(number, seed=2026) for number in range(100 * hundred, 100 * hundred + 100)}
    assert {number: came for number, came in found.items() if came[1] not in RIGHT} == {}
    assert sum(came[1] == "value" for came in found.values()) > 10
