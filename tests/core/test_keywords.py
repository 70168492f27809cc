"""The keywords of a search are the same at every door, and none is lost on the way to the search."""

import inspect
from dataclasses import fields
from typing import get_type_hints

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.keywords import FIELDS, Search, chosen, door, taken
from layerscape.core.nearness import Nearness
from layerscape.core.resources import Resources
from layerscape.errors import UnknownName

N = 60
X = np.random.default_rng(1).standard_normal((N, 4))
Y = np.tanh(X @ np.random.default_rng(2).standard_normal((4, 3))) + 0.5
ALL = {"metric": "cosine", "standardize": "units", "near_copies": 0.0}
HOW = {"device": "cpu", "memory": 2**24, "threads": 1}


@pytest.fixture
def run():
    return ls.from_arrays({"a": X, "b": Y}, labels={"half": (X[:, 0] > 0).astype(int)})


DOORS = {
    "find_neighbors": (ls.find_neighbors, lambda _, **search: ls.find_neighbors(X, 3, **search)),
    "ranks": (ls.ranks, lambda _, **search: ls.ranks(X, [(0, 1), (2, 3)], **search)),
    "estimate": (ls.estimate, lambda _, **search: ls.estimate("twonn", X, **search)),
    "measure": (ls.measure, lambda run, **search: ls.measure(run, ["overlap"], k=5, **search)),
    "controls": (ls.controls, lambda _, **search: ls.controls("twonn", X, **search)),
    "compare": (ls.compare, lambda run, **search: ls.compare(run, run, ["overlap"], k=5, **search)),
    "differences": (ls.differences, lambda run, **search: ls.differences(run, k=5, **search)),
    "recommend": (ls.recommend, lambda run, **search: ls.recommend(run, k=5, permutations=19, **search)),
    "dimension_report": (ls.dimension_report, lambda _, **search: ls.dimension_report(X, **search)),
    "Run.graph": (ls.Run.graph, lambda run, **search: run.graph("a", 3, **search)),
    "Run.search": (ls.Run.search, lambda run, **search: run.search(3, **search)),
}


def test_the_keywords_are_the_fields_of_the_two_nouns_in_name_and_type():
    of_nouns = {name: hint for noun in (Nearness, Resources) for name, hint in get_type_hints(noun).items()}
    del of_nouns["apart"]  # which `find_neighbors` and `ranks` make of their groups and lag
    assert list(get_type_hints(Search)) == list(FIELDS) == list(of_nouns)
    # Where a noun says which words there are, a keyword is any word: the noun refuses the others.
    words = {"metric": str, "standardize": str | None}
    assert get_type_hints(Search) == of_nouns | words


def test_every_keyword_has_a_help_text_which_is_a_sentence():
    for each in FIELDS.values():
        assert each.metadata["help"].endswith(".")


@pytest.mark.parametrize("name", DOORS)
def test_every_door_shows_every_keyword_with_the_default_of_its_noun(name):
    shown = inspect.signature(DOORS[name][0]).parameters
    defaults = {**vars(Nearness()), **vars(Resources())}
    assert defaults.pop("apart") is None
    assert "apart" not in shown
    assert list(defaults) == ["metric", "standardize", "near_copies", "device", "memory", "threads"]
    assert {key: shown[key].default for key in defaults} == defaults
    assert {shown[key].kind for key in defaults} == {inspect.Parameter.KEYWORD_ONLY}
    assert "search" not in shown


@pytest.mark.parametrize("name", DOORS)
def test_every_door_refuses_what_is_no_keyword_and_names_the_nearest_of_all_that_it_takes(name, run):
    with pytest.raises(UnknownName, match=r"^unknown option 'metrik'; nearest: metric(, |\.)") as error:
        DOORS[name][1](run, metrik="cosine")
    named = str(error.value).partition("There are: ")[2].rstrip(".").split(", ")
    assert set(FIELDS) <= set(named)


@pytest.mark.parametrize("name", DOORS)
def test_every_door_refuses_a_value_that_is_none_of_a_keyword(name, run):
    with pytest.raises(UnknownName, match=r"^unknown metric 'nonsense'.*There are: cosine, euclidean\.$"):
        DOORS[name][1](run, metric="nonsense")
    with pytest.raises(ls.LayerscapeError, match=r"^memory=0 bytes; give at least 1\.$"):
        DOORS[name][1](run, memory=0)


@pytest.mark.parametrize("name", DOORS)
def test_every_keyword_reaches_every_search(name, run, monkeypatch):
    seen = []

    def noted(search):
        seen.append(chosen(search))
        return seen[-1]

    for module in ("find", "rank"):
        monkeypatch.setattr(f"layerscape.search.{module}.chosen", noted)
    DOORS[name][1](run, **ALL, **HOW)
    assert {how for _, how in seen} == {Resources(**HOW)}
    both = {"euclidean", "cosine"} if name == "recommend" else {ALL["metric"]}  # of which one judges beside the other
    assert {near for near, _ in seen} == {Nearness(**{**ALL, "metric": metric}) for metric in both}


def test_a_recommendation_without_labels_refuses_them_too():
    run = ls.from_arrays({"a": X, "b": Y})
    with pytest.raises(
        UnknownName,
        match=r"^unknown option 'metrik'; nearest: metric, memory\. There are: by, device, groups, k, labels, memory",
    ):
        ls.recommend(run, metrik="cosine")


def test_splitting_loses_nothing_and_mixes_nothing():
    left = {**ALL, **HOW, "k": 3, "metrik": 1}
    near, how = chosen(taken(left))
    assert (near, how, left) == (Nearness(**ALL), Resources(**HOW), {"k": 3, "metrik": 1})
    assert (taken({}), chosen({})) == ({}, (Nearness(), Resources()))
    assert chosen({**HOW, **ALL}) == (near, how)


def test_a_door_keeps_its_own_parameters_and_its_further_options():
    def first(x, *, k=3, **search):
        return x, k, search

    def second(x, /, *more, seed=0, **options):
        return x, more, seed, options

    assert list(inspect.signature(door(first)).parameters) == ["x", "k", *FIELDS]
    assert list(inspect.signature(door(second)).parameters) == ["x", "more", "seed", *FIELDS, "options"]
    assert first(1, metric="cosine") == (1, 3, {"metric": "cosine"})
    assert len(FIELDS) == len(fields(Nearness)) - len(["apart"]) + len(fields(Resources))
