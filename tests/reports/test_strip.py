from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from layerscape.errors import InvalidValue
from layerscape.reports.strip import COPY, TIED, strip


def unpacked(text, dtype, *shape):
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


def neighbor_ids(shown):
    items = unpacked(shown["neighbors"], "<u4", shown["n_queries"], len(shown["layers"]), shown["k"])
    return np.array(shown["ids"], object)[items]


def test_neighbors_are_those_of_the_graph(make_run):
    run = make_run("text", n_samples=60, layers=4)
    shown = strip(run, n_neighbors=7, n_queries=20, seed=3, budget=10**6)
    ids, found = np.array(run.samples.ids, object), neighbor_ids(shown)
    assert shown["n_queries"] == 20
    rows = [run.samples.ids.index(name) for name in shown["ids"][:20]]
    for number, layer in enumerate(run.layers):
        graph = run.graph(layer, 7, metric="euclidean")
        assert (found[:, number] == ids[graph.indices[rows]]).all()
        farthest = unpacked(shown["farthest"], "<f4", 20, 4)[:, number]
        np.testing.assert_allclose(farthest, graph.distances[rows, -1], rtol=1e-6)
    assert len(set(shown["ids"])) == len(shown["ids"]) == len(shown["previews"])


@settings(max_examples=25, deadline=None)
@given(n_samples=st.integers(2, 30), k=st.integers(1, 40), n_queries=st.integers(1, 40), seed=st.integers(0, 5))
def test_any_size_is_cut_to_what_there_is(n_samples, k, n_queries, seed, small_run):
    run = small_run(n_samples)
    shown = strip(run, n_neighbors=k, n_queries=n_queries, seed=seed, budget=10**6)
    assert (shown["k"], shown["n_queries"]) == (min(k, n_samples - 1), min(n_queries, n_samples))
    graph = run.graph("stage 1", shown["k"], metric="euclidean")
    for query, found in zip(shown["ids"], neighbor_ids(shown)[:, 1], strict=False):
        row = run.samples.ids.index(query)
        assert [run.samples.ids.index(name) for name in found] == graph.indices[row].tolist()


@pytest.fixture(scope="module")
def small_run():
    """Runs of very few samples, made once for all examples of a law."""
    from types import SimpleNamespace

    import pandas as pd

    from layerscape.core.neighbors import Neighbors

    def make(n_samples):
        x = np.random.default_rng(n_samples).normal(size=(n_samples, 2, 3))

        def graph(layer, k, *, metric, standardize=None, progress=None):
            points = x[:, int(layer[-1])]
            distances = np.linalg.norm(points[:, None] - points, axis=-1)
            np.fill_diagonal(distances, np.inf)
            indices = distances.argsort(axis=1)[:, :k]
            return Neighbors(indices, np.take_along_axis(distances, indices, 1), n_samples)

        ids = tuple(f"sample {n}" for n in range(n_samples))
        samples = SimpleNamespace(ids=ids, kind="array", labels={}, previews=lambda rows: [""] * len(rows))
        table = pd.DataFrame({"metric": ["euclidean"]})
        return SimpleNamespace(layers=("stage 0", "stage 1"), samples=samples, graph=graph, table=table, record={})

    return make


def test_fewer_queries_are_shown_where_the_budget_is_small_and_they_are_the_first_of_the_same_order(make_run):
    run = make_run("text", n_samples=300, layers=4)
    whole = strip(run, n_neighbors=5, n_queries=200, seed=0, budget=10**7)
    part = strip(run, n_neighbors=5, n_queries=200, seed=0, budget=30_000)
    assert whole["n_queries"] == 200
    assert 5 < part["n_queries"] < 200
    assert part["ids"][: part["n_queries"]] == whole["ids"][: part["n_queries"]]
    assert 15_000 < len(json.dumps(part, ensure_ascii=False)) <= 30_000


def test_neighbors_that_exceed_the_page_are_an_error(make_run):
    message = "n_neighbors=50 at 4 layers: one sample alone needs more than the page may hold; ask for fewer neighbors."
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        strip(make_run("text", n_samples=60, layers=4), n_neighbors=50, n_queries=9, seed=0, budget=2000)


def test_copies_and_ties_are_flagged(make_run):
    run = make_run(n_samples=30, layers=3, dead="stage 2")
    shown = strip(run, n_neighbors=4, n_queries=30, seed=0, budget=10**6)
    flags = unpacked(shown["flags"], "u1", 30, 3, 4)
    assert (flags[:, 2] == TIED + COPY).all()
    assert (flags[:, 0] == 0).all()


def test_labels_are_numbered_names_and_missing_ones_have_none(make_run):
    run = make_run(n_samples=4, layers=2)
    run.samples.labels = {"mood": np.array(["glad", None, "sad", ""], object), "size": np.array([1.5, np.nan, 2, 1.5])}
    shown = strip(run, n_neighbors=3, n_queries=4, seed=0, budget=10**6)
    order = [run.samples.ids.index(name) for name in shown["ids"]]
    for column, names, codes in (("mood", ["glad", "sad"], [0, -1, 1, -1]), ("size", ["1.5", "2"], [0, -1, 1, 0])):
        assert shown["labels"][column]["names"] == names
        assert unpacked(shown["labels"][column]["codes"], "<i4", 4).tolist() == [codes[row] for row in order]


def test_large_pictures_become_thumbnails_and_small_ones_stay_as_they_are(make_run):
    run = make_run(n_samples=3, layers=2)
    small = run.samples.contents[1]
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (300, 200, 4), np.uint8)
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG")
    run.samples.contents[0] = buffer.getvalue()
    shown = strip(run, n_neighbors=2, n_queries=3, seed=0, budget=10**6)
    previews = dict(zip(shown["ids"], map(base64.b64decode, shown["previews"]), strict=True))
    assert previews[run.samples.ids[1]] == small
    with Image.open(io.BytesIO(previews[run.samples.ids[0]])) as image:
        assert (image.size, image.format) == ((43, 64), "WEBP")


def test_long_texts_are_cut(make_run):
    run = make_run("text", n_samples=3, layers=2)
    run.samples.contents[0] = "long " * 1000
    shown = strip(run, n_neighbors=2, n_queries=3, seed=0, budget=10**6)
    text = shown["previews"][shown["ids"].index(run.samples.ids[0])]
    assert len(text) == 220
    assert text.endswith("…")


def test_a_single_sample_has_no_strip(small_run):
    run = small_run(1)
    assert strip(run, n_neighbors=5, n_queries=5, seed=0, budget=10**6) == {"n_queries": 0}


def test_a_graph_of_some_samples_is_refused(make_run):
    run = make_run(n_samples=20, layers=2)
    whole = run.graph("input", 3, metric="euclidean")
    some = type(whole)(whole.indices[:5], whole.distances[:5], 20, queries=np.arange(5))
    run.graph = lambda layer, k, **_: some
    message = (
        "the graph of layer 'input' holds some of the samples only; a page needs graphs of all: search again without "
        "queries."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$"):
        strip(run, n_neighbors=3, n_queries=5, seed=0, budget=10**6)
