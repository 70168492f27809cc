"""Pairs: what is taken as such, and what is refused in one line."""

import re

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core.listing import listing_of, of_table
from layerscape.core.pairs import Pairs
from layerscape.core.queries import clusters
from layerscape.errors import InvalidType, InvalidValue

X = np.random.default_rng(0).standard_normal((8, 3))


@pytest.mark.parametrize(
    "given",
    [
        [(0, 4), (0, 5), (1, 6)],
        [[0, 4], [0, 5], [1, 6]],
        np.array([[0, 4], [0, 5], [1, 6]]),
        np.array([[0, 4], [0, 5], [1, 6]], np.uint8),
        np.array([[0, 4, 1.0], [0, 5, 1.0], [1, 6, 1.0]]),
        {0: [4, 5], 1: 6},
        {0: {4: 1, 5: 1, 7: 0}, 1: {6: 1}},
        pd.DataFrame({"query": [0, 0, 1], "relevant": [4, 5, 6]}),
        pd.DataFrame({"corpus-id": [4, 5, 6], "query-id": [0, 0, 1], "score": [1, 1, 1], "by": ["a", "b", "c"]}),
        [(0, 4, 2.0), (0, 5, 1.0), (1, 6, 3.0), (1, 7, 0.0)],
    ],
)
def test_pairs_in_many_forms_are_the_same(given):
    pairs = Pairs.of(given, 8)
    assert pairs.rows().tolist() == [[0, 4], [0, 5], [1, 6]]
    assert pairs.asked.tolist() == [0, 1]
    assert pairs.candidates.tolist() == [6, 6]
    assert ls.estimate("partner_rank", X, given).value == ls.estimate("partner_rank", X, [(0, 4), (0, 5), (1, 6)]).value


@pytest.mark.parametrize(
    "column",
    [
        ["a", "a", None, "b", "c", "b", "b", ""],
        np.array([1, 1, np.nan, 2, 3, 2, 2, np.nan]),
        pd.Series([5, 5, None, 6, 7, 6, 6, None]),
    ],
)
def test_samples_with_one_value_are_each_others_partners(column):
    pairs = Pairs.of(column, 8)
    assert pairs.rows().tolist() == [[0, 1], [1, 0], [3, 5], [3, 6], [5, 3], [5, 6], [6, 3], [6, 5]]
    assert pairs.candidates.tolist() == [7] * 5  # those without a partner among them
    assert pairs.warnings == ("3 of 8 samples have no partner: they are candidates and no queries",)
    assert clusters(pairs).tolist() == [0, 1, 2, 3, 4]  # three of five are joined


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "pairs without any pair; give at least one: a query and its partner."),
        ({}, "pairs without any pair; give at least one: a query and its partner."),
        (np.empty((0, 2), int), "pairs without any pair; give at least one: a query and its partner."),
        ([(0, 8)], "row 8 in pair 0 of 8 samples; rows must lie in 0..7."),
        ([(0, 1), (-1, 2)], "row -1 in pair 1 of 8 samples; rows must lie in 0..7."),
        ([(0, 1), (3, 3)], "pair 1 is sample 3 with itself; give two different samples."),
        ([(0, 1), (2, 3), (0, 1)], "pairs 0 and 2 are both of query 0 and partner 1; leave one."),
        ([(0, 1, 1.0), (0, 1, 2.0)], "pairs 0 and 1 are both of query 0 and partner 1; leave one."),
        ([(0, 1, -1.0)], "pair 0 has the grade -1.0; grades must be finite numbers of 0 or more."),
        ([(0, 1, 1.0), (0, 2, np.nan)], "pair 1 has the grade nan; grades must be finite numbers of 0 or more."),
        ([(0, 1, np.inf)], "pair 0 has the grade inf; grades must be finite numbers of 0 or more."),
        ([(0, 1, 0.0)], "no pair has a grade above 0, so that no query has a partner; give one at least."),
        (
            [(0, 1), (0, 2, 3)],
            "pairs of different lengths, or of others than 2 and 3; give a query and its partner, or",
        ),
        (np.zeros((2, 4), int), "pairs of shape (2, 4); give (P, 2), a query and its partner, (P, 3) with a grade, or"),
        (np.arange(7), "pairs of shape (7,) for 8 samples; give one label per sample."),
        ([None] * 8, "none of 8 samples has a value that says who is its partner; give some."),
        (np.arange(8), "each of 8 samples has a value of its own; give values that partners share."),
        (np.zeros(8, int), "all 7 samples that query 0 could find are its partners; give some that are none."),
        ({0: range(1, 8)}, "all 7 samples that query 0 could find are its partners; give some that are none."),
        (
            pd.DataFrame({"a": [0], "b": [1]}),
            "pairs has the columns 'a', 'b'; name two of them query and relevant, and",
        ),
        (
            pd.DataFrame({"query": [0], "qid": [0], "relevant": [1]}),
            "pairs has the columns 'query' and 'qid', of which",
        ),
        (Pairs.of([(0, 1)], 9), "pairs of 9 samples, and there are 8; give pairs of these."),
    ],
)
def test_what_are_no_pairs_is_one_line(given, words):
    with pytest.raises(InvalidValue, match=f"^{re.escape(words)}"):
        ls.estimate("recall", X, given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("a", "b")], "pairs of <U1, the first 'a'; give row numbers: a query and its partner."),
        ([(0.5, 1)], "pairs of float64, the first 0.5; give row numbers: a query and its partner."),
        ([(0, 1, "good")], "pairs with grades that are no numbers; give 0 for no partner, and more for better ones."),
        ([{1, 2}] * 8, "pairs of sets or lists; a sample is of one pair: give one category per sample."),
        (np.arange(8) / 3, "pairs of real numbers that are not whole; give categories: whole numbers, or words."),
    ],
)
def test_what_are_no_rows_is_one_line(given, words):
    with pytest.raises(InvalidType, match=f"^{re.escape(words)}"):
        ls.estimate("recall", X, given)


def test_a_query_that_nobody_answers_is_said():
    found = ls.estimate("recall", X, [(0, 1, 1.0), (2, 3, 0.0)])
    assert "1 of 2 queries have no partner with a grade above 0 and are left out" in found.warnings


def test_more_places_than_candidates_are_refused():
    with pytest.raises(InvalidValue, match=r"^k=7 of 6 candidates; k must lie in 1..6\.$"):
        ls.estimate("recall", X, [(0, 1), (2, 3)], k=7)


def test_pairs_and_groups_at_once_are_refused():
    for asked in ({"groups": np.arange(8) // 2}, {"lag": 1}, {"repeats": np.arange(8) // 2}):
        with pytest.raises(InvalidValue, match=f"^recall with {next(iter(asked))}: its pairs say who belongs together"):
            ls.estimate("recall", X, [(0, 1)], **asked)


def test_queries_that_are_partners_too_are_candidates_of_others():
    """0 and 1 are asked only; 2 answers 0 and is asked for 3: the candidates are 2 to 7, but 2 is not its own."""
    pairs = Pairs.of([(0, 2), (1, 4), (2, 3)], 8)
    assert pairs.candidates.tolist() == [6, 6, 5]
    far = np.linalg.norm(X[:, None] - X[None], axis=2)
    ranks = [1 + sum(far[q, other] < far[q, p] for other in range(2, 8) if other != q) for q, p in pairs.rows()]
    assert ls.estimate("partner_rank", X, pairs).details["mean_rank"] == np.mean(ranks)


def test_metric_and_scale_say_who_is_near():
    x = np.random.default_rng(1).standard_normal((60, 3)) * [1, 1, 20]
    pairs = [(row, 30 + row) for row in range(30)]
    units = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert ls.estimate("recall", x, pairs, k=5, metric="cosine").value == ls.estimate("recall", units, pairs, k=5).value
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    found = ls.estimate("partner_rank", x, pairs, standardize="units")
    assert found.value == pytest.approx(ls.estimate("partner_rank", scaled, pairs).value)
    with pytest.raises(InvalidValue, match="alignment reads vectors as they are and has no metric"):
        ls.estimate("alignment", x, pairs, metric="cosine")


def test_columns_may_have_the_names_of_beir():
    found = of_table({"query-id": ["q"], "corpus-id": ["d"], "score": ["2"]}, "qrels.tsv")
    assert (found.queries, found.partners, found.grades.tolist()) == (["q"], ["d"], [2.0])
    assert listing_of(["a", "b"]) is None


def test_queries_of_their_own_are_no_candidates():
    asked = np.random.default_rng(2).standard_normal((4, 3))
    far = np.linalg.norm(asked[:, None] - X[None], axis=2)
    found = ls.estimate("partner_rank", X, [(0, 7), (3, 0)], queries=asked)
    ranks = [1 + (far[q] < far[q, p]).sum() for q, p in [(0, 7), (3, 0)]]
    assert found.details["mean_rank"] == np.mean(ranks)
    assert found.details["n_candidates"] == 8
    for given, data, words in [
        ([(4, 0)], asked, "row 4 in pair 0 of 4 samples; rows must lie in 0..3."),
        ([(0, 8)], asked, "row 8 in pair 0 of 8 samples; rows must lie in 0..7."),
        (np.arange(8) // 2, asked, "a column of one value per sample says nothing of queries of their own"),
        ([(0, 1)], asked[:, :2], "queries have 2 units and the samples 3; widths must agree."),
    ]:
        with pytest.raises(InvalidValue, match=f"^{re.escape(words)}"):
            ls.estimate("recall", X, given, queries=data)
    with pytest.raises(InvalidValue, match=r"^queries of twonn, which reads no pairs"):
        ls.estimate("twonn", X, queries=asked)
