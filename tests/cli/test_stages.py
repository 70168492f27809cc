"""What the commands that compose stages leave out, and that they say so."""

import warnings

import click
import numpy as np
import pytest

import layerscape as ls
from benchmarks.small_bert import WORDS, small_bert
from layerscape.cli import cli, main


@pytest.mark.filterwarnings("always")
def test_the_same_warning_is_said_once_in_a_command(monkeypatch, capsys):
    @click.command
    def twice():
        for words in ("samples follow each other", "another thing", "samples follow each other"):
            warnings.warn_explicit(words, UserWarning, f"{len(words)}.py", 1, registry={})

    monkeypatch.setattr(type(cli), "get_command", lambda *_: twice)
    for _ in range(2):
        assert main(["twice"]) == 0
        assert capsys.readouterr().err.splitlines() == ["note: samples follow each other", "note: another thing"]


@pytest.mark.filterwarnings("ignore:160 of 200 samples are copies of others")  # as these texts are
def test_samples_in_time_and_repeats_get_no_recommendation_that_takes_them_as_independent(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    side = np.arange(200) // 100
    texts = [f"{WORDS[row % 4 + 5 * side[row]]} {WORDS[row % 15]} cat" for row in range(200)]
    (tmp_path / "texts.csv").write_text(
        "text,label,of\n"
        + "\n".join(f"{t},{'ab'[s]},{row // 2}" for row, (t, s) in enumerate(zip(texts, side, strict=True)))
    )
    command = ["run", small_bert(tmp_path / "bert"), "texts.csv", "--labels", "label,of", "--measures", "label_overlap"]
    said = []
    for more in (["--out", "one"], ["--out", "two", "--lag", "1"], ["--out", "three", "--repeats", "of"]):
        assert main([*command, "--k", "5", *more]) == 0
        said.append(capsys.readouterr().err)
    refused = ["no layer is recommended: recommend takes samples as independent" in text for text in said]
    assert refused == [False, True, True]
    names = ("one", "two", "three")
    assert [(tmp_path / name / "recommendation.json").exists() for name in names] == [True, False, False]
    assert (tmp_path / "two" / "report.html").exists()
    assert ls.open("one").recommendation is not None
    assert main([*command, "--k", "5", "--out", "one", "--lag", "1"]) == 0
    assert ls.open("one").recommendation is None


@pytest.fixture
def asking(tmp_path, monkeypatch):
    """Passages, texts that ask for the first forty of them, who answers whom, and the words of a run of them."""
    monkeypatch.chdir(tmp_path)
    texts = [" ".join(WORDS[(row * step + step) % 15] for step in (1, 2, 4, 7)) for row in range(60)]
    lines = "".join(f"p{row},{text} {WORDS[row % 4]},{row % 3}\n" for row, text in enumerate(texts))
    (tmp_path / "passages.csv").write_text(f"id,text,kind\n{lines}")
    (tmp_path / "questions.csv").write_text("id,text\n" + "".join(f"q{row},{texts[row]}\n" for row in range(40)))
    (tmp_path / "qrels.csv").write_text("query,relevant\n" + "".join(f"q{row},p{row}\n" for row in range(40)))
    model = small_bert(tmp_path / "bert")
    return ["run", model, "passages.csv", "--id-column", "id", "--queries", "questions.csv", "--relevant", "qrels.csv"]


def test_one_command_looks_for_queries_of_a_file_among_its_samples(asking, capsys):
    assert main([*asking, "--labels", "kind", "--measures", "recall,twonn,alignment", "--out", "one"]) == 0
    assert "judged by recall: most partners in 'queries: qrels.csv' are among its first" in capsys.readouterr().out
    texts, asked = ls.open("one"), ls.open("one/queries")
    assert (texts.n_samples, asked.n_samples) == (60, 40)
    table = texts.table
    assert set(table.label) == {"", "queries: qrels.csv"}
    assert set(table.metric[table.measure == "recall"]) == {"euclidean", "cosine"}
    rows = table[(table.measure == "recall") & (table.metric == "euclidean")].set_index("layer")
    for layer in texts.layers:
        pairs = [(row, row) for row in range(40)]
        expected = ls.estimate("recall", np.asarray(texts[layer]), pairs, queries=np.asarray(asked[layer]))
        assert rows.value[layer] == expected.value
    assert "queries: qrels.csv" in (texts.path / "report.html").read_text()
    found = ls.recommend(texts, pairs="qrels.csv", queries=asked)
    assert found.reason == texts.recommendation["reason"]
    assert main(["recommend", "one", "--queries", "one/queries", "--relevant", "qrels.csv"]) == 0
    assert found.reason in capsys.readouterr().out


def test_queries_of_a_run_are_checked_and_made_again_with_it(asking, tmp_path, capsys):
    assert main([*asking, "--measures", "recall", "--limit", "50", "--out", "one"]) == 0
    own = ls.open("one/queries").record["command"].split()
    assert own[:2] == ["layerscape", "extract"]
    assert own[3:] == ["questions.csv", "--out", "one/queries", "--id-column", "id"]
    vectors = {layer: np.asarray(ls.open("one/queries")[layer]) for layer in ls.open("one").layers}
    damaged = next((tmp_path / "one/queries/vectors.zarr").rglob("c.0.0"))
    damaged.write_bytes(b"nothing")
    assert main(["check", "one"]) == 2
    assert "damaged  queries/" in capsys.readouterr().out
    assert main(["check", "one", "--repair"]) == 0
    assert main(["check", "one"]) == 0
    again = ls.open("one/queries")
    assert all(np.array_equal(vectors[layer], again[layer]) for layer in vectors)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--limit", "30"], "pairs name 10 samples that the input has not: 'p30', 'p31', 'p32', …"),
        (["--queries", "nobody.csv"], "nobody.csv does not exist"),
        (["--queries", "passages.csv"], "pairs name 40 samples that the file of queries has not: 'q0', 'q1', 'q2', …"),
        (["--relevant", "kind"], "unknown label column or file of pairs 'kind'"),
        (["--measures", "twonn"], "pairs, and none of the measures reads them"),
    ],
)
def test_queries_that_nothing_answers_are_refused_before_the_model_is_opened(asking, capsys, more, words):
    asking[1] = "nobody/there"
    assert main([*asking, *more, "--out", "one"]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said
    without = [word for word in asking if word not in ("--relevant", "qrels.csv")]
    assert main([*without, "--out", "one"]) == 2
    assert "queries without pairs; say with pairs= (--relevant) who answers them." in capsys.readouterr().err
