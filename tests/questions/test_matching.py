"""Samples of several runs are matched by their ids; where these are but row numbers, that is said or refused."""

import warnings

import numpy as np
import pytest

import layerscape as ls
from layerscape.cli import main
from layerscape.errors import InvalidValue

N = 42
X = np.random.default_rng(0).standard_normal((N, 4))
KIND = np.arange(N) % 3
BY_ROW = "do not say of which samples they are, and their samples are matched by row number: if row i is not the same"
ASK = {
    "compare": lambda a, b: ls.compare(a, b, ["overlap"], k=5),
    "differences": lambda a, b: ls.differences(a, b, measures=["twonn"]),
    "recommend": lambda a, b: ls.recommend(a, b, k=5, permutations=19),
}


def run_of(x=X, kind=KIND, **more):
    return ls.from_arrays({"in": x}, labels={"kind": kind}, **more)


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_rows_of_runs_that_do_not_know_their_samples_are_matched_with_a_word(ask):
    with pytest.warns(UserWarning, match=BY_ROW):
        ask(run_of(), run_of(X[::-1] + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ask(run_of(ids=range(N)), run_of(X[::-1] + 1, ids=range(N)))  # they know them, by whatever name
        ask(run_of(), run_of())  # the very same vectors


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_rows_are_no_ids_of_another_run(ask):
    """Ids that are numbers, from 1 say, are not the numbers of rows."""
    with pytest.warns(UserWarning, match="41 samples are in both"), pytest.warns(UserWarning, match=BY_ROW):
        ask(run_of(), run_of(X + 1, ids=range(1, N + 1), kind=np.roll(KIND, -1)))


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_rows_of_runs_of_other_sizes_or_labels_are_not_matched(ask):
    text = r"have 42 and 41 samples that are known by their row numbers only, which do not tell .*; give ids to the sam"
    with pytest.raises(InvalidValue, match=text):
        ask(run_of(), run_of(X[1:], KIND[1:]))
    with pytest.raises(InvalidValue, match=r"have other values of 'kind' for 42 of 42 samples"):
        ask(run_of(), run_of(X + 1, np.roll(KIND, 1)))


def test_runs_that_do_not_tell_whence_their_ids_came_are_known_by_their_look():
    """As runs of earlier versions, and those of networks."""

    def earlier(**more):
        run = run_of(X * np.random.default_rng(len(str(more))).random(4), **more)
        del run.folder.manifest.record["ids"]
        return run

    some, back = range(0, 3 * N, 3), range(N)[::-1]
    with pytest.warns(UserWarning, match=BY_ROW):
        ASK["compare"](earlier(), earlier(ids=range(N)))
    with pytest.warns(UserWarning, match=BY_ROW):  # drawn from more, in the order of their rows
        ASK["compare"](earlier(ids=some), earlier(ids=list(some)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ASK["compare"](earlier(ids=back), earlier(ids=list(back)))


@pytest.mark.filterwarnings("always")
def test_files_of_vectors_get_ids_from_the_table_of_their_labels(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    order = np.random.default_rng(1).permutation(N)
    said = "row i of {0}.csv is taken to be the same sample as row i of {0}.npy"
    for name, rows in (("a", np.arange(N)), ("b", order)):
        np.save(f"{name}.npy", X[rows])
        lines = [f"cell-{row},{KIND[row]}" for row in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,kind", *lines]))
        assert main(["vectors", f"{name}.npy", "--labels", f"{name}.csv", "--out", name]) == 0
        assert capsys.readouterr().err == f"note: {said.format(name)}\n"
    a, b = ls.open("a"), ls.open("b")
    assert b.samples.ids == tuple(f"cell-{row}" for row in order)
    assert b.samples.labels["kind"].tolist() == [str(KIND[row]) for row in order]
    assert ls.compare(a, b, ["overlap"], k=5).value.tolist() == [1]
    (tmp_path / "short.csv").write_text("\n".join(["id,kind", *lines[1:]]))
    assert main(["vectors", "a.npy", "--labels", "short.csv", "--out", "c"]) == 2
    assert "short.csv has no row for 42 of 42 samples" in capsys.readouterr().err
