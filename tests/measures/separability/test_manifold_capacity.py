import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

import layerscape as ls
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.separability import manifold_capacity as module
from layerscape.measures.separability.dichotomies import separable
from layerscape.measures.separability.manifold_capacity import _of_class, manifold_capacity

rng = np.random.default_rng(6)
CLASSES, EACH = 30, 4
LABELS = np.repeat(np.arange(CLASSES), EACH)
CENTERS = rng.standard_normal((CLASSES, 200))


@pytest.fixture
def any_chance(monkeypatch):
    """For tests that do not look at chance, which takes most of the time."""
    monkeypatch.setattr(module, "CHANCE_DRAWS", 2)


def clouds(spread):
    return CENTERS[LABELS] + spread * rng.standard_normal((len(LABELS), 200))


def simulated(x, labelings=15):
    """Classes over the mean number of random directions from which on random sides are separable."""
    x = x - x.mean(axis=0)
    least = []
    for _ in range(labelings):
        projected = x @ np.linalg.qr(rng.standard_normal((200, 120)))[0] * rng.choice([-1, 1], CLASSES)[LABELS][:, None]
        low, high = 0, 120
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if separable(projected[:, :middle]) else (middle, high)
        least.append(high)
    return CLASSES / np.mean(least)


@pytest.mark.usefixtures("any_chance")
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_it_is_the_simulated_capacity_of_clouds(spread):
    x = clouds(spread)
    found = manifold_capacity(Representation(x), LABELS, draws=200)
    assert found.value == pytest.approx(simulated(x), rel=0.12)


@pytest.mark.usefixtures("any_chance")
def test_points_have_two_and_no_extent():
    found = manifold_capacity(Representation(np.repeat(CENTERS, 2, axis=0)), np.arange(60) // 2, draws=400)
    assert found.value == pytest.approx(2, rel=0.05)
    assert found.details["radius"] == pytest.approx(0, abs=1e-12)
    one = manifold_capacity(Representation(clouds(0.5)), LABELS, points=1, draws=400)
    assert one.value == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_a_disk_has_the_capacity_of_its_circular_cone(radius):
    """A cone of half-angle atan R about the center: t, at an angle to it, lies in it, above it, or beyond its polar."""
    angle = np.arange(60) * 2 * np.pi / 60
    cloud = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.ones(60)])
    half = np.arctan(radius)
    inside = quad(np.sin, 0, half)[0]
    above = quad(lambda off: np.sin(half + off) * np.cos(off) ** 2, 0, np.pi / 2)[0]
    exact = 3 * (inside + above) / 2  # E‖t‖² = 3
    found = _of_class(cloud, 3000, (0, 0))
    assert found.inverse == pytest.approx(exact, rel=0.06)
    assert found.radius <= radius + 1e-9


def test_the_projection_is_the_solution_of_the_quadratic_program():
    """min ‖v − t‖² under v·s ≥ 0 for all points s, with −t for t as both are as likely."""
    cloud = rng.standard_normal((5, 3)) + 1
    s = np.linalg.qr(cloud.T, mode="r")
    s = s * np.where(np.diag(s) < 0, -1, 1)[:, None]
    squares = []
    for t in np.random.default_rng((0, 0)).standard_normal((20, 3)):
        limits = {"type": "ineq", "fun": lambda v: v @ s, "jac": lambda v: s.T}
        squares.append(minimize(lambda v, t=t: ((v + t) ** 2).sum(), -t, constraints=limits, tol=1e-12).fun)
    assert _of_class(cloud, 20, (0, 0)).inverse == pytest.approx(np.mean(squares), rel=1e-6)


@pytest.mark.usefixtures("any_chance")
def test_tighter_classes_have_more_capacity():
    values = [manifold_capacity(Representation(clouds(s)), LABELS, draws=20) for s in (0.1, 0.5, 2.0)]
    assert values[0].value > values[1].value > values[2].value
    assert values[0].details["radius"] < values[2].details["radius"]


def test_no_random_classes_are_as_tight_and_random_ones_are_chance():
    tight = manifold_capacity(Representation(clouds(0.1)), LABELS, draws=20)
    assert tight.chance.p == pytest.approx(1 / 21)
    noise = manifold_capacity(Representation(rng.standard_normal((120, 200))), LABELS, draws=20)
    assert noise.chance.p > 0.04
    assert noise.chance.value == pytest.approx(2 / EACH, rel=0.15)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"points": 0}, "points=0; give at least 1."), ({"draws": 5}, "draws=5; give at least 20.")],
)
def test_options_that_are_too_small_are_said_in_one_line(options, said):
    with pytest.raises(InvalidValue) as error:
        manifold_capacity(Representation(CENTERS), LABELS[:CLASSES], **options)
    assert str(error.value) == said


@pytest.mark.usefixtures("any_chance")
def test_huge_units_outliers_copies_half_precision_and_one_unit_leave_it_finite():
    few = LABELS[:48]
    x = clouds(0.5)[:48, :5]
    outlier = x.copy()
    outlier[5] *= 1e6
    for data in (x * [1, 1, 1, 1, 1e9], outlier, np.repeat(x[::EACH], EACH, axis=0), x.astype(np.float16), x[:, :1]):
        found = manifold_capacity(Representation(data), few, draws=20)
        assert 0 < found.low < found.value < found.high < np.inf


def test_what_the_theory_is_not_for_is_said():
    found = manifold_capacity(Representation(clouds(0.5)[:8]), LABELS[:8], points=3, draws=20)
    assert found.warnings == (
        "3 samples drawn from each of 2 of 2 classes",
        "2 classes: the theory is for many, and the interval is wide",
        "two centers have a mean |cosine| of 1.00; the theory is for unrelated centers",
    )


def test_a_class_in_the_middle_of_the_others_has_no_direction():
    """Equally far classes on a line, of which one lies at their mean."""
    found = ls.estimate("manifold_capacity", np.arange(48.0).reshape(6, 8), np.array([1, 2, 1, 0, 2, 0]), draws=20)
    assert found.details["center_correlation"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_of_many_samples_in_few_dimensions_noise_is_at_chance(seed):
    """Draws alone make the value, which are more than those of chance."""
    x = np.random.default_rng(seed).standard_normal((80, 5))
    assert manifold_capacity(Representation(x), np.arange(80) % 2, permutations=19).chance.p == 1
