"""Labels in every form in which people have them: read where that has a meaning, and refused in one line where not."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidType

SEVERAL = {
    "words and numbers": (
        [1, "1"] * 30,
        "labels of several forms, 1 and '1'; give all of them as words, or as numbers.",
    ),
    "words and sets": (["ab", {"a"}] * 30, "labels of several forms, 'ab' and {'a'}"),
    "dicts": ([{"a": 1}, {"b": 1}] * 30, "labels of type dict; give words, numbers, dates, tuples (paths) or sets."),
    "objects": ([object(), object()] * 30, "labels of type object; give words, numbers"),
    "arrays": ([np.zeros(2), np.ones(3)] * 30, "labels of type ndarray; give words, numbers"),
    "complex": (np.array([1j, 2j] * 30), "labels of type complex128; give words, numbers"),
}
MANY = {"lists": [[1, 2], [3]] * 30, "sets": [{1, 2}, {3}] * 30, "tuples": [("a", "b"), ("c", "d")] * 30}
READERS = ("label_overlap", "knn_probe", "linear_probe", "manifold_capacity", "nucleation")


@pytest.mark.parametrize("measure", READERS)
@pytest.mark.parametrize(("labels", "words"), SEVERAL.values(), ids=SEVERAL)
def test_labels_of_several_forms_or_of_none_are_one_line(measure, labels, words):
    x = np.random.default_rng(0).standard_normal((60, 3))
    with pytest.raises(InvalidType, match=f"^[^\n]*{re.escape(words)}"):
        ls.estimate(measure, x, labels)


@pytest.mark.parametrize("measure", READERS[1:])
@pytest.mark.parametrize("labels", MANY.values(), ids=MANY)
def test_several_labels_a_sample_are_read_where_that_has_a_meaning(measure, labels):
    x = np.random.default_rng(0).standard_normal((60, 3))
    assert 0 <= ls.estimate("label_overlap", x, labels).value <= 1
    with pytest.raises(InvalidType, match="labels that are several for a sample, which label_overlap reads; give one"):
        ls.estimate(measure, x, labels)
