"""Pictures that a column of a table names or holds, alone and with a text."""

import io

import numpy as np
import pytest
from PIL import Image

from layerscape.core.samples import Captioned
from layerscape.errors import FileProblem, InvalidValue, UnknownName
from layerscape.inputs import choose_inputs

TEXTS = ["all black", "a ramp", "all white"]


def pixels(row):
    return [np.zeros((4, 6), np.uint8), np.arange(24, dtype=np.uint8).reshape(4, 6), np.full((4, 6), 255, np.uint8)][
        row
    ]


def encoded(row):
    buffer = io.BytesIO()
    Image.fromarray(pixels(row)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def table(tmp_path):
    """Pictures in a folder beside a table that names them from its own place on."""
    (tmp_path / "pics").mkdir()
    for row in range(3):
        (tmp_path / f"pics/{row}.png").write_bytes(encoded(row))
    lines = [f'pics/{row}.png,"{text}",{"ab"[row % 2]}' for row, text in enumerate(TEXTS)]
    (tmp_path / "table.csv").write_text("\n".join(["file,caption,kind", *lines]))
    return tmp_path / "table.csv"


def test_a_column_of_paths_is_pictures_and_the_others_are_labels(table):
    samples = choose_inputs(table, image_column="file", labels=["kind"]).samples()
    assert (samples.kind, samples.ids) == ("image", ("0", "1", "2"))
    assert samples.labels["kind"].tolist() == ["a", "b", "a"]
    for row, picture in enumerate(samples.read(range(3))):
        np.testing.assert_array_equal(picture, pixels(row))


def test_with_a_column_of_texts_a_sample_is_both(table):
    samples = choose_inputs(table, image_column="file", text_column="caption", id_column="file").samples()
    assert samples.ids == ("pics/0.png", "pics/1.png", "pics/2.png")
    for row, both in enumerate(samples.read([2, 0])):
        assert isinstance(both, Captioned)
        assert both.text == TEXTS[2 - 2 * row]
        np.testing.assert_array_equal(both.picture, pixels(2 - 2 * row))
    other = table.with_name("other.csv")
    other.write_text(table.read_text().replace("a ramp", "a slope"))
    again = choose_inputs(other, image_column="file", text_column="caption", id_column="file").samples()
    assert again.fingerprint != samples.fingerprint


@pytest.mark.parametrize("form", ["bytes", "dict"])
def test_pictures_within_parquet_are_read(tmp_path, form):
    import pandas as pd

    cells = [encoded(row) if form == "bytes" else {"bytes": encoded(row), "path": None} for row in range(3)]
    pd.DataFrame({"image": cells, "caption": TEXTS}).to_parquet(tmp_path / "t.parquet")
    samples = choose_inputs(tmp_path / "t.parquet", image_column="image", text_column="caption").samples()
    for row, both in enumerate(samples.read(range(3))):
        assert both.text == TEXTS[row]
        np.testing.assert_array_equal(both.picture, pixels(row))


def test_a_bad_side_makes_a_bad_sample(table):
    text = table.read_text().replace("pics/0.png", "").replace("pics/1.png", "pics/9.png").replace("all white", "")
    table.write_text(text + '\npics/2.png,"all white",b')
    chosen = {"image_column": "file", "text_column": "caption"}
    with pytest.raises(
        FileProblem, match=r"^3 of 4 samples of .* cannot be used \('0', '1', '2'\); the first, '0', has no"
    ):
        choose_inputs(table, **chosen).samples()
    kept = choose_inputs(table, skip_bad=True, **chosen).samples()
    assert kept.ids == ("3",)
    assert [name for name, _ in kept.skipped] == ["0", "1", "2"]
    assert kept.skipped[1][1] == "cannot be decoded (No such file or directory)"
    assert kept.skipped[2][1] == "is empty"
    np.testing.assert_array_equal(kept.read([0])[0].picture, pixels(2))


def test_cells_that_are_no_pictures_are_bad(tmp_path):
    import pandas as pd

    pd.DataFrame({"image": [1.5, 2.5], "caption": TEXTS[:2]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileProblem, match=r"the first, '0', has in place of a picture or its path a float"):
        choose_inputs(tmp_path / "t.parquet", image_column="image").samples()
    pd.DataFrame({"image": [b"no picture", encoded(0)]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileProblem, match=r"the first, '0', cannot be decoded \(it is no picture of a known format\)"):
        choose_inputs(tmp_path / "t.parquet", image_column="image").samples()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"image_column": "files"}, UnknownName, r"^unknown column of .* 'files'; nearest: file"),
        (
            {"image_column": "file", "text_column": "caption,kind"},
            InvalidValue,
            r"^text_column='caption,kind' with image",
        ),
        ({"image_column": "file", "kind": "text"}, InvalidValue, r"^kind='text' with image_column='file', of which a"),
        (
            {"kind": "image"},
            InvalidValue,
            r"^kind='image' for the table .*, or name the column of pictures with --image",
        ),
    ],
)
def test_what_does_not_go_with_pictures_is_refused(table, options, kind, message):
    with pytest.raises(kind, match=message):
        choose_inputs(table, **options).samples()


def test_a_folder_has_no_columns(table):
    with pytest.raises(InvalidValue, match=r"^image_column='file', but .* has no columns; leave it out"):
        choose_inputs(table.parent / "pics", image_column="file")
