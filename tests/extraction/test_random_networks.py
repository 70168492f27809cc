"""Networks that nobody has named: no layer of them is wrong, and of most all are there."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.random_networks import outcome

CASES, SEED = 96, 1


@pytest.mark.parametrize("first", range(0, CASES, 24))
def test_layers_of_networks_drawn_at_random_are_right_or_refused(first):
    found = [outcome(case, SEED) for case in range(first, first + 24)]
    assert [(why, plan) for kind, why, plan in found if kind == "wrong"] == []
    assert Counter(kind for kind, _, _ in found)["right"] > 12
