"""The chart of TwoNN's fit is that of the run's own graphs, or is not there."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

import layerscape as ls
from layerscape.figures.profile import Profile
from layerscape.figures.rows import first_variant
from layerscape.reports import report
from layerscape.reports.chosen import NOT_KEPT, OTHERS
from layerscape.reports.fits import ratio_fits


def made(rng, **options):
    """Two layers, one of them with copies, measured by TwoNN."""
    x = rng.standard_normal((400, 5))
    run = ls.from_arrays({"first": x, "copies": np.r_[x[:350], x[:50]] ** 3})
    ls.measure(run, ["twonn"], **options)
    return run


def fit_of(run, table=None):
    table = run.table if table is None else table
    return ratio_fits(run, first_variant(Profile.of(table, run.layers).rows("twonn")))


@pytest.mark.parametrize("options", [{}, {"method": "fit"}, {"discard": 0.2}, {"metric": "cosine"}])
def test_points_are_those_of_the_estimate_and_the_line_has_its_slope(rng, options):
    run = made(rng, **options)
    drawing, absent = fit_of(run)
    assert absent == ""
    assert drawing.choices == ["first", "copies"]
    for layer in run.layers:
        # The 350 rows that are distinct in every layer, as the table's dimensions are of.
        own = ls.estimate("twonn", np.asarray(run[layer])[:350], **options)
        rows = [row for row in drawing.rows if row["layer"] == layer]
        points = [(row["log_ratio"], row["survival"]) for row in rows if "straight" not in row]
        every = set(zip(own.details["log_ratio"], own.details["minus_log_survival"], strict=True))
        assert 50 < len(points) <= 150
        assert set(points) <= every
        assert {points[0], points[-1]} == {min(every), max(every)}
        (x0, y0), (x1, y1) = [(row["log_ratio"], row["survival"]) for row in rows if "straight" in row]
        assert (x0, y0) == (0, 0)
        assert y1 / x1 == pytest.approx(own.value)
        assert rows[0]["value"] == pytest.approx(own.value)


def test_many_layers_share_what_a_page_holds(rng):
    run = ls.from_arrays({f"layer {n}": rng.standard_normal((300, 3)) for n in range(90)})
    ls.measure(run, ["twonn"])
    drawing = fit_of(run).drawing
    assert len(drawing.choices) == 90
    assert 90 * 40 < len(drawing.rows) <= 6000


def test_what_is_not_of_the_rows_is_not_drawn_and_the_page_says_why(rng, tmp_path):
    run = made(rng)
    moved = run.table.assign(value=run.table.value * 1.001)
    assert fit_of(run, moved) == (None, f"TwoNN's fit is not shown: {OTHERS}.")
    one = run.table.assign(value=np.where(run.table.layer == "first", 1.001, 1) * run.table.value)
    drawing, absent = fit_of(run, one)
    assert (drawing.choices, absent) == (["copies"], f"TwoNN's fit is not shown at 'first': {OTHERS}.")
    kept_nothing = ls.from_arrays({"a": rng.standard_normal((100, 4))})
    table = ls.measure(kept_nothing, ["twonn"], save=False)
    assert fit_of(kept_nothing, table) == (None, f"TwoNN's fit is not shown: {NOT_KEPT}.")
    assert fit_of(run, run.table[run.table.measure == "gride"]) == (None, "")
    earlier = run.table.assign(options='{"an option of an earlier version": 3}')
    assert fit_of(run, earlier).drawing.choices == ["first", "copies"]
    copied = ls.from_arrays({"a": rng.standard_normal((100, 4))}, out=tmp_path / "run")
    ls.measure(copied, ["twonn"])
    shutil.rmtree(tmp_path / "run" / "graphs")
    text = report(ls.open(tmp_path / "run"), n_queries=3).read_text("utf-8")
    assert f"fit is not shown: {NOT_KEPT}.</p>" in text
    assert "fit-twonn" not in text


def test_a_layer_of_a_handful_of_distinct_samples_is_not_drawn(rng):
    few = np.repeat(rng.standard_normal((6, 5)), 50, axis=0)  # as the embedding of a text's last token is
    run = ls.from_arrays({"few": few, "all": rng.standard_normal((300, 5))})
    ls.measure(run, ["twonn"])
    drawing, absent = fit_of(run)
    assert drawing.choices == ["all"]
    assert absent == "TwoNN's fit is not shown at 'few': fewer than 20 samples are distinct there."


def test_a_page_has_it_below_the_dimensions(rng, tmp_path):
    run = made(rng)
    text = report(run, tmp_path / "page.html", n_queries=3).read_text("utf-8")
    section = re.search(r'<section id="dimension".*?</section>', text, re.DOTALL)[0]
    assert re.findall('data-chart="([^"]+)"', section)[-1] == "fit-twonn"
    specs = json.loads(re.search(r'id="data-charts">(.*?)</script>', text)[1])
    tips = {row["share"] for row in specs["fit-twonn"]["data"]["values"] if "share" in row}
    assert any(re.fullmatch(r"1\.\d+ times as far or less in \d+\.\d% of samples", tip) for tip in tips)
