"""Labels come and go without anything being extracted or searched; what was told by those that go goes too."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import FileProblem, InvalidType, InvalidValue, UnknownName
from layerscape.storage.ledger import Ledger
from layerscape.storage.results import Results

N = 60
IDS = [f"sample {row}" for row in range(N)]
CLASSES = np.array(["cat", "dog", "owl"])[np.arange(N) % 3]


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"first": rng.standard_normal((N, 4)), "second": rng.standard_normal((N, 5))}
    run = ls.from_arrays(arrays, labels={"half": np.arange(N) % 2}, ids=IDS, out=tmp_path / "run")
    run.graph("first", 5)
    return run


class Killed(BaseException):
    pass


def whole(run):
    return not any(part.problem for part in ls.open(run.path).check())


def test_labels_are_added_in_order_and_the_graphs_stay(run):
    before = (run.path / "graphs" / "000-first" / "euclidean.safetensors").read_bytes()
    run.add_labels({"class": CLASSES, "size": np.linspace(0, 1, N)})
    for each in (run, ls.open(run.path)):
        assert list(each.samples.labels) == ["half", "class", "size"]
        assert each.samples.labels["class"].tolist() == CLASSES.tolist()
        assert each.samples.ids == tuple(IDS)
    assert (run.path / "graphs" / "000-first" / "euclidean.safetensors").read_bytes() == before
    assert whole(run)


def frame():
    return pd.DataFrame({"id": IDS, "class": CLASSES}).sample(frac=1, random_state=0)


@pytest.mark.parametrize("how", ["column", "index", "named", "csv", "parquet", "index.csv", "index.parquet"])
def test_a_table_is_matched_by_id_and_never_by_row(run, tmp_path, how):
    table, options = frame(), {}
    if how.startswith("index"):
        table = table.set_index("id").rename_axis(None)
    if how == "named":
        table, options = table.rename(columns={"id": "key"}), {"id_column": "key"}
    if how.endswith(("csv", "parquet")):
        path, index = tmp_path / f"labels.{how}", how.startswith("index")
        table.to_csv(path, index=index) if how.endswith("csv") else table.to_parquet(path, index=index)
        table = path
    run.add_labels(table, **options)
    assert run.samples.labels["class"].tolist() == CLASSES.tolist()


def test_a_column_of_ids_that_was_named_is_no_other(run, tmp_path):
    frame().to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(UnknownName, match=r"^unknown id column in .*labels.csv 'nme'. There are: class, id"):
        run.add_labels(tmp_path / "labels.csv", id_column="nme")


def test_a_series_is_matched_by_its_index_and_kept_with_its_gaps(run, capsys):
    shuffled = frame().set_index("id")["class"].astype("category")
    run.add_labels(shuffled.where(shuffled != "owl"))
    run.add_labels({"flag": (shuffled == "owl"), "size": dict(zip(IDS, np.arange(N) / 8, strict=True))})
    labels = ls.open(run.path).samples.labels
    assert labels["class"].tolist() == [None if name == "owl" else name for name in CLASSES]
    assert labels["flag"].tolist() == (CLASSES == "owl").tolist()
    assert labels["size"].tolist() == (np.arange(N) / 8).tolist()
    assert main(["labels", str(run.path)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "class: 2 categories, 20 missing",
        "flag: 2 categories, 0 missing",
        "size: real numbers, 0 missing",
    ]


def test_paths_and_vectors_are_told_too(run, capsys):
    run.add_labels({"path": pd.Series([("animal", name) for name in CLASSES], IDS), "place": np.zeros((N, 2))})
    assert main(["labels", str(run.path)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["path: 3 categories, 0 missing", "place: vectors of 2 numbers"]


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        ({"big": [2**70] * N}, InvalidValue, "label column 'big' cannot be stored"),
        ({"half": np.zeros(N)}, InvalidValue, "has labels 'half' already, of other values; remove them first"),
        ({"class": CLASSES[:-1]}, InvalidValue, "label column 'class' has 59 values for 60 samples"),
        (frame().iloc[1:], InvalidValue, "the labels have no row for 1 of 60 samples: 'sample "),
        (pd.concat([frame(), frame()]), InvalidValue, "the labels have 2 rows for the id 'sample "),
        (["cat"] * N, InvalidType, "labels of type list; give a dict of columns, a DataFrame or a file"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(run, labels, kind, words):
    with pytest.raises(kind, match=words):
        run.add_labels(labels)
    assert list(ls.open(run.path).samples.labels) == ["half"]
    assert whole(run)


def test_controls_stay_when_a_column_of_their_name_goes(run):
    run.add_labels({"control": CLASSES})
    ls.measure(run, ["twonn", "label_overlap"], k=5, controls=["gaussian"])
    run.remove_labels("control")
    table = ls.open(run.path).table
    assert "control=gaussian" in set(table.group)
    assert "control" not in set(table.label)


def test_what_was_measured_by_a_label_goes_with_it(run):
    run.add_labels({"class": CLASSES})
    by_class = ls.measure(run, ["twonn"], by="class")
    assert set(by_class.group) == {"class=cat", "class=dog", "class=owl"}
    ls.measure(run, ["twonn", "label_overlap"], k=5)
    ls.recommend(run, by="label_overlap", labels=["class"], k=5)
    run.remove_labels("class")
    opened = ls.open(run.path)
    assert list(opened.samples.labels) == ["half"]
    assert opened.recommendation is None
    assert set(opened.table.label) == {"", "half"}
    assert whole(run)
    run.add_labels({"class": CLASSES})
    ls.measure(run, ["twonn"], by="class")
    run.remove_labels("class")
    assert "class" not in " ".join(ls.open(run.path).table.group)
    with pytest.raises(UnknownName, match="unknown label column 'class'"):
        run.remove_labels(["class"])


def test_a_removal_that_is_interrupted_leaves_a_run_that_agrees_with_itself(run, tmp_path, monkeypatch):
    run.add_labels({"class": CLASSES})
    ls.measure(run, ["twonn", "label_overlap"], k=5)
    ls.recommend(run, labels=["class"], k=5)
    replace, left = Path.replace, [0]

    def counted(path, target):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", counted)
    for writes in range(9):  # of three files, each announced, replaced and settled
        path = shutil.copytree(run.path, tmp_path / f"copy {writes}")
        for more in (writes, 1):  # twice, the second time after it was announced what the first file becomes
            left[0] = more
            with contextlib.suppress(Killed, UnknownName):
                ls.open(path).remove_labels("class")
        opened = ls.open(path)
        assert whole(opened)
        has = set(opened.samples.labels)
        assert set(opened.table.label) <= {"", *has}
        assert set((opened.recommendation or {}).get("labels", ())) <= has
        left[0] = 9
        if "class" in has:
            opened.remove_labels("class")
        assert set(ls.open(path).table.label) == {"", "half"}
        assert whole(opened)


def test_a_table_that_is_damaged_is_said_before_anything_is_removed(run):
    run.add_labels({"class": CLASSES})
    ls.measure(run, ["label_overlap"], k=5)
    (run.path / "estimates.parquet").write_bytes(b"nothing")
    with pytest.raises(FileProblem, match=r"estimates.parquet is damaged"):
        run.remove_labels("class")
    assert list(ls.open(run.path).samples.labels) == ["half", "class"]


def test_previews_stay_and_the_command_that_made_the_run_goes_on(tmp_path):
    from benchmarks.damage import make_run

    make_run(tmp_path / "run")
    run = ls.open(tmp_path / "run")
    before = run.samples.previews()
    run.add_labels({"new": np.arange(120) % 5})
    assert ls.open(run.path).samples.previews() == before == run.samples.previews()
    make_run(tmp_path / "run")  # the plan is the same, and labels may have been added


def test_the_command_adds_shows_and_removes(run, tmp_path, capsys):
    frame().to_csv(tmp_path / "labels.csv", index=False)
    assert main(["labels", str(run.path), str(tmp_path / "labels.csv")]) == 0
    assert capsys.readouterr().out == "half: 2 categories, 0 missing\nclass: 3 categories, 0 missing\n"
    assert main(["labels", str(run.path), "--remove", "half,class"]) == 0
    assert capsys.readouterr().out == f"{run.path} has no labels\n"
    assert main(["labels", str(run.path), "--remove", "half"]) == 2
    assert capsys.readouterr().err == "error: unknown label column 'half'. There are: none.\n"


def test_what_was_said_of_a_column_goes_with_it(run):
    words = ["the column 'half' (2 values): neighbors have the same value", "neighbors stand within 2 rows"]
    run.folder.save_notes(words)
    run.remove_labels("half")
    assert ls.open(run.path).notes == (words[1],)


def test_what_another_process_adds_meanwhile_stays(run):
    late = ls.open(run.path)
    assert list(late.samples.labels) == ["half"]  # it has read what another then changes
    run.add_labels({"class": CLASSES})
    late.add_labels({"size": np.linspace(0, 1, N)})
    run.remove_labels("half")
    with pytest.raises(InvalidValue, match="has labels 'class' already, of other values"):
        late.add_labels({"class": CLASSES[::-1]})
    late.add_labels({"class": CLASSES})  # as a command does that was interrupted and is given again
    with pytest.raises(UnknownName, match="unknown label column 'half'"):
        late.remove_labels("half")
    assert set(ls.open(run.path).samples.labels) == {"class", "size"}
    assert whole(run)


@pytest.mark.skipif(os.name != "posix", reason="the lock is of POSIX")
@pytest.mark.parametrize("same", [True, False], ids=["one run", "two runs"])
def test_a_change_waits_until_another_is_done(run, monkeypatch, same):
    """Of two threads, the second begins when the first has read what is there, and before it writes."""
    late, threads, announce = run if same else ls.open(run.path), [], Ledger.announce

    def announced(ledger, name, entry):
        if not threads:
            threads.append(threading.Thread(target=late.add_labels, args=({"size": np.linspace(0, 1, N)},)))
            threads[0].start()
            threads[0].join(0.2)
            assert threads[0].is_alive()
        announce(ledger, name, entry)

    monkeypatch.setattr(Ledger, "announce", announced)
    run.add_labels({"class": CLASSES})
    threads[0].join(10)
    assert not threads[0].is_alive()
    assert set(ls.open(run.path).samples.labels) == {"half", "class", "size"}
    assert whole(run)


@pytest.mark.skipif(os.name != "posix", reason="the lock is of POSIX")
def test_tables_of_two_who_measure_at_once_are_both_kept(run, monkeypatch):
    late, threads, load = ls.open(run.path), [], Results.load_estimates

    def loaded(results):
        found = load(results)
        if not threads:
            threads.append(threading.Thread(target=ls.measure, args=(late, ["participation_ratio"])))
            threads[0].start()
            threads[0].join(0.5)
        return found

    monkeypatch.setattr(Results, "load_estimates", loaded)
    ls.measure(run, ["twonn"])
    threads[0].join(10)
    assert set(ls.open(run.path).table.measure) == {"twonn", "participation_ratio"}


ADDING = """
import sys, numpy as np, layerscape as ls
run = ls.open(sys.argv[1])
for number in range(12):
    run.add_labels({f"{sys.argv[2]} {number}": np.arange(60) % 7})
    if number % 3:
        run.remove_labels(f"{sys.argv[2]} {number}")
"""


@pytest.mark.more
@pytest.mark.skipif(os.name != "posix", reason="the lock is of POSIX")
def test_two_processes_that_add_and_remove_lose_nothing(run):
    both = [subprocess.Popen([sys.executable, "-c", ADDING, str(run.path), name]) for name in ("one", "two")]
    assert [each.wait(120) for each in both] == [0, 0]
    kept = {f"{name} {number}" for name in ("one", "two") for number in (0, 3, 6, 9)}
    assert set(ls.open(run.path).samples.labels) == {"half", *kept}
    assert whole(run)


@pytest.mark.parametrize("other", [None, CLASSES[::-1]], ids=["gone", "others"])
def test_what_is_measured_with_labels_that_go_meanwhile_is_not_kept(run, monkeypatch, other):
    run.add_labels({"class": CLASSES})

    def change(what, done, total):
        if what in ("measuring", "judging") and done == total:
            late = ls.open(run.path)
            late.remove_labels("class")
            if other is not None:
                late.add_labels({"class": other})

    with pytest.warns(UserWarning, match=r"^2 rows are not kept in the run: labels .* \('class'\) were removed or"):
        table = ls.measure(run, ["twonn", "label_overlap"], k=5, labels=["half", "class"], progress=change)
    assert set(table.label) == {"", "half", "class"}
    assert set(run.table.label) == {"", "half"}
    if other is not None:
        run.remove_labels("class")
    run.add_labels({"class": CLASSES})
    with pytest.warns(UserWarning, match=r"^the recommendation is not kept in the run: labels 'class' were removed or"):
        found = ls.recommend(run, k=5, permutations=19, progress=change)
    assert found.layer in (None, "first", "second")
    assert ls.open(run.path).recommendation is None
    assert whole(run)


def test_a_label_without_a_name_is_refused(run):
    """What no label was asked for has an empty one in the table, which would go with it."""
    with pytest.raises(InvalidValue, match=r"^a label column has no name, .*; name it\.$"):
        run.add_labels({"": CLASSES})
    with pytest.raises(InvalidValue, match=r"^a label column has no name"):
        ls.from_arrays({"a": np.eye(4)}, labels={"": [0, 1, 0, 1]})


@pytest.mark.parametrize("values", [np.linspace(0, 1, N), np.arange(2 * N).reshape(N, 2) / 7, CLASSES.astype(object)])
def test_labels_of_any_kind_are_told_from_others(run, values):
    run.add_labels({"it": values})
    ls.measure(run, ["twonn"], labels=["half"])  # which looks whether they are still those that there were
    run.add_labels({"it": values})
    with pytest.raises(InvalidValue, match="of other values"):
        run.add_labels({"it": values[::-1]})
