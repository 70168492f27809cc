"""Which layer: found where there is one, refused where there is none, and said how sure."""

import re

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
        r"Use 'l2': its 10 nearest neighbors are most alike in 'digit'\. It scores 0\.\d+ on a scale from 0, what "
        r"chance gives, to 1, the most possible\. It is the best in 100% of disjoint subsets of the samples, and told "
        r"apart from every other layer\. The last layer, 'l3', is 0\.\d+ behind \(p = \S+\)\.$",
        found.reason,
    )


def test_layers_of_equal_signal_are_not_told_apart():
    found = ls.recommend(run_of([0, 1, 1]), k=10)
    assert {found.layer, *found.equals} == {"l1", "l2"}
    assert "these samples do not tell it apart from 'l" in found.reason


def test_noise_is_not_recommended():
    refused = [ls.recommend(run_of([0, 0, 0, 0, 0], seed), k=10) for seed in range(12)]
    assert sum(found.layer is None for found in refused) >= 10
    none = next(found for found in refused if found.layer is None)
    assert none.reason.startswith("No layer is told apart from chance: the best, 'l")


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
    assert sum(one.layer is None for one in noise) >= 8


def test_what_was_found_is_kept_and_opens_the_page():
    run = run_of([0, 1])
    assert run.recommendation is None
    found = ls.recommend(run, k=10)
    kept = ls.open(run.path).recommendation
    assert (kept["layer"], kept["reason"], tuple(kept["equals"])) == (found.layer, found.reason, found.equals)
    assert (kept["by"], kept["labels"], kept["k"]) == ("label_overlap", ["digit"], 10)
    ls.measure(run, k=10)
    page = ls.report(run).read_text(encoding="utf-8")
    use = "<p>Use &#39;l1&#39;: its 10 nearest neighbors are most alike"
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
    text = "label_overlap, layer 'l0', label 'one': all 400 samples have the label 0; give at least two classes."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.recommend(run, labels=["one"])
    with pytest.raises(InvalidValue, match=r"^k=400 neighbors asked of 400 samples; k must lie in 1\.\.399\.$"):
        ls.recommend(run, labels=["digit"], k=400)
    with pytest.raises(UnknownName, match=r"^unknown way to judge layers, by 'knn'; nearest: knn_probe"):
        ls.recommend(run, by="knn")
    with pytest.raises(InvalidValue, match=r"^permutations=5; give at least 19, so that p can reach 0\.05\.$"):
        ls.recommend(run, labels=["digit"], permutations=5)
