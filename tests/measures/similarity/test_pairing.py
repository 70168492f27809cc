"""Metrics of pairs of samples, against scipy's distances and the formulas of the papers."""

import re

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName

METRICS = ["euclidean", "cosine", "correlation"]


@pytest.fixture
def sides():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((70, 6)) + 1
    return x, x @ rng.standard_normal((6, 4)) + rng.standard_normal((70, 4))


def scipys_distances(x, metric):
    """Of the chord where scipy gives half of its square."""
    return pdist(x) if metric == "euclidean" else np.sqrt(2 * pdist(x, metric))


@pytest.mark.parametrize("metric", METRICS)
def test_rsa_ranks_the_distances_of_its_metric(sides, metric):
    expected = spearmanr(*(pdist(x, metric) for x in sides)).statistic
    assert ls.estimate("rsa", *sides, metric=metric).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_distance_correlation_compares_the_distances_of_its_metric(sides, metric):
    def centered(x):
        d = squareform(scipys_distances(x, metric))
        n, rows = len(d), d.sum(axis=1)
        d = d - rows / (n - 2) - rows[:, None] / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(d, 0)
        return d

    a, b = map(centered, sides)
    expected = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
    assert ls.estimate("distance_correlation", *sides, metric=metric).value == pytest.approx(expected, abs=1e-12)


def test_cknna_of_correlations_is_that_of_centered_rows(sides):
    centered = [x - x.mean(axis=1, keepdims=True) for x in sides]
    found = ls.estimate("cknna", *sides, metric="correlation").value
    assert found == pytest.approx(ls.estimate("cknna", *centered).value, abs=1e-12)
    assert abs(found - ls.estimate("cknna", *sides).value) > 0.01


@pytest.mark.parametrize("name", ["rsa", "distance_correlation"])
@pytest.mark.parametrize("metric", METRICS[1:])
def test_directions_depend_on_no_scale(sides, name, metric):
    x, y = sides
    rows = np.exp2(np.random.default_rng(1).integers(-900, 900, (len(x), 1)).astype(float))
    expected = ls.estimate(name, x, y, metric=metric).value
    assert ls.estimate(name, x * rows, y, metric=metric).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS[1:])
@pytest.mark.parametrize("name", ["rsa", "distance_correlation"])
def test_influence_is_of_the_metric_too(sides, name, metric):
    found = ls.estimate(name, *sides, metric=metric, influence=True)
    without = ls.estimate(name, *(x[1:] for x in sides), metric=metric).value
    assert found.influence.moved[0] == pytest.approx(found.value - without, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "metric", "kind", "text"),
    [
        (
            "rsa",
            "nonsense",
            UnknownName,
            "unknown metric of rsa 'nonsense'; nearest: cosine. There are: correlation, cosine, euclidean.",
        ),
        ("cknna", "euclidean", UnknownName, "unknown metric of cknna 'euclidean'. There are: correlation, cosine."),
        ("cka", "cosine", InvalidValue, "cka reads vectors as they are and has no metric; leave metric='cosine' out."),
    ],
)
def test_metrics_that_a_measure_has_not_are_refused(sides, name, metric, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        ls.estimate(name, *sides, metric=metric)


def test_rows_without_direction_are_named(sides):
    x, y = sides
    x = np.where(np.arange(70)[:, None] == 3, 0.1, x)
    why = "is equal in all units: it has no correlation; leave it out, or choose another metric."
    text = f"sample '3' of the first array {why}"
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.estimate("rsa", x, y, metric="correlation")
