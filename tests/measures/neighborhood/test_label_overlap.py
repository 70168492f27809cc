"""Label overlap of every form of labels against the sum over all pairs, and chance against permutations."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName
from layerscape.measures import catalog
from layerscape.measures.neighborhood import functions, sets
from layerscape.measures.neighborhood.agreement import Relation, membership
from layerscape.measures.neighborhood.relations import likeness_of
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

N, K = 60, 7


def forms(seed):
    """Name to labels and the matrix G by its definition."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(N)
    coarse, fine = rng.integers(0, 3, N), rng.integers(0, 4, N)
    paths = [(f"c{a}", f"f{b}") for a, b in zip(coarse, fine, strict=True)]
    vectors = np.round(rng.standard_normal((N, 2)))
    many = [frozenset(np.flatnonzero(row).tolist()) for row in rng.random((N, 5)) < 0.4]
    return {
        "real": (x, nearest(x)),
        "ties": (np.round(x, 1) + 0.01, nearest(np.round(x, 1) + 0.01)),
        "many ties": (np.round(2 * x) / 2 + 0.25, nearest(np.round(2 * x) / 2 + 0.25)),
        "paths": (paths, (coarse[:, None] == coarse) * (1.0 + (fine[:, None] == fine)) / 2),
        "sets": (many, np.array([[len(a & b) / max(1, len(a | b)) for b in many] for a in many])),
        "graph": (find_neighbors(vectors, K), nearest_in(vectors)),
        "function": (lambda i, j: 1 / (1 + np.abs(x[i] - 2 * x[j])), 1 / (1 + np.abs(x[:, None] - 2 * x))),
        "one pair": (lambda i, j: 1.0 if x[i] < x[j] else 0.25, np.where(x[:, None] < x, 1.0, 0.25)),
    }


def nearest(phi):
    return nearest_in(phi[:, None])


def nearest_in(phi, k=K):
    """Probability of being among the k nearest, by sorting every row of the matrix of distances."""
    away = np.sqrt(((phi[:, None] - phi) ** 2).sum(axis=2))
    np.fill_diagonal(away, np.inf)
    last = np.sort(away, axis=1)[:, k - 1 : k]
    inside, tied = away < last, away == last
    return inside + tied * (k - inside.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)


FORMS = list(forms(0))


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_mean_over_pairs_and_chance_is_exact(form, rng):
    labels, agrees = forms(1)[form]
    np.fill_diagonal(agrees, 0)
    graph = find_neighbors(rng.standard_normal((N, 3)), K)
    near = membership(graph, K).toarray()
    result = estimate("label_overlap", graph, labels, k=K)
    assert result.value == pytest.approx((near * agrees).sum() / (N * K), abs=1e-12)
    assert result.chance.value == pytest.approx(agrees.sum() / (N * (N - 1)), abs=1e-12)
    values = []
    for _ in range(3000):
        order = rng.permutation(N)
        values.append((near * agrees[np.ix_(order, order)]).sum() / (N * K))
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - result.chance.value, rel=0.06)
    if form in ("real", "ties", "many ties"):
        assert result.chance.value == pytest.approx(K / (N - 1), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), form=st.sampled_from(FORMS))
def test_sums_are_those_of_the_matrix(seed, form):
    labels, agrees = forms(seed)[form]
    np.fill_diagonal(agrees, 0)
    likeness = likeness_of(labels, N, K, "auto")
    i, j = np.nonzero(~np.eye(N, dtype=bool))
    assert likeness.at(i, j) == pytest.approx(agrees[i, j], abs=1e-12)
    share = np.random.default_rng(seed).random(N) if form == "paths" else np.full(N, 0.3)
    weighted = share[:, None] * agrees
    out, into = weighted.sum(axis=1), weighted.sum(axis=0)
    expected = Relation(
        weighted.sum(), (weighted**2).sum(), (weighted * weighted.T).sum(), out @ out, into @ into, out @ into
    )
    assert vars(likeness.sums(share)) == pytest.approx(vars(expected), rel=1e-11)
    most = likeness.most(np.full(N, K))
    if most is not None:
        assert most == pytest.approx(np.sort(agrees, axis=1)[:, -K:].mean(axis=1), abs=1e-12)


def test_single_labels_as_sets_paths_and_functions_are_categories(rng):
    x, y = rng.standard_normal((80, 3)), rng.integers(0, 4, 80)
    plain = estimate("label_overlap", x, y, k=6)
    for labels in ([[one] for one in y], [(one,) for one in y], y[:, None], lambda i, j: y[i] == y[j]):
        other = estimate("label_overlap", x, labels, k=6)
        for name in ("value", "low", "high"):
            assert getattr(other, name) == pytest.approx(getattr(plain, name), abs=1e-12)
        assert vars(other.chance) == pytest.approx(vars(plain.chance), rel=1e-9, nan_ok=True)


def test_a_number_read_off_the_data_is_found_and_its_order_is_all_that_counts_of_scale(rng):
    x = np.sort(rng.standard_normal(200))[:, None]
    assert estimate("label_overlap", x, x[:, 0], k=5).value == pytest.approx(1)
    noise = rng.standard_normal(200)
    value = estimate("label_overlap", x, noise, k=5).value
    for factor in (2.0**-60, 2.0**1000):
        assert estimate("label_overlap", x, factor * noise, k=5, kind="real").value == value


def test_whole_numbers_are_categories_unless_said_to_be_real(rng):
    x, lengths = rng.standard_normal((90, 2)), rng.integers(3, 12, 90)
    real = estimate("label_overlap", x, lengths, k=5, kind="real")
    assert real.chance.value == pytest.approx(5 / 89)
    assert real.value == estimate("label_overlap", x, [str(one) for one in lengths], k=5, kind="real").value
    assert estimate("label_overlap", x, lengths, k=5).chance.value > 0.08
    same = estimate("label_overlap", x, lengths / 4, k=5, kind="category")
    assert same.value == estimate("label_overlap", x, lengths, k=5).value


def test_ties_of_a_number_bound_the_value(rng):
    phi = np.repeat([0.5, 1.5], 50)
    result = estimate("label_overlap", phi[:, None] + 0.01 * rng.standard_normal((100, 1)), phi, k=7)
    assert result.details["ceiling"] == pytest.approx(7 / 49)
    assert result.value == pytest.approx(7 / 49)
    assert result.warnings == ("labels tie: the highest value possible is 0.1429",)


@pytest.mark.parametrize("weight", ["sample", "class"])
def test_k_that_follows_the_class(rng, weight):
    labels = np.repeat(["a", "b", "c"], [50, 30, 16])
    x = (labels == "a")[:, None] * [1.0, 0] + rng.standard_normal((96, 2))
    graph = find_neighbors(x, 25)
    result = estimate("label_overlap", graph, labels, class_fraction=0.25, weight=weight)
    assert result.details["k_per_class"].tolist() == [12, 7, 4]

    def of_class(labels):
        own = labels[graph.indices] == labels[:, None]
        sizes = np.select([labels == one for one in "abc"], [12, 7, 4])
        per_sample = (own * (np.arange(25) < sizes[:, None])).sum(axis=1) / sizes
        per_class = [per_sample[labels == one].mean() for one in "abc"]
        return per_class, per_sample.mean() if weight == "sample" else np.mean(per_class)

    assert result.details["per_class"] == pytest.approx(of_class(labels)[0])
    assert result.value == pytest.approx(of_class(labels)[1])
    exact = (50 * 49 + 30 * 29 + 16 * 15) / (96 * 95) if weight == "sample" else (96 - 3) / (3 * 95)
    assert result.chance.value == pytest.approx(exact)
    values = [of_class(rng.permutation(labels))[1] for _ in range(1000)]
    assert np.mean(values) == pytest.approx(exact, abs=4 * np.std(values) / 31)
    assert result.details["null"].mean() == pytest.approx(exact, abs=4 * np.std(values) / 10)
    assert 1.96 * np.std(values) == pytest.approx(result.chance.high - exact, rel=0.25)


def test_details_of_classes(rng):
    labels = np.repeat(["many", "few"], [95, 5])
    result = estimate("label_overlap", rng.standard_normal((100, 2)), labels, k=10)
    assert result.details["classes"].tolist() == ["few", "many"]
    assert result.details["class_sizes"].tolist() == [5, 95]
    assert result.details["ceiling"] == pytest.approx(0.97)
    assert result.details["per_class"] @ [0.05, 0.95] == pytest.approx(result.value)
    paths = [("animal", "cat"), ("animal", "dog"), ("tool", "saw"), ("tool", "saw")]
    by_path = estimate("label_overlap", rng.standard_normal((4, 2)), paths, k=1, weight="class")
    assert by_path.details["classes"].tolist() == ["animal/cat", "animal/dog", "tool/saw"]


def test_two_samples_that_find_each_other_are_no_miracle(rng):
    x = rng.standard_normal((300, 4))
    x[1] = x[0] + 1e-3
    rare = np.arange(300) < 2  # two of a class, of which each is the other's first neighbor: one of 150 pairs or so
    found = estimate("label_overlap", x, rare.astype(int), k=1, weight="class")
    assert found.value > 0.99
    assert 1e-3 <= found.chance.p < 0.02
    common = estimate("label_overlap", x, (x[:, 0] > 0).astype(int), k=1, weight="class")
    assert common.chance.p == 1e-6  # where many pairs add up, p is as small as the laws say


@pytest.mark.parametrize("weight", ["sample", "class"])
def test_over_classes_leaves_out_one_class_after_the_other(rng, weight):
    classes = rng.permutation(np.repeat(np.arange(6), (5, 10, 15, 20, 25, 30)))
    x = classes[:, None] * [0.5, 0.0] + rng.standard_normal((105, 2))
    graph = find_neighbors(x, 104)
    found = estimate("label_overlap", graph, classes, k=K, weight=weight, over="classes")
    assert found.value == estimate("label_overlap", graph, classes, k=K, weight=weight).value
    values = []
    for left_out in range(6):
        per_sample, own = [], []
        for row in np.flatnonzero(classes != left_out):
            others = classes[graph.indices[row, :K]]
            others = others[others != left_out]
            if len(others):
                per_sample.append((others == classes[row]).mean())
                own.append(classes[row])
        per_sample, own = np.array(per_sample), np.array(own)
        share = np.ones(len(own)) if weight == "sample" else 1 / np.bincount(classes)[own]
        values.append(share @ per_sample / share.sum())
    sd = np.sqrt(5 / 6 * ((values - np.mean(values)) ** 2).sum())
    assert found.high - found.value == pytest.approx(2.570582 * sd, rel=1e-6)


def test_perfect_classes_keep_an_interval(rng):
    labels = np.repeat([0, 1], 50)
    result = estimate("label_overlap", labels[:, None] * 99.0 + rng.random((100, 1)), labels, k=5)
    assert result.low < result.value == result.high == 1


@pytest.mark.parametrize("form", ["function", "sets"])
def test_chance_from_some_of_the_samples_is_near_that_from_all(form, rng, monkeypatch):
    n = 600
    x, phi = rng.standard_normal((n, 3)), rng.random(n)
    many = [set(np.flatnonzero(row).tolist()) for row in rng.random((n, 8)) < 0.4]
    labels = many if form == "sets" else lambda i, j: 1 - np.abs(phi[i] - phi[j])
    whole = estimate("label_overlap", x, labels, k=8)
    assert not any("chance" in words for words in whole.warnings)
    for module, name, size in ((functions, "MOST", 400), (functions, "SOME", 400), (sets, "MOST_SETS", 50)):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(sets, "SOME", 400)
    some = estimate("label_overlap", x, labels, k=8)
    assert some.warnings[-1] == "chance is estimated from the pairs among 400 of the 600 samples"
    assert some.value == whole.value
    assert some.chance.value == pytest.approx(whole.chance.value, rel=0.05)
    assert some.chance.high - some.chance.value == pytest.approx(whole.chance.high - whole.chance.value, rel=0.15)


REAL = np.linspace(0.1, 0.9, 50)


GAPS = (
    "1 of 50 samples have no label and are left out: k=5 neighbors asked of a graph that holds 4; k must lie in 1..4: "
    "search again with a larger k."
)


@pytest.mark.parametrize(
    ("labels", "options", "text"),
    [
        (
            np.where(np.arange(50) == 3, np.nan, REAL),
            {},
            GAPS,
        ),
        (
            np.where(np.arange(50) == 3, np.inf, REAL),
            {},
            "1 of 50 labels are infinite, the first at row 3; leave these samples out, or give them a finite value.",
        ),
        (np.full(50, 0.5), {}, "all 50 samples have the value 0.5; give at least two values."),
        (REAL[:40], {}, "labels of shape (40,) for 50 samples; give one label per sample."),
        (
            ["a"] * 50,
            {"kind": "real"},
            "kind='real' for labels that are not numbers, the first 'a'; give numbers.",
        ),
        (
            [("a", "b")] * 49 + [("a",)],
            {},
            "50 paths of 1/2 levels for 50 samples; give one per sample, all of one length.",
        ),
        ([("a", "b")] * 50, {}, "all 50 samples have the path a/b; give at least two."),
        (
            [(i, "b") for i in range(50)],
            {},
            "each of the 50 samples has a path of its own; give levels that samples share.",
        ),
        (
            [("a", None), *[("a", "b")] * 49],
            {},
            GAPS,
        ),
        ([{"a"}] * 49, {}, "49 sets of labels for 50 samples; give one set per sample."),
        ([{"a"}] * 50, {}, "all 50 samples have the same set of labels; give at least two sets."),
        (
            [{i} for i in range(50)],
            {},
            "no two of the 50 samples share a label; give labels that samples share.",
        ),
        (
            [{"a"}, None, *[{"b"}] * 48],
            {},
            GAPS,
        ),
        (np.eye(50) / 2, {}, "labels of shape (50, 50), real numbers; give their graph, "
         "layerscape.find_neighbors(labels, k=5)."),
        (find_neighbors(np.eye(9), 5), {}, "labels are a graph of 9 of 9 samples, for 50 samples; give the "
         "graph of all of them."),
        (
            lambda i, j: 2.0 + 0 * i,
            {},
            "the function of labels gave 2 for samples 0 and {}; it must give values in 0..1.",
        ),
        (REAL, {"weight": "class"}, "weight='class' for labels without classes; it needs categories: leave it out."),
        (REAL, {"over": "classes"}, "over='classes' for labels without classes; it needs categories: leave it out."),
        (np.arange(50) % 4, {"over": "classes"}, "over='classes' with 4 classes; an interval over them needs 5."),
        (REAL, {"class_fraction": 0.5}, "class_fraction for labels without classes; it needs categories: leave it "
         "out."),
        (
            np.arange(50) % 2,
            {"class_fraction": 1.5},
            "class_fraction=1.5; give a share of the class, above 0 and at most 1.",
        ),
        (
            np.arange(50) % 2,
            {"class_fraction": 0.5},
            "class_fraction=0.5 of a class of 25 is 12 neighbors, asked of a graph that holds 5; give k=12 or a "
            "smaller class_fraction.",
        ),
    ],
)  # fmt: skip
def test_bad_labels(labels, options, text, rng):
    graph = find_neighbors(rng.standard_normal((50, 3)), 5)
    text = text.format(graph.indices[0, 0])
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("label_overlap", graph, labels, k=5, **options)


def test_unknown_kind(rng):
    with pytest.raises(UnknownName, match=r"^unknown kind of label_overlap 'reel'; nearest: real\."):
        estimate("label_overlap", rng.standard_normal((50, 3)), REAL, k=5, kind="reel")


def test_a_share_of_a_class_is_searched_as_wide_as_it_is_at_every_door():
    rng = np.random.default_rng(0)
    x, side = rng.standard_normal((120, 4)), np.arange(120) % 2
    expected = estimate("label_overlap", find_neighbors(x, 54), side, class_fraction=0.9)
    assert expected.k == 54
    found = ls.estimate("label_overlap", x, side, class_fraction=0.9)
    assert (found.value, found.k, found.options["class_fraction"]) == (expected.value, 54, 0.9)
    table = ls.measure(ls.from_arrays({"a": x}, labels={"side": side}), "label_overlap", class_fraction=0.9)
    assert (table.value.item(), table.k.item()) == (expected.value, 54)
    whole = ls.estimate("label_overlap", x, side, class_fraction=1.0)
    assert whole.k == 60
    with pytest.raises(InvalidValue, match=r"^class_fraction=1.5; give a share of the class, above 0 and at most 1"):
        ls.estimate("label_overlap", x, side, class_fraction=1.5)


@pytest.mark.parametrize(("many", "least"), [(4, 2 / 70), (6, 2 / 924)])
def test_of_few_samples_p_is_no_smaller_than_their_labels_can_be_dealt(rng, many, least):
    x = np.repeat([0.0, 9.0], many)[:, None] + 0.1 * rng.standard_normal((2 * many, 2))
    found = catalog()["label_overlap"](find_neighbors(x, many), np.arange(2 * many) // many, k=many - 1)
    assert found.value == 1
    assert found.chance.p == pytest.approx(least, rel=0.6)
    assert catalog()["overlap"](find_neighbors(x[:4], 2), find_neighbors(x[:4], 2), k=1).chance.p >= 1 / 24
