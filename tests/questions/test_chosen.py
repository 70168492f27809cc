"""The closest pair of layers of a map: judged by the closest of permuted samples, and named only where told apart."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.exchange import whole_groups
from layerscape.core.groups import Groups
from layerscape.errors import InvalidValue
from layerscape.questions.chosen import Scores, said_of_map

N = 200


def network(rng, x, widths=(20, 8, 3)):
    layers = {}
    for place, width in enumerate(widths):
        x = np.tanh(1.5 * x @ rng.standard_normal((x.shape[1], width)) / np.sqrt(x.shape[1]))
        layers[f"l{place}"] = x
    return layers


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 10))
    inputs = x, x, rng.standard_normal((N, 10))
    return tuple(ls.from_arrays(network(rng, each), ids=range(N)) for each in inputs)


def judged(*args, **options):
    return ls.compare(*args, permutations=99, progress=False, **options)


@pytest.mark.parametrize("measure", ["overlap", "cka", "information_imbalance"])
def test_by_hand(measure, runs):
    """From values of permuted arrays, which know nothing of scores: the same orders for every pair of layers."""
    a, _, c = runs
    table = ls.compare(a, c, [measure], permutations=19, progress=False)
    sign = 1 if measure != "information_imbalance" else -1
    rng = np.random.default_rng(0)
    orders = [np.arange(N), *(rng.permutation(N) for _ in range(19))]
    pairs = list(zip(table.layer, table.other_layer, strict=True))
    every = sign * np.array([[_value(measure, a[one], c[other], order) for one, other in pairs] for order in orders])
    z = (every - every.mean(axis=0)) / every.std(axis=0)
    largest = z[1:].max(axis=1)
    assert table.p_map.tolist() == pytest.approx([(1 + (largest >= each - 1e-12).sum()) / 20 for each in z[0]])
    alone = (every[0] - every[1:].mean(axis=0)) / every[1:].std(axis=0)
    np.testing.assert_allclose(table.z, alone, rtol=1e-6, atol=1e-9)


def _value(measure, one, other, order):
    return ls.estimate(measure, np.asarray(one), np.asarray(other)[order]).value


def test_networks_of_the_same_samples_are_close_and_the_pair_is_named(runs):
    a, b, c = runs
    table = judged(a, b, ["overlap"])
    best = table.loc[table.z.idxmax()]
    assert (best.layer, best.other_layer, best.p_map) == ("l0", "l0", 0.01)
    assert table.closest.tolist().count(True) == 1
    assert said_of_map(table, "overlap").startswith("overlap: closest are l0 and l0 (0.")
    table = judged(a, c, ["overlap"])
    assert (table.p_map > 0.05).all()
    assert (table.calibrated == 0).all()
    assert "no pair of layers is closer than the closest of unrelated samples may be (p = " in said_of_map(table, "x")


@pytest.mark.parametrize(
    ("p", "words"), [(0.01, "closer than unrelated samples"), (0.4, "no closer than unrelated samples may be")]
)
def test_of_one_pair_no_other_is_spoken_of(p, words):
    table = pd.DataFrame({"layer": "a", "other_layer": "b", "value": [0.5], "z": 3.0, "p_map": p, "closest": True})
    assert said_of_map(table, "overlap") == f"overlap: a and b (0.5) are {words} (p = {p:.2g})."
    assert "of the largest of 2 pairs" in said_of_map(
        pd.concat([table, table.assign(z=1.0)], ignore_index=True), "overlap"
    )


def test_pairs_that_are_alike_are_not_told_apart(runs):
    a, b, _ = runs
    twice = ls.from_arrays({"one": np.asarray(b["l0"]), "two": 2 * np.asarray(b["l0"])}, ids=range(N))
    table = judged(a, twice, ["overlap"]).set_index(["layer", "other_layer"])
    assert table.closest[[("l0", "one"), ("l0", "two")]].tolist() == [True, True]
    assert not table.closest[("l2", "one")]
    assert "no pair is named, since l0 and one" in said_of_map(table.reset_index(), "overlap")


def test_calibrated_is_one_for_the_same_layer_and_0_at_the_threshold(runs):
    a, _, _ = runs
    table = judged(a, a, ["cka"])
    same = table[table.layer == table.other_layer]
    assert same.calibrated.tolist() == pytest.approx([1, 1, 1])
    scores = Scores.of(np.zeros(2), np.random.default_rng(0).standard_normal((199, 2)))
    assert (scores.threshold > 1.5).all()  # of two, at 0.05


def test_groups_change_places_as_wholes(runs):
    """Layers that agree on nothing but who belongs together are no closer than chance over groups."""
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(40), 5)
    layers = [rng.standard_normal((40, 4))[who] + 0.3 * rng.standard_normal((N, 4)) for _ in range(4)]
    a = ls.from_arrays({"p": layers[0], "q": layers[1]}, labels={"who": who.astype(str)}, ids=range(N))
    b = ls.from_arrays({"r": layers[2], "s": layers[3]}, ids=range(N))
    with pytest.warns(UserWarning, match="the column 'who'"):
        assert judged(a, b, ["overlap"], k=5).p_map.min() == 0.01
    table = judged(a, b, ["overlap"], k=5, groups="who")
    assert table.p_map.min() > 0.05


@pytest.mark.parametrize("measure", ["overlap", "cka"])
def test_groups_of_other_sizes_are_judged_on_the_samples_that_change_places(measure):
    """By hand: values of the samples that are kept, as they are and with whole groups in other places."""
    rng, who = np.random.default_rng(4), np.repeat(np.arange(11), [4] * 8 + [10, 30, 60])
    options: dict[str, Any] = {"k": 5} if measure == "overlap" else {}
    layers = [rng.standard_normal((11, 4))[who] + rng.standard_normal((len(who), 4)) for _ in range(3)]
    layers[2] += layers[0]
    told = {"labels": {"who": who.astype(str)}, "ids": range(len(who))}
    a, b = ls.from_arrays({"p": layers[0]}, **told), ls.from_arrays({"q": layers[1], "r": layers[2]}, **told)
    table = ls.compare(a, b, [measure], groups="who", permutations=19, progress=False, **options)
    exchange = whole_groups(Groups.of(who.astype(str), len(who)))
    rows = exchange.rows
    assert rows is not None
    assert len(rows) < 0.6 * len(who)
    orders = [np.arange(len(rows)), *exchange.orders(19, 0)]
    p, *others = (x[rows] for x in layers)
    every = np.array([[ls.estimate(measure, p, x[order], **options).value for x in others] for order in orders])
    z = (every - every.mean(axis=0)) / every.std(axis=0)
    largest = z[1:].max(axis=1)
    assert table.p_map.tolist() == pytest.approx([(1 + (largest >= each - 1e-12).sum()) / 20 for each in z[0]])
    np.testing.assert_allclose(table.z, (every[0] - every[1:].mean(axis=0)) / every[1:].std(axis=0), rtol=1e-6)
    ideal = Scores.of(every[0], every[1:]).calibrated(every[0], 1.0)
    np.testing.assert_allclose(table.calibrated, ideal, rtol=1e-6)
    assert table.p_map.tolist()[1] == 0.05  # which is related
    assert np.abs(table.value - every[0]).max() > 0.02  # while the values are of all


def test_a_layer_that_cannot_be_compared_has_no_part(runs):
    a, b, _ = runs
    some = ls.from_arrays({"flat": np.ones((N, 3)), "l0": np.asarray(b["l0"])}, ids=range(N))
    table = judged(a, some, ["cka"]).set_index("other_layer")
    assert table.loc["flat", "z"].isna().all()
    assert (table.loc["l0", "p_map"] <= 0.05).any()
    only = ls.from_arrays({"flat": np.ones((N, 3))}, ids=range(N))
    assert said_of_map(judged(a, only, ["cka"]), "cka") == "cka: no pair of layers has a value."


def test_scores_that_are_one_value_and_thresholds_beyond_the_best_say_nothing():
    null = np.ones((39, 2)) + 1e-16 * np.random.default_rng(0).standard_normal((39, 2))
    scores = Scores.of(np.array([1.0, 1.5]), null)
    assert scores.z.tolist() == [0, np.inf]
    assert scores.p.tolist() == [1, 1 / 40]
    high = Scores.of(np.array([0.99]), 0.99 + 0.02 * np.random.default_rng(0).standard_normal((39, 1)))
    assert high.threshold[0] > 1
    assert high.calibrated(np.array([0.99]), 1.0).tolist() == [0]


def test_too_few_groups_are_not_judged(runs):
    who = np.repeat(["a", "b", "c"], [67, 67, 66])
    a = ls.from_arrays({"l": np.asarray(runs[0]["l0"])}, labels={"who": who}, ids=range(N))
    with pytest.warns(UserWarning, match="the map of cka is not judged: the groups can be arranged in "):
        table = judged(a, runs[1], ["cka"], groups="who")
    assert table.p_map.isna().all()
    assert table.value.notna().all()
    assert said_of_map(table, "cka") == "cka: no pair of layers has a value that was judged."


def test_errors(runs):
    a, b, _ = runs
    text = "permutations=5; give at least 19, so that p can reach 0.05."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.compare(a, b, permutations=5)

    def halves(x: ls.Representation, y: ls.Representation, /) -> float:
        return 0.5

    with pytest.raises(InvalidValue, match=r"^permutations cannot judge halves; leave them out, or the measure\.$"):
        ls.compare(a, b, [halves], permutations=19)


def test_pairs_that_nothing_tells_apart_are_said_with_the_reason(rng):
    x, told = rng.standard_normal((80, 5)), {"labels": {"who": np.repeat(list("abcd"), 20)}, "ids": range(80)}
    a = ls.from_arrays({"a": x, "b": x**3}, **told)
    b = ls.from_arrays({"c": np.tanh(x), "d": rng.standard_normal((80, 3))}, **told)
    with pytest.warns(
        UserWarning, match=r"^the pairs of the map of overlap are not tested: 4 groups, fewer than 6: no"
    ):
        table = judged(a, b, ["overlap"], k=5, groups="who")
    assert table.closest.isna().all()
    assert "a and c (0.72) have the largest score, not tested against others" in said_of_map(table, "overlap")
