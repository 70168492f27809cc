"""Whatever is given, every measure answers with a value within its bounds or with one line."""

import math

import numpy as np
import pytest

import layerscape as ls
from benchmarks.fuzz import case, faults, outcome
from layerscape import Estimate, Representation
from layerscape.core.estimate import Chance
from layerscape.errors import InvalidValue
from layerscape.measures import catalog

NAN = math.nan


@pytest.mark.parametrize("hundred", range(10))
def test_anything_gets_a_value_or_one_line(hundred):
    found = {number: outcome(number, seed=2026) for number in range(100 * hundred, 100 * hundred + 100)}
    assert {number: answer for number, answer in found.items() if not answer.right} == {}
    assert sum(answer.came == "value" for answer in found.values()) > 20


def test_a_case_is_made_again_from_its_number():
    for number in range(40):
        first, second = case(number, 3), case(number, 3)
        assert (first[0], first[1].name, repr(first[3])) == (second[0], second[1].name, repr(second[3]))
        assert outcome(number, 3) == outcome(number, 3)


@pytest.mark.parametrize(
    ("estimate", "fault"),
    [
        (Estimate(0.5, 0.4, 0.6, 10, chance=Chance(0.1, 0.0, 0.2, 0.01)), None),
        (Estimate(NAN, NAN, NAN, 10, warnings=("nothing to read",)), None),
        (Estimate(NAN, NAN, NAN, 10), "silent: no value and no reason"),
        (Estimate(NAN, 0.0, 1.0, 10, warnings=("why",)), "interval of nothing: 0.0 to 1.0"),
        (Estimate(0.5, NAN, NAN, 10, warnings=("why",)), None),
        (Estimate(0.5, NAN, NAN, 10), "silent: no interval and no reason"),
        (Estimate(1.5, NAN, NAN, 10, warnings=("why",)), "outside: 1.5 of (0, 1)"),
        (Estimate(0.5, 0.6, 0.7, 10), "outside: 0.6 0.5 0.7 of (0, 1)"),
        (Estimate(0.5, 0.4, 1.2, 10), "outside: 0.4 0.5 1.2 of (0, 1)"),
        (Estimate(0.5, 0.4, 0.6, 10, chance=Chance(1.5)), "chance outside: "),
        (Estimate(0.5, 0.4, 0.6, 10, chance=Chance(0.5, 0.6, 0.7)), "chance beside its limits: "),
        (Estimate(0.5, 0.4, 0.6, 10, warnings=("two\nlines",)), "many lines: "),
        (Estimate(0.5, 0.4, 0.6, 10, per_sample=np.zeros(9)), "per sample: (9,) for 10"),
    ],
)
def test_what_should_not_be_is_seen(estimate, fault):
    found = list(faults(estimate, catalog()["overlap"]))
    assert found == [] if fault is None else found[0].startswith(fault)


def test_memory_that_there_is_not_is_one_line():
    def greedy(x: Representation, /) -> Estimate:
        """What takes too much."""
        raise MemoryError("Unable to allocate 224. GiB")

    with pytest.raises(InvalidValue, match=r"^greedy needs more memory than there is \(Unable to allocate 224\. GiB\)"):
        ls.estimate(greedy, np.eye(30))
