"""What fine-tuning changed: planted changes are found, nothing is found where there is none, and the tests hold."""

import json
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidValue

N = 300
IDS = [f"text {row}" for row in range(N)]
KIND = np.repeat(["a", "b", "c"], N // 3)


def layers(seed=0, changed=(), only=None, size=0.7, names=("embedding", "block_1", "block_2", "block_3")):
    """A network that turns what it is given, and adds noise to some samples in some layers and all that follow."""
    rng = np.random.default_rng(0)
    noise = np.random.default_rng(seed + 1)
    x, found = rng.standard_normal((N, 8)), {}
    for name in names:
        x = np.tanh(x @ np.linalg.qr(rng.standard_normal((8, 8)))[0]) * 1.5
        if name in changed:
            more = size * noise.standard_normal((N, 8))
            x = x + (more if only is None else more * (only == KIND)[:, None])
        found[name] = x
    return found


def run(found, **options):
    options = {"labels": {"kind": KIND}, "ids": IDS} | options
    return ls.from_arrays(found, **options)


BASE = run(layers())


def test_nothing_changed_is_said_in_one_sentence():
    found = ls.changes(BASE, run(layers()), k=10)
    assert found.findings == ["Nothing changed: all 4 layers are the same to the bit."]
    assert found.changed == []
    assert (found.table.kept == 1).all()
    assert (found.table.p_holm.dropna() == 1).all()
    assert (found.classes.p_holm == 1).all()
    rounded = {name: x * (1 + 1e-7) for name, x in layers().items()}
    found = ls.changes(BASE, run(rounded), k=10)
    assert found.findings == ["Nothing changed: all 4 layers are the same but for rounding."]


def test_the_layer_that_changed_is_found_and_those_before_are_the_same():
    found = ls.changes(BASE, run(layers(changed=["block_2"])), k=10)
    assert found.changed == ["block_2"]
    assert found.table.same.tolist() == ["to the bit", "to the bit", "", ""]
    assert found.findings[0] == "'embedding', 'block_1' did not change (to the bit)."
    row = found.table.iloc[2]
    expected = ls.estimate("overlap", BASE["block_2"], layers(changed=["block_2"])["block_2"], k=10)
    assert (row.kept, row.chance) == (expected.value, expected.chance.value)
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))
    assert row.further == pytest.approx(1 - row.kept)
    assert row.further_low < row.further < row.further_high


def test_the_class_that_changed_is_found():
    found = ls.changes(BASE, run(layers(changed=["block_2"], only="c")), k=10)
    own = found.classes[found.classes.layer == "block_2"].set_index("category")
    assert own.difference["c"] < 0 < own.difference["a"]
    assert own.p_holm["c"] < 0.001
    assert own.kept["c"] == pytest.approx(found.samples.set_index("sample").block_2[IDS[200:]].mean())
    assert re.match(r"In block_[23] the samples of kind 'c' changed more than the others: ", found.findings[3])
    assert np.isin(found.samples["sample"][:80], IDS[200:]).mean() > 0.9
    before = found.classes[found.classes.layer == "block_1"]
    assert (before.p_holm == 1).all()


def test_no_class_is_named_where_all_change_alike():
    """Of 20 networks that change all classes alike a class is named in a twentieth."""
    named, base = 0, run(layers(names=("embedding", "block_1")))
    for seed in range(20):
        tuned = layers(seed, changed=["block_1"], names=("embedding", "block_1"))
        named += (ls.changes(base, run(tuned), k=10).classes.p_holm < 0.05).any()
    assert named <= 3


def test_a_run_without_labels_has_no_classes():
    found = ls.changes(run(layers(), labels={}), run(layers(changed=["block_1"]), labels={}), k=10)
    assert len(found.classes) == 0
    assert found.changed == ["block_1"]
    assert not [sentence for sentence in found.findings if "class" in sentence]


def test_classes_of_few_are_named_and_left_out():
    few = np.where(np.arange(N) < 4, "rare", KIND)
    found = ls.changes(run(layers(), labels={"kind": few}), run(layers(changed=["block_1"])), k=10)
    assert "rare" not in set(found.classes.category)
    assert "'kind rare': fewer than 10 samples, or others, to be told apart" in found.warnings


@pytest.mark.parametrize("gap", [None, ""], ids=repr)
def test_samples_without_a_label_are_of_no_class_and_of_no_others(gap):
    own = layers(changed=["block_3"], only="c")
    known = np.arange(N) % 5 != 0
    with_gaps = KIND.astype(object)
    with_gaps[~known] = gap
    found = ls.changes(run(layers(), labels={"kind": with_gaps}), run(own), k=10).classes
    assert set(found.category) == set(KIND)
    per_sample = ls.changes(BASE, run(own), k=10).samples.set_index("sample").loc[IDS, "block_3"].to_numpy()
    for row in found[found.layer == "block_3"].itertuples():
        inside, outside = known & (row.category == KIND), known & (row.category != KIND)
        assert row.n_samples == inside.sum()
        assert (row.kept, row.others) == pytest.approx((per_sample[inside].mean(), per_sample[outside].mean()))


def test_an_untrained_twin_keeps_no_more_than_chance():
    x = np.random.default_rng(5).standard_normal((4, N, 8))
    found = ls.changes(BASE, run(dict(zip(BASE.layers, x, strict=True))), k=10)
    assert (found.table.low < found.table.chance).all()
    assert found.changed == []
    assert found.findings[1] == "No layer is told to change more than the layer before it."


def test_networks_of_other_depth_are_matched_by_depth_and_it_is_said():
    names = ("embedding", "block_1", "block_2")
    found = ls.changes(
        BASE,
        run({name: layers()[its] for name, its in zip(names, ("embedding", "block_1", "block_3"), strict=True)}),
        k=10,
    )
    assert found.table.other_layer.tolist() in (
        ["embedding", "block_1", "block_3"],
        ["embedding", "block_2", "block_3"],
    )
    assert found.table.kept.iloc[[0, 2]].tolist() == [1, 1]
    assert re.match(r"the networks have other layers, which are compared by depth: ", found.warnings[0])


def test_samples_are_matched_by_id_in_whatever_order():
    order = np.random.default_rng(0).permutation(N)
    tuned = layers(changed=["block_2"], only="c")
    shuffled = run({name: x[order] for name, x in tuned.items()}, ids=[IDS[row] for row in order], labels={})
    one, two = ls.changes(BASE, run(tuned), k=10), ls.changes(BASE, shuffled, k=10)
    np.testing.assert_allclose(one.table.kept, two.table.kept)
    np.testing.assert_allclose(one.classes.difference, two.classes.difference)
    with pytest.warns(UserWarning, match="200 samples are in both runs; 100 of "):
        some = ls.changes(BASE, run({name: x[:200] for name, x in tuned.items()}, ids=IDS[:200], labels={}), k=10)
    assert len(some.samples) == 200


def test_other_measures_can_be_asked_and_those_that_cannot_say_so():
    found = ls.changes(BASE, run(layers(changed=["block_2"])), "angular_distance")
    assert found.changed[0] == "block_2"  # and the next one turns further what it is given
    assert found.table.kept[:2].tolist() == [0, 0]
    assert re.match(r"block_[23] changed most: angular distance with block_[23] of ", found.findings[1])
    for name in ("twonn", "svcca"):
        with pytest.raises(InvalidValue, match=f"^{name} does not say of two layers and of each sample how alike"):
            ls.changes(BASE, BASE, name)


def test_a_measure_without_a_value_of_each_sample_names_none():
    found = ls.changes(BASE, run(layers(changed=["block_2"])), "cka").findings
    assert not any("samples that changed most" in words for words in found)
    assert re.match(r"block_[23] changed most: cka with block_[23] of ", found[1])


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(layers(), out="base")
    run(layers(changed=["block_2"], only="c"), out="tuned")
    run({"other": layers()["block_1"]}, out="other")


def test_compare_says_it_of_two_runs_of_the_same_layers(folders, capsys):
    assert main(["compare", "base", "tuned", "--measures", "overlap", "--k", "10"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("What changed from base to tuned:\n'embedding', 'block_1' did not change (to the bit).\n")
    assert main(["compare", "base", "tuned", "--measures", "overlap", "--k", "10", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["changes"]
    assert record["changed"] == ["block_2"]
    assert [row["kept"] for row in record["layers"]][:2] == [1, 1]
    assert len(record["samples"]) == 20


def test_compare_says_it_by_a_measure_that_asks_for_no_neighbors_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    codes = np.arange(N) // 15
    for name, changed in (("base", []), ("tuned", ["block_2"])):
        run(layers(changed=changed), labels={"subject": codes}, out=name)
    asked = ["--measures", "cka,overlap", "--k", "10", "--groups", "subject", "--own-group", "left_out"]
    assert main(["compare", "base", "tuned", *asked]) == 0
    said = capsys.readouterr().out
    assert "changed most: cka with" in said
    assert "overlap: closest layer of tuned" in said


@pytest.mark.parametrize(
    "words",
    [
        ["base", "other", "--measures", "overlap"],
        ["base", "tuned", "--measures", "svcca"],
        ["base", "tuned", "--measures", "overlap", "--groups", "kind"],
        ["base", "tuned", "tuned", "--measures", "overlap", "--permutations", "19"],
    ],
    ids=["other layers", "no such measure", "groups", "three"],
)
def test_compare_says_nothing_of_it_where_it_cannot(folders, words, capsys):
    main(["compare", *words, "--json"])
    said = capsys.readouterr().out
    assert not said or json.loads(said)["changes"] is None


SUBJECT = np.repeat(np.arange(N // 5), 5)  # of one kind each


def test_groups_are_what_intervals_and_tests_count():
    """Five samples of a subject change alike: the interval over subjects is wider, and classes are of subjects."""
    noise = 0.7 * np.random.default_rng(5).standard_normal((N // 5, 8))[SUBJECT] * (KIND == "c")[:, None]
    labels = {"kind": KIND, "subject": SUBJECT.astype(str)}
    x = layers()["block_1"]
    base, tuned = run({"one": x, "two": x}, labels=labels), run({"one": x, "two": x + noise})
    alone, found = (ls.changes(base, tuned, k=10, labels="kind", **more) for more in ({}, {"groups": "subject"}))
    assert found.table.kept.tolist() == alone.table.kept.tolist()
    expected = ls.compare(base, tuned, ["overlap"], k=10, groups="subject")
    expected = expected[(expected.layer == "two") & (expected.other_layer == "two")].iloc[0]
    assert (found.table.low[1], found.table.high[1]) == pytest.approx((expected.low, expected.high))
    own, single = (each.classes.set_index(["layer", "category"]).loc["two", "c"] for each in (found, alone))
    assert own.difference == pytest.approx(single.difference)
    assert own.high - own.low > single.high - single.low
    assert own.p_holm < 0.05
    assert set(found.classes.label) == {"kind"}


def test_classes_of_few_groups_are_left_out_and_named():
    labels = {"kind": KIND, "subject": np.repeat(np.arange(15), 20).astype(str)}
    found = ls.changes(run(layers(), labels=labels), run(layers(changed=["block_2"])), k=10, groups="subject")
    assert len(found.classes) == 0
    assert found.warnings[0].endswith("fewer than 10 samples or than 6 groups, or others, to be told apart")


def test_no_class_is_named_where_all_change_alike_and_samples_are_of_groups():
    """Of 15 networks that change all subjects alike, at random, a class is named in a twentieth."""
    named, labels = 0, {"kind": KIND, "subject": SUBJECT.astype(str)}
    x = layers()["embedding"]
    base = run({"one": x}, labels=labels)
    for seed in range(15):
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((N // 5, 8))[SUBJECT] * rng.gamma(1.0, 0.7, N // 5)[SUBJECT][:, None]
        found = ls.changes(base, run({"one": x + noise}), k=10, labels="kind", groups="subject")
        named += bool((found.classes.p_holm < 0.05).any())
    assert named <= 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"groups": "subjct"}, "unknown column of groups 'subjct'"),
        ({"own_group": "kept"}, "own_group='kept' without groups"),
        ({"groups": "kind", "labels": "kind"}, "label column 'kind' is that of groups"),
        ({"lag": 5}, "unknown option of changes 'lag'|lag"),
        ({"kk": 5}, "unknown option"),
    ],
    ids=["name", "own", "both", "lag", "unknown"],
)
def test_what_cannot_be_asked_of_groups_is_one_line(options, words):
    with pytest.raises(ls.LayerscapeError, match=words):
        ls.changes(BASE, BASE, k=10, **options)


def test_layers_that_are_turned_or_scaled_changed_nothing_that_a_measure_sees():
    """Every neighbor is kept: no layer, class or sample changed most."""
    found = ls.changes(BASE, run({name: 3 * x for name, x in layers().items()}), k=10)
    assert found.findings == [
        "By overlap nothing changed: it is 1 in every layer, though the vectors of 'embedding', 'block_1', 'block_2', "
        "… are others."
    ]
    by_cka = ls.changes(BASE, run({name: 3 * x for name, x in layers().items()}), "cka")
    assert by_cka.findings[0].startswith("By cka nothing changed: it is 1 in every layer")
    half = {name: 3 * x if name != "embedding" else x for name, x in layers().items()}
    assert ls.changes(BASE, run(half), k=10).findings[0] == "'embedding' did not change (to the bit)."
    assert len(ls.changes(BASE, run(half), k=10).findings) == 2
