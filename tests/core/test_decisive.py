"""What one unit, or a few samples, decide alone: where it is said, and where it is not."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerscape as ls
from layerscape import Representation
from layerscape.core.decisive import deciding_samples, deciding_unit
from layerscape.core.pairs import Pairs
from layerscape.core.representation import as_representation
from layerscape.measures import catalog

OF_UNIT = (
    'unit 3 of {} holds {} of the variance and so decides who is near: standardize="units" gives every unit one weight'
)


def clouds():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 300, 8))
    y[:, 3] = x[:, 3] = 100 * rng.standard_normal(300)
    return x, y


@pytest.mark.parametrize("name", ["overlap", "information_imbalance", "rank_overlap"])
def test_a_shared_unit_that_decides_who_is_near_is_named(name):
    x, y = clouds()
    found = ls.estimate(name, x, y)
    assert [words for words in found.warnings if "unit" in words] == [
        OF_UNIT.format("the first", "99.9%"),
        OF_UNIT.format("the second", "99.9%"),
    ]
    even = ls.estimate(name, x, y, standardize="units")
    assert not [words for words in even.warnings if "unit 3" in words]


@pytest.mark.parametrize("name", ["gride", "twonn", "mst", "label_overlap"])
def test_of_one_layer_too(name):
    x, _ = clouds()
    data = (x, x[:, 0] > 0) if name == "label_overlap" else (x,)
    assert OF_UNIT.format("the data", "99.9%") in ls.estimate(name, *data).warnings


@pytest.mark.parametrize("name", ["cka", "rsa", "distance_correlation", "procrustes", "cknna"])
def test_measures_of_all_pairs_name_it_too(name):
    words = [text for text in ls.estimate(name, *clouds()).warnings if text.startswith("unit 3 of the first holds 9")]
    assert len(words) == 1
    assert words[0].endswith(
        "of the variance and so decides the value: bring the units to one scale, if that is not meant"
    )


def test_of_a_prediction_only_what_is_predicted_can_decide():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 8))
    y = x @ rng.standard_normal((8, 8))
    x[:, 2] *= 100
    assert ls.estimate("linear_predictivity", x, y).value == pytest.approx(1)
    y[:, 3] = 100 * rng.standard_normal(300)  # which chooses the penalty for all
    found = ls.estimate("linear_predictivity", x, y)
    assert found.value < 0.1 < ls.estimate("linear_predictivity", x, np.delete(y, 3, axis=1)).value
    (words,) = (text for text in found.warnings if text.startswith("unit"))
    assert words.startswith("unit 3 of the second holds 99.")
    assert "so decides the value" in words
    (said,) = (text for text in ls.estimate("linear_predictivity", y, y + 1).warnings if text.startswith("unit"))
    assert said.startswith("unit 3 of the second")
    table = ls.measure(ls.from_arrays({"a": x, "b": y}), ["linear_predictivity"]).set_index("other_layer").warnings
    assert "unit 3 of layer 'b'" in table["b"]
    assert "unit 2 of layer 'a'" in table["a"]


def test_one_unit_can_decide_directions_too():
    (words,) = ls.estimate("uniformity", clouds()[0]).warnings
    assert words.startswith("unit 3 of the data holds 99.9% of the variance and so decides the value")
    assert not ls.estimate("uniformity", clouds()[0][:, :3]).warnings


def test_a_table_says_it_of_the_layer_by_its_name():
    x, y = clouds()
    table = ls.measure(ls.from_arrays({"a": x, "b": np.delete(y, 3, axis=1)}), ["twonn", "overlap"], k=10)
    said = {row.layer + row.other_layer: row.warnings for row in table.itertuples()}
    words = OF_UNIT.format("layer 'a'", "99.9%")
    assert [words in said[key].split("\n") for key in ("a", "b", "ab")] == [True, False, True]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_run_reads_no_vectors_for_what_its_graphs_say(monkeypatch, metric):
    x, y = clouds()
    run = ls.from_arrays({"a": x, "b": np.delete(y, 3, axis=1)}, labels={"half": x[:, 0] > 0})
    names = ["twonn", "overlap", "label_overlap"]
    told = list(ls.measure(run, names, k=10, metric=metric, near_copies=0).warnings)
    assert any("unit 3 of layer 'a' holds" in words for words in told)
    again = ls.open(run.path)
    monkeypatch.setattr("layerscape.core.representation.Representation.blocks", None)
    monkeypatch.setattr("layerscape.core.representation.Representation.take", None)
    monkeypatch.setattr("layerscape.run.Run.loaded", None)
    assert list(ls.measure(again, names, k=10, metric=metric, near_copies=0).warnings) == told


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1, 1e150, 1e300])
def test_no_scale_and_no_offset_changes_what_decides(scale):
    x, _ = clouds()
    x = (x + np.arange(8)) / 1000 * scale
    unit, share = deciding_unit(Representation(x))
    assert (unit, share) == (3, pytest.approx(0.9993, abs=2e-4))
    assert deciding_samples(Representation(x)) == ((), 0)


def test_a_far_sample_makes_no_unit_large():
    x = np.random.default_rng(1).standard_normal((300, 8))
    x[5, 2] = 1e6
    assert deciding_unit(Representation(x)) == (0, 0)
    assert deciding_samples(Representation(x))[0] == (5,)


def test_under_cosine_it_is_told_of_directions():
    x = np.random.default_rng(1).standard_normal((300, 8))
    rows = np.exp(3 * np.random.default_rng(2).standard_normal((300, 1)))
    large = x * [1, 1, 1, 50, 1, 1, 1, 1]
    assert deciding_unit(Representation(x * rows), "cosine") == (0, 0)
    assert deciding_unit(Representation(large * rows), "cosine")[0] == 3


FAR = [name for name, measure in catalog().items() if "sample" in measure.sways]


@pytest.mark.parametrize("name", FAR)
def test_a_far_sample_is_named_by_all_that_it_can_sway(name):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 4))
    x[7] += 1000
    x = Representation(x, ids=tuple(f"photo {row}" for row in range(150)))
    data = (x, rng.standard_normal((150, 4))) if catalog()[name].compares else (x,)
    if "pairs" in catalog()[name].data:
        data = (x, Pairs.of(np.arange(150) % 75, 150))
    options = {"spectrum_decay": {"first": 1}, "isomap": {"k": 10}}.get(name, {})
    title = "the first" if catalog()[name].compares else "the data"
    words = f"sample 'photo 7' of {title} holds 99.3% of the variance and so decides the value: measure without it too"
    found = ls.estimate(name, *data, **options)
    assert words in found.warnings
    low, high = catalog()[name].bounds
    assert low <= found.low <= found.value <= found.high <= high


def test_covariances_are_what_one_sample_sways():
    assert set(FAR) >= {"pca", "effective_rank", "participation_ratio", "spectrum_decay", "isotropy", "isomap", "cka"}


def test_a_hundredth_of_the_samples_are_few():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 5))
    x[:8] *= 100
    words = next(text for text in ls.estimate("pca", x).warnings if text.startswith("samples "))
    assert words.startswith("samples '")
    assert "and 5 more, 8 of 1000, of the data hold 9" not in words  # the fewest that hold half
    assert words.endswith("of the variance and so decide the value: measure without them too")
    x[:40] *= 100
    assert deciding_samples(Representation(x[40:])) == ((), 0)


@pytest.mark.parametrize("n", [10, 20, 200])
@pytest.mark.parametrize("d", [1, 2, 10])
def test_normal_data_raise_no_false_alarm(n, d):
    rng = np.random.default_rng(n + d)
    clouds = [Representation(rng.standard_normal((n, d))) for _ in range(200)]
    assert sum(bool(deciding_samples(x)[0]) for x in clouds) <= 4
    assert sum(deciding_unit(x)[1] > 0 for x in clouds) <= 4


def test_heavy_tails_of_finite_variance_raise_none_either():
    rng = np.random.default_rng(0)
    clouds = [Representation(rng.standard_t(5, (1000, 5))) for _ in range(40)]
    assert not any(deciding_samples(x)[0] for x in clouds)


def test_constant_and_single_things_decide_nothing():
    for x in (np.ones((30, 3)), np.zeros((1, 1)), np.random.default_rng(0).standard_normal((50, 1))):
        assert deciding_unit(Representation(x)) == (0, 0)
        assert deciding_samples(Representation(x)) == ((), 0)


def test_the_participation_ratio_stays_among_possible_values():
    rng = np.random.default_rng(0)
    for n in (4, 5, 8, 50):
        for _ in range(20):
            x = rng.standard_normal((n, 3)) * np.exp(4 * rng.standard_normal((n, 1)))
            for correction, most in (("rows", 3), ("none", min(3, n - 1))):
                try:
                    found = ls.estimate("participation_ratio", x, correction=correction)
                except ls.errors.LayerscapeError:
                    continue
                assert 1 <= found.low <= found.value <= found.high <= most


@given(st.integers(0, 2**32 - 1), st.sampled_from([12, 60, 250]), st.sampled_from([2, 7, 40]), st.booleans())
def test_bounds_spare_work_and_change_nothing(seed, n, d, few):
    rng = np.random.default_rng(seed)
    x = (rng.standard_t(2, (n, d)) if few else rng.standard_normal((n, d))) * np.exp(rng.normal(0, 1, d))
    x[:, 0] *= rng.choice([1, 3, 30])
    found = deciding_unit(as_representation(x))
    with mock.patch("layerscape.core.decisive._none_is_alone", return_value=False):
        assert deciding_unit(as_representation(x.copy())) == found


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
@pytest.mark.parametrize("large", [1, 1000])
def test_values_that_cannot_be_squared_are_judged_all_the_same(scale, large):
    x = np.random.default_rng(0).standard_normal((200, 30))
    x[:, 4] *= large
    unit, share = deciding_unit(as_representation(x))
    assert (unit == 4 and share > 0.9) if large > 1 else share == 0
    assert deciding_unit(as_representation(x * scale)) == (unit, pytest.approx(share, abs=1e-9))
