"""Label columns of a run: paths, real numbers, vectors, and facts read from the samples."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName
from layerscape.search import find_neighbors

N = 120


@pytest.fixture
def run(rng):
    x = rng.standard_normal((N, 4))
    labels = {
        "coarse": np.arange(N) % 2,
        "fine": np.arange(N) % 6,
        "height": x[:, 0],
        "count": np.arange(N) // 10 + 0.0,
        "place": x[:, :2],
    }
    return ls.from_arrays({"in": x, "out": x[:, ::-1] ** 3}, labels=labels)


def values(run, **options):
    table = ls.measure(run, ["label_overlap"], k=8, **options)
    return {(row.layer, row.label): row.value for row in table.itertuples()}


def test_joined_columns_are_paths_and_vectors_are_near_in_their_graph(run):
    x = run["in"].matrix[:]
    coarse, fine, place = (run.samples.labels[name] for name in ("coarse", "fine", "place"))
    found = values(run, labels=["coarse+fine", "place", "height"])
    assert found["in", "coarse+fine"] == ls.estimate("label_overlap", x, np.stack([coarse, fine], 1), k=8).value
    assert found["in", "place"] == pytest.approx(ls.estimate("overlap", x, place, k=8).value, abs=1e-12)
    assert found["in", "height"] == ls.estimate("label_overlap", x, run.samples.labels["height"], k=8).value


def test_vectors_are_searched_once_and_what_is_missing_stays_so(run, monkeypatch):
    searched = []

    def counting(x, k, **how):
        searched.append(x.layer)
        return find_neighbors(x, k, **how)

    monkeypatch.setattr("layerscape.supply.provision.find_neighbors", counting)
    values(run, labels=["place"])
    assert searched == ["place"]
    gaps = [None if i == 7 else f"s{i % 3}" for i in range(N)]
    some = ls.from_arrays({"in": run["in"].matrix[:]}, labels={"coarse": np.arange(N) % 2, "gaps": gaps})
    (words,) = ls.measure(some, ["label_overlap"], labels=["coarse+gaps"], k=8).warnings
    assert words == "1 of 120 samples have no label and are left out"


def test_columns_of_numbers_are_measured_unasked_by_what_takes_them(run):
    assert {label for _, label in values(run)} == {"coarse", "fine", "count", "height", "place"}
    assert set(ls.measure(run, ["knn_probe"], permutations=19).label) == {"coarse", "fine", "count"}
    assert set(ls.measure(run, ["linear_probe"], permutations=19).label) == {"coarse", "fine", "count", "height"}


def test_named_for_a_measure_that_cannot_take_them_numbers_are_refused_in_words(run):
    (words,) = set(ls.measure(run, ["knn_probe"], labels=["height"]).warnings)
    assert words == "knn_probe reads a category per sample; 'height' holds real numbers."
    (words,) = set(ls.measure(run, ["linear_probe"], labels=["place"]).warnings)
    assert words == "linear_probe reads one number per sample; 'place' holds real numbers."
    (words,) = set(ls.measure(run, ["label_overlap"], labels=["coarse+height"]).warnings)
    assert words == "labels 'coarse+height' with 'height', which are real numbers; join columns of categories."
    with pytest.raises(InvalidValue, match=r"^by='height': its values are real numbers; choose a column of categories"):
        ls.measure(run, ["twonn"], by="height")
    with pytest.raises(InvalidValue, match=r"^label column 'height' holds real numbers; name a column of categories"):
        ls.differences(run, labels=["height"])
    with pytest.raises(InvalidValue, match=r"^'coarse\+fine' joins columns to paths; name them one by one: coarse"):
        ls.recommend(run, labels=["coarse+fine"])
    with pytest.raises(UnknownName, match=r"^unknown label column 'fin'; nearest: fine"):
        ls.measure(run, labels=["coarse+fin"])


def test_features_become_columns_and_whole_ones_stay_numbers(tmp_path):
    torch = pytest.importorskip("torch")
    pictures = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3)).astype(np.uint8)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5))
    how = {"kind": "image", "make_inputs": lambda images: torch.from_numpy(np.stack(images)).float()}
    run = ls.extract(network, pictures, out=tmp_path, features=["luminance", "color"], **how)
    np.testing.assert_allclose(run.samples.labels["color"], pictures.mean((1, 2)) / 255)
    assert run.samples.labels["luminance"].shape == (60,)
    assert {label for _, label in values(run)} == {"luminance", "color"}
    again = ls.extract(network, pictures, out=tmp_path, features=["luminance", "color"], **how)
    assert again.samples.labels["color"].tolist() == run.samples.labels["color"].tolist()
    with pytest.raises(InvalidValue, match=r"^feature 'color' has the name of a label column; rename that, or leave"):
        ls.extract(network, pictures, out=tmp_path / "b", features="color", labels={"color": np.arange(60)}, **how)


def test_the_page_tells_numbers_from_categories_without_naming_options(run):
    from layerscape.reports import findings

    ls.measure(run, ["label_overlap"], k=8)
    said = [sentence for sentence in findings(run) if "'height'" in sentence]
    assert said[0].startswith("'out' encodes 'height' best")
    assert "its 8 nearest neighbors are most alike in 'height'" in said[0]
    assert "options" not in said[0]
