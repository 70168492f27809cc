"""Samples in time: nearby ones are no neighbors, and chance is what shifts give, against plain recomputation."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue
from layerscape.search import find_neighbors


def smooth(seed, n=400, units=4, width=4):
    noise = np.random.default_rng(seed).standard_normal((n + width - 1, units))
    return np.stack([np.convolve(unit, np.ones(width), "valid") for unit in noise.T], axis=1)


@pytest.fixture
def two():
    return smooth(0), smooth(1)


def test_unrelated_series_are_told_apart_from_chance_by_nothing(two):
    a, b = two
    alone = ls.estimate("overlap", a, b, k=5)
    found = ls.estimate("overlap", a, b, k=5, lag="auto")
    assert alone.chance.p < 1e-3 < 0.02 < found.chance.p
    assert re.fullmatch(r"lag 4, N/τ = 1[01]\d", found.groups)
    assert ls.estimate("overlap", a, a + 0.3 * b, k=5, lag="auto").chance.p < 0.01


def test_chance_is_that_of_all_shifts(two):
    a, b = two
    found = ls.estimate("overlap", a, b, k=5, lag=6)
    graphs = [find_neighbors(x, 5, lag=6) for x in (a, b)]
    lists = [[set(row) for row in graph.indices] for graph in graphs]

    def score(shift):
        other = [{(j - shift) % 400 for j in lists[1][(i + shift) % 400]} for i in range(400)]
        return np.mean([len(own & those) for own, those in zip(lists[0], other, strict=True)]) / 5

    assert found.value == pytest.approx(score(0), abs=1e-12)
    null = [score(shift) for shift in range(6, 395)]
    assert found.details["null"] == pytest.approx(null, abs=1e-12)
    assert found.chance.p == (1 + sum(each >= found.value - 1e-12 for each in null)) / 390
    assert np.isnan(found.low)
    assert "no interval is known of samples that follow each other in time" in found.warnings


def test_labels_are_shifted_too(two):
    a, _ = two
    label = (np.arange(400) // 20 % 2).tolist()
    assert ls.estimate("label_overlap", a, label, k=5).chance.p < 0.01
    assert ls.estimate("label_overlap", a, label, k=5, lag="auto").chance.p > 0.01
    gaps = [None, *label[1:]]
    found = ls.estimate("label_overlap", a, gaps, k=5, lag=4)
    assert found.chance is None
    assert any("leave gaps in time" in words for words in found.warnings)


@pytest.mark.parametrize(
    ("measure", "n", "width", "words"), [("overlap", 60, 8, "fewer than 20"), ("cka", 200, 6, "fewer than 50")]
)
def test_short_series_have_no_p(measure, n, width, words):
    found = ls.estimate(measure, smooth(0, n, width=width), smooth(1, n, width=width), lag="auto")
    assert found.chance is None
    assert any(words in each for each in found.warnings)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"lag": 4, "groups": np.arange(400) // 4}, "lag=4 and groups at once"),
        ({"lag": 4, "influence": True}, "influence is of single samples"),
        ({"lag": 200}, "lag=200 of 400 samples; it must lie in 0..199"),
        ({"lag": 4, "own_group": "kept"}, "own_group='kept' without groups"),
    ],
)
def test_what_a_lag_does_not_go_with_is_refused(two, more, words):
    with pytest.raises(InvalidValue, match=re.escape(words)):
        ls.estimate("overlap", *two, k=5, **more)
    with pytest.raises(InvalidValue, match="would learn from the samples before and after those that it is tested on"):
        ls.estimate("linear_probe", two[0], np.arange(400) % 2, lag=4)
    graphs = [find_neighbors(x, 5) for x in two]
    with pytest.raises(InvalidValue, match="of a graph that was given; give the vectors"):
        ls.estimate("overlap", *graphs, k=5, lag=4)


def test_a_run_is_measured_in_time(two):
    run = ls.from_arrays(dict(zip("ab", two, strict=True)), labels={"trial": np.arange(400) // 100})
    table = ls.measure(run, ["overlap", "twonn"], k=5, lag="auto")
    assert set(table.groups) == {ls.estimate("overlap", *two, k=5, lag="auto").groups}
    assert table[table.measure == "overlap"].p.item() == ls.estimate("overlap", *two, k=5, lag="auto").chance.p
    pairs = ls.compare(run, run, ["overlap"], k=5, lag="auto")
    assert pairs.value.iloc[1] == table[table.measure == "overlap"].value.item()
    with pytest.raises(InvalidValue, match="by='trial' at once"):
        ls.measure(run, ["twonn"], by="trial", lag=3)
