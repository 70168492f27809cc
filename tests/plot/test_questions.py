"""Figures by what is asked are those of the page, and what cannot be shown is said."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape import plot
from layerscape.errors import InvalidValue, UnknownName

mpl.use("agg")


@pytest.fixture(scope="module")
def table():
    x = np.random.default_rng(0).standard_normal((120, 5))
    run = ls.from_arrays({"a": x, "b": x[:, :3], "c": np.tanh(x)}, labels={"sign": (x[:, 0] > 0).astype(str)})
    return ls.measure(run, ["twonn", "hubness", "overlap", "label_overlap"], k=8)


@pytest.mark.parametrize(
    ("asked", "measure", "figure"),
    [
        ("profile", None, "dimension_depth"),
        ("profile", "twonn", "dimension_depth"),
        ("profile", "hubness", "value_depth"),
        ("profile", "overlap", "layer_steps"),
        ("profile", "label_overlap", "label_depth"),
        ("layers", "overlap", "layer_pairs"),
        ("layers", None, "layer_pairs"),
        ("labels", None, "label_depth"),
    ],
)
def test_the_figure_that_shows_a_measure_is_drawn(table, asked, measure, figure):
    one, other = getattr(plot, asked)(table, measure=measure), getattr(plot, figure)(table, measure=measure)
    assert one.get_ylabel() == other.get_ylabel()
    assert [line.get_ydata().tolist() for line in one.lines] == [line.get_ydata().tolist() for line in other.lines]
    assert asked in dir(plot)


def test_what_cannot_be_shown_is_said(table):
    with pytest.raises(UnknownName, match="unknown measure of this table 'cka'"):
        plot.layers(table, measure="cka")
    text = "the table has nothing that layer_pairs could show; measure a run first."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        plot.layers(table[:0])


def test_dimension_and_labels_share_one_depth_and_each_has_its_axis(table):
    left = plot.dimension_labels(table)
    right = next(axes for axes in left.figure.axes if axes is not left)
    assert left.get_ylabel() == "intrinsic dimension (TwoNN)"
    assert right.get_ylabel() == "label overlap"
    assert list(left.lines[0].get_ydata()) == list(table[table.measure == "twonn"].value)
    assert list(right.lines[0].get_ydata()) == list(table[table.measure == "label_overlap"].value)
    assert right.get_ylim() == (0, 1)


@pytest.mark.parametrize("names", [("a", "b", "c", "d"), ("d", "c", "b", "a"), ("b", "x")], ids=str)
def test_layers_of_two_runs_are_no_map_of_one(names, rng):
    """Layers of two networks may have the same names: they are not mirrored, and none is itself."""
    x = rng.standard_normal((60, 4))
    ids = [f"sample {row}" for row in range(60)]
    one, other = (
        ls.from_arrays({name: x + rng.standard_normal(x.shape) for name in own}, ids=ids)
        for own in (("a", "b", "c"), names)
    )
    found = ls.compare(one, other, ["overlap", "information_imbalance"], k=5)
    for measure in ("overlap", "information_imbalance"):
        values = found[found.measure == measure].pivot(index="other_layer", columns="layer", values="value")
        axes = plot.layers(found, measure=measure)
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b", "c"]
        assert [tick.get_text() for tick in axes.get_yticklabels()] == list(names)
        assert axes.get_ylabel() == f"layer of {other.name}"
        np.testing.assert_allclose(np.ma.filled(axes.images[0].get_array(), np.nan), values.loc[list(names)])
    text = "layer_steps draws the layers of one run, and this table compares two; give it to layers (layer_pairs)."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        plot.profile(found, measure="overlap")


def test_layers_of_two_towers_are_not_joined(rng):
    x = rng.standard_normal((60, 4))
    run = ls.from_arrays({name: x + 0.1 * rng.standard_normal(x.shape) for name in ("l.1", "l.2", "r.1", "r.2")})
    table = ls.measure(run, ["twonn", "overlap"], k=5)
    depths = {"l.1": 0.5, "l.2": 1.0, "r.1": 0.5, "r.2": 1.0}
    table["depth"] = table["layer"].map(depths)
    (line,) = [each for each in plot.profile(table, measure="twonn").lines if each.get_color() == "C0"]
    assert np.isnan(line.get_ydata()).tolist() == [False, False, True, False, False]
    steps = plot.profile(table, measure="overlap")
    assert [tick.get_text() for tick in steps.get_xticklabels()] == ["l.2", "r.2"]


def test_sites_of_blocks_are_joined_with_their_own_kind(rng):
    x = rng.standard_normal((60, 4))
    names = ["block_1.mlp", "block_1", "block_2.mlp", "block_2"]
    run = ls.from_arrays({name: x + 0.1 * rng.standard_normal(x.shape) for name in names})
    table = ls.measure(run, ["twonn", "overlap"], k=5)
    table["depth"] = table["layer"].map({name: 0.5 if "_1" in name else 1.0 for name in names})
    (line,) = [each for each in plot.profile(table, measure="twonn").lines if each.get_color() == "C0"]
    np.testing.assert_array_equal(line.get_xdata(), [0, 2, np.nan, 1, 3])
    steps = plot.profile(table, measure="overlap")
    assert [tick.get_text() for tick in steps.get_xticklabels()] == ["block_2.mlp", "block_2"]


@pytest.mark.parametrize("draw", [ls.plot.profile, ls.plot.layer_pairs, ls.to_xarray])
@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "NoneType given as a table of estimates; give one of measure or compare."),
        ({"layer": ["a"]}, "dict given as a table of estimates; give one of measure or compare."),
        (pd.DataFrame({"x": [1]}), "a table without the column 'layer'; give one of measure or compare."),
    ],
    ids=["none", "dict", "other"],
)
def test_what_is_no_table_is_one_line(draw, given, text):
    with pytest.raises(ls.LayerscapeError) as error:
        draw(given)
    assert str(error.value) == text
