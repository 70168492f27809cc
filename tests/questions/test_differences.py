"""Tests between layers and between runs: their values, how often they err, and their correction."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.paired import difference, holm
from layerscape.errors import InvalidValue, UnknownName
from layerscape.questions.differences import COLUMNS

N = 300


def run_of(layers, **options):
    labels = {"side": np.arange(N) % 3, "height": np.linspace(0, 0.9, N)}
    return ls.from_arrays(layers, labels=labels, **options)


@pytest.fixture
def layers(rng):
    x = rng.standard_normal((N, 6)) + 2 * np.eye(6)[np.arange(N) % 3]
    return {"in": x, "scaled": 3 * x, "narrow": x[:, :3], "noise": rng.standard_normal((N, 6))}


def test_each_layer_is_tested_against_the_one_before_it(layers):
    run = run_of(layers)
    table = ls.differences(run, k=9)
    assert tuple(table.columns) == COLUMNS
    assert list(zip(table.layer, table.other_layer, strict=True)) == 2 * [
        ("scaled", "in"), ("narrow", "scaled"), ("noise", "narrow"),
    ]  # fmt: skip
    for row in table.itertuples():
        for layer, value in ((row.layer, row.value), (row.other_layer, row.other_value)):
            if row.measure == "twonn":
                expected = ls.estimate("twonn", run[layer]).value
            else:
                overlap = ls.estimate("label_overlap", run[layer], run.samples.labels["side"], k=9)
                expected = (overlap.value - overlap.chance.value) / (1 - overlap.chance.value)
            assert value == pytest.approx(expected)
        assert row.difference == pytest.approx(row.value - row.other_value)
        assert row.low <= row.difference <= row.high
    assert table.p[table.layer == "scaled"].tolist() == [1, 1]
    assert table.p_holm.to_numpy() == pytest.approx(holm(table.p.to_numpy()))
    assert (table.p_holm[table.layer == "noise"] < 0.05).all()


def test_two_runs_are_matched_by_sample_name_and_depth(layers, rng):
    order = rng.permutation(N)[:250]
    one = run_of(layers, ids=range(N))
    two = ls.from_arrays(
        {"first": layers["in"][order], "narrow": layers["narrow"][order], "last": layers["in"][order]},
        ids=[str(row) for row in order],
    )
    with pytest.warns(UserWarning, match="250 samples are in both runs"):
        table = ls.differences(one, two, k=9)
    pairs = dict(zip(table.layer, table.other_layer, strict=True))
    assert pairs == {"in": "first", "scaled": "narrow", "narrow": "narrow", "noise": "last"}
    assert set(table.n_samples) == {250}
    equal = table[table.layer.isin(["in", "narrow"])]
    assert equal.difference.to_numpy() == pytest.approx(0, abs=1e-9)
    assert equal.p.tolist() == [1] * 4
    named = ls.differences(one, pairs=[("noise", "in")], measures=["twonn"])
    assert named[["layer", "other_layer"]].values.tolist() == [["noise", "in"]]


def test_copies_are_left_out_of_dimensions_and_a_constant_layer_costs_only_itself(rng):
    x = rng.standard_normal((N, 4))
    x[:20] = x[20:40]
    run = run_of({"x": x, "flat": np.ones((N, 4)), "y": x**3})
    table = ls.differences(run, pairs=[("y", "x"), ("flat", "x")], measures=["twonn"])
    assert table.value[0] == pytest.approx(ls.estimate("twonn", run["y"]).value)
    assert np.isnan(table.p[1])
    assert "constant" in table.warnings[1]
    assert table.p_holm[0] == table.p[0]  # a test that was not made does not count


def test_a_difference_of_dimensions_covers_what_it_is_on_average():
    """96 of 100 clouds or so, and equal layers differ in 5; benchmarks/coverage.py draws 400."""
    found, equal = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((400, 5))
        noisy = [x + s * rng.standard_normal((400, 5)) for s in (0, 0.4, 0.4)]
        terms = [ls.estimate("twonn", each, influence=True).influence for each in (*noisy, x[:, :3])]
        found.append(difference(terms[0], terms[3]))
        equal.append(difference(terms[1], terms[2]).p)
    mean = np.mean([one.value for one in found])
    assert 0.89 <= np.mean([one.low <= mean <= one.high for one in found]) <= 1
    assert np.mean(np.array(equal) < 0.05) <= 0.11


@pytest.mark.parametrize("name", ["gride", "participation_ratio", "effective_rank", "levina_bickel"])
def test_every_measure_with_an_influence_can_be_tested(layers, name):
    run = run_of(layers)
    table = ls.differences(run, measures=[name])
    assert table.value.tolist() == pytest.approx([ls.estimate(name, run[layer]).value for layer in table.layer])
    assert (table.low <= table.difference).all()
    assert table.p[table.layer == "scaled"].tolist() == [1]
    assert (table.p_holm[table.layer == "narrow"] < 0.05).all()


def test_holm_is_the_textbook_s():
    # By hand: 0.005·4, 0.011·3, 0.02·2, 0.04·1, never falling.
    assert holm(np.array([0.02, 0.005, 0.04, 0.011])) == pytest.approx([0.04, 0.02, 0.04, 0.033])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"measures": ["cka"]}, InvalidValue, "cka compares two layers; differences are tested of measures of one "
         "layer."),
        ({"measures": ["isomap"]}, InvalidValue, "isomap has no test of differences: "),
        ({"measures": ["linear_probe"]}, InvalidValue, "linear_probe has no test of differences without groups= "
         "(--groups): one sample fewer deals all others into other folds, "),
        ({"measures": ["dichotomies"], "groups": "side"}, InvalidValue, "dichotomies has no test of differences: "),
        ({"pairs": [("in", "uot")]}, UnknownName, "unknown layer of {name} 'uot'"),
        ({"labels": ["height"]}, InvalidValue, "label column 'height' holds real numbers; name a column of "
         "categories."),
        ({"k": N}, InvalidValue, "k=300 neighbors asked of 300 samples; k must lie in 1..299."),
        ({"pairs": []}, InvalidValue, "{name!r} has fewer than two layers; there is no difference to test."),
    ],
)  # fmt: skip
def test_errors(layers, options, error, text):
    run = run_of(layers)
    with pytest.raises(error, match="^" + re.escape(text.format(name=run.name))):
        ls.differences(run, **options)


def test_a_run_without_labels_has_dimensions_only(layers):
    run = ls.from_arrays(layers)
    assert set(ls.differences(run).measure) == {"twonn"}
    with pytest.raises(InvalidValue, match="has no label column of categories; there is no difference to test"):
        ls.differences(run, measures=["label_overlap"])


def test_no_tower_is_tested_against_the_end_of_another(rng):
    x = rng.standard_normal((N, 6))
    towers = {"left.a": x, "left.b": x**3, "right.a": x[::-1], "right.b": x[::-1] ** 3}
    table = ls.differences(run_of(towers, depths=[0, 1, 0, 1]), measures="twonn")
    assert list(zip(table.layer, table.other_layer, strict=True)) == [("left.b", "left.a"), ("right.b", "right.a")]


def test_sites_of_blocks_are_tested_along_their_own_kind(rng):
    x = rng.standard_normal((N, 6))
    names = ["block_1.head_1", "block_1.mlp", "block_1", "block_2.head_1", "block_2.mlp", "block_2"]
    run = run_of({name: x + 0.1 * rng.standard_normal(x.shape) for name in names}, depths=[0.5] * 3 + [1] * 3)
    table = ls.differences(run, measures="twonn")
    assert list(zip(table.layer, table.other_layer, strict=True)) == [
        ("block_2.mlp", "block_1.mlp"), ("block_2", "block_1"),
    ]  # fmt: skip
    others = {"block_1": x, "block_4.mlp": x, "block_4": x**3}
    one, other = run_of({"block_2.mlp": x[::-1]}, depths=[1]), run_of(others, depths=[0.2, 0.9, 1])
    with pytest.warns(UserWarning, match="matched by row number"):
        table = ls.differences(one, other, "twonn")
    assert table.other_layer.tolist() == ["block_4.mlp"]


@pytest.mark.parametrize("label", ["of group", "within"])
def test_what_learns_is_tested_with_whole_groups_left_out(label, rng):
    codes = np.repeat(np.arange(20), 8)
    labels = {"of group": np.arange(20)[codes] % 2, "within": np.arange(160) % 2}
    away, noise = 2 * labels[label][:, None] * np.ones(3), rng.standard_normal((160, 3))
    layers = {"holds": away + noise, "scaled": 5 * (away + noise), "lost": rng.standard_normal((160, 3))}
    run = ls.from_arrays(layers, labels={"who": codes.astype(str), **labels})
    table = ls.differences(run, measures=["linear_probe"], labels=label, groups="who")
    found = [ls.estimate("linear_probe", run[layer], labels[label], groups=codes) for layer in ("scaled", "lost")]
    expected = [(one.value - one.chance.value) / (1 - one.chance.value) for one in found]
    assert table.value.tolist() == pytest.approx(expected)
    assert table.p[0] == 1
    assert table.p_holm[1] < 1e-3
    wide = [(one.value - one.low) / (1 - one.chance.value) for one in found]
    margin = table.difference[1] - table.low[1]  # of the same groups in both
    assert abs(wide[0] - wide[1]) < margin < sum(wide)


def test_steps_of_a_series_are_tested_against_the_step_before_and_the_first():
    rng = np.random.default_rng(0)
    x, more = rng.standard_normal((N, 4)), rng.standard_normal((N, 4))
    ids = [f"sample {row}" for row in range(N)]
    arrays = {0: x, 10: 2 * x, 20: np.hstack([x, more]), 30: np.hstack([more, x])}
    runs = {step: ls.from_arrays({"a": array, "b": x}, ids=ids) for step, array in arrays.items()}
    table = ls.differences(ls.series(runs), measures="twonn")
    assert list(zip(table.step, table.other_step, table.layer, strict=True)) == [
        (step, other, layer) for step, other in ((10, 0), (20, 10), (30, 20), (30, 0)) for layer in "ab"
    ]
    assert table.set_index(["step", "other_step", "layer"]).p_holm.lt(0.05).loc[lambda each: each].index.tolist() == [
        (20, 10, "a"),
        (30, 0, "a"),
    ]
    one = ls.differences(runs[20], runs[10], measures="twonn", pairs=[("a", "a")]).iloc[0]
    row = table[(table.step == 20) & (table.layer == "a")].iloc[0]
    assert (row.difference, row.p) == (one.difference, one.p)
    with pytest.raises(InvalidValue, match="a series and another run; give two runs"):
        ls.differences(ls.series(runs), runs[0])
