import numpy as np
import pytest
from scipy.optimize import linprog

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.separability.dichotomies import dichotomies, separable

rng = np.random.default_rng(4)
X = rng.standard_normal((300, 6))


@pytest.mark.parametrize("p", [8, 14, 20])
def test_separability_is_what_linear_programming_says(p):
    seen = set()
    for _ in range(30):
        rows = np.column_stack([np.ones(p), rng.standard_normal((p, 6))]) * rng.choice([-1, 1], p)[:, None]
        theirs = linprog(np.zeros(7), A_ub=-rows, b_ub=-np.ones(p), bounds=(None, None)).status == 0
        assert separable(rows) == theirs
        seen.add(theirs)
    assert True in seen


def test_four_points_of_a_plane_have_14_of_16_dichotomies():
    points = np.column_stack([np.ones(4), rng.standard_normal((4, 2))])
    signs = 1 - 2 * ((np.arange(16)[:, None] >> np.arange(4)) & 1)
    assert sum(separable(points * s[:, None]) for s in signs) == 14


@pytest.mark.parametrize("x", [X, np.exp(X), X @ rng.standard_normal((6, 40))], ids=["normal", "skewed", "rank 6"])
def test_points_in_general_position_obey_cover(x):
    found = dichotomies(Representation(x), labelings=200)
    assert found.low < 2 < found.high
    assert abs(found.details["departure"]) < 3
    assert found.details["rank"] == 6
    shares = np.array([point.value for point in found.curve])
    assert np.abs(shares - found.details["cover"]).max() < 0.12


def test_a_curve_counts_by_its_rank():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 400)
    curve = np.column_stack([f(k * angle) for k in (1, 2, 3) for f in (np.cos, np.sin)])
    found = dichotomies(Representation(curve))
    assert found.details["rank"] == 6
    assert found.value == pytest.approx(2, abs=0.25)


def test_high_rank_is_cut_and_that_is_said():
    found = dichotomies(Representation(rng.standard_normal((300, 500))), directions=10, labelings=50)
    assert found.details["directions"] == 10
    assert "rank 299 cut to 10 random directions" in found.warnings
    assert found.value == pytest.approx(2, abs=0.3)


def test_corners_of_a_cube_are_not_in_general_position():
    found = dichotomies(Representation(rng.integers(0, 2, (300, 4)) * 1.0))
    assert found.value < 1.8
    assert "below 2: the samples are not in general position" in found.warnings[-1]


@pytest.mark.parametrize(
    ("x", "options", "said"),
    [
        (X[:35], {}, "35 samples; dichotomies needs at least 36, and hundreds to mean something."),
        (X, {"directions": 0}, "directions=0; give at least 1."),
        (X, {"labelings": 5}, "labelings=5; give at least 20."),
    ],
)
def test_bad_inputs_are_said_in_one_line(x, options, said):
    with pytest.raises(InvalidValue) as error:
        dichotomies(Representation(x), **options)
    assert str(error.value) == said


def test_one_unit_huge_units_outliers_and_half_precision_are_in_general_position_too():
    outlier = X.copy()
    outlier[5] *= 1e6
    for x in (X[:, :1], X * [1, 1, 1, 1, 1, 1e6], outlier, X.astype(np.float16)):
        found = dichotomies(Representation(x))
        assert found.value == pytest.approx(2, abs=0.4)
