"""Layers judged by pairs: by how well partners are found, which is not what classes ask for."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import LayerscapeError

rng = np.random.default_rng(0)
N = 120
MEANING = rng.standard_normal((N, 6))
KIND = np.arange(2 * N) % 3
TEXT = np.arange(2 * N) % N
FOUND = np.vstack([MEANING, MEANING + 0.4 * rng.standard_normal((N, 6))])
TOLD = 3 * rng.standard_normal((3, 6))[KIND] + rng.standard_normal((2 * N, 6))


@pytest.fixture
def run():
    layers = {"told": TOLD, "found": FOUND, "last": FOUND + 2 * rng.standard_normal((2 * N, 6))}
    return ls.from_arrays(layers, labels={"kind": KIND, "text": TEXT})


@pytest.mark.parametrize("by", [None, "recall", "reciprocal_rank", "ndcg"])
def test_the_layer_for_pairs_is_another_than_that_for_classes(run, by):
    found = ls.recommend(run, pairs="text", by=by)
    assert found.layer == "found"
    classes = ls.from_arrays({layer: np.asarray(run[layer]) for layer in run}, labels={"kind": KIND})
    assert ls.recommend(classes, labels="kind").layer == "told"
    name = by or "recall"
    one = ls.estimate(name, FOUND, TEXT)
    expected = (one.value - one.chance.value) / (1 - one.chance.value)
    assert found.table.value[0] == pytest.approx(expected)


def test_differences_count_pairs_and_not_queries(run):
    """Both queries of a pair move together: the interval is that of the pairs' differences."""
    table = ls.recommend(run, pairs="text", by="reciprocal_rank").table
    best, last = (ls.estimate("reciprocal_rank", np.asarray(run[layer]), TEXT) for layer in ("found", "last"))
    per_pair = (best.per_sample - last.per_sample).reshape(2, N).mean(axis=0) / (1 - best.chance.value)
    row = table[table.layer == "last"].iloc[0]
    assert row.behind == pytest.approx(per_pair.mean())
    assert (row.high - row.low) == pytest.approx(2 * 1.98 * per_pair.std(ddof=1) / np.sqrt(N), rel=0.01)


def test_pairs_of_unrelated_layers_name_none():
    noise = {name: rng.standard_normal((2 * N, 5)) for name in "abc"}
    assert ls.recommend(ls.from_arrays(noise), pairs=[(str(row), str(row + N)) for row in range(N)]).layer is None


def test_a_verdict_that_turns_with_the_metric_is_said():
    """Directions are the same and lengths are not: by cosine one layer is best, by euclidean distance the other."""
    lengths = np.exp(1.5 * rng.standard_normal((2 * N, 1)))
    layers = {"turned": np.vstack([MEANING, MEANING]) * lengths, "plain": FOUND}
    run = ls.from_arrays(layers, labels={"text": TEXT})
    assert "turns with the metric" in ls.recommend(run, pairs="text").reason
    assert ls.recommend(run, pairs="text", metric="cosine").layer == "turned"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"pairs": "text", "labels": "kind"}, "labels and pairs at once; ask for a layer by the one and by the other"),
        ({"by": "recall"}, "by='recall' reads pairs; say with pairs= (--pairs) who is whose partner."),
        ({"pairs": "text", "by": "knn_probe"}, "unknown way to judge layers, by 'knn_probe'"),
        ({"pairs": "text", "groups": "kind"}, "recall with groups: its pairs say who belongs together"),
        ({"pairs": "nobody"}, "unknown label column or file of pairs 'nobody'"),
    ],
)
def test_what_cannot_be_asked_is_one_line(run, asked, words):
    with pytest.raises(LayerscapeError, match=f"^{re.escape(words)}"):
        ls.recommend(run, **asked)
