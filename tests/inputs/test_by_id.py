"""What knows the ids is matched by them, in whatever form a stranger brings it, and never guessed by position."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.inputs.by_id import labels_given

IDS = ("s3", "s1", "s2", "s0")
WORDS = ["owl", "cat", "dog", "cat"]  # of s0 … s3
OTHER = [f"s{row}" for row in range(4)]


def series(values=WORDS, index=OTHER, **more):
    return pd.Series(values, index=index, **more)


@pytest.mark.parametrize(
    ("labels", "name", "expected"),
    [
        (series(), "label", ["cat", "cat", "dog", "owl"]),
        (series(name="class"), "class", ["cat", "cat", "dog", "owl"]),
        (pd.DataFrame({"class": series()}), "class", ["cat", "cat", "dog", "owl"]),
        (pd.DataFrame({"id": OTHER, "class": WORDS}), "class", ["cat", "cat", "dog", "owl"]),
        ({"class": dict(zip(OTHER, WORDS, strict=True))}, "class", ["cat", "cat", "dog", "owl"]),
        ({"class": series()}, "class", ["cat", "cat", "dog", "owl"]),
        ({"class": pd.Series(WORDS)}, "class", WORDS),  # its index numbers the rows
        ({"class": np.array(WORDS)}, "class", WORDS),
        ({"class": np.array(WORDS, object)}, "class", WORDS),
        (series(["owl", None, "dog", "cat"], dtype="category"), "label", ["cat", None, "dog", "owl"]),
        (series([0.0, np.nan, 2.0, 3.0]), "label", [3, None, 2, 0]),  # whole numbers are categories
        (series([0.5, np.nan, 2.0, 3.0]), "label", [3.0, np.nan, 2.0, 0.5]),
        (series([0, None, 2, 3], dtype="Int64"), "label", [3, None, 2, 0]),
        (series([True, False, False, True]), "label", [True, False, False, True]),
        (series([True, None, False, False], dtype="boolean"), "label", [False, None, False, True]),
        (series(["owl", "", "dog", None], dtype="string"), "label", [None, None, "dog", "owl"]),
        (series([*WORDS, "fox"], [*OTHER, "another"]), "label", ["cat", "cat", "dog", "owl"]),  # of other samples
        ({"class": {"s0": "owl", "s1": None, "s2": "", "s3": "cat"}}, "class", ["cat", None, None, "owl"]),
        ({"place": pd.DataFrame({"x": [0.5, 1, 2, 3], "y": 0.0}, OTHER)}, "place", [[3, 0], [1, 0], [2, 0], [0.5, 0]]),
    ],
)
def test_each_sample_has_the_label_of_its_id(labels, name, expected):
    found = labels_given(labels, IDS)
    assert list(found) == [name]
    np.testing.assert_array_equal(found[name], np.array(expected, found[name].dtype))
    assert [type(value) for value in found[name].tolist()] == [type(value) for value in expected]


@pytest.mark.parametrize("index", [[10, 2, 30], [10.0, 2.0, 30.0], ["10", "2", "30"], np.array([10, 2, 30], np.int8)])
def test_an_index_of_numbers_is_one_of_ids(index):
    assert labels_given(series(["a", "b", "c"], index), ["2", "10", "30"])["label"].tolist() == ["b", "a", "c"]


def test_ids_that_are_written_with_a_point_are_matched_as_they_are():
    assert labels_given(series(["a", "b"], [1.0, 2.0]), ["2.0", "1.0"])["label"].tolist() == ["b", "a"]


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_the_order_of_neither_matters(ids, rows):
    labels = pd.Series([10 * row for row in rows], [f"s{row}" for row in rows])
    assert labels_given({"ten": labels}, [f"s{row}" for row in ids])["ten"].tolist() == [10 * row for row in ids]


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        (
            pd.Series(WORDS),
            InvalidValue,
            r"no row for 4 of 4 samples: 's3', 's1', 's2', …; .* in the order .*{'label': labels.to_numpy",
        ),
        (pd.Series(WORDS, name="class"), InvalidValue, r"{'class': labels.to_numpy\(\)}"),
        (series().iloc[1:], InvalidValue, "the labels have no row for 1 of 4 samples: 's0'; give one per sample"),
        (
            pd.DataFrame({"class": WORDS}),
            InvalidValue,
            r"no row for 4 of 4 samples: 's3', .*{name: labels\[name\].to_numpy\(\) for",
        ),
        (
            series([*WORDS, "fox"], [*OTHER, "s1"]),
            InvalidValue,
            "the labels have 2 rows for the id 's1'; leave one\\.$",
        ),
        (
            {"class": series().iloc[1:]},
            InvalidValue,
            r"label column 'class' has no row for 1 of 4 samples: 's0'; .*values.to_numpy\(\)",
        ),
        (
            {"class": {"s0": "owl"}},
            InvalidValue,
            "label column 'class' has no row for 3 of 4 samples: 's3', 's1', 's2'; .*None where it has none",
        ),
        ({"class": pd.Series(WORDS[:3])}, InvalidValue, "label column 'class' has no row for 4 of 4 samples: 's3'"),
        (dict(zip(OTHER, WORDS, strict=True)), InvalidType, r"{'s0': 'owl', …}.*give {'label': labels}"),
        ({"s0": 1, "s1": 2}, InvalidType, r"give {'label': labels}"),
        (dict.fromkeys(OTHER, ("a", "b")), InvalidType, r"give {'label': labels}"),
        ({"class": "owl"}, InvalidType, "label column 'class' is of type str; give N values"),
        ({"class": 3}, InvalidType, "label column 'class' is of type int; give N values"),
        (pd.DataFrame([WORDS] * 2, ["a", "a"], OTHER).T, InvalidValue, "2 columns named 'a'; rename all but one"),
        (pd.MultiIndex.from_product([["a"], WORDS]).to_series(), InvalidValue, "no row for 4 of 4 samples: 's3'"),
        (np.array(WORDS), InvalidType, "labels of type ndarray; give a dict of columns"),
        (None, InvalidType, "labels of type NoneType; give a dict of columns"),
    ],
)
def test_what_does_not_hold_the_ids_is_refused_in_one_line(labels, kind, words):
    with pytest.raises(kind, match=words) as caught:
        labels_given(labels, IDS)
    assert "\n" not in str(caught.value)


def test_numbers_that_may_be_ids_or_rows_are_asked_about():
    labels = {"class": pd.Series(["a", "b", "c"])}
    with pytest.raises(InvalidValue, match=r"may be ids or number the rows.*values.to_dict\(\) by id"):
        labels_given(labels, ["2", "0", "1"])
    assert labels_given(labels, ["0", "1", "2"])["class"].tolist() == ["a", "b", "c"]
    assert labels_given(labels["class"], ["2", "0", "1"])["label"].tolist() == ["c", "a", "b"]


def test_a_column_of_ids_is_one_of_a_table():
    table = pd.DataFrame({"key": OTHER, "class": WORDS})
    for each in (table, table.set_index("key")):
        assert labels_given(each, IDS, "key")["class"].tolist() == ["cat", "cat", "dog", "owl"]
    with pytest.raises(UnknownName, match="unknown column of the labels 'ky'; nearest: key"):
        labels_given(table, IDS, "ky")
    with pytest.raises(InvalidValue, match="id_column='key' is for a DataFrame or a file; labels of type dict"):
        labels_given({"key": OTHER, "class": WORDS}, IDS, "key")
