"""Whatever is given, every measure answers with a value within its bounds or with one line."""

import numpy as np
import pytest

import layerscape as ls
from benchmarks.fuzz import outcome
from layerscape import Estimate, Representation
from layerscape.errors import InvalidValue

RIGHT = ("value", "no value", "one line")


@pytest.mark.parametrize("hundred", range(10))
def test_anything_gets_a_value_or_one_line(hundred):
    found = {number: outcome(number, seed=2026) for number in range(100 * hundred, 100 * hundred + 100)}
    assert {number: came for number, came in found.items() if came[1] not in RIGHT} == {}
    assert sum(came[1] == "value" for came in found.values()) > 10


def test_memory_that_there_is_not_is_one_line():
    def greedy(x: Representation, /) -> Estimate:
        """What takes too much."""
        raise MemoryError("Unable to allocate 224. GiB")

    with pytest.raises(InvalidValue, match=r"^greedy needs more memory than there is \(Unable to allocate 224\. GiB\)"):
        ls.estimate(greedy, np.eye(30))
