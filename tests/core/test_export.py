"""What is written for other programs harms no run, is no formula, and comes back as it was."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscape.core.export import FORMULA, as_csv, check_ending
from layerscape.errors import InvalidValue

pd = pytest.importorskip("pandas")

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1)


@given(st.lists(TEXT | st.sampled_from(["=1+1", '=HYPERLINK("a","b")', "@x", "-x", "\\=1", "\\"]), min_size=1))
def test_no_cell_begins_like_a_formula_and_pandas_reads_it_back(names):
    table = pd.DataFrame({"layer": names, "value": [-0.5] * len(names)})
    text = as_csv(table)
    cells = [row[0] for row in csv.reader(io.StringIO(text)) if row][1:]
    assert not any(cell.startswith(FORMULA) for cell in cells)
    back = pd.read_csv(
        io.StringIO(text), escapechar="\\", keep_default_na=False, dtype={"layer": str}, lineterminator="\n"
    )
    assert back.layer.tolist() == names
    assert back.value.tolist() == table.value.tolist()


@pytest.mark.parametrize("name", ["run.json", "table", "samples.parquet", "x.csv.gz"])
def test_other_names_are_refused(name):
    with pytest.raises(InvalidValue, match=rf"^run/{name}: give a name that ends in \.csv\.$"):
        check_ending(Path("run") / name, ".csv")
