"""Two runs, layer by layer: matched by id, in whatever order, and tile by tile."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName
from layerscape.pipeline.table import COLUMNS
from layerscape.supply import graphs

N = 150


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((N, 8))
    return {"in": x, "mid": np.tanh(x @ rng.standard_normal((8, 6))), "out": x[:, :3] + rng.standard_normal((N, 3))}


def run_of(layers, rows=None):
    rows = np.arange(N) if rows is None else rows
    return ls.from_arrays({name: x[rows] for name, x in layers.items()}, ids=[f"s{row}" for row in rows])


def test_every_layer_of_one_against_every_layer_of_the_other(layers):
    one, two = run_of(layers), run_of({"flat": layers["mid"], "other": layers["out"] ** 3})
    table = ls.compare(one, two, ["overlap", "cka", "information_imbalance"], k=9)
    assert tuple(table.columns) == (*COLUMNS, "other_run", "other_depth")
    assert len(table) == 18
    assert set(table.run) == {one.name}
    assert set(table.other_run) == {two.name}
    for row in table.itertuples():
        options = {} if row.measure == "cka" else {"k": 9}
        other = layers["mid"] if row.other_layer == "flat" else layers["out"] ** 3
        expected = ls.estimate(row.measure, one[row.layer], np.asarray(other, np.float32), **options)
        assert (row.value, row.low, row.p) == pytest.approx((expected.value, expected.low, expected.chance.p))


def test_samples_are_matched_by_id_and_the_others_counted(layers):
    rng = np.random.default_rng(0)
    one, two = run_of(layers, np.arange(100)), run_of(layers, rng.permutation(np.arange(20, N)))
    text = f"80 samples are in both runs; 20 of '{one.name}' and 50 of '{two.name}' are left out"
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}$"):
        table = ls.compare(one, two, k=9)
    assert set(table.measure) == {"overlap", "cka"}
    assert set(table.n_samples) == {80}
    same = table[(table.layer == table.other_layer)]
    assert same[same.measure == "overlap"].value.tolist() == [1, 1, 1]
    assert same[same.measure == "cka"].value.to_numpy() == pytest.approx(1)


def test_a_map_in_tiles_is_the_same_map(layers, monkeypatch):
    one, two = run_of(layers), run_of(layers)
    asked = ["overlap", "information_imbalance"]
    keys = ["measure", "layer", "other_layer"]
    whole = ls.compare(one, two, asked, k=5).drop(columns=["run", "other_run"])
    within = ls.measure(one, [*asked, "twonn"], k=5)
    monkeypatch.setattr(graphs, "GRAPH_MEMORY", 1)  # one layer on each side
    tiled = ls.compare(one, two, asked, k=5).drop(columns=["run", "other_run"])
    assert tiled.sort_values(keys, ignore_index=True).equals(whole.sort_values(keys, ignore_index=True))
    again = ls.measure(one, [*asked, "twonn"], k=5)
    assert again.sort_values(keys, ignore_index=True).equals(within.sort_values(keys, ignore_index=True))


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda a, b: ls.compare(a, b, ["twonn"]),
            InvalidValue,
            "measure 'twonn' does not compare two",
        ),
        (lambda a, b: ls.compare(a, b, ["overlapp"]), UnknownName, "unknown measure 'overlapp'; nearest: overlap"),
        (lambda a, b: ls.compare(a, b, []), InvalidValue, "no measure is named; leave measures out for those of the"),
        (lambda a, b: ls.compare(a, b, p=0.5), UnknownName, "unknown option 'p'"),
        (
            lambda a, b: ls.compare(a, b, k=150),
            InvalidValue,
            "k=150 neighbors asked of 150 samples in common; k must lie in 1..149.",
        ),
    ],
)
def test_errors(layers, call, kind, text):
    one = run_of(layers)
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        call(one, one)


def test_nothing_in_common_is_an_error(layers):
    one, two = run_of(layers, np.arange(50)), run_of(layers, np.arange(60, 90))
    text = (
        f"'{one.name}' and '{two.name}' have no sample in common: ids like 's0' and 's60'; extract both from the same "
        "inputs, or name the id column."
    )
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.compare(one, two)
