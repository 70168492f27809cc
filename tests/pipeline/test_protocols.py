"""Protocols: each paper's recipe, as a plain loop over its subsets would do it."""

import re

import numpy as np
import pytest

import layerscape as ls
from layerscape.errors import InvalidValue, UnknownName
from layerscape.pipeline.protocols import PROTOCOLS, choices_of


@pytest.fixture
def run(rng):
    x = rng.standard_normal((1000, 7))
    return ls.from_arrays({"a": x, "b": np.tanh(x[:, :4])}, labels={"side": np.where(x[:, 0] > 0, "left", "right")})


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_gives_a_dimension_of_every_layer_and_names_itself(run, name):
    table = ls.measure(run, protocol=name)
    dimensions = table[table.measure == PROTOCOLS[name].measure]
    assert list(dimensions.layer) == ["a", "b"]
    assert (dimensions.low < dimensions.value).all()
    assert (dimensions.value < dimensions.high).all()
    assert set(table.group) == {f"protocol={name}"}
    assert PROTOCOLS[name].source.count("arXiv:") == 1


def test_ansuini_is_a_fit_on_ninety_percent_five_times(run):
    x = run["a"].matrix[:]
    rng = np.random.default_rng(0)
    rng.permutation(1000)
    values = []
    for _ in range(5):
        rows = np.sort(rng.permutation(1000)[:900])
        values.append(ls.estimate("twonn", x[rows], method="fit", discard=0.1).value)
    row = ls.measure(run, protocol="ansuini2019").iloc[0]
    assert row.value == pytest.approx(np.mean(values), rel=1e-12)
    assert row.high - row.value == pytest.approx(np.std(values))
    assert "the standard deviation over 5 subsets, and no 95 % interval" in row.warnings


def test_cheng_takes_five_disjoint_parts(run):
    parts = list(PROTOCOLS["cheng2025"].draws(1000, 0))
    assert sorted(np.concatenate(parts)) == list(range(1000))
    assert ls.measure(run, protocol="cheng2025").iloc[0].n_samples == 200


def test_doimo2024_reads_the_scale_of_sixteen_neighbors(run):
    row = ls.measure(run, protocol="doimo2024").iloc[0]
    curve = {point.k: point.value for point in ls.estimate("gride", run["a"]).curve}
    assert (row.k, row.value) == (32, pytest.approx(curve[32]))


def test_doimo2024_reads_a_share_of_every_class(run):
    table = ls.measure(run, protocol="doimo2024")
    row = table[table.measure == "label_overlap"].iloc[0]
    expected = ls.estimate("label_overlap", run["a"], run.samples.labels["side"], k=155, class_fraction=0.3)
    assert row.value == pytest.approx(expected.value)


def test_no_finer_scale_is_taken_where_samples_are_few(run):
    few = ls.from_arrays({"a": run["a"].matrix[:30]})
    row = ls.measure(few, protocol="doimo2024").iloc[0]
    assert np.isnan(row.value)
    assert "reads 32 neighbors, and the curve of 30 samples ends at 16; give more samples" in row.warnings


def test_a_scale_that_a_paper_does_not_tell_can_be_given(run):
    row = ls.measure(run, protocol="cheng2025@16").iloc[0]
    assert (row.k, row.group) == (32, "protocol=cheng2025@16")
    parts = [ls.estimate("gride", run["a"].matrix[:][rows]) for rows in PROTOCOLS["cheng2025"].draws(1000, 0)]
    assert row.value == pytest.approx(np.mean([part.curve[4].value for part in parts]))
    assert "64 for OPT-125m" in row.warnings
    assert np.isnan(ls.measure(run, protocol="cheng2025@256").iloc[0].value)  # of 200 samples in each part
    for name, words in {
        "cheng2025@3": "after the @ stands n₁, which is 1, 2, 4, 8, …",
        "cheng2025@": "after the @ stands n₁, which is 1, 2, 4, 8, …",
        "doimo2020@4": "the scale of 'doimo2020' is known; leave out @4.",
    }.items():
        with pytest.raises(InvalidValue, match=f"^protocol={name}: {re.escape(words)}$"):
            ls.measure(run, protocol=name)


def test_dtu2023_forgets_the_ratios_that_it_leaves_out(run):
    graph = run.graph("a", 2)
    x = np.sort(np.log(graph.distances[:, 1] / graph.distances[:, 0]))[:900]
    row = ls.measure(run, protocol="dtu2023").iloc[0]
    assert row.value == pytest.approx(900 / x.sum())
    assert "the 100 samples with the largest ratios count as if they were none, and so it reads high" in row.warnings


def test_classes_are_measured_one_by_one_and_other_rows_of_the_run_stay(run):
    ls.measure(run, ["twonn"])
    table = ls.measure(run, protocol="ansuini2019", by="side")
    assert set(table.group) == {"side=left, protocol=ansuini2019", "side=right, protocol=ansuini2019"}
    assert set(run.table.group) == {"", *table.group}


def test_a_protocol_fixes_pooling_and_the_layers_that_it_reads():
    assert choices_of(None, ["block_1"], "mean") == (["block_1"], "mean")
    assert choices_of("valeriani2023", None, None) == ("h.*.ln_1,final_norm", "mean")
    assert choices_of("doimo2024", ["block_1"], None) == (["block_1"], "last")
    text = "pooling='last' with protocol='valeriani2023', which fixes 'mean'; leave one of them out."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        choices_of("valeriani2023", None, "last")


def test_a_run_of_another_pooling_is_told_so(tmp_path):
    how = {"layers": "block_1", "limit": 120}
    alike = ls.extract("demo", "digits", out=tmp_path / "alike", protocol="doimo2020", **how)
    assert alike.record["pooling"] == "flatten"
    ls.measure(alike, protocol="doimo2020")
    other = ls.extract("demo", "digits", out=tmp_path / "other", pooling="mean", **how)
    with pytest.warns(
        UserWarning, match="protocol 'doimo2020' pools by 'flatten' and this run by 'mean'; extract again"
    ):
        ls.measure(other, protocol="doimo2020")


def test_an_unknown_protocol_names_those_there_are(run):
    with pytest.raises(
        UnknownName, match=r"^unknown protocol 'valeriani'; nearest: valeriani2023, valeriani2023_esm2\. There are: "
    ):
        ls.measure(run, protocol="valeriani")


def test_a_protocol_fixes_measures_and_options(run):
    text = "protocol='doimo2020' fixes measures and their options; leave these out."
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        ls.measure(run, ["twonn"], protocol="doimo2020")
