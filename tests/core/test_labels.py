"""Labels in every form in which people have them: read where that has a meaning, and refused in one line where not."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.labels import as_column, as_columns
from layerscape.errors import InvalidType, InvalidValue

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


@pytest.mark.parametrize("column", ["cat", 3, None, {"a": 1}, b"ab"])
def test_a_column_that_is_no_list_is_refused_by_name(column):
    text = f"label column 'g' is of type {type(column).__name__}; give N values, one per sample."
    with pytest.raises(InvalidType, match=f"^{text}$"):
        as_columns({"g": column})


def test_numbers_that_no_integer_holds_stay_real():
    assert as_column([1.0, np.inf]).tolist() == [1.0, np.inf]
    assert as_column([1.0, 1e300, -1e300]).tolist() == [1.0, 1e300, -1e300]
    assert as_column([1.0, 2.0**62]).dtype == np.int64


def test_an_index_that_has_the_ids_in_another_order_is_refused():
    """By place each label would go to another sample, without a word."""
    pandas = pytest.importorskip("pandas")
    right = pandas.DataFrame({"word": ["x", "y", "z"]}, index=["a", "b", "c"])
    layers, ids = {"one": np.eye(3)}, ["a", "b", "c"]
    assert ls.from_arrays(layers, ids=ids, labels=right).samples.labels["word"].tolist() == ["x", "y", "z"]
    words = r"the index of the labels has the ids .* in another order, 'c' where they have 'a'; give labels\.loc\[ids\]"
    for labels in (right[::-1], right["word"][::-1], {"word": right["word"][::-1]}):
        with pytest.raises(InvalidValue, match=words):
            ls.from_arrays(layers, ids=iter(ids), labels=labels)
        assert ls.from_arrays(layers, labels=labels).samples.labels["word"].tolist() == ["z", "y", "x"]
    by_place = right.set_axis([5, 7, 9])  # rows of a larger table, that are no ids
    assert ls.from_arrays(layers, ids=ids, labels=by_place).samples.labels["word"].tolist() == ["x", "y", "z"]
