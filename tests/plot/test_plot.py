"""Figures: what is drawn is what was estimated, and a wrong estimate is refused in words."""

import re

import matplotlib as mpl
import numpy as np
import pytest

import layerscape as ls
from layerscape import plot
from layerscape.errors import InvalidValue

mpl.use("agg")


@pytest.fixture
def x(rng):
    return rng.standard_normal((400, 4))


def test_dimension_against_scale_with_controls_in_grey(x):
    found = ls.controls("gride", x)
    ax = plot.dimension_scale(found["data"], controls=found)
    grey, line = ax.lines[:-1], ax.lines[-1]
    assert [text.get_text() for text in ax.texts] == ["gaussian", "columns"]
    assert all(one.get_color() == "0.6" for one in grey)
    assert list(line.get_ydata()) == [point.value for point in found["data"].curve]
    assert list(line.get_xdata()) == [point.scale for point in found["data"].curve]
    assert ax.get_xscale() == "log"


def test_several_curves_have_a_legend_and_are_drawn_where_asked(x):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    curves = {name: ls.estimate(name, x) for name in ("gride", "decimation")}
    assert plot.dimension_scale(curves, ax=ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["gride", "decimation"]


def test_the_line_of_twonn_has_the_slope_of_the_estimate(x):
    estimate = ls.estimate("twonn", x, method="fit")
    points, line = plot.twonn_fit(estimate).lines
    assert len(points.get_xdata()) == 360
    assert line.get_ydata()[1] / line.get_xdata()[1] == pytest.approx(estimate.value)


def test_decimation_against_samples(x):
    estimate = ls.estimate("decimation", x)
    ax = plot.decimation({"a": estimate, "b": estimate}, controls={"gaussian": estimate})
    assert list(ax.lines[1].get_xdata()) == [400, 200, 100]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["100", "200", "400"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: plot.dimension_scale(ls.estimate("twonn", x)),
            "twonn has no curve over scale; give one of gride, decimation or levina_bickel.",
        ),
        (
            lambda x: plot.twonn_fit(ls.estimate("gride", x)),
            "an estimate of gride has no log ratio; give one of twonn.",
        ),
        (
            lambda x: plot.decimation(ls.estimate("gride", x)),
            "an estimate of gride has no sizes; give one of decimation.",
        ),
    ],
)
def test_errors(call, text, x):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        call(x)


def test_importing_the_module_does_not_load_matplotlib():
    import subprocess
    import sys

    code = "import layerscape as ls; ls.plot; import sys; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_overlap_against_the_number_of_neighbors_with_chance_in_grey(x):
    found = {"near": ls.estimate("overlap", x, x**3, k=30), "far": ls.estimate("rank_overlap", x, x[::-1], k=30)}
    ax = plot.overlap_curve(found)
    near, chance, far, _ = ax.lines
    assert list(near.get_ydata()) == list(found["near"].details["curve"])
    assert list(far.get_ydata()) == list(found["far"].details["curve"])
    assert chance.get_color() == "0.6"
    assert chance.get_ydata()[-1] == pytest.approx(30 / 399)
    with pytest.raises(InvalidValue, match="curve"):
        plot.overlap_curve(ls.estimate("cka", x, x))


def test_imbalance_one_way_against_the_other(x):
    run = ls.from_arrays({"plane": x[:, :2], "line": x[:, :1]})
    table = ls.measure(run, ["information_imbalance"], k=1)
    ax = plot.imbalance_plane(table)
    values = {(row.layer, row.other_layer): row.value for row in table.itertuples()}
    (point,) = zip(ax.lines[1].get_xdata(), ax.lines[1].get_ydata(), strict=True)
    assert point == (values["line", "plane"], values["plane", "line"])
    assert [text.get_text() for text in ax.texts] == ["plane → line"]
    able = "information_imbalance, linear_predictivity or unit_match"
    text = f"the table has nothing that imbalance_plane could show; measure a run with {able}."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        plot.imbalance_plane(table[:1])


def test_survival_falls_from_one_along_the_layers(x):
    run = ls.from_arrays({"a": x, "b": x**3, "c": np.tanh(x)})
    table = ls.measure(run, ["neighbor_survival"], k=9)
    first, second = plot.neighbor_survival(table).lines
    assert list(first.get_ydata()) == [1.0, *table.value[:2]]
    assert list(second.get_xdata()) == [1, 2]
    text = "the table has nothing that neighbor_survival could show; measure a run with neighbor_survival."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        plot.neighbor_survival(table[:0])
