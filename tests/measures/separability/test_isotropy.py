import numpy as np
import pytest

from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures.separability.isotropy import isotropy

rng = np.random.default_rng(0)


def by_the_paper(x):
    d = x.shape[1]
    values = np.linalg.eigvalsh(np.cov(x.T))
    defect = np.linalg.norm(np.sqrt(d) * values / np.linalg.norm(values) - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    phi = (d - defect**2 * (d - np.sqrt(d))) ** 2 / d**2
    return (d * phi - 1) / (d - 1)


@pytest.mark.parametrize("shape", [(300, 7), (40, 90)])
def test_is_the_papers_formula_step_by_step(shape):
    x = rng.standard_normal(shape) * np.geomspace(1, 5, shape[1]) + 2
    assert isotropy(Representation(x)).value == pytest.approx(by_the_paper(x), rel=1e-9)


def test_mean_cosines_are_those_of_all_pairs():
    x = rng.standard_normal((50, 4)) + 1
    details = isotropy(Representation(x)).details
    for name, rows in (("mean_cosine", x), ("centered_mean_cosine", x - x.mean(axis=0))):
        rows = rows / np.linalg.norm(rows, axis=1)[:, None]
        assert details[name] == pytest.approx((rows @ rows.T)[np.triu_indices(50, 1)].mean(), abs=1e-12)


def test_a_line_is_0_and_said_to_be_collapsed():
    x = np.outer(rng.standard_normal(200), [1.0, 2.0, 3.0])
    found = isotropy(Representation(x))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.low < found.high
    assert "dimensional collapse: 2 of 3 directions hold no variance beyond rounding" in found.warnings
    assert "dimensional collapse: one direction holds 100.0% of the variance" in found.warnings


def test_one_unit_is_refused():
    with pytest.raises(InvalidValue) as error:
        isotropy(Representation(np.arange(9.0)[:, None]))
    assert str(error.value) == "1 unit; isotropy compares directions: give at least 2 units."
