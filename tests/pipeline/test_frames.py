"""Tables in memory: which columns are units, and rows that are dicts."""

from __future__ import annotations

from itertools import count

import numpy as np
import pandas as pd
import pytest

from layerscape.errors import InvalidType, InvalidValue, UnknownName
from layerscape.pipeline.samples import as_samples

N = 12
ROWS = [{"text": f"text {row}", "kind": row % 2} for row in range(N)]


@pytest.fixture
def frame(rng):
    return pd.DataFrame(rng.normal(size=(N, 4)), columns=list("abcd"))


def test_columns_that_are_no_units_by_their_names_are_none_and_it_is_said(frame):
    plain = as_samples(frame)
    with pytest.warns(UserWarning, match=r"^the table: the units are 'a', 'b', 'c', 'd'; left out: 'id', 'label'\."):
        found = as_samples(frame.assign(id=np.arange(N) + 5, label=np.arange(N) % 3))
    np.testing.assert_allclose(found.read(range(N)), plain.read(range(N)))
    assert found.labels["label"].tolist() == [str(row % 3) for row in range(N)]
    with pytest.warns(UserWarning, match=r"the units are 'a', 'b', 'c', 'd', 'on'; left out: 'label'"):
        assert as_samples(frame.assign(on=frame.a > 0, label=np.arange(N) % 3)).read([0])[0].shape == (5,)


def test_labels_may_be_named(frame):
    found = as_samples(frame.assign(kind=np.arange(N) % 3), labels=["kind"])
    assert (found.read([0])[0].shape, list(found.labels)) == ((4,), ["kind"])


def test_a_column_of_which_nothing_says_what_it_is_is_asked_about(rng):
    frame = pd.DataFrame(rng.normal(size=(N, 3)), columns=["x1", "x2", "age"]).assign(label=np.arange(N) % 3)
    with pytest.raises(InvalidValue, match=r"beside them 'age'; give the columns of units alone, and others as labels"):
        as_samples(frame)


def test_two_columns_of_one_name_are_refused(frame):
    with pytest.raises(InvalidValue, match=r"^the table has 2 columns named 'a'; rename all but one\.$"):
        as_samples(pd.concat([frame, frame[["a"]]], axis=1))


@pytest.mark.parametrize("how", [list, iter, lambda rows: (row for row in rows)])
def test_rows_are_a_table_where_texts_are_asked_for(how):
    found = as_samples(how(ROWS), kind="text")
    assert (found.kind, found.read([3])) == ("text", ["text 3"])
    assert found.labels["kind"].tolist() == ["0", "1"] * (N // 2)
    assert as_samples(how(ROWS), text_column="text").fingerprint == found.fingerprint
    assert as_samples(how(ROWS)).read([3])[0]["text"] == "text 3"  # a dict, for a function of the user's
    with pytest.raises(UnknownName, match=r"^unknown column of the table 'txt'; nearest: text"):
        as_samples(how(ROWS), text_column="txt")


def test_what_is_no_row_is_named_and_what_rows_lack_is_missing():
    with pytest.raises(InvalidType, match=r"^sample 12 is of type str among dicts; give a dict for each\.$"):
        as_samples([*ROWS, "text"], kind="text")
    found = as_samples([{"text": "a"}, {"kind": 1}, {"text": "c", "kind": 1}], kind="text", skip_bad=True)
    assert (found.ids, found.skipped) == (("0", "2"), (("1", "is missing"),))


def test_a_loader_and_a_data_set_of_rows_are_a_table():
    torch = pytest.importorskip("torch")

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return N

        def __getitem__(self, row):
            return {"text": f"text {row}", "kind": torch.tensor(row % 2)}

    for inputs in (Rows(), torch.utils.data.DataLoader(Rows(), batch_size=5)):
        found = as_samples(inputs, kind="text")
        assert found.read([N - 1]) == [f"text {N - 1}"]
        assert found.labels["kind"].tolist() == ["0", "1"] * (N // 2)


class Streamed:
    """As a data set of Hugging Face that comes over the wire: without columns, features and end."""

    column_names = features = None

    def __init__(self, rows=None):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows) if self.rows else ({"text": f"text {row}", "kind": row % 2} for row in count())

    def take(self, n):
        return Streamed([row for row, _ in zip(self, range(n), strict=False)])


def test_a_streamed_data_set_is_a_table_by_its_rows_and_has_an_end_where_one_is_given():
    found = as_samples(Streamed(ROWS))
    assert (len(found), found.read([2]), list(found.labels)) == (N, ["text 2"], ["kind"])
    assert len(as_samples(Streamed(), limit=5)) == 5


def test_what_fails_while_rows_are_made_is_said_of_which():
    def rows():
        yield from ROWS[:3]
        raise OSError("the disk is gone")

    with pytest.raises(InvalidValue, match=r"^sample 3 cannot be had \(.*the disk is gone.*\); mend what makes"):
        as_samples(rows(), kind="text")
