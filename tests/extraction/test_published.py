"""The commands of `benchmarks/published.py` on small random networks of the families that they are for."""

import argparse

import numpy as np
import pandas as pd
import pytest

from benchmarks import published
from benchmarks.published_cases import CASES, GENRES

pytestmark = pytest.mark.more
N = 60
WORDS = ["the", "old", "new", "red", "cat", "dog", "house", "sat", "ran", "on", "under", "far", "away", "my", "mat"]
RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """A folder with all kinds of samples that a user would bring."""
    folder, rng = tmp_path_factory.mktemp("samples"), np.random.default_rng(0)
    pd.DataFrame(
        {"text": [" ".join(rng.choice(WORDS, 9)) for _ in range(N)], "label": np.arange(N) % 3, "fine_label": 0}
    ).to_csv(folder / "trec.csv", index=False)
    for start in GENRES:
        lines = [f"{row}\t{rng.normal():.3f}\t{' '.join(rng.choice(WORDS, 9))}" for row in range(20)]
        (folder / f"{start}Snippets_GroundTruth.txt").write_text("\n".join(lines))
    entries = [f">P{row} family=F{row % 3}\n{''.join(rng.choice(RESIDUES, 30))}" for row in range(N)]
    (folder / "families.fasta").write_text("\n".join(entries))
    image = pytest.importorskip("PIL.Image")
    for row in range(N):
        place = folder / "pictures" / f"class_{row % 3}"
        place.mkdir(parents=True, exist_ok=True)
        image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(place / f"{row}.png")
    return folder


@pytest.mark.parametrize(
    ("name", "family", "pictures", "conditions"),
    [
        ("igpt-s", "imagegpt", True, 2),
        ("dinov2-s", "dinov2", True, 2),
        ("esm2-35m", "esm", False, 3),
        ("esm2-150m", "esm", False, 3),
        ("pythia-160m", "neox", False, 3),
        ("pythia-410m", "neox", False, 3),
        ("smollm2-135m", "llama", False, 3),
    ],
)
@pytest.mark.filterwarnings("ignore:.* samples are copies of others")  # of what a random network hardly tells apart
def test_every_case_of_the_hub_runs_on_a_small_network_of_its_family(
    name, family, pictures, conditions, folders, samples, tmp_path
):
    data = samples / "pictures" if pictures else samples
    given = argparse.Namespace(model=folders(family), data=data, samples=N, out=tmp_path, download=False)
    found, lines = published.carried_out(name, given)
    assert len(found) == 2 * conditions  # with two metrics
    tests = pd.read_csv(tmp_path / name / "tests.csv")
    assert tests.p_holm.between(0, 1).all()
    assert {"euclidean", "cosine"} == set(tests.metric)
    assert sum(" against untrained" in kind for kind in tests.kind)
    assert any(" against shuffled" in kind for kind in tests.kind) == (conditions == 3)
    if "esm" in name:
        assert "family, nearest neighbor" in set(tests.kind)
    assert CASES[name].expected in lines[0]
    assert lines[2].startswith("The dimension by 2 neighbors, euclidean, has ")


def test_nothing_is_fetched_unasked(monkeypatch, samples, tmp_path):
    """Without --download and without a copy it is one line that says what to give, and no connection is tried."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: pytest.fail("a connection was tried"))
    given = argparse.Namespace(model=None, data=samples, samples=N, out=tmp_path, download=False)
    with pytest.raises(
        SystemExit,
        match=r"^facebook/esm2_t12_35M_UR50D is not here, .*: give --download, or --model FOLDER with a copy\.$",
    ):
        published.carried_out("esm2-35m", given)


def test_peaks_and_what_is_behind_them():
    layers = [f"l{place}" for place in range(7)]
    curve = pd.Series([1.0, 5.0, 2.0, 3.0, 4.0, 1.5, 3.6], index=layers)
    assert published.places(curve) == ("l0", "l6", "l1", "l5")
    assert published.peaks(curve) == ("l1", "l5", "l6")
    longer = pd.Series([9.0, 1.0, 5.0, 6.0, 2.0, 5.0, 1.0, 0.5, 0.4], index=[f"l{place}" for place in range(9)])
    assert published.peaks(longer) == ("l3", "l4", "l5")  # not the fall of the embedding
    assert published.peaks(pd.Series([5.0, 6.0, 2.0, 5.0, 1.0], index=layers[:5])) == ("l1", "l2", "l3")
    assert published.places(pd.Series([1.0, 2.0, 3.0], index=layers[:3])) == ("l0", "l2", "l1", "l1")
    assert "pythia-160m" in published.listed()
