"""Every figure in the folder is on the page and in `ls.plot`, and this check can fail."""

from __future__ import annotations

import importlib
import json
import re

import matplotlib as mpl
import pytest
import vl_convert

import layerscape.figures
from layerscape import plot
from layerscape.errors import InvalidValue
from layerscape.figures import figures
from layerscape.reports import report

mpl.use("agg")

MADE_UP = '''
from layerscape.core.measure import Measure
from layerscape.figures.drawing import Axis, Drawing, Figure


def made_up(run, measures, baseline):
    """The values of one layer, once more."""
    rows = [{"layer": layer, "value": 1.0, "choice": "", "beside": False} for layer in run.layers]
    yield Drawing("FORM", "Made up", "Nothing.", rows, Axis("layer", names=run.layers), Axis("value"))


FIGURE = Figure(draw=made_up, applies=lambda measure: True, place=99)
'''


@pytest.fixture(scope="session")
def page_of_series(series, tmp_path_factory):
    return report(series, tmp_path_factory.mktemp("page") / "series.html", n_queries=5).read_text("utf-8")


@pytest.fixture(scope="session")
def page(run, tmp_path_factory):
    return report(run, tmp_path_factory.mktemp("page") / "report.html", n_queries=5).read_text("utf-8")


@pytest.fixture
def add_figure(tmp_path, monkeypatch):
    """A function that puts a made-up figure into the folder."""

    def add(form):
        (tmp_path / "made_up.py").write_text(MADE_UP.replace("FORM", form), "utf-8")
        monkeypatch.setattr(layerscape.figures, "__path__", [*layerscape.figures.__path__, str(tmp_path)])
        monkeypatch.delitem(importlib.sys.modules, "layerscape.figures.made_up", raising=False)
        figures.cache_clear()

    yield add
    monkeypatch.undo()
    importlib.sys.modules.pop("layerscape.figures.made_up", None)
    figures.cache_clear()


def lacking(page, table, of_series=False):
    """Figures of the folder that the page does not show with a chart that draws, and those that `ls.plot` has not."""
    names = {name for name, figure in figures().items() if figure.of_series == of_series}
    places = re.findall(r'data-chart="([^"]+)"', page)
    specs = json.loads(re.search(r'id="data-charts">(.*?)</script>', page)[1])
    shown = {name for name in places if "<svg" in vl_convert.vegalite_to_svg(json.dumps(specs[name] | {"width": 300}))}
    on_page = {name.split("-")[0] for name in shown}
    return names - on_page, {name for name in names if not plots(name, table)}


def plots(name, table):
    """Whether there is such a function, and it draws."""
    import matplotlib.pyplot as plt

    if not callable(getattr(plot, name, None)):
        return False
    axes = getattr(plot, name)(table)
    plt.close(axes.figure)
    return axes.has_data()


def test_every_figure_is_on_the_page_and_in_plots(run, page):
    assert lacking(page, run.table) == (set(), set())


def test_every_figure_of_series_is_on_their_page_and_in_plots(series, page_of_series):
    assert lacking(page_of_series, series.table, of_series=True) == (set(), set())


def test_the_strip_of_a_series_goes_through_its_steps(page, page_of_series):
    shown = json.loads(re.search(r'id="data-strip">(.*?)</script>', page_of_series)[1])
    assert (shown["along"], shown["layers"]) == ("step", ["0", "10", "100"])
    of_steps = "of one sample at every step of the layer that is chosen, compared with the step above it"
    assert of_steps in page_of_series
    assert "of one sample at every layer, compared with the layer above it" in page


def test_what_draws_runs_and_what_draws_series_say_so(run, series):
    with pytest.raises(InvalidValue, match="step_map draws series of runs; give the table of one"):
        plot.step_map(run.table)
    with pytest.raises(InvalidValue, match="layer_pairs draws single runs, and this is the table of a series; select"):
        plot.layers(series.table)


def test_every_chart_says_its_title_and_reading_in_the_order_of_the_figures(sections, drawings, page):
    text = re.sub(r"&#39;", "'", page)
    from_graphs = {"fit-twonn"}  # and from no table
    assert [name for name in re.findall(r'data-chart="([^"]+)"', page) if name not in from_graphs] == list(drawings)
    assert re.findall('<section id="([^"]+)"', page)[1:6] == [section.name for section in sections]
    for name, drawing in drawings.items():
        alone = f": {drawing.choices[0]}" if drawing.choices[1:] == [] and drawing.choices[0] else ""
        assert f'<h3 id="{name}-title">{drawing.title}{alone}</h3>' in text
        assert f'id="{name}-says">{drawing.reading}' in text


def test_a_figure_that_is_in_the_folder_and_on_no_page_is_seen(run, page, add_figure):
    add_figure("line")
    assert lacking(page, run.table) == ({"made_up"}, set())


def test_a_file_in_the_folder_is_all_it_takes(run, tmp_path, add_figure):
    add_figure("line")
    assert lacking(report(run, tmp_path / "report.html", n_queries=5).read_text("utf-8"), run.table) == (set(), set())
    assert plot.made_up(run.table).get_ylim()[1] > 0
    assert plot.made_up.__doc__.startswith("The values of one layer, once more.")


def test_a_figure_in_a_form_that_nobody_draws_is_seen(run, tmp_path, add_figure):
    add_figure("cloud")
    with pytest.raises(KeyError, match="cloud"):
        report(run, tmp_path / "report.html", n_queries=5)
    with pytest.raises(KeyError, match="cloud"):
        plot.made_up(run.table)


def test_forms_are_drawn_by_both():
    from typing import get_args

    from layerscape.figures.drawing import Form
    from layerscape.plot import tables
    from layerscape.reports import charts

    assert set(get_args(Form)) == set(charts.FORMS) == set(tables.FORMS)


def test_plots_draw_every_measure_and_choice(run, drawings):
    import matplotlib.pyplot as plt

    for full, drawing in drawings.items():
        name, _, measure = full.partition("-")
        for choice in drawing.choices[:3]:
            assert getattr(plot, name)(run.table, measure=measure or None, choice=choice).has_data()
            plt.close("all")
