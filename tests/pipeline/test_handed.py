"""Loaders of torch and data sets of the hub: the samples that their data sets have, in their order, or one line."""

import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidType, InvalidValue, MissingExtra
from layerscape.pipeline.samples import as_samples

torch = pytest.importorskip("torch")
Loader = torch.utils.data.DataLoader
X = torch.arange(40.0).reshape(20, 2)
Y = torch.arange(20) % 3


class Items(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


@pytest.mark.parametrize("size", [1, 7, 20, None])
def test_the_batches_of_a_loader_are_the_samples_of_its_data_set(size):
    data = torch.utils.data.TensorDataset(X, Y)
    expected = as_samples(data)
    for given in (Loader(data, batch_size=size), Loader(Stream(), batch_size=size)):
        found = as_samples(given)
        assert found.fingerprint == expected.fingerprint
        assert found.labels["label"].tolist() == Y.tolist()
    assert as_samples(Loader(torch.utils.data.TensorDataset(X), batch_size=size)).labels == {}


def test_what_batches_hold_may_be_texts_dicts_or_several_arrays():
    texts = [(f"text {row}", "ab"[row % 2]) for row in range(9)]
    found = as_samples(Loader(Items(texts), batch_size=4))
    assert (found.kind, found.read([8])) == ("text", ["text 8"])
    assert found.labels["label"].tolist() == [label for _, label in texts]
    one = as_samples(Loader(Items([{"ids": X[row], "mask": Y[row : row + 1]} for row in range(9)]), batch_size=4))
    assert one.read([5])[0]["ids"].tolist() == [10, 11]
    real = as_samples(Loader(Items([(x, float(x.sum()) / 7) for x in X]), batch_size=6))
    np.testing.assert_allclose(real.labels["label"], X.sum(axis=1).numpy() / 7)


def test_samples_that_a_loader_would_lose_or_mix_are_said_or_refused():
    data = torch.utils.data.TensorDataset(X, Y)
    with pytest.warns(UserWarning, match=r"^drop_last=True leaves out the last 6 samples of the DataLoader$"):
        assert len(as_samples(Loader(data, batch_size=7, drop_last=True))) == 14
    sampler, in_order = torch.utils.data.BatchSampler, torch.utils.data.SequentialSampler(data)
    mixing = {
        "WeightedRandomSampler": Loader(
            data, batch_sampler=sampler(torch.utils.data.WeightedRandomSampler([1.0] * 20, 20), 4, False)
        ),
        "RandomSampler": Loader(data, shuffle=True, batch_size=None),
        "SubsetRandomSampler": Loader(data, sampler=torch.utils.data.SubsetRandomSampler([3, 1])),
        "Own": Loader(data, batch_sampler=type("Own", (sampler,), {})(in_order, 4, False)),
    }
    for name, loader in mixing.items():
        with pytest.raises(InvalidType, match=rf"whose order may be another each time \({name}\), so that row i is no"):
            as_samples(loader)
    uneven = Loader(data, batch_size=4, collate_fn=lambda rows: (rows[0][0], torch.zeros(4)))
    with pytest.raises(InvalidType, match=r"^batch 0 of the DataLoader, of type tuple, does not hold as many samples"):
        as_samples(uneven)


def test_a_network_of_ones_own_is_shown_what_a_loader_has(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    data = torch.utils.data.TensorDataset(X, Y)
    found, expected = (
        ls.extract(model, given, out=tmp_path / name)
        for name, given in (("loader", Loader(data, batch_size=6)), ("data", data))
    )
    for layer in expected:
        np.testing.assert_array_equal(np.asarray(found[layer]), np.asarray(expected[layer]))
    assert found.samples.labels["label"].tolist() == Y.tolist()


class Hub:
    """What `datasets.load_dataset` gives, from outside."""

    def __init__(self, rows, features=None, shown=None):
        self._rows, self.column_names, self.features = rows, list(rows[0]), features or {}
        self._shown = shown

    def __iter__(self):
        return iter(self._rows) if self._shown is None else iter([dict.fromkeys(self.column_names, self._shown)])

    def with_format(self, shown):
        return Hub(self._rows, self.features, shown)

    def cast_column(self, name, feature):
        read = pytest.importorskip("PIL.Image").open
        rows = [{**row, name: read(io.BytesIO(row[name]["bytes"]))} for row in self._rows]
        return Hub(rows, {**self.features, name: feature})

    def remove_columns(self, names):
        kept = [{name: value for name, value in row.items() if name not in names} for row in self._rows]
        return Hub(kept, {name: each for name, each in self.features.items() if name not in names})


class Classes:
    """A feature of classes that have names."""

    names = ("cat", "dog")
    int2str = names.__getitem__


class Encoded:
    """A feature of pictures that are handed out as they are in their files."""

    def __init__(self, decode=True):
        self.decode = decode


@pytest.fixture
def hub(monkeypatch):
    asked = []

    def load_dataset(name, part=None, split=None):
        asked.append((name, part, split))
        if name == "nowhere":
            raise FileNotFoundError("Couldn't find\nany data")
        pil = pytest.importorskip("PIL.Image")
        rows = [
            {"body": f"text {row}", "more": "x", "label": row % 2, "photo": pil.new("RGB", (4, 4), (row, 0, 0))}
            for row in range(6)
        ]
        if name == "texts":
            rows = [{key: row[key] for key in ("body", "more", "label")} for row in rows]
        return Hub(rows) if split else {"train": Hub(rows), "test": Hub(rows)}

    library = ModuleType("datasets")
    library.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    return asked


def test_a_data_set_of_the_hub_is_read_by_its_name(hub):
    found = as_samples("hf:texts,small[test]:body")
    assert (found.kind, found.read([1]), found.source) == ("text", ["text 1"], "hf:texts,small[test]:body")
    assert found.labels["label"].tolist() == ["0", "1"] * 3
    assert hub[-1] == ("texts", "small", "test")
    assert as_samples("hf:texts[test]:body", limit=2, labels=[]).ids == ("0", "1")
    pictures = as_samples("hf:people/photos[test]:photo")
    assert (pictures.kind, pictures.labels["label"].tolist()) == ("image", [0, 1] * 3)
    assert hub[-1] == ("people/photos", None, "test")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("hf:texts:body", r"hf:texts:body has several splits, train, test; name one: hf:texts\[train\]\."),
        ("hf:texts[test]:text", r"hf:texts\[test\]:text has no column 'text'; there are: body, more, label\."),
        ("hf:nowhere[test]", r"hf:nowhere\[test\] cannot be had: Couldn't find any data\."),
        ("hf:", r"hf: names no data set; write hf:NAME\[split\]:column, as in hf:imdb\[test\]:text\."),
    ],
)
def test_what_the_hub_does_not_have_is_said(hub, given, text):
    with pytest.raises(InvalidValue, match=f"^{text}$"):
        as_samples(given)


def test_rows_come_as_they_are_stored_and_classes_by_their_names():
    rows = [{"text": f"text {row}", "label": (0, 1, -1)[row % 3]} for row in range(6)]
    found = as_samples(Hub(rows, {"label": Classes()}, shown="a tensor"))
    assert found.read([0, 5]) == ["text 0", "text 5"]
    assert found.labels["label"].tolist() == ["cat", "dog", ""] * 2  # as a table has what is missing


def test_pictures_in_files_are_decoded_and_all_columns_of_classes_are_labels():
    pil, rows = pytest.importorskip("PIL.Image"), []
    for row in range(4):
        file = io.BytesIO()
        pil.new("RGB", (4, 4), (row, 0, 0)).save(file, "PNG")
        rows.append({"img": {"bytes": file.getvalue()}, "fine": row % 2, "more": {}})
    found = as_samples(Hub(rows, {"img": Encoded(decode=False), "fine": Classes()}))
    assert [int(each[0, 0, 0]) for each in found.read(range(4))] == [0, 1, 2, 3]
    assert {name: values.tolist() for name, values in found.labels.items()} == {"fine": ["cat", "dog"] * 2}


def test_splits_are_asked_for():
    rows = [{"text": "a"}]
    said = r"^inputs of type dict with the splits 'train', 'test'; give one: inputs\['train'\]\.$"
    with pytest.raises(InvalidType, match=said):
        as_samples({"train": Hub(rows), "test": Hub(rows)})


def test_a_data_set_on_disk_and_parts_of_splits(hub, tmp_path):
    rows = [{"body": f"text {row}"} for row in range(4)]
    saved = {"one": Hub(rows), "splits": {"train": Hub(rows[:3]), "test": Hub(rows)}}
    sys.modules["datasets"].load_from_disk = lambda name: saved[Path(name).name]
    for name, file in (("one", "state.json"), ("splits", "dataset_dict.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("{}")
    assert len(as_samples(f"hf:{tmp_path}/one:body")) == 4
    assert len(as_samples(f"hf:{tmp_path}/splits[train]:body")) == 3
    with pytest.raises(InvalidValue, match=r"cannot be had: it was saved as one data set, without parts and splits"):
        as_samples(f"hf:{tmp_path}/one[train]:body")
    with pytest.raises(InvalidValue, match=r"cannot be had: it has no split 'dev'; there are: train, test\.$"):
        as_samples(f"hf:{tmp_path}/splits[dev]:body")
    assert len(as_samples("hf:texts[test[:2]]:body")) == 6
    assert hub[-1] == ("texts", None, "test[:2]")
    with pytest.raises(InvalidType, match=r"is a column of values of type int; name one of texts or pictures, of: bod"):
        as_samples("hf:texts[test]:label")


@pytest.mark.parametrize("there", [None, ModuleType("datasets")], ids=["no library", "a folder of that name"])
def test_without_the_library_of_the_hub_one_line_says_what_to_install(monkeypatch, there):
    monkeypatch.setitem(sys.modules, "datasets", there)
    with pytest.raises(MissingExtra, match=r"^hf:imdb\[test\] is a data set .* not installed; run: pip install datas"):
        ls.extract("demo", "hf:imdb[test]", out="nowhere")
