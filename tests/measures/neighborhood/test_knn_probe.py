"""The k-NN probe against scikit-learn, at chance, and with ties."""

import re

import numpy as np
import pytest

from layerscape.errors import InvalidValue
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

KNeighborsClassifier = pytest.importorskip("sklearn.neighbors").KNeighborsClassifier


def clouds(rng, n=200, spread=1.0):
    labels = np.arange(n) % 3
    return rng.standard_normal((3, 4))[labels] * spread + rng.standard_normal((n, 4)), labels


@pytest.mark.parametrize("k", [1, 4, 9])
def test_is_leave_one_out_accuracy_of_scikit_learn(rng, k):
    x, labels = clouds(rng)
    result = estimate("knn_probe", x, labels, k=k)
    right = []
    for i in range(200):
        others = np.arange(200) != i
        shares = KNeighborsClassifier(k).fit(x[others], labels[others]).predict_proba(x[i : i + 1])[0]
        best = shares >= shares.max() - 1e-12
        right.append(best[labels[i]] / best.sum())
    assert result.per_sample == pytest.approx(right)
    assert result.value == pytest.approx(np.mean(right))
    assert result.details["per_class"].mean() == pytest.approx(result.details["balanced_accuracy"])


def test_unrelated_labels_read_chance_and_the_majority_is_said(rng):
    labels = np.repeat(["many", "few"], [240, 60])
    result = estimate("knn_probe", rng.standard_normal((300, 4)), labels, k=15)
    assert result.details["majority"] == 0.8
    assert result.chance.value == pytest.approx(0.79, abs=0.02)
    assert result.chance.low <= result.value <= result.chance.high
    assert result.chance.p > 0.01
    assert result.details["balanced_accuracy"] == pytest.approx(0.5, abs=0.06)


def test_ties_are_votes_by_probability():
    x = np.array([[0.0], [1.0], [-1.0], [10.0], [11.0], [12.0]])
    result = estimate("knn_probe", find_neighbors(x, 3), list("abbaba"), k=1)
    assert result.per_sample[0] == 0  # both tied neighbors are b
    assert result.per_sample[4] == 0  # both tied neighbors are a
    assert result.per_sample[1] == 0


def test_bad_labels(rng):
    x = rng.standard_normal((50, 3))
    for labels, text in (
        (np.zeros(50), "all 50 samples have the label 0.0; give at least two classes."),
        (np.arange(50), "each of the 50 samples has a label of its own; give labels that samples share."),
        (np.zeros(49), "labels of shape (49,) for 50 samples; give one label per sample."),
    ):
        with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
            estimate("knn_probe", x, labels, k=5)
    with pytest.raises(InvalidValue, match=r"^permutations=5; give at least 19, so that p can reach 0\.05\.$"):
        estimate("knn_probe", x, np.arange(50) % 2, k=5, permutations=5)


@pytest.mark.parametrize("step", [0, 1])
def test_votes_of_many_classes_are_counted_as_those_of_few(rng, step, monkeypatch):
    """On a lattice too, where votes are probabilities; a number that each group has makes as many classes as groups."""
    group = np.repeat(np.arange(150), 4)
    x = rng.standard_normal((150, 3))[group] + rng.standard_normal((600, 3))
    x = np.round(x) if step else x
    kind = rng.integers(0, 90, 150)[group]
    plain, grouped = (
        lambda: estimate("knn_probe", x, kind, k=7),
        lambda: estimate("knn_probe", x, kind, k=7, groups=group, own_group="kept"),
    )
    found = [plain(), grouped()]
    monkeypatch.setattr("layerscape.measures.neighborhood.knn_probe.FEW", 1000)
    for one, other in zip(found, [plain(), grouped()], strict=True):
        np.testing.assert_array_equal(one.per_sample, other.per_sample)
        np.testing.assert_array_equal(one.details["null"], other.details["null"])
        assert (one.value, one.low, one.high, one.chance) == (other.value, other.low, other.high, other.chance)
    if not step:
        near = find_neighbors(x, 7).indices
        votes = (kind[near][:, :, None] == np.arange(90)).sum(axis=1)
        best = votes == votes.max(axis=1, keepdims=True)
        assert found[0].per_sample == pytest.approx(best[np.arange(600), kind] / best.sum(axis=1))
