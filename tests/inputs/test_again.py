"""The samples of a run are found again by their ids, and are refused where they are others."""

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidValue
from layerscape.inputs import choose_inputs
from layerscape.inputs.again import samples_again


def again(source, first, **options):
    return samples_again(source, first.ids, first.kind, first.fingerprint, **options)


def write(path, texts, ids=None):
    names = ids or [f"row {row}" for row in range(len(texts))]
    path.write_text("name,text\n" + "".join(f"{name},{text}\n" for name, text in zip(names, texts, strict=True)))
    return path


TEXTS = ["the cat", "a dog ran", "my house", "the mat", "far away"]


@pytest.mark.parametrize("choice", [{}, {"limit": 3}, {"limit": 3, "sample_seed": 1}])
@pytest.mark.parametrize("columns", [{}, {"id_column": "name"}, {"text_column": "text", "id_column": "name"}])
def test_how_they_were_drawn_need_not_be_known(tmp_path, choice, columns):
    path = write(tmp_path / "texts.csv", TEXTS)
    first = choose_inputs(path, labels=[], **choice, **columns).samples()
    found = again(path, first, **columns)
    rows = range(len(first))
    assert (found.ids, found.read(rows)) == (first.ids, first.read(rows))


def test_rows_in_another_order_are_matched_by_id_and_other_contents_refused(tmp_path):
    path = write(tmp_path / "texts.csv", TEXTS)
    first = choose_inputs(path, id_column="name").samples()
    write(path, TEXTS[::-1], [f"row {row}" for row in range(4, -1, -1)])
    assert again(path, first, id_column="name").read([0]) == ["the cat"]
    with pytest.raises(InvalidValue, match="lacks 5 of the 5 samples of the run, 'row 0' for one; give the inputs"):
        again(path, first)
    write(path, [*TEXTS[:-1], "near"])
    with pytest.raises(
        InvalidValue, match="holds other samples by these ids than the run was made of; give the inputs"
    ):
        again(path, first, id_column="name")
    path.unlink()
    with pytest.raises(
        FileProblem, match=r"^the samples cannot be read again: .*; give the inputs that it was made of"
    ):
        again(path, first, id_column="name")


def test_bad_pictures_that_were_left_out_are_no_matter(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, level in (("a", 10), ("b", 200)):
        image.fromarray(np.full((4, 4), level, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "bad.png").write_bytes(b"none")
    first = choose_inputs(tmp_path, skip_bad=True).samples()
    assert again(tmp_path, first).read([1])[0].max() == 200
    (tmp_path / "b.png").write_bytes(b"none")
    with pytest.raises(FileProblem, match="1 of 2 samples of"):
        again(tmp_path, first)


def test_a_data_set_of_the_hub_is_read_by_extract_alone():
    with pytest.raises(
        InvalidValue, match=r"^hf:imdb\[test\]:text is a data set of the hub, which only extract reads: "
    ):
        samples_again("hf:imdb[test]:text", ["0"], "text", "")
