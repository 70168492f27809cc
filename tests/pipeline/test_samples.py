from __future__ import annotations

import re
import tracemalloc
from itertools import count

import numpy as np
import pytest

from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.pipeline.samples import as_samples

torch = pytest.importorskip("torch")


def test_a_list_may_hold_arrays_of_any_length_and_dicts_of_them(rng):
    ragged = as_samples([rng.normal(size=(2 + i, 3)) for i in range(4)])
    assert [each.shape for each in ragged.read([3, 0])] == [(5, 3), (2, 3)]
    assert (len(ragged), ragged.kind) == (4, "array")
    dicts = as_samples([{"x": torch.ones(2), "name": "a", "pair": (1.5, None)}, {"x": torch.zeros(2)}])
    first, second = dicts.read([0, 1])
    assert first["name"] == "a"
    assert first["pair"] == (1.5, None)
    np.testing.assert_array_equal(second["x"], [0, 0])


def test_what_is_told_apart(rng):
    x = rng.normal(size=(4, 3))
    given = [x, list(x.astype(np.float32)), [{"x": row} for row in x], [{"y": row} for row in x]]
    given += [[(row, row) for row in x], [x[:2], x[2:]], list(x[::-1])]
    prints = [as_samples(each).fingerprint for each in given]
    assert len(set(prints)) == len(given)
    assert prints == [as_samples(each).fingerprint for each in given]
    assert as_samples(list(x)).fingerprint == as_samples(torch.from_numpy(x)).fingerprint == prints[0]
    assert as_samples([[1.0, 2.0], [3.0, 4.0]]).read([1])[0].tolist() == [3.0, 4.0]


def test_tensors_of_any_kind_are_arrays():
    x = torch.arange(6.0).reshape(3, 2)
    for given in (x, x.bfloat16(), x.clone().requires_grad_()):
        np.testing.assert_array_equal(as_samples(given).read([2])[0], [4, 5])
        np.testing.assert_array_equal(as_samples(list(given)).read([2])[0], [4, 5])


def test_what_is_no_list_of_samples_is_refused():
    give = r"give a path, an array with one sample per row, or a list of texts, of arrays or of dicts of arrays"
    data = torch.utils.data.TensorDataset(torch.zeros(3, 2))
    for given, text in (
        (
            torch.utils.data.DataLoader(data, shuffle=True),
            r"a DataLoader whose order may be another each time \(RandomSampler\), so that row i is no sample",
        ),
        (np.zeros(3), rf"inputs of type ndarray and shape \(3,\); {give}"),
        ([1.0, 2.0], f"a list of numbers; {give}"),
        ([object()], "sample 0 of the list is of type object, and no array"),
        (iter([1]), "sample 0 is one number, 1; give arrays, texts or pictures"),
        (iter(["a", np.zeros(2)]), r"samples of several kinds: text \(sample 0\), array \(sample 1\)"),
        ({1, 2}, f"inputs of type set; {give}"),
    ):
        with pytest.raises(InvalidType, match=f"^{text}"):
            as_samples(given)
    with pytest.raises(InvalidValue, match=r"^an empty list; give a path"):
        as_samples([])


def pictures(n):
    pil = pytest.importorskip("PIL.Image")
    return [pil.fromarray(np.full((4 + i, 5, 3), 10 * i, np.uint8)) for i in range(n)]


def test_samples_are_of_no_kind_that_they_are_not(rng):
    grey, color = (rng.integers(0, 255, shape).astype(np.uint8) for shape in ((5, 4), (5, 4, 3)))
    assert as_samples([grey, color], kind="image").kind == "image"
    assert as_samples(["MKT"], kind="protein").kind == "protein"
    assert as_samples(["MKT"], kind="array").kind == "array"
    scale, last = r"scale it to 0 to 255 and make it uint8", r"put its channels last, as x\.transpose\(1, 2, 0\) does"
    one = "leave out the axis of its one channel"
    for other, told, cure in (
        (grey.astype(np.uint16), r"uint16 of shape \(5, 4\)", f"{scale}, or "),
        (color / 255, r"float64 of shape \(5, 4, 3\)", f"{scale}, or "),
        (color.transpose(2, 0, 1), r"uint8 of shape \(3, 5, 4\)", f"{last}, or "),
        (grey[..., None], r"uint8 of shape \(5, 4, 1\)", f"{one}, or "),
        (grey[None], r"uint8 of shape \(1, 5, 4\)", f"{one}, or "),
        (rng.integers(0, 255, (5, 4, 13)).astype(np.uint8), r"uint8 of shape \(5, 4, 13\)", ""),
        ({"pixels": color}, "dict", ""),
    ):
        text = rf"^kind='image' for samples of which 1 is {told}; a picture is uint8 of shape \(height, width\) or "
        with pytest.raises(InvalidType, match=rf"{text}\(height, width, 3\): {cure}leave kind out\.$"):
            as_samples([grey, other], kind="image")
    for mended in (
        color.transpose(2, 0, 1).transpose(1, 2, 0),
        grey[None][0],
        (color / 255 * 255).round().astype("u1"),
    ):
        assert as_samples([grey, mended], kind="image").kind == "image"
    with pytest.raises(InvalidType, match=r"^kind='text' for samples of which 0 is float64 of shape \(3,\); a text is"):
        as_samples([np.zeros(3)], kind="text")
    with pytest.raises(InvalidType, match=r"^kind='image' for samples of which 0 is str; a picture is uint8 of shape"):
        as_samples(["a"], kind="image")


def test_a_data_set_of_another_length_than_it_says_and_bytes_are_refused_in_words():
    class Short:
        def __len__(self):
            return 5

        def __getitem__(self, row):
            return ["a cat", "a dog"][row]

    with pytest.raises(
        InvalidValue, match=r"^inputs of type Short say that they are 5 and have none at 2; mend their len"
    ):
        as_samples(Short())
    for given in ([b"a cat", b"a dog"], np.array([b"a cat", b"a dog"])):
        with pytest.raises(
            InvalidType, match=r"^inputs of bytes, b'a cat' for one; give texts, each\.decode\(\), or pict"
        ):
            as_samples(given)


def test_pictures_that_cannot_be_read_are_named():
    pil = pytest.importorskip("PIL.Image")
    pictures = [pil.new("RGB", (4, 4)), pil.new("F", (4, 4))]
    with pytest.raises(
        InvalidValue, match=r"^sample 1 cannot be used: its pixels are floats; save it with 8 or 16 bits"
    ):
        as_samples(pictures)


def test_pictures_of_pil_and_paths_of_pictures_are_pictures(tmp_path):
    given = pictures(3)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for picture, path in zip(given, paths, strict=True):
        picture.save(path)
    found = [as_samples(given), as_samples(paths), as_samples(iter(given))]
    assert {each.kind for each in found} == {"image"}
    assert found[0].fingerprint == found[2].fingerprint
    assert (found[1].ids, found[1].fingerprint) == (as_samples(tmp_path).ids, as_samples(tmp_path).fingerprint)
    assert as_samples([*paths, paths[0]]).ids == ("0", "1", "2", "3")
    np.testing.assert_array_equal(found[1].read([2])[0], np.full((6, 5, 3), 20))
    with pytest.raises(InvalidType, match=r"^a list of texts that are paths of pictures, .*; give them as pathlib"):
        as_samples([str(path) for path in paths])


def test_files_that_are_no_pictures_are_left_out_of_a_list_where_that_is_asked_for(tmp_path):
    good, bad = tmp_path / "a" / "good.png", tmp_path / "b" / "bad.png"
    for path in (good, bad):
        path.parent.mkdir()
    pictures(1)[0].save(good)
    bad.write_bytes(b"nonsense")
    with pytest.raises(
        FileProblem, match=r"^1 of 2 samples of a list cannot be used; the first, 'b/bad\.png', cannot be"
    ):
        as_samples([bad, good])
    found = as_samples([bad, good], labels={"kind": ["x", "y"]}, skip_bad=True)
    assert (found.ids, found.labels["kind"].tolist(), found.skipped[0][0]) == (("a/good.png",), ["y"], "b/bad.png")


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_texts_are_refused_or_left_out(missing):
    texts = ["a", missing, "b"]
    with pytest.raises(InvalidValue, match=r"^1 of 3 samples of a list cannot be used; the first, '1', is missing; "):
        as_samples(texts)
    found = as_samples(texts, skip_bad=True)
    assert (found.ids, found.read([1]), found.skipped) == (("0", "2"), ["b"], (("1", "is missing"),))
    with pytest.raises(InvalidType, match=r"^input 1 is 3 among texts, of type int; give texts only\.$"):
        as_samples(["a", 3])


def test_half_a_character_is_a_bad_text():
    with pytest.raises(InvalidValue, match=r"the first, '1', holds half a character, which cannot be written as UTF-8"):
        as_samples(["fine", "a\ud800b"])
    assert as_samples(["fine", "a\ud800b"], skip_bad=True).ids == ("0",)


def test_of_what_never_ends_the_first_samples_are_taken(rng):
    found = as_samples((rng.normal(size=4) for _ in count()), limit=7)
    assert (len(found), found.read([6])[0].shape) == (7, (4,))
    with pytest.raises(
        InvalidValue, match=r"^sample_seed=1 of samples whose number is not known; leave it out for the"
    ):
        as_samples((rng.normal(size=4) for _ in count()), limit=7, sample_seed=1)
    with pytest.raises(InvalidValue, match=r"^limit=0; give the number of samples to take, at least 1\.$"):
        as_samples((rng.normal(size=4) for _ in count()), limit=0)
    taken = []
    with pytest.raises(InvalidValue, match=r"^id_column='id' is for files"):
        as_samples((taken.append(row) or rng.normal(size=4) for row in range(9)), id_column="id")
    assert len(taken) == 1  # whether the rows are dicts


def test_a_data_set_of_pairs_has_labels_and_one_without_has_none(rng):
    x = rng.standard_normal((5, 3)).astype("float32")
    pairs = as_samples(torch.utils.data.TensorDataset(torch.from_numpy(x), torch.arange(5) % 2))
    alone = as_samples(torch.utils.data.TensorDataset(torch.from_numpy(x)))
    assert pairs.labels["label"].tolist() == [0, 1, 0, 1, 0]
    assert alone.labels == {}
    assert pairs.fingerprint == alone.fingerprint == as_samples(row for row in x).fingerprint
    np.testing.assert_array_equal(pairs.read([4, 1]), x[[4, 1]])


class Hub:
    """What a data set of Hugging Face is from outside; `length` is what a streamed one has not."""

    def __init__(self, rows):
        self._rows, self.column_names = rows, list(rows[0])

    def __iter__(self):
        return iter(self._rows)


def test_tables_in_memory_are_as_those_in_files(tmp_path):
    pandas = pytest.importorskip("pandas")
    rows = [{"text": f"text {i}", "topic": "ab"[i % 2], "key": f"k{i}"} for i in range(6)]
    frame = pandas.DataFrame(rows)
    frame.to_csv(tmp_path / "a.csv", index=False)
    expected = as_samples(tmp_path / "a.csv", id_column="key", labels=["topic"])
    for given in (frame, Hub(rows)):
        found = as_samples(given, id_column="key", labels=["topic"])
        assert (found.kind, found.ids, found.fingerprint) == ("text", expected.ids, expected.fingerprint)
        assert found.labels["topic"].tolist() == list("ababab")
    assert len(as_samples(frame, limit=2)) == 2
    assert as_samples(frame[["text"]].set_index(frame["key"])).ids == expected.ids
    assert as_samples(frame.set_index("key")["text"]).ids == expected.ids
    labeled = as_samples(Hub([{"image": each, "label": i} for i, each in enumerate(pictures(3))]))
    assert (labeled.kind, labeled.labels["label"].tolist()) == ("image", [0, 1, 2])


def test_pairs_of_texts_are_one_sample_each_from_a_file_a_list_and_an_iterator(tmp_path):
    (tmp_path / "a.csv").write_text("question,answer,topic\nto be,or,x\nnot,to be,x\n")
    pandas = pytest.importorskip("pandas")
    (tmp_path / "b.csv").write_text("question,answer\nto be,or\nnot,\n")
    pairs = [("to be", "or"), ("not", "to be")]
    for inputs, options in (
        (tmp_path / "a.csv", {"text_column": "question, answer"}),
        (pairs, {}),
        ([list(pair) for pair in pairs], {}),
        ((pair for pair in pairs), {}),
        (pandas.read_csv(tmp_path / "a.csv"), {"text_column": "question,answer"}),
        (np.array(pairs), {}),
    ):
        found = as_samples(inputs, **options)
        assert (found.kind, found.ids, found.read([0, 1])) == ("text", ("0", "1"), pairs)
    moved = as_samples([("to", "be or"), ("not", "to be")])  # which are the same letters, parted elsewhere
    assert moved.fingerprint != as_samples(pairs).fingerprint
    with pytest.raises(FileProblem, match=r"^1 of 2 samples of .* cannot be used; the first, '1', is empty; repair"):
        as_samples(tmp_path / "b.csv", text_column="question,answer")
    with pytest.raises(UnknownName, match=r"^unknown column of .*a.csv 'reply'. There are: answer, question"):
        as_samples(tmp_path / "a.csv", text_column="question,reply")
    with pytest.raises(
        InvalidValue, match=r"^text_column='question,answer,topic' names 3 columns, and a sample is one"
    ):
        as_samples(tmp_path / "a.csv", text_column="question,answer,topic")
    with pytest.raises(InvalidType, match=r"^input 1 is \('not', 'to', 'be'\) among pairs of texts; give two texts"):
        as_samples([("to be", "or"), ("not", "to", "be")])


def test_columns_of_objects_and_nested_tensors_are_lists_of_what_they_hold(rng):
    pandas = pytest.importorskip("pandas")
    arrays = [rng.normal(size=(2 + i, 3)) for i in range(3)]
    expected = as_samples(arrays).fingerprint
    column = pandas.Series(arrays, index=["x", "y", "z"])
    assert (as_samples(column).fingerprint, as_samples(column).ids) == (expected, ("x", "y", "z"))
    assert (
        as_samples(
            torch.nested.nested_tensor([torch.from_numpy(each) for each in arrays], layout=torch.jagged)
        ).fingerprint
        == expected
    )
    shots = pandas.Series(pictures(3))
    assert (as_samples(shots).kind, as_samples(shots).fingerprint) == ("image", as_samples(list(shots)).fingerprint)
    with pytest.raises(
        InvalidType, match=r"^a table with pictures in its column 'shot'; give that, table\['shot'\], and"
    ):
        as_samples(pandas.DataFrame({"shot": pictures(3), "y": [1, 1, 2]}))
    frame = pandas.DataFrame(
        {"text": ["a", "b", "c"], "vector": arrays, "word": pandas.array(["x", None, "x"], "string")}
    )
    assert as_samples(frame).read([2]) == ["c"]  # whatever is in other columns


def test_empty_texts_in_memory_are_refused_or_left_out_as_those_of_files_are():
    texts = ["the cat", "  ", "a dog", "", "\u3000"]
    says = (
        "3 of 5 samples of a list cannot be used ('1', '3', '4'); the first, '1', is empty; repair or remove them, or "
        "leave them out with --skip-bad (skip_bad=True)."
    )
    with pytest.raises(InvalidValue, match=re.escape(says)):
        as_samples(texts)
    found = as_samples(texts, labels={"number": list(range(5))}, skip_bad=True)
    assert found.ids == ("0", "2")
    assert found.read([1]) == ["a dog"]
    assert found.labels["number"].tolist() == [0, 2]
    assert found.skipped == (("1", "is empty"), ("3", "is empty"), ("4", "is empty"))
    pairs = as_samples([("who", "I"), ("what", " ")], skip_bad=True, kind="text")
    assert pairs.ids == ("0",)
    assert pairs.read([0]) == [("who", "I")]
    assert as_samples(texts[::2][:2]).fingerprint == as_samples(texts[::2][:2], skip_bad=True).fingerprint
    with pytest.raises(InvalidValue, match=r"^skip_bad=True is for files and texts; select the samples in memory"):
        as_samples(np.zeros((3, 2)), skip_bad=True)


def test_what_goes_wrong_while_samples_are_made_is_said_of_which():
    def given():
        yield np.zeros(3)
        yield np.zeros(3)
        raise OSError("the disk went away\nfor good")

    says = r"^sample 2 cannot be had \(OSError: the disk went away\); mend what makes the samples\.$"
    with pytest.raises(InvalidValue, match=says) as caught:
        as_samples(given())
    assert isinstance(caught.value.__cause__, OSError)


def test_a_table_with_arrays_in_its_cells_is_told_to_give_that_column():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"ids": [[1, 2], [3, 4]], "label": ["a", "b"]})
    says = "a table with arrays in its column 'ids'; give that, table['ids'], and others of its columns as labels."
    with pytest.raises(InvalidType, match=re.escape(says)):
        as_samples(table)
    assert as_samples(table["ids"], labels={"label": table["label"]}).read([1])[0].tolist() == [3, 4]


def test_a_disk_too_full_for_an_iterable_is_told(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layerscape.pipeline.spool.pickle.dump", full)
    with pytest.raises(FileProblem, match=r"^the disk is full at .*: free some space and run"):
        as_samples(iter([np.zeros(3)]))


def test_texts_of_an_iterable_are_never_all_in_memory():
    tracemalloc.start()
    try:
        samples = as_samples(f"{number} {'word ' * 4000}" for number in range(1000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(samples) == 1000
    assert samples.read([7])[0].startswith("7 word")
    assert peak < 5 * 2**20  # of 20 MB
