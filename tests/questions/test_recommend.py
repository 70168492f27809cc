"""Which layer: found where there is one, refused where there is none, and said how sure."""

import re
import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName

N = 400


def run_of(signal, seed=0, **labels):
    """A run whose layers hold so much of the label."""
    rng = np.random.default_rng(seed)
    digit = np.arange(N) % 4
    centers = rng.standard_normal((4, 6))
    layers = {f"l{i}": s * centers[digit] + rng.standard_normal((N, 6)) for i, s in enumerate(signal)}
    return ls.from_arrays(layers, labels={"digit": digit, **labels})


def test_the_layer_with_the_signal_is_found_and_told_apart():
    found = ls.recommend(run_of([0, 0.5, 1.5, 0.7]), k=10)
    assert found.layer == "l2"
    assert found.equals == ()
    assert found.sure == 1
    assert found.table.layer.tolist()[0] == "l2"
    assert (found.table.value.diff().dropna() <= 0).all()
    assert re.match(
        r"Use 'l2', judged by label overlap: its 10 nearest neighbors are most alike in 'digit'\. It scores 0\.\d+ on "
        r"a scale from 0, what chance gives, to 1, the most possible\. It is the best in 100% of disjoint subsets of "
        r"the samples, and told apart from every other layer\. The last layer, 'l3', is 0\.\d+ behind \(p < 1e-6\)\.$",
        found.reason,
    )


def test_layers_of_equal_signal_are_not_told_apart():
    found = ls.recommend(run_of([0, 1, 1]), k=10)
    assert found.layer is None
    assert set(found.equals) == {"l1", "l2"}
    assert "these samples do not tell it apart from 'l" in found.reason


def test_a_layer_is_named_where_it_beats_one_that_would_be_taken_without_looking():
    def read(signal):
        found = ls.recommend(run_of(signal), k=10)
        return found.layer, found.reason

    layer, reason = read([1.5, 0, 0, 1.5, 0])
    assert layer in ("l0", "l3")
    assert re.search(r"The last layer, 'l4', is 0\.\d+ behind \(p < 1e-6\)\.$", reason)
    layer, reason = read([0, 0.2, 0, 0.2, 1.5])  # the last itself
    assert (layer, "The middle layer, 'l2', is 0." in reason) == ("l4", True)
    layer, reason = read([0, 0.2, 1.5, 0.2, 1.5])  # the middle and the last are alike
    assert layer is None
    assert re.match(
        r"No layer is told apart from the (last|middle) layer, 'l[24]', which one would take without looking\. 'l[24]' "
        r"is nominally first, judged by label overlap: its 10 nearest neighbors are most alike in 'digit'\. It scores ",
        reason,
    )
    layer, reason = read([1.4, 1.4, 1.4, 1.4, 1.4])
    assert layer is None
    assert re.match(r"No layer is told apart from the (last|middle) layer, 'l[24]', ", reason)


@pytest.mark.parametrize("signal", [[1, 1, 0, 1, 3], [1, 0, 1, 3]])
def test_the_middle_of_layers_without_a_depth_is_that_of_their_order(signal):
    run = run_of(signal)
    depths = dict.fromkeys(run.layers)
    layers = run.to_numpy()
    found = ls.recommend(ls.from_arrays(layers, labels={"digit": np.arange(N) % 4}, depths=depths), k=10)
    assert set(found.table.depth.isna()) == {True}
    assert f"The middle layer, 'l{(len(signal) - 1) // 2}', is 0." in found.reason


def test_one_layer_alone_has_no_other_to_be_told_from():
    assert ls.recommend(run_of([1.5]), k=10).layer == "l0"
    assert "The last layer, 'l1', is 0." in ls.recommend(run_of([1.5, 0]), k=10).reason
    assert "The other layer, 'l0', is 0." in ls.recommend(run_of([0, 1.5]), k=10).reason


def test_noise_is_not_recommended():
    refused = [ls.recommend(run_of([0, 0, 0, 0, 0], seed), k=10) for seed in range(12)]
    assert all(found.layer is None for found in refused)
    assert all(found.reason.startswith("No layer is told apart from chance: the best, 'l") for found in refused)


def test_several_labels_count_alike():
    rng = np.random.default_rng(1)
    other = rng.integers(0, 2, N)
    run = run_of([1, 1], other=other)
    both = ls.recommend(run, k=10).table.set_index("layer").value
    alone = [ls.recommend(run, labels=[name], k=10).table.set_index("layer").value for name in ("digit", "other")]
    assert both.to_dict() == pytest.approx(((alone[0] + alone[1]) / 2).to_dict())


@pytest.mark.parametrize("by", ["knn_probe", "linear_probe"])
def test_layers_may_be_judged_by_what_a_probe_reads(by):
    run = run_of([0, 0.4, 1.5, 0.7])
    found = ls.recommend(run, by=by, k=10, permutations=19)
    assert found.layer == "l2"
    options = {"k": 10} if by == "knn_probe" else {}
    for row in found.table.itertuples():
        one = ls.estimate(by, run[row.layer], run.samples.labels["digit"], permutations=19, **options)
        assert row.value == pytest.approx((one.value - one.chance.value) / (1 - one.chance.value))
    assert found.table.p[found.table.layer == "l0"].item() < 0.01
    noise = [ls.recommend(run_of([0, 0, 0], seed), by="knn_probe", k=10, permutations=19) for seed in range(10)]
    assert all(one.layer is None for one in noise)


def test_what_was_found_is_kept_and_opens_the_page(tmp_path):
    run = run_of([0, 1])
    assert run.recommendation is None
    found = ls.recommend(run, k=10)
    kept = ls.open(run.path).recommendation
    assert (kept["layer"], kept["reason"], tuple(kept["equals"])) == (found.layer, found.reason, found.equals)
    assert (kept["by"], kept["labels"], kept["k"]) == ("label_overlap", ["digit"], 10)
    ls.measure(run, k=10)
    page = ls.report(run, tmp_path / "page.html").read_text(encoding="utf-8")
    use = "<p>Use &#39;l1&#39;, judged by label overlap: its 10 nearest neighbors are most alike"
    assert page.index(use) < page.index("<p>The intrinsic dimension")


def test_without_labels_there_is_no_rule():
    found = ls.recommend(ls.from_arrays({"a": np.random.default_rng(0).standard_normal((50, 3))}))
    assert found.layer is None
    assert found.table is None
    assert found.reason.startswith("There are no labels of categories to judge by, and no rule without labels was")


def test_errors():
    run = run_of([1, 1], one=np.zeros(N))
    with pytest.raises(UnknownName, match=r"^unknown label column 'digt'; nearest: digit"):
        ls.recommend(run, labels=["digt"])
    with pytest.raises(InvalidValue, match=r"^k=400 neighbors asked of 400 samples; k must lie in 1\.\.399\.$"):
        ls.recommend(run, labels=["digit"], k=400)
    with pytest.raises(UnknownName, match=r"^unknown way to judge layers, by 'knn'; nearest: knn_probe"):
        ls.recommend(run, by="knn")
    with pytest.raises(InvalidValue, match=r"^permutations=5; give at least 19, so that p can reach 0\.05\.$"):
        ls.recommend(run, labels=["digit"], permutations=5)


def told(layers, columns, **how):
    """A recommendation, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = ls.recommend(ls.from_arrays(layers, labels=columns), **how)
    return found, [str(one.message) for one in said]


def clouds(n=150, seed=0):
    """A layer that says nothing, one that holds classes of three, and these classes."""
    noise, classes = np.random.default_rng(seed).standard_normal((n, 5)), np.arange(n) % 3
    return noise, noise + 3 * np.eye(5)[classes], classes


@pytest.mark.parametrize("n", [20, 150])
@pytest.mark.parametrize("by", ["label_overlap", "knn_probe", "linear_probe"])
def test_constant_layers_and_labels_of_nothing_name_no_layer(n, by):
    noise, _, classes = clouds(n)
    for layers in ({"a": np.ones((n, 3)), "b": np.ones((n, 3))}, {"a": noise, "b": noise**3, "c": noise[:, ::-1]}):
        if by == "linear_probe" and "c" not in layers:
            continue  # which refuses a constant layer
        for seed in range(4):
            labels = np.random.default_rng(seed).permutation(classes)
            found, _ = told(layers, {"y": labels}, by=by, permutations=29)
            assert found.layer is None
            assert found.reason.startswith("No layer is told apart from chance: the best, ")
            if "c" not in layers:
                assert "the best, 'a' and 'b', judged by" in found.reason
                assert "'y'" in found.reason
                assert "), score 0.000 on a scale" in found.reason
                assert "scores as much with p = 1, where a layer is named below 0.001." in found.reason
                assert found.table.wins.tolist() == [0.5, 0.5]


def test_a_constant_layer_among_good_ones_is_at_chance():
    _, good, classes = clouds()
    found, said = told({"a": np.ones((150, 3)), "good": good, "z": np.zeros((150, 9))}, {"y": classes})
    assert (found.layer, found.equals, said) == ("good", (), [])
    assert found.table.layer.tolist() == ["good", "a", "z"]
    assert found.table.value.tolist()[1:] == [0, 0]


def test_equal_layers_are_named_as_equal():
    noise, good, classes = clouds()
    found, _ = told({"noise": noise, "a": good, "b": 2 * good}, {"y": classes})
    assert (found.layer, found.equals, found.sure) == (None, ("a", "b"), 0.5)
    assert found.reason.startswith("No layer is told apart from the last layer, 'b', which one would take without")
    assert "to 1, the most possible, and so does 'b'. It is the best in 50% of" in found.reason
    found, _ = told({"a": good, "b": 2 * good, "noise": noise}, {"y": classes})
    assert (found.layer, found.equals, found.sure) == ("a", ("b",), 0.5)


def test_labels_that_cannot_judge_are_left_out_and_named():
    noise, good, classes = clouds()
    labels = {"y": classes, "one": np.zeros(150, int), "own": np.arange(150)}
    found, said = told({"good": good, "noise": noise}, labels, labels=list(labels))
    alone, _ = told({"good": good, "noise": noise}, labels, labels=["y"])
    assert (found.layer, found.reason) == ("good", alone.reason)
    assert said == [
        "label column 'one' is left out: all 150 samples have the label 0; give at least two classes.",
        "label column 'own' is left out: each of the 150 samples has a label of its own; give labels that samples "
        "share.",
    ]
    found, said = told({"good": good, "noise": noise}, labels, labels=["one"])
    assert found.layer is None
    assert found.reason == (
        "No layer can be judged: 'one': all 150 samples have the label 0; give at least two classes."
    )
    assert said == []


def test_a_layer_that_cannot_be_measured_costs_no_other():
    noise, good, classes = clouds()
    zero = good.copy()
    zero[3] = 0
    why = "sample '3' is a row of zeros, which has no direction; leave it out, or use metric='euclidean'."
    found, said = told({"zero": zero, "good": good, "noise": noise}, {"y": classes}, metric="cosine")
    alone, _ = told({"good": good, "noise": noise}, {"y": classes}, metric="cosine")
    assert (found.layer, said) == ("good", [f"layer 'zero' is left out: {why}"])
    assert found.table.layer.tolist() == ["good", "noise", "zero"]
    assert found.table.warnings.tolist() == ["", "", why]
    assert np.isnan(found.table.value.iloc[2])
    assert found.table.value.tolist()[:2] == alone.table.value.tolist()
    found, said = told({"zero": zero}, {"y": classes}, metric="cosine")
    assert (found.layer, found.reason) == (None, f"No layer can be judged: 'y': {why}")


@pytest.mark.parametrize("by", ["label_overlap", "knn_probe", "linear_probe"])
def test_samples_without_a_label_are_left_out_and_counted(by):
    noise, good, classes = clouds()
    gaps = [None if row % 10 == 0 else f"c{name}" for row, name in enumerate(classes)]
    rows = np.flatnonzero(np.arange(150) % 10)
    found, said = told({"good": good, "noise": noise}, {"y": gaps}, by=by, permutations=29)
    alone, _ = told({"good": good[rows], "noise": noise[rows]}, {"y": classes[rows]}, by=by, permutations=29)
    assert found.layer == "good"
    assert said == ["label column 'y': 15 of 150 samples have no label and are left out"]
    assert found.table.value.tolist() == pytest.approx(alone.table.value.tolist())
    assert found.table.low.tolist() == pytest.approx(alone.table.low.tolist(), rel=1e-3)
    whole, _ = told({"good": good, "noise": noise}, {"y": gaps, "whole": classes}, by=by, permutations=29)
    assert whole.layer == "good"


def test_of_few_samples_few_neighbors_are_read():
    noise, good, classes = clouds(20)
    found, _ = told({"good": good, "noise": noise}, {"y": classes})
    assert found.layer == "good"
    assert "its 5 nearest neighbors are most alike" in found.reason


def numbers(n=300):
    """Layers that hold nothing, much and little of a number."""
    rng = np.random.default_rng(0)
    t = rng.standard_normal(n)
    layers = {"none": rng.standard_normal((n, 4))}
    return layers | {
        name: np.c_[s * t, np.zeros((n, 3))] + rng.standard_normal((n, 4)) for name, s in (("much", 3), ("little", 0.7))
    }, t


@pytest.mark.parametrize("by", ["label_overlap", "linear_probe"])
def test_real_numbers_judge_where_they_are_named(by):
    layers, t = numbers()
    found, _ = told(layers, {"stability": t, "half": np.arange(300) % 2}, labels=["stability"], by=by, permutations=29)
    assert found.layer == "much"
    assert "'stability'" in found.reason
    assert found.table.layer.tolist() == ["much", "little", "none"]
    noise, _ = told(
        layers, {"stability": np.random.default_rng(1).permutation(t)}, labels="stability", by=by, permutations=29
    )
    assert noise.layer is None
    assert noise.reason.startswith("No layer is told apart from chance")


def test_real_numbers_that_are_partly_missing_are_those_of_the_samples_that_have_them():
    layers, t = numbers()
    gaps = np.where(np.arange(300) % 3, t, np.nan)
    rows = np.flatnonzero(np.arange(300) % 3)
    found, said = told(layers, {"stability": gaps}, labels="stability")
    alone, _ = told({name: x[rows] for name, x in layers.items()}, {"stability": t[rows]}, labels="stability")
    assert found.layer == alone.layer == "much"
    assert said == ["label column 'stability': 100 of 300 samples have no label and are left out"]
    assert found.table.value.tolist() == pytest.approx(alone.table.value.tolist())


def test_real_numbers_judge_unasked_never_and_by_a_majority_never():
    layers, t = numbers()
    found, _ = told(layers, {"length": t})
    assert (found.layer, found.table) == (None, None)
    assert "or name a column of real numbers" in found.reason
    with pytest.raises(InvalidValue, match=r"^label column 'length' holds real numbers, which knn_probe cannot read; "):
        told(layers, {"length": t}, labels="length", by="knn_probe")


def test_how_many_labels_would_decide_is_said():
    rng = np.random.default_rng(0)
    digit = np.arange(200) % 4
    centers, noise = np.eye(6)[:4], rng.standard_normal((2, 200, 6))
    layers = {f"l{i}": s * centers[digit] + noise[i] for i, s in enumerate((1.5, 1.46))}
    found, _ = told(layers, {"digit": digit}, k=10)
    assert found.layer is None
    assert re.search(
        r"About \d+(\.\d)? times as many labels would tell the last layer from it, if the diff", found.reason
    )
    equal, _ = told({"l0": layers["l0"], "l1": 2 * layers["l0"]}, {"digit": digit}, k=10)
    assert equal.reason.endswith("Even 100 times as many labels would hardly tell the last layer from it.")


def classes_in(n, seed=0):
    """A layer without classes, one with four, and one with the same among noise; and the classes."""
    rng, kind = np.random.default_rng(seed), np.arange(n) % 4
    clear = 2 * rng.standard_normal((4, 8))[kind] + rng.standard_normal((n, 8))
    return {"none": rng.standard_normal((n, 8)), "clear": clear, "noisy": clear + 2 * rng.standard_normal((n, 8))}, kind


def test_of_one_layer_none_is_told_apart_from_others_that_are_not_there():
    layers, kind = classes_in(200)
    found = ls.recommend(ls.from_arrays({"only": layers["clear"]}, labels={"kind": kind}))
    assert found.layer == "only"
    assert found.reason.startswith("There is no other layer to judge than 'only', judged by label overlap: its 30 near")
    assert found.reason.endswith("; permuted labels as much with p < 1e-6.")
    none = ls.recommend(ls.from_arrays({"only": layers["none"]}, labels={"kind": kind}))
    assert none.layer is None
    assert none.reason.startswith("No layer is told apart from chance: 'only', judged by label overlap (its 30 near")


@pytest.mark.filterwarnings("ignore:label column 'some'")
def test_of_few_labelled_samples_fewer_neighbors_are_read():
    """Thirty neighbors among 40 labelled samples are nearly all of them, in every layer."""
    layers, kind = classes_in(400)
    some = kind.astype(str).astype(object)
    some[40:] = None
    found = ls.recommend(ls.from_arrays(layers, labels={"some": some}))
    alone = {layer: x[:40] for layer, x in layers.items()}
    same = ls.recommend(ls.from_arrays(alone, labels={"kind": kind[:40]}))
    assert found.layer == same.layer == "clear"
    assert "its 10 nearest neighbors are most alike in 'some'" in found.reason
    assert found.table.value.tolist() == same.table.value.tolist()
    both = ls.recommend(ls.from_arrays(layers, labels={"some": some, "kind": kind}))
    assert "its 10 and 30 nearest neighbors are most alike in 'some' and 'kind'" in both.reason


@pytest.mark.filterwarnings("ignore:label column 'some'")
def test_why_metrics_differ_is_said_of_partly_labelled_samples_too():
    layers, kind = classes_in(300)
    turned = {"turned": layers["clear"] * np.exp(2.5 * np.random.default_rng(1).standard_normal((300, 1)))}
    some = kind.astype(str).astype(object)
    some[::2] = None
    reason = ls.recommend(ls.from_arrays(turned | {"noisy": layers["noisy"]}, labels={"some": some})).reason
    assert "By cosine 'turned' is best" in reason
    assert re.search(r": at 'turned' the two share 0\.\d\d of their neighbors .*, norms there vary by \d+%", reason)


def test_a_score_that_cannot_be_higher_is_said_to_be_full():
    """Of classes of seven six of thirty neighbors are alike at the most: layers that tell them less score the same."""
    layers, _ = classes_in(100)
    rng, one = np.random.default_rng(2), np.repeat(np.arange(100), 7)
    many = {name: np.repeat(x, 7, axis=0) + 0.3 * rng.standard_normal((700, 8)) for name, x in layers.items()}
    run = ls.from_arrays(many, labels={"one": one})
    full = ls.recommend(run, labels="one")
    assert re.search(r"Caution: of 'one' it scores \d+% of the most that is possible with k=30, 0\.2, so", full.reason)
    fewer = ls.recommend(run, labels="one", k=5)
    assert fewer.layer == "noisy"
    assert "Caution" not in fewer.reason


def test_a_probe_of_numbers_that_a_few_samples_decide_says_so():
    layers, _ = classes_in(300)
    far = layers["clear"][:, 0].copy()
    far[:2] = 1e6
    run = ls.from_arrays(layers, labels={"far": far}, ids=[f"s{row}" for row in range(300)])
    words = "samples 's0', 's1', 2 of 300, of the label hold 99.3% of the variance and so decide the value: measure"
    assert f"Caution: {words}" in ls.recommend(run, labels="far", by="linear_probe").reason
    table = ls.measure(run, ["linear_probe"], labels="far")
    assert all(words in each for each in table.warnings)
    assert "decide" not in "".join(ls.estimate("linear_probe", layers["clear"], layers["clear"][:, 1]).warnings)


def test_perfect_layers_that_few_groups_cannot_tell_from_chance_are_not_said_to_be_at_chance():
    """Nine groups in three threes can be arranged in 280 ways, so that p cannot fall below 1/280."""
    rng = np.random.default_rng(3)
    kinds, groups = np.repeat(np.arange(3), 3), np.repeat(np.arange(9), 20)
    centers = 8 * np.eye(3)[kinds]
    layers = {name: (centers + rng.standard_normal((9, 3)))[groups] for name in ("one", "other")}
    layers = {name: x + 0.2 * rng.standard_normal(x.shape) for name, x in layers.items()}
    run = ls.from_arrays(layers, labels={"kind": kinds[groups], "subject": groups})
    found = ls.recommend(run, labels="kind", groups="subject", k=10, progress=False)
    assert found.layer is None
    assert found.reason.startswith(
        "So few groups tell no layer apart from chance: the best, 'one' and 'other', judged by"
    )
    assert (
        "scores as much with p = 0.0036, and p cannot be smaller, where a layer is named below 0.001." in found.reason
    )
