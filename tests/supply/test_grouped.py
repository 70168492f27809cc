"""Samples that belong together: chance by exchange and intervals by deletion, against plain recomputation."""

import re
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.core import exchange
from layerscape.core.exchange import labels_of_groups, whole_groups, within_groups
from layerscape.core.groups import Groups
from layerscape.core.interval import student95
from layerscape.core.representation import Representation
from layerscape.errors import InvalidType, InvalidValue
from layerscape.measures import catalog
from layerscape.search import find_neighbors
from layerscape.supply.ranking import ranking_of

G, SIZE = 8, 9
KEPT = {"groups": "s", "own_group": "kept"}
CODES = np.repeat(np.arange(G), SIZE)
SCORED = [
    name for name, each in catalog().items() if each.score is not None and "pairs" not in each.data and not each.folds
]


def layer(seed, codes=CODES, units=4, spread=1.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((codes.max() + 1, units))[codes] + spread * rng.standard_normal((len(codes), units))


def halves(seed, codes=CODES):
    """A layer of two clusters, of four groups each."""
    return layer(seed, codes) + 12 * (np.random.default_rng(seed).permutation(G) // 4)[codes][:, None]


def second(measure, seed, layer=layer):
    if "labels" in measure.data:
        return np.random.default_rng(seed).integers(0, 3, len(CODES))
    one, other = layer(seed), layer(seed + 10)
    return [one, one + other] if "graphs" in measure.data else one


def in_order(b, order):
    return [x[order] for x in b] if isinstance(b, list) else b[order]


def asked(name, options=None):
    """Options that this few samples allow."""
    few = {"k": 5, "variance": 0.6, "draws": 20}
    return {**{each: few[each] for each in few if each in catalog()[name].options}, **(options or {})}


def given(measure, a, b, k):
    """The data as the measure takes them."""
    graphs = [
        find_neighbors(x, k) if kind == "graph" else tuple(find_neighbors(y, k) for y in x) if kind == "graphs" else x
        for kind, x in zip(measure.data, (a, b), strict=True)
    ]
    found = []
    for kind, x, data in zip(measure.data, (a, b), graphs, strict=True):
        vectors = Representation(x) if kind in ("vectors", "ranking") else None
        found.append(ranking_of(vectors, None, {}) if kind == "ranking" else vectors or data)
    return found


@pytest.mark.parametrize("name", SCORED)
def test_a_score_is_the_value_in_every_order(name):
    """With the samples of b, or the labels, in another order it is what the measure says of these data."""
    measure = catalog()[name]
    a, b, options = halves(0), second(measure, 1, halves), asked(name)
    score = measure.score_of(*given(measure, a, b, 71 if "k_max" in measure.options else 6), **options)
    for order in (np.arange(len(a)), np.random.default_rng(2).permutation(len(a))):
        other = in_order(b, order)
        assert score([order])[0] == pytest.approx(ls.estimate(name, a, other, **options).value, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "options"),
    [("cka", {"estimator": "biased"}), ("cka", {"kernel": "rbf"}), ("rank_overlap", {"weight": "r_nx"})],
)
def test_a_score_obeys_the_options(name, options):
    measure, a, b = catalog()[name], layer(0), layer(1)
    order = np.random.default_rng(2).permutation(len(a))
    score = measure.score_of(*given(measure, a, b, 6), **asked(name, options))
    assert score([order])[0] == pytest.approx(ls.estimate(name, a, b[order], **asked(name, options)).value, abs=1e-9)


@pytest.mark.parametrize("wide", [False, True])
def test_squares_of_cross_products_are_the_same_by_units_and_by_samples(wide, rng):
    x, y = rng.standard_normal((2, 40, 60 if wide else 5))
    order = rng.permutation(40)
    measure, options = catalog()["cka"], {}
    score = measure.score_of(Representation(x), Representation(y), **options)
    assert score([order])[0] == pytest.approx(ls.estimate("cka", x, y[order]).value, abs=1e-9)


@pytest.mark.parametrize("sizes", [[SIZE] * G, [5, 6, 8, 9, 9, 11, 12, 12]])
@pytest.mark.parametrize("name", ["neighbor_survival", "cluster_agreement", "unit_match"])
def test_chance_is_what_whole_groups_that_change_places_give(name, sizes, monkeypatch):
    monkeypatch.setattr(exchange, "PERMUTATIONS", 19)
    measure, codes = catalog()[name], np.repeat(np.arange(G), sizes)
    a, b = halves(0, codes), second(measure, 1, partial(halves, codes=codes))
    found, changed = ls.estimate(name, a, b, groups=codes, **asked(name)), whole_groups(Groups.of(codes, len(codes)))
    rows = np.arange(len(codes)) if changed.rows is None else changed.rows
    null = [
        ls.estimate(name, a[rows], in_order(in_order(b, rows), order), **asked(name)).value
        for order in changed.orders(19, 0)[:4]
    ]
    here = ls.estimate(name, a[rows], in_order(b, rows), **asked(name)).value
    assert found.details["null"][:4] == pytest.approx(null, abs=1e-9)
    assert found.chance.value == pytest.approx(found.details["null"].mean(), abs=1e-9)
    assert found.chance.p == (1 + (found.details["null"] >= here - 1e-9).sum()) / 20
    assert found.value == ls.estimate(name, a, b, **asked(name)).value
    assert not {"chance_per_unit", "p_per_unit", "one_to_one_chance"} & set(found.details)  # of samples, not of groups


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("name", ["nucleation", "manifold_capacity"])
def test_chance_of_classes_is_what_their_labels_give_in_other_places(name, within, monkeypatch):
    monkeypatch.setattr(exchange, "PERMUTATIONS", 19)
    a, label = halves(0), np.arange(len(CODES)) % 3 if within else np.array([0, 1, 2, 0, 1, 2, 0, 1])[CODES]
    groups = Groups.of(CODES, len(CODES))
    changed = within_groups(groups) if within else labels_of_groups(groups, label[groups.first].tolist())
    kept = {"own_group": "kept"} if catalog()[name].searches else {}
    found = ls.estimate(name, a, label, groups=CODES, **kept, **asked(name))
    null = [ls.estimate(name, a, label[order], **asked(name)).value for order in changed.orders(19, 0)[:4]]
    assert found.value == ls.estimate(name, a, label, **asked(name)).value
    assert found.details["null"][:4] == pytest.approx(null, abs=1e-9)
    assert found.chance.p == (1 + (found.details["null"] >= found.value - 1e-9).sum()) / 20


def by_deletion(value):
    """Half the width of the interval, by plain deletion of one group after the other."""
    without = np.array([value(np.flatnonzero(group != CODES)) for group in range(G)])
    return student95(G - 1) * np.sqrt((G - 1) / G * ((without - without.mean()) ** 2).sum())


def ends(value, margin, bounds):
    """Of a share where (θ − value)² = margin²·θ(1 − θ) / (value·(1 − value)), that is Wilson's by Student's law."""
    if bounds != (0, 1):
        return max(bounds[0], value - margin), min(bounds[1], value + margin)
    more = margin**2 / (value * (1 - value))
    return tuple(sorted(np.roots([1 + more, -2 * value - more, value**2])))


@pytest.mark.parametrize(
    "name", ["overlap", "rank_overlap", "information_imbalance", "cka", "rsa", "neighbor_survival"]
)
def test_an_interval_of_two_layers_is_the_jackknife_over_groups(name):
    a, b = layer(0), layer(0) + 0.8 * layer(1)
    found = ls.estimate(name, a, b, groups=CODES, **asked(name))
    margin = by_deletion(lambda rows: ls.estimate(name, a[rows], b[rows], **asked(name)).value)
    bounds = catalog()[name].bounds
    assert found.value == ls.estimate(name, a, b, **asked(name)).value
    assert (found.low, found.high) == pytest.approx(ends(found.value, margin, bounds), abs=1e-9)
    assert f"an interval over {G} groups, which are few" in found.warnings


@pytest.mark.parametrize("name", ["twonn", "participation_ratio", "levina_bickel", "gride"])
def test_an_interval_of_one_layer_is_too(name):
    a = layer(0)
    found = ls.estimate(name, a, groups=CODES)
    margin = by_deletion(lambda rows: ls.estimate(name, a[rows]).value)
    assert found.high - found.value == pytest.approx(margin, rel=1e-9)
    assert found.chance is None
    assert found.groups == "8 groups"
    for place, point in enumerate(found.curve[:2]):
        margin = by_deletion(lambda rows, place=place: ls.estimate(name, a[rows]).curve[place].value)
        assert point.high - point.value == pytest.approx(margin, rel=1e-9)


@pytest.mark.parametrize(("own", "words"), [(None, ", own left out"), ("left_out", ", own left out"), ("kept", "")])
def test_labels_of_groups_are_asked_of_other_groups(own, words):
    a, label = layer(0), np.array([0, 1, 2, 0, 1, 2, 0, 1])[CODES]
    found = ls.estimate("label_overlap", a, label, k=6, groups=CODES, own_group=own)
    assert found.groups == f"8 groups{words}; labels of groups are dealt anew"
    apart = {"groups": CODES} if words else {}
    graph = find_neighbors(a, 6, **apart)
    same = (label[graph.indices] == label[:, None]).mean()
    assert found.value == pytest.approx(same, abs=1e-12)
    null = []
    rng = np.random.default_rng(3)
    for _ in range(2000):
        dealt = np.array([0, 1, 2, 0, 1, 2, 0, 1])[rng.permutation(G)][CODES]
        null.append((dealt[graph.indices] == dealt[:, None]).mean())
    assert found.chance.value == pytest.approx(np.mean(null), abs=4 * np.std(null) / 999**0.5)
    assert found.chance.p == pytest.approx(np.mean(np.array(null) >= same - 1e-12), abs=0.06)
    margin = by_deletion(
        lambda rows: (
            label[rows][find_neighbors(a[rows], 6, **({"groups": CODES[rows]} if words else {})).indices]
            == label[rows][:, None]
        ).mean()
    )
    assert (found.low, found.high) == pytest.approx(ends(found.value, margin, (0, 1)), abs=1e-9)


def test_labels_that_vary_change_places_within_groups():
    """Groups of other prevalence make neighbors agree, and that is chance."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(50), 10)
    a, label = layer(0, codes, spread=0.3), (rng.random(500) < rng.choice([0.2, 0.8], 50)[codes]).astype(int)
    alone = ls.estimate("label_overlap", a, label, k=10)
    found = ls.estimate("label_overlap", a, label, k=10, groups=codes)
    assert alone.chance.p < 0.001 < 0.05 < found.chance.p
    assert found.value == alone.value
    assert found.groups == "50 groups; members of a group change places"


def test_layers_that_share_only_the_groups_are_not_related():
    codes = np.repeat(np.arange(50), 10)
    a, b, other = (layer(seed, codes, spread=0.3) for seed in (1, 2, 3))
    c = a + other
    assert ls.estimate("overlap", a, b, k=10).chance.p < 1e-5
    found = ls.estimate("overlap", a, b, k=10, groups=codes)
    assert found.chance.p > 0.05
    assert found.chance.value > 1.5 * 10 / 499
    assert ls.estimate("overlap", a, c, k=10, groups=codes).chance.p < 0.001
    apart = ls.estimate("overlap", a, b, k=10, groups=codes, own_group="left_out")
    assert apart.chance.value == pytest.approx(10 / 490, rel=0.1)
    assert apart.chance.p > 0.05


@pytest.mark.parametrize("own", [None, "kept"])
@pytest.mark.parametrize("labels", ["aabbb", "aaabbbb", "aaaabbbb", "aaabbbccc"])
def test_chance_of_labels_of_groups_is_that_of_all_ways_to_deal_them(labels, own):
    """By full enumeration, with the one that there is: the mean exactly, and p where all ways are tried."""
    rng = np.random.default_rng(len(labels))
    codes = rng.permutation(np.repeat(np.arange(len(labels)), rng.integers(2, 7, len(labels))))
    a = layer(1, codes)
    graph = find_neighbors(a, 3, **({} if own else {"groups": codes}))
    every = {each: np.array(each)[codes] for each in set(permutations(labels))}
    values = {each: (label[graph.indices] == label[:, None]).mean() for each, label in every.items()}
    found = ls.estimate("label_overlap", a, every[tuple(labels)], k=3, groups=codes, own_group=own)
    assert found.value == pytest.approx(values[tuple(labels)], abs=1e-12)
    assert found.chance.value == pytest.approx(np.mean(list(values.values())), abs=1e-9)
    as_high = np.mean([value >= found.value - 1e-12 for value in values.values()])
    if len(labels) > 5:  # which can be dealt in ten ways
        assert found.chance.p == pytest.approx(as_high, abs=1e-9 if len(labels) < 9 else 0.05)
        ends = np.quantile(list(values.values()), [0.025, 0.975])
        assert [found.chance.low, found.chance.high] == pytest.approx(ends, abs=1e-9 if len(labels) < 9 else 0.05)


@pytest.mark.parametrize("own", [None, "kept"])
def test_chance_of_a_probe_and_of_class_weights_is_that_of_all_ways_to_deal_labels(own):
    labels, codes = "aaabbbb", np.repeat(np.arange(7), [2, 3, 4, 5, 6, 3, 2])
    a = layer(1, codes)
    graph = find_neighbors(a, 4, **({} if own else {"groups": codes}))
    for name, options in (("knn_probe", {"k": 3}), ("label_overlap", {"k": 3, "weight": "class"})):
        every = [np.array(each)[codes] for each in set(permutations(labels))]
        values = [catalog()[name].bare(graph, label, **options).value for label in every]
        here = ls.estimate(name, a, np.array(list(labels))[codes], groups=codes, own_group=own, **options)
        assert here.chance.value == pytest.approx(np.mean(values), abs=1e-9)
        assert here.chance.p == pytest.approx(np.mean(np.array(values) >= here.value - 1e-12), abs=1e-9)


@pytest.mark.parametrize("own", [None, "kept"])
def test_the_exact_mean_of_sets_and_paths_is_that_of_all_ways_to_deal_them(own):
    sets = [{1}, {1, 2}, {2}, {3}, set(), {1, 3}]
    paths = [("a", "x"), ("a", "x"), ("a", "y"), ("b", "z"), ("b", "z"), ("b", "w")]
    codes = np.repeat(np.arange(6), [1, 2, 4, 5, 6, 3])
    graph = find_neighbors(layer(1, codes), 3, **({} if own else {"groups": codes}))
    for labels in (sets, paths):
        values = []
        for places in permutations(range(6)):
            dealt = [labels[places[code]] for code in codes]
            values.append(catalog()["label_overlap"].bare(graph, dealt, k=3).value)
        of_samples = [labels[code] for code in codes]
        found = ls.estimate("label_overlap", layer(1, codes), of_samples, k=3, groups=codes, own_group=own)
        assert found.chance.value == pytest.approx(np.mean(values), abs=1e-9)


def test_the_default_number_of_neighbors_fits_the_samples_that_chance_is_of():
    for sizes, k, rows in (([3] * 8 + [200], 6, 27), ([2, 2, 2, 3, 3, 3, 40], 4, 18)):
        codes = np.repeat(np.arange(len(sizes)), sizes)
        found = ls.estimate("overlap", layer(0, codes), layer(1, codes), groups=codes)
        assert found.k == k
        assert f"k = {k}, since chance is of {rows} of {len(codes)} samples" in found.warnings
        assert found.chance.p > 0
        assert found.high > found.low
    found = ls.estimate("overlap", layer(0, codes), layer(1, codes), groups=codes, k=18)
    assert found.chance is None
    assert (
        "no chance: it would be of 18 of 55 samples, of groups cut to equal sizes, and k=18 neighbors asked of a graph "
        "that holds 17; k must lie in 1..17." in found.warnings
    )


def test_what_is_held_against_chance_stands_beside_it_wherever_it_is_shown(tmp_path):
    codes = np.repeat(np.arange(12), [4] * 9 + [12, 20, 40])
    names, base = {"labels": {"who": codes.astype(str)}, "ids": range(len(codes))}, layer(0, codes)
    run = ls.from_arrays({"a": base, "b": base + layer(1, codes)}, **names)
    (row,) = ls.measure(run, ["overlap"], k=5, groups="who").itertuples()
    found = ls.estimate("overlap", run["a"], run["b"], k=5, groups=codes)
    assert row.held == found.chance.held != found.value
    assert run.table.held.tolist() == [row.held]
    assert np.isnan(ls.estimate("overlap", run["a"], run["b"], k=5).chance.held)
    assert (
        f" of samples whose value is {row.held:.2f}, of groups cut to equal sizes"
        in ls.report(run, tmp_path / "page.html").read_text()
    )
    other = ls.from_arrays({"a": base + layer(1, codes)}, **names)
    changed = ls.changes(run, other, k=5, groups="who")
    assert changed.table.held.tolist() == [row.held]
    assert f" by chance of samples that keep {row.held:.4g}, of groups cut to equal sizes." in changed.findings[0]
    corrected = ls.estimate("procrustes", run["a"], run["b"], groups=codes)
    chance = corrected.chance
    assert corrected.details["corrected"] == pytest.approx((chance.held - chance.value) / (1 - chance.value), abs=1e-12)


def test_groups_of_other_sizes_are_cut_for_chance_alone():
    codes = np.repeat(np.arange(12), [3, 4, 5, 6, 7, 8, 9, 10, 20, 22, 30, 31])
    a, b = layer(0, codes), layer(1, codes)
    found = ls.estimate("overlap", a, b, k=2, groups=codes)
    assert found.n_samples == len(codes)
    assert found.value == ls.estimate("overlap", a, b, k=2).value
    exchange = whole_groups(Groups.of(codes, len(codes)))
    rows = exchange.rows
    some = ls.estimate("overlap", a[rows], b[rows], k=2)
    assert found.chance.held == pytest.approx(some.value, abs=1e-12)
    assert abs(found.value - some.value) > 0.01
    assert found.to_dict()["chance"]["held"] == found.chance.held
    assert (
        f"chance and p are of {len(rows)} of {len(codes)} samples, of groups cut to equal sizes: hold their value, "
        f"{some.value:.4g}, against that chance" in found.warnings
    )
    assert f", of samples whose value is {some.value:.4g}" in str(found)
    values = [ls.estimate("overlap", a[rows], b[rows][order], k=2).value for order in exchange.orders(40, 0)]
    assert found.details["null"][:40] == pytest.approx(values, abs=1e-12)
    assert found.chance.p == (1 + (found.details["null"] >= some.value - 1e-12).sum()) / 1000


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([20, 20, 20], "3 groups can be arranged in 6 ways: too few for a p"),
        ([20, 20, 20], "3 groups, fewer than 6: no interval"),
        ([12] * 7, "an interval over 7 groups, which are few"),
        ([12] * 6, "p cannot fall below 0.0014: so few are the ways to arrange the groups"),
        ([12] * 7, "with 7 groups a large p does not say that there is nothing"),
        ([60, 8, 8, 8, 8, 8, 8, 8], "one group holds 52% of the samples and decides the interval"),
    ],
)
def test_what_few_groups_cannot_tell_is_said(sizes, words):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    found = ls.estimate("overlap", layer(0, codes), layer(1, codes), k=3, groups=codes)
    assert words in found.warnings
    assert np.isnan(found.low) == (len(sizes) < 6)
    assert np.isnan(found.chance.p) == (len(sizes) == 3)


def test_graphs_that_were_given_have_chance_and_interval_as_far_as_they_hold_neighbors():
    for codes in (CODES, np.repeat(np.arange(6), [4, 8, 12, 12, 16, 20])):
        expected = ls.estimate("overlap", layer(0), layer(1), k=6, groups=codes)
        wide, few = ([find_neighbors(layer(seed), k) for seed in (0, 1)] for k in (71, 6))
        found = ls.estimate("overlap", *wide, k=6, groups=codes)
        assert (found.value, found.low, found.chance, found.groups) == (
            expected.value, expected.low, expected.chance, expected.groups
        )  # fmt: skip
        found = ls.estimate("overlap", *few, k=6, groups=codes)
        assert np.isnan(found.low)
        assert any(words.startswith("no interval over groups: without one of them") for words in found.warnings)


def test_members_of_own_groups_are_left_out_of_a_graph_that_was_given():
    labels = CODES % 2
    expected = ls.estimate("label_overlap", layer(0), labels, k=6, groups=CODES)
    found = ls.estimate("label_overlap", find_neighbors(layer(0), 71), labels, k=6, groups=CODES)
    assert "own left out" in found.groups
    assert (found.value, found.low, found.chance) == (expected.value, expected.low, expected.chance)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda x: ls.estimate("twonn", x, groups=CODES[:-1]), InvalidValue, "groups of shape"),
        (lambda x: ls.estimate("twonn", x, groups=np.zeros(72)), InvalidValue, "all 72 samples are of one group"),
        (lambda x: ls.estimate("twonn", x, groups=np.arange(72)), InvalidValue, "each of 72 samples is a group of its"),
        (lambda x: ls.estimate("twonn", x, own_group="kept"), InvalidValue, "own_group='kept' without groups"),
        (
            lambda x: ls.estimate("twonn", x, groups=CODES, influence=True),
            InvalidValue,
            "influence is of single samples",
        ),
        (
            lambda x: ls.estimate("twonn", x, groups=[None] + [1] * 40 + [2] * 31),
            InvalidValue,
            "1 of 72 samples have no",
        ),
        (lambda x: ls.estimate("twonn", x, groups=7), InvalidValue, "groups of shape"),
        (
            lambda x: ls.estimate("cka", x, x, groups=CODES, own_group="left_out"),
            InvalidValue,
            "^cka reads vectors as they are and has no own_group; leave own_group='left_out' out.$",
        ),
        (
            lambda x: ls.measure(ls.from_arrays({"a": x}, labels={"s": CODES}), ["pca", "participation_ratio"], **KEPT),
            InvalidValue,
            "^pca and participation_ratio read vectors as they are and have no own_group; leave own_group='kept' out.$",
        ),
        (lambda x: ls.estimate("twonn", x, groups=np.linspace(0, 1, 72)), InvalidType, "groups of real numbers"),
        (lambda x: ls.estimate("linear_probe", x, CODES % 2, groups=CODES, folds=9), InvalidValue, "9 of 8 groups"),
        (lambda x: ls.estimate("linear_probe", x, CODES, groups=CODES), InvalidValue, "no two groups have the same"),
        (lambda x: ls.estimate("linear_predictivity", x, x, groups=CODES, folds=9), InvalidValue, "9 of 8 groups"),
        (
            lambda x: ls.estimate("overlap", x, x, k=64, groups=CODES, own_group="left_out"),
            InvalidValue,
            r"k=64 neighbors asked of 72 samples, own group left out; k must lie in 1..63.",
        ),
    ],
)
def test_bad_groups_are_refused_in_one_line(call, kind, words):
    with pytest.raises(kind, match=words) as error:
        call(layer(0))
    assert "\n" not in str(error.value)


def test_beside_measures_of_neighbors_own_group_changes_nothing_of_what_asks_for_none():
    codes = np.repeat(
        np.arange(12), np.arange(2, 26, 2)
    )  # of sizes of which other strata are made where own are left out
    run = ls.from_arrays({"a": layer(0, codes), "b": layer(1, codes)}, labels={"s": codes})
    measures = ["cka", "linear_predictivity", "participation_ratio", "overlap"]
    alone = ls.measure(run, measures, groups="s", save=False)
    beside = ls.measure(run, measures, groups="s", own_group="left_out", save=False)
    cka = alone.measure != "overlap"
    assert cka.sum() == 5
    pd.testing.assert_frame_equal(alone[cka], beside[cka])
    assert "own left out" in beside[~cka].groups.item()


def test_the_largest_group_bounds_k_and_the_default_fits():
    codes = np.repeat(np.arange(9), [40, 5, 5, 5, 5, 5, 5, 5, 5])
    found = ls.estimate("overlap", layer(0, codes), layer(1, codes), groups=codes, own_group="left_out")
    assert found.k == 10  # a quarter of those who may be near the members of the largest
    codes = np.repeat(np.arange(7), [40, 3, 3, 3, 3, 3, 3])
    found = ls.estimate("overlap", layer(0, codes), layer(1, codes), groups=codes, own_group="left_out")
    assert found.k == 4
    assert any(re.match("k = 4, since there are 58 samples", words) for words in found.warnings)


def test_samples_without_a_label_are_left_out_with_their_place_in_groups():
    label = [None if place % 7 == 0 else str(code % 3) for place, code in enumerate(CODES)]
    rows = np.array([place for place, each in enumerate(label) if each is not None])
    found = ls.estimate("label_overlap", layer(0), label, k=5, groups=CODES)
    some = ls.estimate("label_overlap", layer(0)[rows], [label[row] for row in rows], k=5, groups=CODES[rows])
    assert (found.value, found.low, found.high) == (some.value, some.low, some.high)
    assert found.chance == some.chance
    assert "11 of 72 samples have no label and are left out" in found.warnings


KIND = np.array([0, 1, 2, 0, 1, 2, 0, 1])[CODES]
LEARNED = [
    ("linear_probe", KIND, {"folds": 3, "method": "ridge"}),
    ("linear_probe", np.arange(len(CODES)) % 3, {"folds": 4, "method": "ridge"}),
    ("linear_probe", np.sqrt(1.0 + np.arange(G))[CODES], {"folds": 4}),
    ("linear_predictivity", layer(0) + layer(1), {"folds": 4}),
    ("linear_predictivity", layer(0) + layer(1), {"folds": 4, "sample": 50}),
]


@pytest.mark.parametrize(("name", "other", "options"), LEARNED)
def test_what_learns_learns_from_other_groups_alone(name, other, options, monkeypatch):
    """Value, interval, chance and p are those of a plain recomputation at folds of whole groups."""
    monkeypatch.setattr(exchange, "PERMUTATIONS", 19)
    measure, a, groups = catalog()[name], layer(0), Groups.of(CODES, len(CODES))

    def data(rows, order):
        return [Representation(a[rows]), Representation(other[order]) if measure.compares else other[order]]

    every = np.arange(len(a))
    folds = measure.folds_of(*data(every, every), groups=groups, **options)
    assert all(len(set(folds.of[group == CODES])) == 1 for group in range(G))
    assert len(set(folds.of)) == options["folds"]

    def value(rows, order):
        return measure.bare(*data(rows, order), parts=folds.take(rows), **options).value

    found = ls.estimate(name, a, other, groups=CODES, **options)
    assert found.value == value(every, every)
    margin = by_deletion(lambda rows: value(rows, rows))
    bounds = (0, 1) if "classes" in found.details else measure.bounds
    assert found.high == pytest.approx(ends(found.value, margin, bounds)[1], abs=1e-9)
    constant = not measure.compares and groups.same_within(other)
    changed = whole_groups(groups) if measure.compares else within_groups(groups)
    if constant:
        changed = labels_of_groups(groups, other[groups.first].tolist(), folds)
    null = [value(every, order) for order in changed.orders(5, 0)]
    assert found.details["null"][:5] == pytest.approx(null, abs=1e-9)
    assert found.chance.p == (1 + (found.details["null"] >= found.value - 1e-9).sum()) / 20
    assert folds.even == (constant and other.dtype.kind == "i")


def test_a_label_that_is_random_between_groups_is_read_at_chance():
    """Where members of its own group would give it away."""
    codes, above, apart = np.repeat(np.arange(40), 6), [], []
    for seed in range(4):
        x, label = layer(seed, codes, spread=0.3), np.random.default_rng(100 + seed).integers(0, 2, 40)[codes]
        plain = ls.estimate("linear_probe", x, label, method="ridge")
        found = ls.estimate("linear_probe", x, label, method="ridge", groups=codes)
        assert found.chance.p > 0.02
        assert found.chance.low <= found.value <= found.chance.high
        above.append(plain.value - plain.chance.value)
        apart.append(found.value - found.chance.value)
    assert np.mean(above) > 0.08 > np.abs(np.mean(apart))


def test_a_label_of_the_groups_is_read():
    codes = np.repeat(np.arange(40), 6)
    label = np.random.default_rng(0).integers(0, 3, 40)
    x = layer(0, codes) + 6 * np.random.default_rng(1).standard_normal((3, 4))[label][codes]
    found = ls.estimate("linear_probe", x, label[codes].tolist(), groups=codes, method="ridge")
    assert found.value > 0.9
    assert found.chance.p < 0.001
    assert found.groups == "40 groups; labels of groups are dealt anew, within folds"
    label[:] = np.arange(40) % 3 % 2
    label[0] = 7
    found = ls.estimate("linear_probe", x, label[codes], groups=codes, method="ridge")
    assert "1 of 3 classes are in one fold alone, and cannot be read right: give fewer folds" in found.warnings


@pytest.mark.parametrize("sizes", [[SIZE] * G, [4, 5, 6, 7, 8, 9, 12, 14]])
@pytest.mark.parametrize("own", ["left_out", "kept"])
@pytest.mark.parametrize("many", [False, True])
def test_numbers_of_groups_are_near_in_other_groups_and_change_places_with_them(sizes, own, many, monkeypatch):
    """Numbers and vectors, by plain counting of the nearest in both; own members are near in neither if left out."""
    monkeypatch.setattr(exchange, "PERMUTATIONS", 19)
    codes, k, rng = np.repeat(np.arange(G), sizes), 3, np.random.default_rng(5)
    a, phi = layer(0, codes), rng.standard_normal((G, 2 if many else 1))

    def counted(rows, of_groups):
        """With the numbers of these groups: how many of the k nearest are among the k nearest in the number."""
        total = 0.0
        for i in rows:
            others = rows[codes[rows] != codes[i]] if own == "left_out" else rows[rows != i]
            nearest = others[np.argsort(((a[others] - a[i]) ** 2).sum(axis=1))[:k]]
            away = ((of_groups[codes] - of_groups[codes[i]]) ** 2).sum(axis=1)
            last = np.sort(away[others])[k - 1]
            nearer, tied = (away[others] < last).sum(), (away[others] == last).sum()
            total += sum(1.0 if away[j] < last else (k - nearer) / tied * (away[j] == last) for j in nearest)
        return total / len(rows) / k

    every, labels = np.arange(len(codes)), Representation(phi[codes]) if many else phi[codes][:, 0]
    run = ls.from_arrays({"a": a}, labels={"phi": phi[codes] if many else labels, "subject": codes})
    row = ls.measure(run, ["label_overlap"], k=k, groups="subject", own_group=own).iloc[0]
    assert row.value == pytest.approx(counted(every, phi), abs=1e-9)
    changed = whole_groups(Groups.of(codes, len(codes), own=own))
    rows = every if changed.rows is None else changed.rows
    null = []
    for order in changed.orders(19, 0):
        dealt = phi.copy()
        dealt[codes[rows]] = phi[codes[rows][order]]
        null.append(counted(rows, dealt))
    assert row.chance == pytest.approx(np.mean(null), abs=1e-9)
    assert row.p == (1 + (np.array(null) >= counted(rows, phi) - 1e-9).sum()) / 20


@pytest.mark.parametrize("own", [None, "left_out", "kept"])
def test_sets_of_groups_of_other_sizes_are_dealt_anew(own, monkeypatch):
    monkeypatch.setattr(exchange, "PERMUTATIONS", 19)
    codes = np.repeat(np.arange(12), [3, 4, 5, 6, 7, 8, 9, 10, 12, 2, 3, 4])
    sets = [{code % 3, 5 + code % 2} for code in codes.tolist()]
    found = ls.estimate("label_overlap", layer(0, codes), sets, k=3, groups=codes, own_group=own)
    changed = labels_of_groups(Groups.of(codes, len(codes)), [code % 6 for code in range(12)])
    for order, value in zip(changed.orders(5, 0), found.details["null"][:5], strict=True):
        dealt = [sets[row] for row in order]
        other = ls.estimate("label_overlap", layer(0, codes), dealt, k=3, groups=codes, own_group=own)
        assert value == pytest.approx(other.value, abs=1e-9)


def test_labels_that_are_not_of_single_samples_are_refused_in_one_line():
    graph = find_neighbors(np.random.default_rng(0).standard_normal((72, 2)), 6)
    for labels in (graph, lambda i, j: 1.0 * (i % 2 == j % 2)):
        for own in (None, "kept"):
            with pytest.raises(InvalidType, match="a graph or a function are not told apart by groups; give one per"):
                ls.estimate("label_overlap", layer(0), labels, k=5, groups=CODES, own_group=own)
    with pytest.raises(InvalidValue, match="all 72 samples have the value 2"):
        ls.estimate("label_overlap", layer(0), np.full(72, 2.0), k=5, groups=CODES, kind="real")


def test_a_label_that_no_two_groups_share_is_refused_where_own_members_are_left_out():
    codes, x = np.repeat(np.arange(12), 5), layer(0, np.repeat(np.arange(12), 5))
    words = (
        "each of 12 groups has a label of its own, which samples of other groups cannot share; leave this label out, "
        "or keep members of a sample's own group with own_group='kept'."
    )
    for label in (codes, [f"subject {code}" for code in codes]):
        for name in ("label_overlap", "knn_probe"):
            with pytest.raises(ls.LayerscapeError, match=f"^{re.escape(words)}$"):
                ls.estimate(name, x, label, k=3, groups=codes)
    numbers = codes + 0.5  # real ones, of which the probe makes classes, and overlap asks who is near
    with pytest.raises(ls.LayerscapeError, match=f"^{re.escape(words)}$"):
        ls.estimate("knn_probe", x, numbers, k=3, groups=codes)
    assert ls.estimate("label_overlap", x, numbers, k=3, groups=codes).chance.p > 0
    kept = ls.estimate("label_overlap", x, codes, k=3, groups=codes, own_group="kept")
    assert kept.value > 0
    assert np.isnan(kept.chance.p)
    assert "12 groups can be arranged in 1 ways: too few for a p" in kept.warnings
    paths = [("a" if code < 6 else "b", str(code)) for code in codes]  # of which some levels are shared
    assert ls.estimate("label_overlap", x, paths, k=3, groups=codes).chance.p > 0
    run = ls.from_arrays(
        {"a": x, "b": x + 1}, labels={"who": codes, "same": codes + 1, "kind": codes % 2}, ids=range(60)
    )
    words = (
        "label column 'who' is that of groups, of which no two share a value; leave it out of labels, or give other "
        "groups."
    )
    for ask in (ls.measure, ls.differences, ls.recommend):
        with pytest.raises(ls.LayerscapeError, match=f"^{re.escape(words)}$"):
            ask(run, labels=["kind", "who"], groups="who")
    rows = ls.measure(run, ["label_overlap"], k=3, groups="who", labels=["kind", "same"])
    assert rows[rows.label == "same"].value.isna().all()
    assert rows[rows.label == "kind"].value.notna().all()


def test_a_name_is_no_array_of_groups():
    x = layer(0, np.repeat(np.arange(12), 5))
    words = "groups='subject' is a name, which a column of a run has; give one group per sample."
    with pytest.raises(ls.LayerscapeError, match=f"^{re.escape(words)}$"):
        ls.estimate("overlap", x, x, groups="subject")


def test_an_accuracy_over_groups_stays_a_share():
    codes, rng = np.repeat(np.arange(12), np.arange(3, 15)), np.random.default_rng(0)
    x = rng.standard_normal((12, 4))[codes] + 0.4 * rng.standard_normal((102, 4))
    found = ls.estimate("linear_probe", x, (np.arange(12) % 2)[codes], groups=codes)
    assert 0 <= found.low < found.value < found.high <= 1
