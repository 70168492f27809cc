"""What speaks against independent samples is said once, and nothing is said where nothing does."""

import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.supply.doubts import doubts

N = 400
WHO = np.repeat(np.arange(40), 10)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def grouped(rng, who=WHO, share=0.3):
    between, within = rng.standard_normal((40, 5))[who], rng.standard_normal((N, 5))
    return share**0.5 * between + (1 - share) ** 0.5 * within


def run_of(*layers, **labels):
    names = dict(zip("abc", layers, strict=False))
    return ls.from_arrays(names, labels={name: np.asarray(values).astype(str) for name, values in labels.items()})


def smooth(rng):
    noise = rng.standard_normal((N + 3, 4))
    return np.stack([np.convolve(unit, np.ones(4), "valid") for unit in noise.T], axis=1)


def test_independent_samples_are_not_doubted(rng):
    x = rng.standard_normal((N, 5))
    assert doubts(run_of(x, x**3, subject=rng.permutation(WHO), kind=rng.integers(0, 3, N)), {}) == ()
    kind = np.repeat(np.arange(4), 100)
    assert doubts(run_of(x + 3 * rng.standard_normal((4, 5))[kind], kind=kind), {}) == ()  # sorted by a class


def test_rows_that_a_number_sorts_are_explained(rng):
    hours = np.sort(rng.standard_normal(N))
    run = ls.from_arrays({"a": 3 * hours[:, None] + rng.standard_normal((N, 5))}, labels={"hours": hours})
    assert doubts(run, {}) == ()


def test_names_of_rows_explain_no_order(rng):
    names = [f"{number:04}" for number in range(N)]
    assert len(doubts(run_of(smooth(rng), name=names), {})) == 1
    seconds = np.arange(N) / 10
    assert len(doubts(ls.from_arrays({"a": smooth(rng)}, labels={"seconds": seconds}), {})) == 1


def test_a_column_of_groups_is_asked_about(rng):
    who = rng.permutation(WHO)
    run = run_of(grouped(rng, who), grouped(rng, who), subject=who)
    (words,) = doubts(run, {})
    assert words.startswith("the column 'subject' (40 values): neighbors have the same value ")
    assert "if its samples belong together, give --groups subject (groups='subject')" in words
    assert doubts(run, {}, ["subject"]) == ()  # which is what is measured


def test_gaps_of_a_column_are_left_out(rng):
    who = rng.permutation(WHO).astype(str).astype(object)
    who[:50] = None
    run = ls.from_arrays({"a": grouped(rng, np.where(np.arange(N) < 50, 0, WHO))}, labels={"ward": who})
    assert len(doubts(run, {})) <= 1


def test_an_order_in_time_and_near_copies_are_asked_about(rng):
    (words,) = doubts(run_of(smooth(rng)), {})
    assert "if samples follow each other in time, give --lag auto" in words
    x = rng.standard_normal((N, 5))
    x[:20] = x[200:220] + 1e-3 * rng.standard_normal((20, 5))
    (words,) = doubts(run_of(x), {})
    assert "near copies; if these belong together, give --groups" in words


def test_of_many_samples_some_are_asked(rng):
    who = rng.permutation(np.repeat(np.arange(500), 6))
    x = rng.standard_normal((500, 4))[who] + rng.standard_normal((3000, 4))
    assert "'file'" in doubts(run_of(x, file=who), {})[0]


def test_kept_graphs_are_read(rng, monkeypatch):
    run = run_of(grouped(rng), grouped(rng))
    before = doubts(run, {})
    assert len(before) == 1
    run.search(12)
    monkeypatch.setattr("layerscape.supply.doubts.find_neighbors", None)
    assert doubts(run, {}) == before


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: ls.measure(run, ["overlap"], k=12),
        lambda run: ls.compare(run, run, ["overlap"], k=12),
        lambda run: ls.changes(run, run, k=12),
    ],
    ids=["measure", "compare", "changes"],
)
def test_nothing_is_searched_for_them_where_graphs_are(ask, rng, monkeypatch):
    monkeypatch.setattr("layerscape.supply.doubts.find_neighbors", None)
    run = run_of(grouped(rng), grouped(rng))
    with pytest.warns(UserWarning, match="neighbors stand within"):
        ask(run)


@pytest.mark.parametrize(
    "asked", [{"measures": ["pca"]}, {"protocol": "ansuini2019"}, {"measures": ["twonn"]}], ids=str
)
def test_they_are_said_of_the_line_that_asked(asked, rng):
    run = run_of(grouped(rng), grouped(rng))
    with pytest.warns(UserWarning, match="neighbors stand within") as caught:
        ls.measure(run, **asked)
    assert {each.filename for each in caught} == {__file__}


def test_near_copies_that_follow_each_other_are_no_copies(rng):
    walk = np.cumsum(rng.standard_normal((N, 3)), axis=0)
    (words,) = doubts(run_of(walk), {})
    assert "if samples follow each other in time" in words


def test_few_or_equal_samples_are_not_tested(rng):
    assert doubts(run_of(grouped(rng)[:90]), {}) == ()
    assert doubts(run_of(np.ones((N, 3))), {}) == ()
    assert doubts(run_of(rng.integers(0, 2, (N, 3)).astype(float)), {}) == ()


def test_it_is_said_once_and_kept_and_not_where_groups_are_given(rng):
    who = rng.permutation(WHO)
    run = run_of(grouped(rng, who), grouped(rng, who), subject=who)
    with pytest.warns(UserWarning, match="the column 'subject'") as caught:
        ls.measure(run, ["twonn"])
    assert [str(each.message) for each in caught] == list(run.notes)
    assert len(run.notes) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.measure(run, ["twonn"], groups="subject")
        ls.measure(run, ["cka"], repeats="subject")
    with pytest.warns(UserWarning, match="the column 'subject'"):
        ls.compare(run, run, ["cka"])
    with pytest.warns(UserWarning, match="the column 'subject'"):
        ls.differences(run, measures=["twonn"])


def test_classes_in_turn_explain_the_order(rng):
    kind = np.arange(N) % 4
    assert doubts(run_of(3 * rng.standard_normal((4, 5))[kind] + rng.standard_normal((N, 5)), kind=kind), {}) == ()


@pytest.mark.parametrize("n_groups", [6, 300])
def test_copies_in_all_layers_are_asked_about(rng, n_groups, monkeypatch):
    which = rng.permutation(np.repeat(np.arange(n_groups), 20))  # of 6,000 samples 2,000 are searched
    first, last = rng.standard_normal((2, n_groups, 5))[:, which]
    run = run_of(first, last)
    (words,) = doubts(run, {})
    n = 20 * n_groups
    assert words.startswith(f"{n} of {n} samples are copies of others, exact or but for rounding, and {n_groups} are")
    run.search(10)
    monkeypatch.setattr("layerscape.supply.doubts.find_neighbors", None)
    assert doubts(run, {}) == (words,)


def test_one_token_in_many_contexts_is_no_copy(rng):
    which = rng.permutation(WHO)
    tokens = rng.standard_normal((40, 5))[which]
    assert doubts(run_of(tokens, tokens + rng.standard_normal((N, 5))), {}) == ()
    assert len(doubts(run_of(tokens[:60], tokens[:60] ** 3), {})) == 1  # of fewer than are tested
