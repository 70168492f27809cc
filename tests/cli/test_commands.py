"""The commands: what they print, with which status they end, and that a mistake is one line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.cli import cli, main
from layerscape.cli.show import rows
from layerscape.measures import catalog


@pytest.fixture
def vectors(tmp_path, rng, monkeypatch):
    """Two layers of 120 samples, and their labels, in files of the current folder."""
    x = rng.standard_normal((120, 6))
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "both.npz", x=x, y=np.tanh(x[:, :4]))
    (tmp_path / "labels.csv").write_text(
        "id,side\n" + "".join(f"{i},{'ab'[int(v > 0)]}\n" for i, v in enumerate(x[:, 0]))
    )
    monkeypatch.chdir(tmp_path)
    return x


@pytest.fixture
def run(vectors):
    side = np.where(vectors[:, 0] > 0, "b", "a")
    return ls.from_arrays({"one": vectors, "two": np.tanh(vectors)}, labels={"side": side}, out="run", ids=range(120))


def said(capsys, *words):
    """Standard output of a command that must succeed."""
    status = main(list(words))
    out = capsys.readouterr()
    assert status == 0, out.err
    return out.out


def refused(capsys, *words):
    """The line on standard error of a command that must fail."""
    status = main(list(words))
    out = capsys.readouterr()
    assert status == 2
    assert out.out == ""
    assert out.err.count("\n") == 1
    return out.err.strip()


def test_estimate_as_json_is_one_object_with_the_stated_keys(vectors, capsys):
    record = json.loads(said(capsys, "estimate", "twonn", "x.npy", "--json"))
    keys = ["measure", "value", "low", "high", "n_samples", "n_units", "k", "chance", "options", "warnings"]
    assert list(record) == [*keys, "details"]
    assert set(record["details"]) == {"gap", "r_squared"}
    assert record["value"] == ls.estimate("twonn", vectors).value
    assert (record["n_samples"], record["n_units"], record["k"], record["chance"]) == (120, 6, 2, None)
    curve = json.loads(said(capsys, "estimate", "gride", "x.npy", "--range-max", "8", "--json"))["curve"]
    assert [point["k"] for point in curve] == [2, 4, 8]
    assert list(curve[0]) == ["scale", "k", "value", "low", "high"]


def test_estimate_compares_files_and_labels(vectors, capsys):
    record = json.loads(said(capsys, "estimate", "overlap", "both.npz:x", "both.npz:y", "--k", "7", "--json"))
    assert record["options"] == {"k": 7}
    assert record["chance"]["value"] == pytest.approx(7 / 119)
    text = said(
        capsys, "estimate", "label_overlap", "x.npy", "--labels", "labels.csv:side", "--k", "5", "--weight", "class"
    )
    assert text.startswith("label_overlap: 0.")
    assert "\nchance: 0." in text


def test_estimate_takes_neighbors_and_distances_of_other_tools(vectors, capsys):
    a, b = ls.find_neighbors(vectors, k=20), ls.find_neighbors(np.tanh(vectors[:, :4]), k=20)
    own = np.arange(120)[:, None]
    for name, graph in (("a", a), ("b", b)):
        np.save(f"{name}.npy", np.hstack([own, graph.indices]))
        np.save(f"{name}_far.npy", np.hstack([0.0 * own, graph.distances]).astype(np.float32))
    np.savetxt("b.csv", b.indices, delimiter=",", fmt="%d", header=",".join(f"n{i}" for i in range(20)), comments="")
    value = ls.estimate("overlap", a, b, k=9).value
    words = "estimate", "overlap", "a.npy", "b.npy", "--k", "9"
    for more in ((), ("--self-first",), ("--distances", "a_far.npy", "--distances", "b_far.npy")):
        assert json.loads(said(capsys, *words, "--indices", *more, "--json"))["value"] == value
    assert json.loads(said(capsys, "estimate", "overlap", "a.npy", "b.csv", "--k", "9", "--indices", "--json"))
    found = json.loads(said(capsys, "estimate", "twonn", "a.npy", "--indices", "--distances", "a_far.npy", "--json"))
    assert found["value"] == pytest.approx(ls.estimate("twonn", a).value, rel=1e-4)
    survival = json.loads(said(capsys, "estimate", "neighbor_survival", *words[2:], "--indices", "--json"))
    assert survival["value"] == pytest.approx(value)
    assert refused(capsys, *words).startswith("error: a matrix of 120 × 21 that looks like row numbers of neighbors")
    said(capsys, *words, "--vectors")
    text = "error: twonn reads distances beside the row numbers; give --distances FILE."
    assert refused(capsys, "estimate", "twonn", "a.npy", "--indices") == text
    text = "error: 1 --distances for 2 files of neighbors; give one for each."
    assert refused(capsys, *words, "--indices", "--distances", "a_far.npy") == text
    text = "error: --distances and --self-first are of neighbors; say --indices if the files hold those."
    assert refused(capsys, *words, "--no-self") == text
    text = "error: self_first=False, but 120 of 120 rows list the sample itself; give self_first=True."
    assert refused(capsys, *words, "--indices", "--no-self") == text
    assert refused(capsys, "estimate", "cka", "a.npy", "b.npy", "--indices").startswith("error: cka needs the vectors")


def test_distances_between_all_samples_are_a_graph(capsys, tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    x = rng.standard_normal((100, 3))
    np.save("d.npy", np.linalg.norm(x[:, None] - x, axis=2))
    found = json.loads(said(capsys, "estimate", "twonn", "d.npy", "--square", "--json"))
    assert found["value"] == pytest.approx(ls.estimate("twonn", x).value)
    on_purpose = json.loads(said(capsys, "estimate", "twonn", "d.npy", "--vectors", "--json"))
    assert on_purpose["n_units"] == 100


def test_stages_one_at_a_time_on_a_run(run, capsys):
    words = ("--k", "20", "--memory", "1", "--threads", "1", "--device", "cpu")
    assert said(capsys, "search", "run", *words) == "run: graphs of 2 layers, k=20\n"
    rows = json.loads(said(capsys, "measure", "run", "--measures", "twonn,label_overlap", "--k", "5", "--json"))["rows"]
    assert [row["measure"] for row in rows] == ["twonn", "twonn", "label_overlap", "label_overlap"]
    assert rows[0]["chance"] is None
    table = said(capsys, "measure", "run", "--measures", "overlap", "--k", "5", "--csv", "table.csv")
    assert "overlap" in table
    assert said(capsys, "measure", "run", "--measures", "twonn", "--by", "side").count("side=a") == 2
    page = json.loads(said(capsys, "report", "run", "--json"))["report"]
    assert Path(page).read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_why_a_value_is_missing_is_said_once(run, capsys):
    assert main(["measure", "run", "--measures", "label_overlap", "--labels", "side+side", "--k", "9"]) == 0
    capsys.readouterr()
    assert main(["measure", "run", "--measures", "knn_probe", "--labels", "side+side", "--k", "9"]) == 0
    (words,) = [line for line in capsys.readouterr().err.splitlines() if "without a value" in line]
    assert re.fullmatch(r"note: knn_probe of 'side\+side', \d+ without a value: labels of shape .*", words)


def test_why_groups_or_a_series_have_no_interval_is_said(run, tmp_path, capsys):
    assert main(["measure", "run", "--measures", "overlap", "--k", "5", "--groups", "side"]) == 0
    (words,) = [line for line in capsys.readouterr().err.splitlines() if "without an interval" in line]
    of = "2 groups, fewer than 6: no interval; 2 groups can be arranged in 2 ways: too few for a p"
    assert words.startswith(f"note: overlap, 1 without an interval: {of}; chance and p are of ")
    for name in "ab":
        np.save(f"{name}.npy", np.random.default_rng(ord(name)).standard_normal((60, 3)))
    np.save("two.npy", np.arange(60) % 2)
    first, chance, *_ = said(
        capsys, "estimate", "overlap", "a.npy", "b.npy", "--k", "5", "--groups", "two.npy"
    ).splitlines()
    assert re.fullmatch(r"overlap: 0\.\d+ share of neighbors, no interval \(60 samples × 3 units\)", first)
    assert re.fullmatch(r"chance: 0\.\d+", chance)


def test_what_is_held_against_the_chance_of_fewer_samples_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    codes, rng = np.repeat(np.arange(9), [3] * 6 + [6, 9, 20]), np.random.default_rng(0)
    x, y = rng.standard_normal((2, len(codes), 3))
    ls.from_arrays({"a": x, "b": y}, labels={"who": codes.astype(str)}, out="run")
    np.save("a.npy", x), np.save("b.npy", y), np.save("who.npy", codes)
    found = ls.estimate("overlap", x, y, k=5, groups=codes)
    held = f"{found.chance.held:.4g}"
    assert main(["measure", "run", "--measures", "overlap", "--k", "5", "--groups", "who"]) == 0
    told = capsys.readouterr()
    head, row = told.out.splitlines()[:2]
    assert head.split()[-3:] == ["chance", "p", "held"]
    assert row.split()[-1] == held
    assert "note: 1 of 1 rows: chance and p are of fewer samples than the value, of groups cut to equal" in told.err
    told = said(capsys, "estimate", "overlap", "a.npy", "b.npy", "--k", "5", "--groups", "who.npy")
    assert f"held against chance: {held}, the value of the samples that it is of" in told


def test_compare_names_the_closest_layer_of_the_other_run(run, vectors, tmp_path, capsys):
    ls.from_arrays({"three": vectors**3, "two again": np.tanh(vectors)}, out="other", ids=range(120))
    said(capsys, "search", "run", "--k", "9")
    text = said(capsys, "compare", "run", "other", "--k", "9", "--measures", "overlap,information_imbalance")
    for line in text.splitlines():
        if line.startswith("two"):
            assert line.split()[1:3] == ["two", "again"]
    rows = json.loads(said(capsys, "compare", "run", "other", "--k", "9", "--csv", "pairs.csv", "--json"))["rows"]
    assert len(rows) == 8
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == 9
    assert "--permutations 199 says whether it is more" in text
    text = said(capsys, "compare", "run", "other", "--k", "9", "--measures", "overlap", "--permutations", "19")
    assert "told apart from every other pair (p = 0.05 of the largest of 4 pairs)." in text
    text = said(capsys, "compare", "run", "other", "run", "--k", "9", "--measures", "overlap", "--permutations", "19")
    matrix = text.splitlines()[1:5]
    assert matrix[0].split() == ["run", "other", "run"]
    assert float(matrix[1].split()[-1]) == 1  # of a run with itself
    assert main(["compare", "run"]) == 2
    assert "one run, run; give two to compare, or more." in capsys.readouterr().err
    assert main(["compare", "run", "other", "--measures", "twonn"]) == 2
    assert "measure 'twonn' does not compare two representations; these do: " in capsys.readouterr().err


def test_differences_says_what_could_not_be_tested(capsys, tmp_path):
    x = np.random.default_rng(0).standard_normal((3, 60, 4))
    ls.from_arrays({"a": x[0], "b": x[1], "c": np.ones((60, 4)), "d": x[2]}, out=tmp_path / "three")
    text = said(capsys, "differences", str(tmp_path / "three"), "--measures", "twonn")
    assert (
        "0 of 1 differ (p < 0.05 after Holm's correction for 1 tests).\n2 could not be tested: twonn, layer 'c'" in text
    )


def test_differences_counts_the_layers_that_differ(run, capsys, tmp_path):
    text = said(capsys, "differences", "run", "--k", "9")
    assert text.rstrip().endswith("differ (p < 0.05 after Holm's correction for 2 tests).")
    found = json.loads(said(capsys, "differences", "run", "run", "--measures", "twonn", "--csv", "d.csv", "--json"))
    assert [row["p"] for row in found["rows"]] == [1, 1]
    assert len((tmp_path / "d.csv").read_text().splitlines()) == 3
    assert main(["differences", "run", "--measures", "cka"]) == 2
    assert "error: cka compares two layers; differences are tested of measures of one layer." in capsys.readouterr().err


def test_recommend_says_which_layer_and_why(run, capsys):
    assert said(capsys, "recommend", "run", "--k", "9").startswith("Use '")
    found = json.loads(said(capsys, "recommend", "run", "--k", "9", "--labels", "side", "--json"))
    assert found["layer"] in ("one", "two")
    assert next(row["layer"] for row in found["rows"]) == found["layer"]
    assert main(["recommend", "run", "--labels", "sid"]) == 2
    assert "error: unknown label column 'sid'; nearest: side." in capsys.readouterr().err


def test_list_says_what_each_measure_needs_and_cites(capsys):
    record = json.loads(said(capsys, "list", "--json"))
    assert set(record) == set(catalog())
    assert record["cka"]["needs"] == ["vectors", "vectors"]
    text = said(capsys, "list")
    for measure in catalog().values():
        assert measure.source in text


@pytest.mark.parametrize("command", [*cli.list_commands(None), *(f"estimate {name}" for name in catalog())])
def test_every_command_has_help(command, capsys):
    text = said(capsys, *command.split(), "--help")
    assert len(text.splitlines()) > 5
    assert "\\b" not in text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("estimate twon x.npy", "unknown measure 'twon'; nearest: twonn. There are: "),
        ("estimate twonn nothing.npy", "nothing.npy"),
        ("estimate twonn", "Missing argument 'A'. See: layerscape estimate twonn --help"),
        ("estimate twonn x.npy --discard 2", "discard=2.0; it is the share of the largest ratios left out: give 0 ≤"),
        ("estimate twonn x.npy --k 3", "No such option '--k'."),
        ("estimate twonn both.npz", "both.npz"),
        ("estimate overlap x.npy x.npy --k 120", "k=120 neighbors asked of 120 samples; k must lie in 1..119."),
        ("estimate label_overlap x.npy", "Missing option '--labels'."),
        ("estimate label_overlap x.npy --labels labels.csv", "choose one: --labels labels.csv:COLUMN."),
        ("estimate label_overlap x.npy --labels labels.csv:sid", "unknown column of labels.csv 'sid'; nearest: side"),
        (
            "estimate twonn x.npy --device gpu",
            "unknown device 'gpu'; nearest: cpu. There are: auto, cpu, cuda, cuda:1.",
        ),
        ("estimate twonn x.npy --device mps", "device='mps': Apple's float32 products can be wrong without an error"),
        ("estimate twonn x.npy --threads 0", "Invalid value for '--threads': 0 is not in the range x>=1."),
        ("search nowhere", "there is no run at nowhere"),
        ("measure nowhere", "there is no run at nowhere"),
        ("report nowhere", "there is no run at nowhere"),
        ("compare nowhere nowhere", "there is no run at nowhere"),
        ("recommend nowhere", "there is no run at nowhere"),
        ("run demo digits", "Missing option '--out'."),
        ("rum demo digits", "No such command 'rum'."),
        ("extract demo nothing.csv --out out", "nothing.csv"),
        ("extract no/such/folder x.npy --out out", "no/such/folder"),
        ("extract demo digits --out out --layers blok_1", "unknown layer"),
        ("extract demo digits --out out --pooling men", "unknown pooling 'men'; nearest: "),
        ("extract demo labels.csv --out out --text-column side", "holds samples of kind 'text' and demo takes 'image'"),
        ("layers demo@fnal", "unknown checkpoint 'fnal'; nearest: final"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(words, text, vectors, capsys):
    line = refused(capsys, *words.split())
    assert line.startswith("error: ")
    assert text in line


def test_a_search_says_what_it_cannot_do(run, capsys):
    assert refused(capsys, "search", "run", "--k", "120") == (
        "error: k=120 neighbors asked of 120 samples; k must lie in 1..119."
    )
    assert "unknown device 'cudda'" in refused(capsys, "search", "run", "--k", "9", "--device", "cudda")


def test_a_run_that_was_measured_with_nothing_says_so(run, capsys):
    assert refused(capsys, "report", "run").startswith(
        "error: nothing was measured in run yet; run: layerscape measure"
    )


def test_a_bug_shows_its_traceback(vectors, monkeypatch):
    monkeypatch.setattr("layerscape.cli.estimate._text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["estimate", "twonn", "x.npy"])


def test_demo_on_few_samples_takes_all_stages(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    out = said(capsys, "run", "demo", "digits", "--limit", "80", "--out", "few", "--k", "5", "--by", "digit", "--json")
    record = json.loads(out)
    assert record["run"] == "few"
    assert (tmp_path / record["report"]).exists()
    assert len(record["findings"]) >= 3
    assert "group" in ls.open("few").table
    layers = json.loads(said(capsys, "layers", "demo", "--json"))["layers"]
    assert [layer["name"] for layer in layers][-1] == "block_7"


def test_help_loads_nothing_heavy():
    """Help is there at once: what takes long to load is loaded by the command that needs it."""
    words = "import sys; from layerscape.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True).stderr.split()
    assert "click" in loaded
    assert not {"numba", "pandas", "scipy", "torch", "transformers", "zarr", "vl_convert", "dask"} & set(loaded)


def test_no_p_of_zero_is_printed(vectors, capsys):
    same = said(capsys, "estimate", "overlap", "x.npy", "x.npy")
    assert re.search(r"^chance: 0\.\d+ \(0\.\d+ to 0\.\d+\), p < 1e-6$", same, re.MULTILINE)
    table = pd.DataFrame({"layer": ["a", "b"], "value": [1.0, 2.0], "p": [0.0, 0.5], "p_holm": [0.0, float("nan")]})
    assert [line.split()[2:] for line in rows(table).splitlines()[1:]] == [["<", "1e-6", "<", "1e-6"], ["0.5", "–"]]
