"""Early warnings: each is given where its threshold is passed, once, and not where it is not."""

import re
import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.supply.alarms import alarms, alarms_in, in_words

N, K = 120, 10
IDS = [f"sample {row}" for row in range(N)]


def row(measure, step, value, margin=0.0, layer="block_2", depth=1.0, later=None, chance=0.0):
    found = {"measure": measure, "step": step, "other_step": later, "layer": layer, "depth": depth, "chance": chance}
    return {**found, "value": value, "low": value - margin, "high": value + margin, "other_layer": ""}


def course(measure, values, **more):
    return [row(measure, 100 * place, value, **more) for place, value in enumerate(values)]


def moving(shares, steps=None, chance=0.1, margin=0.01):
    """Rows between steps, of which these shares of neighbors change beyond chance."""
    steps = steps or [100 * place for place in range(len(shares) + 1)]
    pairs = zip(shares, steps[:-1], steps[1:], strict=True)
    kept = [(1 - share + chance * share, a, b) for share, a, b in pairs]
    return [row("overlap", a, value, margin=margin, later=b, chance=chance) for value, a, b in kept]


def test_what_moves_between_steps_is_held_against_chance_by_the_samples_that_it_is_of():
    rows = moving([0.6, 0.2, 0.1, 0.3, 0.1])
    of_fewer = [{**each, **{name: each[name] - 0.05 for name in ("value", "low", "high")}} for each in rows]
    assert kinds([{**each, "held": each["value"] + 0.05} for each in of_fewer]) == kinds(rows) != []
    assert kinds([{**each, "held": np.nan} for each in rows]) == kinds(rows)


def kinds(rows, told=None, dead=None):
    return [(alarm.kind, alarm.layer, alarm.step) for alarm in alarms_in(rows, told or {}, dead or {})]


@pytest.mark.parametrize("measure", ["participation_ratio", "effective_rank"])
@pytest.mark.parametrize(
    ("values", "margin", "step"),
    [
        ([12, 6, 1.5, 1.2], 0.1, 200),
        ([12, 6, 1.95, 1.2], 0.1, 300),  # whose interval reaches 2
        ([7, 3, 1.8, 1.8], 0.1, None),  # a quarter of 7 is less
        ([1.2, 1.1, 1.2], 0.1, None),  # it never had more
    ],
)
def test_a_collapse_is_told_where_hardly_a_dimension_is_left_of_many(measure, values, margin, step):
    found = kinds(course(measure, values, margin=margin))
    assert found == ([] if step is None else [("dimensional collapse", "block_2", step)])


@pytest.mark.parametrize(
    ("shares", "step"), [([0.0, 0.3, 0.92], 200), ([0.95, 0.95, 1.0], None), ([0.0, 0.5, 0.89], None)]
)
def test_a_layer_is_dead_whose_units_say_the_same_of_all_and_did_not_before(shares, step):
    found = kinds([], dead={"block_1": {100 * place: share for place, share in enumerate(shares)}})
    assert found == ([] if step is None else [("dead layer", "block_1", step)])


@pytest.mark.parametrize(
    ("shares", "steps", "step"),
    [
        ([0.6, 0.2, 0.1, 0.3, 0.1], None, 400),
        ([0.6, 0.2, 0.15, 0.3, 0.1], None, None),  # less than twice, interval and all
        ([0.6, 0.02, 0.01, 0.08], None, None),  # of little little
        ([0.6, 0.2, 0.1, 0.5], [0, 100, 200, 300, 1000], None),  # over more steps
    ],
)
def test_drift_is_told_where_far_more_neighbors_change_than_before(shares, steps, step):
    assert kinds(moving(shares, steps)) == ([] if step is None else [("drift", "block_2", step)])


@pytest.mark.parametrize(
    ("dimensions", "accuracies", "step"),
    [
        ([10, 8, 8, 8], [0.1, 0.5, 0.85, 1.0], 200),
        ([10, 8, 6, 6], [0.1, 0.5, 0.85, 1.0], None),
        ([10, 8, 8, 8], [0.1, 0.3, 0.5, 0.7], None),
    ],
)
def test_memorization_is_told_where_labels_are_known_and_the_dimension_of_late_layers_stays(
    dimensions, accuracies, step
):
    rows = course("twonn", dimensions) + course("twonn", [10, 9, 9, 9], layer="block_1", depth=0.3)
    for name in ("accuracy", "train_accuracy"):
        told = {100 * place: {name: share, "loss": 1.0} for place, share in enumerate(accuracies)}
        assert kinds(rows, told) == ([] if step is None else [("memorization", "", step)])
    assert kinds(rows, {step: {"loss": 0.01} for step in told}) == []


def test_of_several_questions_the_first_is_read_and_rows_without_a_value_are_none():
    rows = course("participation_ratio", [12, 6, 6]) + [
        {**each, "metric": "cosine"} for each in course("participation_ratio", [12, 6, 1.2])
    ]
    assert kinds(rows) == []
    assert kinds(course("participation_ratio", [12, 6, float("nan")])) == []


def test_what_holds_in_several_layers_is_one_sentence():
    dead = {layer: {0: 0.0, 100: 1.0} for layer in ("block_1", "block_2", "block_3")}
    assert in_words(alarms_in([], {}, dead)) == [
        "dead layer: at step 100 100% of the units of 'block_1' have one value at all samples; so it is with "
        "'block_2', 'block_3'"
    ]


@pytest.fixture(scope="module")
def sick(tmp_path_factory):
    """A series whose first layer collapses, whose second dies and whose third jumps; the fourth goes well."""
    folder, rng = tmp_path_factory.mktemp("sick"), np.random.default_rng(0)
    x, other = rng.standard_normal((2, N, 12))
    for step in range(6):
        noise = 0.1 * rng.standard_normal((N, 12))
        arrays = {
            "collapses": x * np.where(np.arange(12) == 0, 1.0, 1.0 if step < 3 else 0.02),
            "dies": x + noise if step < 4 else np.where(np.arange(12) == 0, x, 0.0),
            "jumps": (x if step < 4 else other) + noise,
            "well": x + noise,
        }
        ls.from_arrays(arrays, ids=IDS, out=folder / f"step_{10 * step}")
    return folder


def test_a_series_warns_on_its_page_and_names_of_steps_are_no_times(sick):
    series = ls.series(sick)
    ls.measure(series, ["participation_ratio", "overlap"], k=K)
    found = {(alarm.kind, alarm.layer, alarm.step) for alarm in alarms(series)}
    assert found == {
        ("dimensional collapse", "collapses", 30),
        ("dimensional collapse", "dies", 40),
        ("dead layer", "dies", 40),
        ("drift", "jumps", 40),
        ("drift", "dies", 40),
        ("drift", "collapses", 30),
    }
    assert alarms(ls.series(list(sick.iterdir())[:3], steps=["a", "b", "c"])) == []
    pytest.importorskip("vl_convert")
    text = ls.report(series).read_text("utf-8")
    assert re.search(r"Dimensional collapse: at step 30 &#39;collapses&#39; has 1\.\d+ dimensions", text)
    assert "Drift after a change: from step 20 to 30 " in text


def test_a_layer_that_is_dead_in_the_middle_is_told_though_it_lives_at_the_end():
    """Also where the first samples alone say nothing: one sample of many differs."""
    rng, runs = np.random.default_rng(2), {}
    x = rng.standard_normal((5, N, 12))
    late = np.zeros((N, 12))
    late[-1] = 1.0  # units that differ at one sample, the last, are not dead
    for step in range(5):
        arrays = {"dies": np.ones((N, 12)) if step == 2 else x[step], "late": late if step == 2 else x[step]}
        runs[step] = ls.from_arrays(arrays, ids=IDS)
    series = ls.series(runs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ls.measure(series, ["participation_ratio"])
    told = [(alarm.layer, alarm.step) for alarm in alarms(series) if alarm.kind == "dead layer"]
    assert told == [("dies", 2)]


def test_a_monitor_warns_at_the_look_that_shows_it(tmp_path):
    torch = pytest.importorskip("torch")
    from layerscape.training import Monitor

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU())
    probe = np.random.default_rng(0).standard_normal((N, 8)).astype("f4")
    given = {"measures": ["participation_ratio", "overlap"], "k": K, "max_overhead": None, "out": tmp_path / "live"}
    with Monitor(network, probe, every=1, **given) as monitor:
        for step in range(3):
            monitor.step(step)
        with torch.no_grad():
            network[0].bias -= 100
        with pytest.warns(UserWarning, match="layerscape: ") as caught:
            monitor.step(3)
        monitor.step(4)  # says nothing new
        assert not monitor.failed
    said = [str(each.message) for each in caught]
    for words in (
        "dead layer: at step 3 100% of the units of '1'",
        "drift after a change: from step 2 to 3 100% of the",
    ):
        assert sum(words in one for one in said) == 1
