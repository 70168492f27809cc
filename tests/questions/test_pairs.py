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


def two_runs():
    """Queries, and what answers them among 90 others, in four layers of which one run lacks the width of one."""
    asked = {"noise": rng.standard_normal((60, 6)), "found": MEANING[:60], "other": rng.standard_normal((60, 3))}
    texts = {"noise": rng.standard_normal((N, 6)), "found": FOUND[N:], "other": rng.standard_normal((N, 6))}
    return ls.from_arrays(asked, ids=[f"q{row}" for row in range(60)]), ls.from_arrays(texts, ids=[*map(str, range(N))])


@pytest.mark.filterwarnings("ignore:layers 'other' have no counterpart")
@pytest.mark.parametrize("by", ["recall", "reciprocal_rank"])
def test_queries_of_another_run_choose_a_layer_of_the_references(by):
    asked, texts = two_runs()
    pairs = {f"q{row}": str(row) for row in range(60)}
    found = ls.recommend(texts, pairs=pairs, queries=asked, by=by)
    assert (found.layer, found.run) == ("found", texts)
    one = ls.estimate(by, FOUND[N:], [(row, row) for row in range(60)], queries=MEANING[:60])
    assert found.table.value[0] == pytest.approx((one.value - one.chance.value) / (1 - one.chance.value))
    assert list(found.table.layer) == ["found", "noise"]
    assert "of disjoint subsets of the queries, and told apart from every other layer" in found.reason


def test_more_queries_would_decide_and_not_more_labels():
    asked = {"a": MEANING[:30], "b": MEANING[:30] + 0.3 * rng.standard_normal((30, 6))}
    texts = {"a": FOUND[N:], "b": FOUND[N:] + 0.1 * rng.standard_normal((N, 6))}
    runs = [ls.from_arrays(x, ids=[*map(str, range(len(x["a"])))]) for x in (texts, asked)]
    reason = ls.recommend(runs[0], queries=runs[1], pairs={str(row): str(row) for row in range(30)}).reason
    assert re.search(r"\d times as many queries would (hardly )?tell", reason)
    assert "samples" not in reason
    assert "label" not in reason


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "queries without pairs; say with pairs= (--relevant) who answers them."),
        ({"pairs": {"q0": "0"}, "labels": "kind"}, "labels and pairs at once; ask for a layer by the one"),
        ({"pairs": {"0": "0"}}, "pairs name 1 sample that the run of the queries has not: '0'; its ids are 'q0'"),
    ],
)
def test_what_queries_of_another_run_do_not_allow_is_one_line(asked, words):
    queries, texts = two_runs()
    with pytest.raises(LayerscapeError, match=f"^{re.escape(words)}"):
        ls.recommend(texts, queries=queries, **asked)


def test_queries_are_of_one_run_and_another_than_the_references():
    queries, texts = two_runs()
    pairs = {f"q{row}": str(row) for row in range(60)}
    with pytest.raises(LayerscapeError, match=r"^queries of several runs; ask of one run at a time"):
        ls.recommend(texts, ls.from_arrays({"x": FOUND[N:]}, ids=texts.samples.ids), queries=queries, pairs=pairs)
    for call in (ls.recommend, ls.measure):
        with pytest.raises(LayerscapeError, match="itself, where each would find itself; leave queries out"):
            call(texts, pairs={"0": "1"}, queries=texts)
