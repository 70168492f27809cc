"""Angles: known turns, an independent formula, chance, and what has no angle."""

import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import layerscape as ls
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.similarity.angular_distance import angular_distance

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 6))
Y = X + RNG.standard_normal((120, 6))


def found(x, y, **options):
    return angular_distance(Representation(x), Representation(y), **options)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.3, np.pi / 2, 3.0])
def test_a_turn_in_a_plane_is_its_angle(angle):
    plane = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    result = found(X[:, :2], 7 * X[:, :2] @ plane)
    assert result.value == pytest.approx(angle / np.pi, rel=1e-6, abs=1e-16)
    assert result.details["cosine"] == pytest.approx(np.cos(angle))


def test_it_is_the_mean_of_the_arc_cosines():
    cosines = 1 - np.diag(cdist(X, Y, "cosine"))
    result = found(X, Y)
    np.testing.assert_allclose(result.per_sample, np.arccos(cosines) / np.pi, rtol=1e-12)
    assert result.value == result.per_sample.mean()


def test_unrelated_directions_are_at_right_angles():
    result = found(X, np.random.default_rng(1).standard_normal((120, 6)), permutations=199)
    assert result.chance.low < result.value < result.chance.high
    assert result.chance.value == pytest.approx(0.5, abs=0.01)
    assert result.chance.p > 0.05


def test_nearer_than_chance_is_told_and_farther_is_not():
    assert found(X, Y, permutations=199).chance.p == 1 / 200
    assert found(X, -Y, permutations=199).chance.p == 1.0


def test_the_interval_covers_the_mean_of_the_law():
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 1, 40)
        x = np.tile([1.0, 0.0], (40, 1))
        result = found(x, np.stack([np.cos(np.pi * angle), np.sin(np.pi * angle)], axis=1))
        held += result.low <= 0.5 <= result.high
    assert 182 <= held <= 198


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        (X, Y[:, :4], "angular_distance of 6 and 4 units; there is an angle between vectors of one space only: compare "
         "by neighborhoods, or by cka."),
        (X, Y[:90], "representations of 120 and 90 samples; both must be of the same samples."),
        (X[:9], Y[:9], "9 samples; angular_distance needs at least 10, and hundreds to mean something."),
        (X, np.where(np.arange(120)[:, None] == 3, 0, Y), "sample '3' of the data is 0 in every unit: it has no "
         "cosine; leave it out, or choose another metric."),
    ],
    ids=["units", "samples", "few", "zero"],
)  # fmt: skip
def test_what_has_no_angle_is_refused(x, y, text):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        found(x, y)


def test_in_a_table_layers_of_other_widths_say_why():
    run = ls.from_arrays({"a": X, "b": Y, "c": Y[:, :4]})
    table = ls.measure(run, ["angular_distance"])
    values = {(row.layer, row.other_layer): row for row in table.itertuples()}
    assert values["a", "b"].value == found(X, Y).value
    assert np.isnan(values["a", "c"].value)
    assert "6 and 4 units" in values["a", "c"].warnings
