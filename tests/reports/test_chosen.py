"""The dimension that a page names is the one that `dimension_report` does, or none."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.figures.profile import Profile
from layerscape.figures.rows import first_variant
from layerscape.reports import findings
from layerscape.reports.chosen import BENT, FEW, NO_INTERVAL, NO_PLATEAU, NOT_KEPT, OTHERS, TIED, chosen_dimensions

N = 500


def noisy(x, units, sd, rng):
    return np.c_[x, np.zeros((len(x), units - x.shape[1]))] + sd * rng.standard_normal((len(x), units))


def sphere(d, rng):
    x = rng.standard_normal((N, d + 1))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def apart(first, second, rng):
    """Half of the samples in so many dimensions, half in others, far from each other."""
    x = np.zeros((N, max(first, second) + 1))
    half = N // 2
    x[:half, :first], x[half:, :second] = rng.random((half, first)), rng.random((half, second))
    x[half:, -1] = 5
    return rng.permutation(x)


def fall(rng):
    """Every scale reads less than the one before it: noise of many sizes on few dimensions."""
    return rng.standard_normal((N, 60)) / np.arange(1, 61)


CLOUDS = {
    "plane": lambda rng: rng.random((N, 2)),
    "plane in 12 units": lambda rng: noisy(rng.random((N, 2)), 12, 1e-6, rng),
    "plane, noise like the spacing": lambda rng: noisy(rng.random((N, 2)), 12, 0.02, rng),
    "circle": lambda rng: np.c_[np.sin(t := 6.28 * rng.random(N)), np.cos(t)],
    "sphere of 2": lambda rng: sphere(2, rng),
    "sphere of 5": lambda rng: sphere(5, rng),
    "sphere of 50": lambda rng: sphere(50, rng),
    "Gaussian of 30": lambda rng: rng.standard_normal((N, 30)),
    "2 and 5": lambda rng: apart(2, 5, rng),
    "1 and 8": lambda rng: apart(1, 8, rng),
    "power law": fall,
    "Student's t": lambda rng: rng.standard_t(3, (N, 6)),
    "lattice": lambda rng: rng.integers(0, 60, (N, 3)).astype(float),
    "bits": lambda rng: rng.integers(0, 2, (N, 40)).astype(float),
    "few copies": lambda rng: rng.permutation(np.r_[x := rng.random((N - 5, 3)), x[:5]]),
    "many copies": lambda rng: rng.permutation(np.r_[x := rng.random((N - 90, 3)), x[:90]]),
}


def told(clouds):
    """What the page makes of clouds, one per layer of a run each, since layers of a run share their distinct rows."""
    found = {}
    for name, x in clouds.items():
        run = ls.from_arrays({name: x})
        ls.measure(run, ["gride"])
        rows = first_variant(Profile.of(run.table, run.layers).rows("gride"))
        found |= chosen_dimensions(run, rows)
    return found


@pytest.fixture(scope="module")
def clouds():
    return {name: make(np.random.default_rng(number)) for number, (name, make) in enumerate(CLOUDS.items())}


@pytest.fixture(scope="module")
def choices(clouds):
    return told(clouds)


@pytest.mark.parametrize("name", CLOUDS)
def test_page_and_report_name_the_same_dimension_or_none(name, clouds, choices):
    report, choice = ls.dimension_report(clouds[name], controls=()), choices[name]
    if isinstance(choice, str):
        assert np.isnan(report.value) or choice == TIED  # counts have dimensions of their own, which i3d reads
    else:
        assert [choice[end] for end in ("value", "low", "high")] == pytest.approx(
            [report.value, report.low, report.high]
        )


def test_all_that_a_page_may_say_is_tried(choices):
    assert {choice if isinstance(choice, str) else "a value" for choice in choices.values()} == {
        *(NO_PLATEAU, BENT, TIED, "a value")
    }


def test_the_curve_alone_would_name_what_the_report_refuses(choices, clouds):
    """What is chosen here by the law of the ratios and the bias of a finite sample, and not by looking at values."""
    for name in ("sphere of 50", "2 and 5"):
        assert isinstance(choices[name], str)
        assert ls.estimate("gride", clouds[name]).value > 2


def test_layers_with_copies_are_cut_to_the_rows_that_the_measure_read(rng):
    x = rng.random((300, 3))
    run = ls.from_arrays({"a": np.r_[x, x[:9]], "b": np.r_[rng.random((308, 2)), np.zeros((1, 2))]})
    ls.measure(run, ["gride"])
    found = chosen_dimensions(run, first_variant(Profile.of(run.table, run.layers).rows("gride")))
    assert {row["n_samples"] for row in found.values()} == {300}
    assert found["a"]["value"] == pytest.approx(ls.dimension_report(x, controls=()).value)


def test_few_samples_have_no_scales(rng):
    assert told({"few": rng.random((9, 2))}) == {"few": FEW}


def test_no_value_comes_from_a_graph_that_is_not_that_of_the_rows(rng, monkeypatch):
    run = ls.from_arrays({"a": rng.random((200, 2))})
    ls.measure(run, ["gride"])
    rows = first_variant(Profile.of(run.table, run.layers).rows("gride"))
    assert set(chosen_dimensions(run, rows)) == {"a"}
    moved = [{**row, "value": row["value"] * 1.01} for row in rows]
    assert chosen_dimensions(run, moved) == {"a": OTHERS}
    assert chosen_dimensions(run, [{**row, "low": None} for row in rows]) == {"a": NO_INTERVAL}
    monkeypatch.setattr(type(run), "keeps_graph", lambda *_: False)
    assert chosen_dimensions(run, rows) == {"a": NOT_KEPT}
    assert chosen_dimensions(run, [{**row, "value": None} for row in rows]) == {}


@pytest.mark.parametrize(
    ("asked", "here"),
    [
        ({"groups": "who"}, "20 groups of 'who'"),
        ({"groups": "who", "own_group": "left_out"}, "20 groups of 'who', own left out"),
        ({"lag": 5}, "lag 5, N/τ = 460"),
    ],
)
def test_of_samples_that_are_not_independent_the_page_says_why_nothing_is_chosen(asked, here, rng, tmp_path):
    layers = {"a": rng.random((500, 2)), "b": rng.random((500, 4))}
    run = ls.from_arrays(layers, labels={"who": np.repeat(np.arange(20), 25)}, ids=map(str, range(500)))
    ls.measure(run, ["twonn", "gride", "overlap"], **asked)
    found = chosen_dimensions(run, first_variant(Profile.of(run.table, run.layers).rows("gride")))
    why = f"that is asked of independent samples alone (here: {here})"
    assert found == {"a": why, "b": why}
    said = findings(run)
    assert said[0].startswith(f"No dimension is chosen at any layer: {why}. Layers are compared at one scale. The int")
    assert all("–" not in sentence for sentence in said)
    text = html.unescape(ls.report(run, tmp_path / "page.html", n_queries=3).read_text("utf-8"))
    assert f'<p class="absent">TwoNN\'s fit is not shown: {why}.</p>' in text


def test_the_sentence_is_that_of_the_plateau_and_where_there_is_none_it_says_so(clouds):
    def said(*names):
        run = ls.from_arrays({name: clouds[name] for name in names})
        ls.measure(run, ["twonn", "gride"])
        return findings(run)[0]

    assert re.match(
        r"The intrinsic dimension \(that of Gride's plateau\) rises from 1\.\d+ \[95 % interval .*\] at 'plane' to "
        r"[45]\.\d+ \[.*\] at 'sphere of 5'",
        said("plane", "sphere of 5"),
    )
    assert re.match(
        r"No dimension is chosen at 'sphere of 50': Gride's curve has no plateau there, and is itself the result; nor "
        r"at '2 and 5': samples share no one dimension there \(layerscape dimension looks for parts\)\. It is 1\.\d+ "
        r"\[.*\] at 'plane' and [45]\.\d+ \[.*\] at 'sphere of 5'\. Layers are compared at one scale\. The intrinsic "
        r"dimension \(TwoNN\) rises from",
        said("plane", "sphere of 5", "sphere of 50", "2 and 5"),
    )
    assert said("sphere of 50", "Gaussian of 30").startswith(
        "No dimension is chosen at any layer: Gride's curve has no plateau there, and is itself the result. Layers"
    )
