"""Repeats: means over them, and the noise ceiling of comparisons, against recordings whose agreement is known."""

from dataclasses import fields

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.estimate import Ceiling
from layerscape.core.measure import ALWAYS, EVEN
from layerscape.core.representation import Representation
from layerscape.errors import InvalidValue
from layerscape.measures import catalog
from layerscape.supply.means import mean_over
from layerscape.supply.repeated import uneven_noise

CONDITIONS, REPEATS, UNITS = 120, 4, 30
STIMULUS, SESSION = np.repeat(np.arange(CONDITIONS), REPEATS), np.tile(np.arange(REPEATS), CONDITIONS)


@pytest.fixture(scope="module")
def recordings():
    """Signals, and recordings of them with noise; the rows of neither are in order."""
    rng = np.random.default_rng(3)
    shared, own = rng.standard_normal((2, CONDITIONS, 6))
    turn = rng.standard_normal((2, 6, UNITS)) / np.sqrt(6)
    signals = shared @ turn[0], (0.8 * shared + 0.6 * own) @ turn[1]
    noise = 1.2 * rng.standard_normal((2, len(STIMULUS), UNITS))
    return signals, [signal[STIMULUS] + each for signal, each in zip(signals, noise, strict=True)]


def mean(x):
    return x.reshape(CONDITIONS, REPEATS, -1).mean(axis=1)


@pytest.mark.parametrize("name", ["cka", "rsa", "distance_correlation"])
def test_the_value_over_the_ceiling_is_the_agreement_without_noise(recordings, name):
    signals, noisy = recordings
    true = ls.estimate(name, *signals).value
    found = ls.estimate(name, *noisy, repeats=(STIMULUS, SESSION))
    assert found.value == pytest.approx(ls.estimate(name, *map(mean, noisy)).value, abs=1e-12)
    assert found.value < 0.9 * true
    assert found.ceiling.over_low < true < found.ceiling.over_high
    assert found.ceiling.over == pytest.approx(true, abs=0.08)
    assert found.ceiling.low < found.ceiling.value < found.ceiling.high < 1
    assert (found.n_samples, found.groups) == (CONDITIONS, "120 conditions with 4 repeats")


def test_every_number_is_what_its_formula_says(recordings):
    _, (x, y) = recordings
    found = ls.estimate("cka", x, y, repeats=(STIMULUS, SESSION)).ceiling

    def at(z, sessions):
        return z.reshape(CONDITIONS, REPEATS, -1)[:, sessions].mean(axis=1)

    def cka(a, b):
        return ls.estimate("cka", a, b).value

    splits = [([0, 1], [2, 3]), ([0, 2], [1, 3]), ([0, 3], [1, 2])]
    of_x, of_y = (np.mean([cka(at(z, h), at(z, g)) for h, g in splits]) for z in (x, y))
    across = np.mean([(cka(at(x, h), at(y, g)) + cka(at(x, g), at(y, h))) / 2 for h, g in splits])
    assert found.value == pytest.approx(np.sqrt(2 * of_x / (1 + of_x) * 2 * of_y / (1 + of_y)), rel=1e-9)
    assert found.over == pytest.approx(across / np.sqrt(of_x * of_y), rel=1e-9)
    every, low, high = range(REPEATS), 1.0, 1.0
    for z in (x, y):
        low *= np.mean([cka(at(z, [r]), at(z, [s for s in every if s != r])) for r in every])
        high *= np.mean([cka(at(z, [r]), at(z, every)) for r in every])
    assert (found.single_low, found.single_high) == pytest.approx((low, high), rel=1e-9)
    two = [cka(at(x, [r]), at(y, [s])) for r in every for s in every if r != s]
    assert found.single == pytest.approx(np.mean(two), rel=1e-12)


def test_a_side_without_noise_is_its_own_repeat(recordings):
    signals, noisy = recordings
    found = ls.estimate("cka", signals[0][STIMULUS], noisy[1], repeats=STIMULUS).ceiling
    both = ls.estimate("cka", *noisy, repeats=STIMULUS).ceiling
    assert found.value > both.value
    assert found.over == pytest.approx(ls.estimate("cka", *signals).value, abs=0.08)
    same = ls.estimate("cka", signals[0][STIMULUS], 2 * signals[0][STIMULUS], repeats=STIMULUS).ceiling
    assert [getattr(same, each.name) for each in fields(Ceiling)] == pytest.approx([1] * 9, abs=1e-9)


def test_noise_that_both_sides_share_is_no_agreement(recordings):
    signals, _ = recordings
    shared = 2 * np.random.default_rng(0).standard_normal((len(STIMULUS), UNITS))
    found = ls.estimate("cka", *(signal[STIMULUS] + shared for signal in signals), repeats=STIMULUS)
    true = ls.estimate("cka", *signals).value
    assert found.ceiling.over_low < true < found.ceiling.over_high
    assert found.value / found.ceiling.value > true + 0.2


@pytest.mark.parametrize("number", [2, 3, 5])
def test_any_number_of_repeats_will_do(recordings, number):
    signals, noisy = recordings
    kept = number > SESSION if number < REPEATS else np.ones(len(SESSION), bool)
    found = ls.estimate("cka", *(x[kept] for x in noisy), repeats=STIMULUS[kept]).ceiling
    assert found.over_low < ls.estimate("cka", *signals).value < found.over_high


def test_rows_may_be_in_any_order(recordings):
    _, noisy = recordings
    session = np.array(["first", "second", "third", "fourth"])[SESSION]
    one = ls.estimate("cka", *noisy, repeats=(STIMULUS, session))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(STIMULUS))
        other = ls.estimate("cka", *(x[order] for x in noisy), repeats=[STIMULUS[order], session[order]])
        assert (other.value, other.ceiling) == (one.value, one.ceiling)


def test_names_of_conditions_change_nothing_but_the_blocks_of_the_jackknife(recordings):
    _, noisy = recordings
    one = ls.estimate("cka", *noisy, repeats=(STIMULUS, SESSION))
    other = ls.estimate("cka", *noisy, repeats=([f"picture {number}" for number in STIMULUS], SESSION))
    for name in ("value", "over", "single", "single_low", "single_high"):
        assert getattr(other.ceiling, name) == pytest.approx(getattr(one.ceiling, name), rel=1e-9)


def test_of_many_repeats_single_ones_are_compared_in_some_pairs(recordings):
    signals, _ = recordings
    rng, few = np.random.default_rng(0), np.repeat(np.arange(30), 17)
    noisy = [signal[few] + rng.standard_normal((len(few), UNITS)) for signal in signals]
    found = ls.estimate("cka", *noisy, repeats=(few, np.tile(np.arange(17), 30)))
    assert found.warnings == ("single repeats are compared in 240 of 272 pairs",)
    x, y = (z.reshape(30, 17, -1) for z in noisy)
    every = [ls.estimate("cka", x[:, i], y[:, j]).value for i in range(17) for j in range(17) if i != j]
    assert found.ceiling.single == pytest.approx(np.mean(every), abs=4 * np.std(every) * (1 / 240 - 1 / 272) ** 0.5)


def test_what_has_no_ceiling_says_why(recordings):
    _, noisy = recordings
    found = ls.estimate("procrustes", *noisy, repeats=STIMULUS)
    assert found.ceiling is None
    words = "no ceiling: the best rotation follows noise, so that halves of repeats agree too little for a ceiling"
    assert words in found.warnings
    found = ls.estimate("cka", *noisy, repeats=STIMULUS, estimator="biased")
    assert "no ceiling: biased CKA reads noise as agreement; leave estimator='debiased'" in found.warnings
    noise = np.random.default_rng(0).standard_normal(noisy[0].shape)
    found = ls.estimate("cka", noise, noisy[1], repeats=STIMULUS)
    assert "no ceiling: halves of the repeats of a side agree no more than by chance" in found.warnings
    few = STIMULUS < 12
    found = ls.estimate("cka", *(x[few] for x in noisy), repeats=STIMULUS[few])
    assert "no ceiling of 12 conditions; give 20 or more" in found.warnings


def test_every_comparison_says_whether_it_has_a_ceiling():
    for measure in catalog().values():
        if measure.compares:
            by = measure.ceiling_by({})
            assert by in (ALWAYS, EVEN) or by != "how noise lowers it is not known", measure.name
            assert by not in (ALWAYS, EVEN) or set(measure.data) == {"vectors"}


def test_uneven_noise_is_said_where_distances_read_it(recordings):
    signals, _ = recordings
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2, CONDITIONS, REPEATS, UNITS)) * np.exp(0.7 * rng.standard_normal((CONDITIONS, 1, 1)))
    noisy = [signal[STIMULUS] + each.reshape(-1, UNITS) for signal, each in zip(signals, noise, strict=True)]
    found = ls.estimate("rsa", *noisy, repeats=STIMULUS)
    assert found.ceiling is None
    assert found.warnings == (
        "no ceiling: some conditions are much noisier than others, which rsa reads as distances that repeat; the "
        "linear kernel of cka does not",
    )
    found = ls.estimate("cka", *noisy, repeats=STIMULUS)
    assert found.warnings == ()
    assert found.ceiling.over_low < ls.estimate("cka", *signals).value < found.ceiling.over_high


@pytest.mark.parametrize("units", [1, 3, 50])
def test_even_noise_is_even_in_few_units_and_many(units):
    x = np.random.default_rng(0).standard_normal((2000, units))
    assert uneven_noise(Representation(x), np.arange(2000).reshape(500, 4)) < 0.1


def test_means_are_exact_where_repeats_are_equal():
    x = np.repeat(np.random.default_rng(0).standard_normal((9, 4)), 3, axis=0)
    found = mean_over(Representation(x), np.arange(27).reshape(9, 3))
    assert np.array_equal(found.matrix, x[::3])


def test_all_else_is_of_means(recordings):
    _, noisy = recordings
    kind = np.arange(CONDITIONS) % 3
    found, alone = ls.estimate("twonn", noisy[0], repeats=STIMULUS), ls.estimate("twonn", mean(noisy[0]))
    assert found.value == pytest.approx(alone.value, rel=1e-9)
    found = ls.estimate("label_overlap", noisy[0], kind[STIMULUS], repeats=STIMULUS, k=5)
    assert found.value == ls.estimate("label_overlap", mean(noisy[0]), kind, k=5).value
    with pytest.raises(InvalidValue, match="the label differs between repeats of a condition; leave repeats out, or"):
        ls.estimate("label_overlap", noisy[0], SESSION, repeats=STIMULUS, k=5)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"groups": STIMULUS}, "repeats and groups at once; with repeats the samples are means over them, which are"),
        ({"lag": 3}, "repeats and lag at once; with repeats the samples are means over them, which are"),
        ({"influence": True}, "influence is of single samples, which do not stand alone here; leave one of both out."),
    ],
)
def test_what_cannot_be_asked_at_once_is_refused(recordings, other, words):
    with pytest.raises(InvalidValue) as caught:
        ls.estimate("cka", *recordings[1], repeats=STIMULUS, **other)
    assert str(caught.value).startswith(words)


def test_a_graph_or_other_samples_are_refused(recordings):
    _, (x, y) = recordings
    with pytest.raises(InvalidValue) as caught:
        ls.estimate("overlap", ls.find_neighbors(x, 5), ls.find_neighbors(y, 5), k=5, repeats=STIMULUS)
    assert str(caught.value) == "repeats of a graph that was given; give the vectors: they are averaged over repeats."
    with pytest.raises(InvalidValue) as caught:
        ls.estimate("cka", x, y[:-4], repeats=STIMULUS)
    assert str(caught.value) == "the second array has 476 samples, and repeats are of 480; give the same ones."


def test_runs_have_the_columns_of_ceilings(recordings):
    signals, (x, y) = recordings
    labels = {"picture": [f"p{number:03}" for number in STIMULUS], "session": SESSION.astype(str)}
    run = ls.from_arrays({"a": x, "b": y}, labels=labels, ids=range(len(x)))
    table = ls.measure(run, ["cka", "twonn"], repeats=("picture", "session"))
    row = table[table.measure == "cka"].iloc[0]
    alone = ls.estimate("cka", x, y, repeats=(STIMULUS, SESSION)).ceiling
    assert (row.ceiling, row.over_ceiling_low, row.single_high) == (alone.value, alone.over_low, alone.single_high)
    assert set(table.groups) == {"120 conditions of 'picture' with 4 repeats"}
    assert np.isnan(table[table.measure == "twonn"].over_ceiling).all()
    with pytest.warns(UserWarning, match="the column 'picture'"):
        assert "ceiling" not in ls.measure(run, ["cka"])
    other = ls.from_arrays({"c": signals[0][STIMULUS]}, ids=range(len(x)))
    both = ls.compare(run, other, ["cka"], repeats="picture")
    assert both.over_ceiling.iloc[0] > 0.95 > both.value.iloc[0]
    assert ls.measure(run, ["cka"], repeats=["picture"]).over_ceiling.notna().all()
    with pytest.raises(InvalidValue, match="repeats of 3 columns; give that of the conditions and, if any, of the re"):
        ls.measure(run, ["cka"], repeats=["picture", "session", "session"])
    words = r"^no label column is called 'picture,session'; two columns are given as repeats=\['picture', 'session'\].$"
    with pytest.raises(InvalidValue, match=words):
        ls.measure(run, ["cka"], repeats="picture,session")
    with pytest.raises(ls.LayerscapeError) as caught:
        ls.measure(run, ["cka"], repeats="pictures")
    assert str(caught.value).startswith("unknown column of repeats 'pictures'; nearest: picture.")
