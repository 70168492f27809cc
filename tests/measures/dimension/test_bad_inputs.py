"""Every dimension on data that break assumptions: an error or a warning in words, never a silent wrong number."""

import math
import warnings

import numpy as np
import pytest

from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.measures import catalog, question
from layerscape.pipeline.estimate import estimate

MEASURES = [m for m in catalog().values() if question(m) == "dimension"]
SMALL = {"k": 8, "k_max": 40, "max_width": 4, "steps": 200, "max_dimension": 4}
rng = np.random.default_rng(5)
CLEAN = rng.standard_normal((200, 4))
OUTLIER = CLEAN.copy()
OUTLIER[0] = 1e6

WHATEVER = {
    "one unit": rng.standard_normal((200, 1)),
    "fewer samples than units": rng.standard_normal((20, 50)),
    "three samples": rng.standard_normal((3, 5)),
    "five samples": rng.standard_normal((5, 5)),
    "all copies": np.tile([[0.3, -1.2, 0.5]], (100, 1)),
    "two values": np.repeat([[0.3, -1.2], [0.4, 1.7]], 60, axis=0),
    "every row twice": np.repeat(CLEAN, 2, axis=0),
    "a lattice": np.stack(np.meshgrid(*[np.arange(6.0)] * 3), -1).reshape(-1, 3),
    "a line of whole numbers": np.arange(200.0)[:, None],
    "a far outlier": OUTLIER,
    "one constant unit": np.c_[CLEAN, np.ones(200)],
    "tiny numbers": CLEAN * 1e-20,
    "huge numbers": CLEAN * 1e20,
    "a large offset": (CLEAN + 1e7).astype(np.float32),
    "half precision": CLEAN.astype(np.float16),
    "bits": rng.integers(0, 2, (200, 12)),
    "booleans": rng.integers(0, 2, (200, 12)).astype(bool),
}


def options(measure):
    return {name: value for name, value in SMALL.items() if name in measure.options}


def read(measure, x):
    """The estimate, or the error in words; Python's own warnings would be errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return estimate(measure, x, **options(measure))
        except LayerscapeError as error:
            return str(error)


@pytest.mark.parametrize("what", WHATEVER)
@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
def test_whatever_is_given_gets_words_or_a_number_with_an_interval(measure, what):
    found = read(measure, WHATEVER[what])
    if isinstance(found, str):
        assert "\n" not in found
        assert any(mark in found for mark in (";", ":")), found  # what is allowed, and what to do
        return
    assert math.isfinite(found.value)
    assert found.low < found.high or found.value == found.n_units == 1  # the ratio of one unit is known
    assert found.low <= found.value <= found.high
    assert found.value > 0 or measure.bounds[0] < 0
    if len(WHATEVER[what]) < 50:
        assert found.warnings


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
@pytest.mark.parametrize("what", ["all copies", "three samples"])
def test_what_has_no_dimension_gets_none(measure, what):
    found = read(measure, WHATEVER[what])
    assert isinstance(found, str) or found.warnings


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.name)
def test_a_matrix_that_is_none_is_refused(measure):
    for x, words in (
        (np.zeros((0, 3)), "is empty"),
        (np.zeros(5), "a representation is a matrix"),
        (np.full((50, 3), np.nan), "has a value that is NaN or infinite"),
        (np.array([["a", "b"]] * 50), "give real numbers"),
        (np.zeros((50, 3), complex), "give real numbers"),
    ):
        with pytest.raises((InvalidValue, TypeError), match=words):
            estimate(measure, x, **options(measure))


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.searches], ids=lambda m: m.name)
def test_a_graph_with_too_few_neighbors_is_refused_with_the_remedy(measure):
    from layerscape.search import find_neighbors

    needed = measure.neighbors_needed(options(measure), 200)
    if needed > 1:
        with pytest.raises(InvalidValue, match=r"search again with (a larger|more)|at least|k=\d"):
            estimate(measure, find_neighbors(CLEAN, 1), **options(measure))
