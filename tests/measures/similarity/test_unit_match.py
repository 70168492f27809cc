"""Unit match against all correlations by numpy, on data of known partners, and what it refuses."""

from itertools import permutations

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.pipeline.estimate import estimate


def cloud(seed, n=200, d=6):
    return np.random.default_rng(seed).standard_normal((n, d))


def correlations(x, y):
    return np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]


@pytest.mark.parametrize(("d_a", "d_b"), [(6, 4), (4, 6), (1, 6), (6, 1), (300, 5)])
def test_is_the_largest_of_all_correlations(d_a, d_b):
    x, y = cloud(0, d=d_a), cloud(1, d=d_b)
    y[:, 0] -= x[:, -1]
    wanted = np.abs(correlations(x, y))
    found = estimate("unit_match", x, y)
    assert found.value == pytest.approx(wanted.max(axis=1).mean(), abs=1e-12)
    assert np.array_equal(found.details["partner"], wanted.argmax(axis=1))
    signed = correlations(x, y)[np.arange(d_a), found.details["partner"]]
    assert found.details["correlation"] == pytest.approx(signed, abs=1e-12)
    order = np.random.default_rng(0).permutation(200)
    assert found.details["null"][0] == pytest.approx(np.abs(correlations(x, y[order])).max(axis=1).mean(), abs=1e-12)


def test_some_units_at_a_time_give_what_all_at_once_give(monkeypatch):
    x, y = cloud(0, d=7), cloud(1, d=5)
    y[:, 0] -= x[:, -1]
    whole = estimate("unit_match", x, y, influence=True)
    monkeypatch.setattr("layerscape.measures.similarity.unit_match.CROSS_ELEMENTS", 10)
    parts = estimate("unit_match", x, y, influence=True)
    assert (parts.value, parts.low, parts.high) == pytest.approx((whole.value, whole.low, whole.high), abs=1e-12)
    for name in ("partner", "correlation", "null", "p_per_unit", "assigned", "one_to_one_chance"):
        assert parts.details[name] == pytest.approx(whole.details[name], abs=1e-12)
    assert parts.influence.moved == pytest.approx(whole.influence.moved, abs=1e-12)


def test_the_assignment_is_the_best_of_all():
    x, y = cloud(2, 60, 4), cloud(3, 60, 5)
    sizes = np.abs(correlations(x, y))
    best = max(permutations(range(5), 4), key=lambda p: sizes[range(4), p].sum())
    found = estimate("unit_match", x, y)
    assert found.details["assigned"].tolist() == list(best)
    assert found.details["one_to_one"] == pytest.approx(sizes[range(4), best].mean())
    back = estimate("unit_match", y, x).details
    assert sorted(back["assigned"].tolist()) == [-1, 0, 1, 2, 3]
    assert back["one_to_one"] == pytest.approx(found.details["one_to_one"])


def test_planted_partners_are_found_and_no_others():
    x, y = cloud(4, 500, 30), cloud(5, 500, 40)
    partner = np.random.default_rng(0).permutation(40)[:10]
    y[:, partner] -= 2 * x[:, :10]
    details = estimate("unit_match", x, y, permutations=99).details
    assert np.array_equal(details["partner"][:10], partner)
    assert np.array_equal(details["assigned"][:10], partner)
    assert (details["correlation"][:10] < -0.8).all()
    assert (details["p_per_unit"][:10] == 0.01).all()
    assert (details["p_per_unit"][10:] > 0.01).mean() > 0.8


def test_units_in_another_order_read_1_and_rotated_units_do_not():
    x = cloud(6)
    same = estimate("unit_match", x, -1e-20 * x[:, ::-1])
    assert same.value == pytest.approx(1, abs=1e-12)
    assert same.low < same.value <= same.high <= 1
    assert same.details["one_to_one"] == pytest.approx(1, abs=1e-12)
    assert estimate("unit_match", x, x @ np.linalg.qr(cloud(7, 6))[0]).value < 0.9


def test_unrelated_data_read_chance():
    found = estimate("unit_match", cloud(8, 128, 96), cloud(9, 128, 96))
    assert found.value > 0.2
    assert found.chance.value == pytest.approx(np.sqrt(2 * np.log(2 * 96) / 128), rel=0.25)
    assert abs(found.details["corrected"]) < 0.02
    assert found.chance.p > 0.05
    assert abs(found.details["one_to_one"] - found.details["one_to_one_chance"]) < 0.02


def test_not_the_same_both_ways():
    x = cloud(10)
    assert estimate("unit_match", x[:, :2], x).value == pytest.approx(1)
    assert estimate("unit_match", x, x[:, :2]).value < 0.6


def test_constant_units_match_nothing_and_that_is_said():
    x = cloud(11)
    y = x.copy()
    x[:, 2], y[:, :2] = 0.1, 5
    found = estimate("unit_match", x, y)
    assert found.warnings == (
        "1 of 6 units of a are constant: they match nothing",
        "2 of 6 units of b are constant: they match nothing",
    )
    assert found.details["partner"].tolist()[2:] == [-1, 3, 4, 5]
    assert found.details["assigned"][2] == -1
    assert np.isnan(found.details["correlation"]).tolist() == [False, False, True, False, False, False]


def test_units_of_one_sample_are_said():
    x = cloud(15)
    x[3, :2] = 1e5
    found = estimate("unit_match", x, cloud(16))
    assert found.warnings == ("2 of 6 units of a owe more than half of their variance to one sample",)
    assert found.low < found.value < found.high


def test_many_units_get_no_assignment_and_that_is_said():
    found = estimate("unit_match", cloud(12, 30, 1025), cloud(13, 30, 2))
    assert found.warnings == ("more than 1024 units: no one-to-one assignment was sought",)
    assert "assigned" not in found.details


def test_small_numbers_far_from_0_and_float16_are_exact_enough():
    x = cloud(14)
    assert estimate("unit_match", x, 1e6 + x).value == pytest.approx(1, abs=1e-9)
    assert estimate("unit_match", x.astype(np.float16), x).value == pytest.approx(1, abs=1e-5)


REFUSED = [
    (cloud(0, 9), cloud(1, 9), "9 samples; unit_match needs at least 10, and hundreds to mean something."),
    (cloud(0), cloud(1, 99), "representations of 200 and 99 samples; both must be of the same samples."),
    (cloud(0), np.ones((200, 2)), "the second array is constant over the samples; unit_match cannot compare it."),
]


@pytest.mark.parametrize(("x", "y", "words"), REFUSED)
def test_what_it_cannot_compare_is_refused(x, y, words):
    with pytest.raises(InvalidValue) as error:
        estimate("unit_match", x, y)
    assert str(error.value) == words
