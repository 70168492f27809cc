"""Measures of one's own: whatever can be called either measures or is refused in one line."""

import functools
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidType, UnknownName


def reach(graph: ls.Neighbors, /, *, k: int = 3) -> ls.Estimate:
    """How far the last neighbor is."""
    value = float(graph.distances[:, k - 1].mean())
    return ls.Estimate(value, value, value, graph.n_samples)


class Reach:
    """The same, scaled."""

    def __init__(self, by=1.0):
        self.by = by

    def __call__(self, graph: ls.Neighbors, /, *, k: int = 3) -> ls.Estimate:
        return reach(graph, k=k)

    def scaled(self, graph: ls.Neighbors, /, *, k: int = 3) -> ls.Estimate:
        return self(graph, k=k)

    @staticmethod
    def still(graph: ls.Neighbors, /, *, k: int = 3) -> ls.Estimate:
        return reach(graph, k=k)


def decorated(function, *, wraps=True):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return functools.wraps(function)(wrapper) if wraps else wrapper


@pytest.fixture
def x(rng):
    return rng.standard_normal((40, 3))


@pytest.mark.parametrize(
    ("function", "name", "k"),
    [
        (functools.partial(reach), "reach", 3),
        (functools.partial(reach, k=5), "reach", 5),
        (functools.partial(functools.partial(reach, k=2)), "reach", 2),
        (Reach(2.0), "Reach", 3),
        (functools.partial(Reach(2.0), k=4), "Reach", 4),
        (Reach().scaled, "scaled", 3),
        (Reach.still, "still", 3),
        (decorated(reach), "reach", 3),
        (functools.lru_cache(reach), "reach", 3),
        (ls.Measure(functools.partial(reach, k=6), neighbors="k"), "reach", 6),
    ],
)
def test_whatever_can_be_called_measures(x, function, name, k):
    found = ls.estimate(function, x)
    assert (found.measure, found.options) == (name, {"k": k})
    assert found.value == reach(ls.find_neighbors(x, k), k=k).value


def test_a_partial_measure_of_ours_stays_one_with_other_defaults(x):
    from layerscape.measures.dimension.twonn import twonn
    from layerscape.measures.neighborhood.overlap import overlap

    copied = np.concatenate([x, x[:2]])  # which only what is known of the measure leaves out
    found = ls.estimate(functools.partial(twonn, method="fit"), copied)
    same = ls.estimate("twonn", copied, method="fit")
    assert (found.value, found.options, found.warnings) == (same.value, same.options, same.warnings)
    assert ls.estimate(functools.partial(overlap, k=4), x, x**3).low == ls.estimate("overlap", x, x**3, k=4).low
    rows = ls.measure(ls.from_arrays({"a": x}), [functools.partial(reach, k=2), functools.partial(reach, k=3)])
    assert rows.options.tolist() == ['{"k": 2}', '{"k": 3}']
    with pytest.raises(UnknownName, match="unknown method of twonn 'fat'"):
        ls.estimate(functools.partial(twonn, method="fat"), x)


def hidden(x: "Hidden", /) -> ls.Estimate:  # noqa: F821
    raise AssertionError


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (Reach, "measure 'Reach' is a class; give a function, or an object of that class."),
        (max, "measure 'max' does not tell its parameters"),
        (functools.partial(reach, q=1), "measure 'reach' does not tell its parameters (partial object"),
        (lambda graph: graph, "measure '<lambda>' takes ('labels',)"),
        (decorated(reach, wraps=False), "measure 'wrapper' takes *args; name each of its parameters."),
        (np.mean, "parameter 'axis' of measure 'mean' has a default, and so is an option"),
        (hidden, "an annotation of measure 'hidden' cannot be read (name 'Hidden' is not defined); import what it"),
        (Reach.scaled, "measure 'scaled' takes ('labels', 'graph')"),
    ],
)
def test_what_says_too_little_of_itself_is_refused_in_one_line(x, function, words):
    with pytest.raises(InvalidType, match=re.escape(words)) as caught:
        ls.estimate(function, x)
    assert "\n" not in str(caught.value)
