"""A series: its order, what it refuses, what is measured of it and between its steps, and what it keeps."""

import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import FileProblem, InvalidType, InvalidValue

N, K = 150, 10
IDS = [f"sample {n}" for n in range(N)]
MEASURES = ["twonn", "overlap", "information_imbalance", "label_overlap", "cka"]


def layers(strength, seed=0):
    rng = np.random.default_rng(seed)
    x, label = rng.standard_normal((N, 5)), np.arange(N) % 3
    x = x + strength * np.eye(3, 5)[label]
    return {"block_1": x, "block_2": np.tanh(x[:, ::-1] + 0.3)}, {"label": label.astype(str)}


def make(out, strength, **options):
    arrays, labels = layers(strength)
    return ls.from_arrays(arrays, labels=labels, out=out, **{"ids": IDS, **options})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("series")
    for step, strength in ((100, 1.0), (5, 0.5), (20, 0.8), (1000, 3.0)):
        make(found / f"step_{step}", strength)
    return found


@pytest.fixture(scope="module")
def table(folder):
    return ls.measure(ls.series(folder), MEASURES, k=K)


def test_steps_are_numbers_and_in_their_order(folder):
    for found in (ls.series(folder), ls.series(f"{folder}/step_*"), ls.series(list(folder.glob("step_*")))):
        assert found.steps == (5, 20, 100, 1000)
        assert [run.name for run in found] == ["step_5", "step_20", "step_100", "step_1000"]
    assert found[1:].steps == (20, 100, 1000)
    assert repr(found).startswith("Series of 4 runs: 2 layers × 150 samples\n  5: step_5")


def test_names_stay_in_the_order_in_which_they_were_given():
    runs = {"small": make(None, 1.0), "base": make(None, 2.0)}
    assert ls.series(runs).steps == ("small", "base")
    assert ls.series(list(runs.values()), steps=[2, 1]).runs == (runs["base"], runs["small"])


def test_every_layer_is_compared_with_itself_at_the_next_the_last_and_the_first_step(folder, table):
    between = table[table.other_step.notna()]
    pairs = {(5, 20), (20, 100), (100, 1000), (5, 1000), (20, 1000), (5, 100)}
    for measure in ("overlap", "information_imbalance", "cka"):
        own = between[between.measure == measure]
        assert {tuple(map(int, pair)) for pair in own[["step", "other_step"]].to_numpy()} == pairs
        assert (own.layer == own.other_layer).all()
        assert len(own) == 2 * len(pairs)
    assert set(between.measure) == {"overlap", "information_imbalance", "cka"}


@pytest.mark.parametrize("measure", ["overlap", "information_imbalance", "cka"])
def test_between_steps_stands_what_arrays_give(folder, table, measure):
    runs = {step: ls.open(folder / f"step_{step}") for step in (20, 1000)}
    own = table[(table.measure == measure) & (table.step == 20) & (table.other_step == 1000)].set_index("layer")
    for layer in ("block_1", "block_2"):
        options = {"k": K} if measure != "cka" else {}
        found = ls.estimate(measure, runs[20][layer], runs[1000][layer], **options)
        row = own.loc[layer]
        assert (row.value, row.low, row.high) == (found.value, found.low, found.high)
        assert row.p == found.chance.p
        assert row.run == "step_20"
        assert row.other_run == "step_1000"


def test_each_step_has_the_rows_of_its_run(folder, table):
    alone = ls.open(folder / "step_100").table
    own = table[(table.step == 100) & table.other_step.isna()]
    assert own[alone.columns].reset_index(drop=True).equals(alone.assign())


def test_the_table_is_kept_and_forgets_a_run_that_was_made_anew(folder, table, tmp_path):
    import shutil

    kept = ls.series(folder).table
    assert len(kept) == len(table)
    assert kept.other_step.notna().sum() == table.other_step.notna().sum()
    shutil.copytree(folder, tmp_path / "series")
    shutil.rmtree(tmp_path / "series" / "step_20")
    again = make(tmp_path / "series" / "step_20", 0.9)
    ls.measure(again, ["twonn"])
    left = ls.series(tmp_path / "series").table
    between = left[left.other_step.notna()]
    assert not between.empty
    assert 20 not in {*between.step, *between.other_step}


def test_more_questions_are_kept_beside_each_other(folder, table):
    ls.measure(ls.series(folder), ["overlap"], k=K, metric="cosine")
    kept = ls.series(folder).table
    between = kept[kept.other_step.notna() & (kept.measure == "overlap")]
    assert set(between.metric) == {"euclidean", "cosine"}
    assert len(between) == 24


def test_a_damaged_table_is_one_line(folder, table, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "series")
    path = tmp_path / "series" / "between_steps.parquet"
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    with pytest.raises(FileProblem, match=r"between_steps\.parquet is damaged"):
        _ = ls.series(tmp_path / "series").table


def test_what_is_found_between_runs_from_here_and_there_is_kept_in_memory(tmp_path):
    found = ls.series([make(tmp_path / "a" / "s1", 1.0), make(tmp_path / "b" / "s2", 2.0)])
    assert found.path is None
    table = ls.measure(found, ["overlap"], k=K)
    assert table.other_step.notna().sum() == 2
    assert found.table.equals(table)
    assert not list(tmp_path.rglob("between_steps.parquet"))


def series_that_settles(folder=None, steps=7):
    """Layers that become what they are until step 30, that stay but for noise, and that are moved at step 50."""
    rng = np.random.default_rng(1)
    start, end, other = rng.standard_normal((3, N, 6))
    runs = {}
    for place in range(steps):
        share = min(1.0, place / 3)
        arrays = {
            "becomes": (1 - share) * start + share * end,
            "stays": end,
            "moved": end if place < 5 else end + other,
            "frozen": end,
        }
        noise = {name: 0.0 if name == "frozen" else 0.3 * rng.standard_normal(x.shape) for name, x in arrays.items()}
        arrays = {name: x + noise[name] for name, x in arrays.items()}
        out = None if folder is None else folder / f"step_{10 * place}"
        runs[10 * place] = ls.from_arrays(arrays, ids=IDS, labels={"pair": (np.arange(N) // 2).astype(str)}, out=out)
    return ls.series(runs)


@pytest.mark.parametrize("groups", [None, "pair"])
def test_a_test_on_the_same_samples_tells_until_when_a_layer_moves(tmp_path, groups):
    from layerscape.core.paired import difference, holm
    from layerscape.measures import find_measure
    from layerscape.reports.through import ThroughSteps, found_through

    found = series_that_settles(tmp_path)
    table = ls.measure(found, ["overlap", "cka"], k=K, groups=groups)
    told = table[table.p_moves.notna()]
    assert set(told.other_step) == {60}
    told = told[told.measure == "overlap"]
    moves = {layer: sorted(own.step[own.p_moves < 0.05].tolist()) for layer, own in told.groupby("layer")}
    assert moves == {"becomes": [0, 10, 20], "stays": [], "moved": [0, 10, 20, 30, 40], "frozen": []}
    said = "\n".join(each.text for each in found_through(ThroughSteps(ls.series(tmp_path))))
    words = (
        "By a test on the same samples, neighborhoods move until step 30 at 'becomes' and until step 50 at 'moved'; at "
        "'stays' and 'frozen' no move is told."
    )
    assert words in said
    if groups is None:
        graphs = [run.graph("stays", K + 1) for run in found]
        *before, last = (find_measure("overlap").influence_of(each, graphs[-1], k=K) for each in graphs[:-1])
        expected = holm(np.array([difference(last, each).p for each in before]))
        np.testing.assert_allclose(told[told.layer == "stays"].sort_values("step").p_moves, expected)


def test_two_steps_have_nothing_between_them_to_settle(tmp_path):
    table = ls.measure(series_that_settles(steps=2), ["overlap"], k=K)
    assert "p_moves" not in table


def test_a_series_becomes_an_array_over_steps(table):
    xarray = pytest.importorskip("xarray")
    found = ls.to_xarray(table[table.metric != "cosine"])
    assert isinstance(found, xarray.Dataset)
    assert found.twonn.dims == ("step", "layer")
    assert found.overlap.dims == ("step", "layer", "other_layer")
    maps = found.overlap_between_steps
    assert maps.dims == ("step", "other_step", "layer")
    assert (maps.sel(step=100, other_step=100) == 1).all()
    row = table[(table.measure == "overlap") & (table.step == 5) & (table.other_step == 100)].set_index("layer")
    assert float(maps.sel(step=100, other_step=5, layer="block_2")) == row.value["block_2"]
    assert np.isnan(found.information_imbalance_between_steps.sel(step=100, other_step=5)).all()


def test_series_are_compared_step_by_step(folder):
    found = ls.series(folder)
    table = ls.compare(found, found[1:], ["overlap"], k=K)
    assert table.step.unique().tolist() == [20, 100, 1000]
    assert (table[table.layer == table.other_layer].value == 1).all()
    against = ls.compare(found, found[-1], ["overlap"], k=K)
    assert against.step.unique().tolist() == [5, 20, 100, 1000]
    assert (against.other_run == "step_1000").all()


def test_groups_hold_between_steps(tmp_path):
    arrays, labels = layers(1.0)
    labels |= {"subject": np.arange(N) // 10}
    runs = {
        step: ls.from_arrays(arrays | {"block_2": arrays["block_2"] * step}, labels=labels, ids=IDS) for step in (1, 2)
    }
    table = ls.measure(ls.series(runs), ["overlap"], k=K, groups="subject")
    between = table[table.other_step.notna()]
    assert len(between) == 2
    assert between.groups.str.startswith("15 groups").all()


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        (lambda a, b: a, {}, InvalidType, "one run is no series"),
        (lambda a, b: [a], {}, InvalidValue, "a series of 1 run; give two or more"),
        (lambda a, b: 3, {}, InvalidType, "a int is no series"),
        (lambda a, b: [a, b], {"steps": [1]}, InvalidValue, "1 steps of 2 runs"),
        (lambda a, b: [a, b], {"steps": [1, 1]}, InvalidValue, "step 1 is that of"),
        (lambda a, b: [a, b], {"steps": [1, np.nan]}, InvalidValue, "step nan; give finite numbers, or names"),
        (lambda a, b: {1: a, np.inf: b}, {}, InvalidValue, "step inf; give finite numbers, or names"),
        (lambda a, b: [a, b], {"steps": [1, "b"]}, InvalidType, "a number for every run, or a name for every run"),
        (lambda a, b: {1: a, 2: b}, {"steps": [1, 2]}, InvalidValue, "leave one out"),
        (lambda a, b: [a, "nowhere"], {}, FileProblem, "nowhere"),
    ],
    ids=["run", "one", "number", "few-steps", "twice", "nan", "infinite", "mixed", "both", "missing"],
)
def test_what_is_no_series_is_one_line(source, options, error, words):
    with pytest.raises(error, match=words) as raised:
        ls.series(source(make(None, 1.0), make(None, 2.0)), **options)
    assert "\n" not in str(raised.value)


def test_other_samples_are_refused(tmp_path):
    a, b = make(None, 1.0, ids=[f"a{n}" for n in range(N)]), make(None, 1.0, ids=[f"b{n}" for n in range(N)])
    with pytest.raises(InvalidValue, match="not the same in the same order"):
        ls.series([a, b])


def test_a_folder_without_an_order_or_without_runs_is_one_line(tmp_path):
    make(tmp_path / "warm", 1.0)
    make(tmp_path / "cold", 2.0)
    with pytest.raises(InvalidValue, match=r"the order of 'cold', 'warm' is not known"):
        ls.series(tmp_path)
    assert [run.name for run in ls.series(tmp_path, steps=[2, 1])] == ["warm", "cold"]
    with pytest.raises(FileProblem, match="no finished run is in"):
        ls.series(tmp_path / "warm")


def test_unfinished_runs_are_left_out_and_said(folder, tmp_path):
    import shutil

    from layerscape.storage import LayerSpec, RunFolder

    shutil.copytree(folder, tmp_path / "series")
    with RunFolder.create(tmp_path / "series" / "step_2000", {"source": "x"}, [LayerSpec("block_1", 5)], N):
        pass
    with pytest.warns(UserWarning, match="step_2000 in .* is not finished and is left out"):
        assert ls.series(tmp_path / "series").steps == (5, 20, 100, 1000)


def test_layers_that_vanished_are_named_once():
    arrays, labels = layers(1.0)
    one = ls.from_arrays(arrays, labels=labels, ids=IDS)
    other = ls.from_arrays({"block_1": arrays["block_1"]}, labels=labels, ids=IDS)
    with pytest.warns(UserWarning, match="layers 'block_2' are not in all runs"):
        found = ls.series({0: one, 1: other})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = ls.measure(found, ["twonn", "overlap"], k=K)
    assert found.layers == ("block_1",)
    assert table[table.other_step.notna()].layer.tolist() == ["block_1"]


def test_samples_that_only_row_numbers_know_are_said_or_refused():
    arrays, labels = layers(1.0)
    one, other = (ls.from_arrays({"a": arrays[name]}, labels=labels) for name in arrays)
    with pytest.warns(UserWarning, match="do not say of which samples they are"):
        ls.series([one, other], steps=[0, 1])
    turned = ls.from_arrays({"a": arrays["block_1"][::-1]}, labels={"label": labels["label"][::-1]})
    with pytest.raises(InvalidValue, match="have other values of 'label' for 100 samples"):
        ls.series([one, turned], steps=[0, 1])


@pytest.mark.parametrize("ask", [ls.recommend, ls.differences, ls.report], ids=["recommend", "differences", "report"])
def test_what_asks_one_run_says_so_of_several(ask):
    runs = [make(None, 1.0), make(None, 2.0)]
    with pytest.raises(InvalidType, match="a list of 2 runs, where one is asked for"):
        ask(runs)


def test_what_compares_no_steps_says_so(folder):
    with pytest.warns(UserWarning, match="with lag every run is measured by itself, and no steps are compared"):
        table = ls.measure(ls.series(folder), ["overlap"], k=K, lag=2, save=False)
    assert "other_step" not in table


def test_a_run_that_is_given_twice_is_refused(folder):
    run = ls.open(folder / "step_5")
    with pytest.raises(InvalidValue, match="run 'step_5' is given twice"):
        ls.series([run, folder / "step_5"], steps=[1, 2])
