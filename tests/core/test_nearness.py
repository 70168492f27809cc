"""What is near: what is refused, and what tells graphs apart."""

import dataclasses
import math
import re

import numpy as np
import pytest

from layerscape.core.apart import Apart
from layerscape.core.frame import Standardized
from layerscape.core.nearness import PLAIN, Nearness
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue, UnknownName


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"metric": "cosin"}, UnknownName, "unknown metric 'cosin'; nearest: cosine. There are: cosine, euclidean."),
        ({"metric": None}, UnknownName, "unknown metric 'None'; nearest: cosine. There are: cosine, euclidean."),
        (
            {"metric": ["cosine"]},
            UnknownName,
            "unknown metric \"['cosine']\"; nearest: cosine. There are: cosine, euclidean.",
        ),
        ({"standardize": "unit"}, UnknownName, "unknown standardize 'unit'; nearest: units. There are: None, units."),
        ({"standardize": True}, UnknownName, "unknown standardize 'True'. There are: None, units."),
        ({"standardize": "None"}, UnknownName, "unknown standardize 'None'; nearest: None. There are: None, units."),
        ({"near_copies": "0"}, InvalidType, "near_copies='0' is not a number; give a share such as 1e-5, or 0."),
        ({"near_copies": True}, InvalidType, "near_copies=True is not a number; give a share such as 1e-5, or 0."),
        ({"near_copies": None}, InvalidType, "near_copies=None is not a number; give a share such as 1e-5, or 0."),
        ({"near_copies": 1}, InvalidValue, "near_copies=1; it is a share of a distance: give 0 <= near_copies < 1."),
        (
            {"near_copies": -1e-9},
            InvalidValue,
            "near_copies=-1e-09; it is a share of a distance: give 0 <= near_copies < 1.",
        ),
        (
            {"near_copies": math.nan},
            InvalidValue,
            "near_copies=nan; it is a share of a distance: give 0 <= near_copies < 1.",
        ),
    ],
)
def test_what_cannot_be_near_is_refused(given, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        Nearness(**given)


def test_the_key_names_what_changes_a_graph_and_nothing_else():
    assert PLAIN.key == "euclidean"
    assert Nearness("cosine").key == "cosine"
    assert Nearness("cosine", "units").key == "cosine,standardize=units"
    assert Nearness(near_copies=0.5).key == PLAIN.key


def test_every_field_but_the_share_of_near_copies_is_in_the_key():
    other = {"metric": "cosine", "standardize": "units", "apart": Apart.groups(["a", "a", "b"], 3)}
    assert {each.name for each in dataclasses.fields(Nearness)} == {*other, "near_copies"}
    for name, value in other.items():
        assert dataclasses.replace(PLAIN, **{name: value}).key != PLAIN.key


def test_numbers_of_numpy_are_shares():
    assert Nearness(near_copies=np.float64(0.25)).near_copies == 0.25
    near = Nearness(near_copies=np.float32(0.25))
    assert near.near_copies == 0.25
    assert type(near.near_copies) is float  # which goes into files as JSON


def test_a_search_sees_the_data_as_they_are_or_standardized(rng):
    x = Representation(rng.standard_normal((5, 2)))
    assert Nearness("cosine").seen(x) is x
    seen = Nearness(standardize="units").seen(x)
    assert isinstance(seen.matrix, Standardized)
    assert Nearness(standardize="units").seen(seen) is seen
