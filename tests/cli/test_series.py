"""The command `series`: checkpoints in, one page out; what is there is not made again, and mistakes are one line."""

import json

import pytest

from layerscape.cli import main

pytest.importorskip("torch")
pytest.importorskip("vl_convert")

STEPS = "untrained,step_0150,final"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "training"
    asked = ["series", "demo", "digits", "--revisions", STEPS, "--limit", "120", "--measures", "twonn,overlap"]
    assert main([*asked, "--k", "10", "--out", str(out)]) == 0
    return out, asked


def test_checkpoints_make_a_series_with_a_page(made, capsys):
    import layerscape as ls

    out, _ = made
    found = ls.series(out)
    assert found.steps == (0, 150, 1500)
    assert [run.record["model"]["model"] for run in found] == ["demo@untrained", "demo@step_0150", "demo@final"]
    table = found.table
    assert table[table.other_step.notna()].measure.unique().tolist() == ["overlap"]
    text = (out / "report.html").read_text("utf-8")
    assert "step × layer" in text
    assert "Neighborhoods move most" in text


def test_what_is_there_is_not_made_again(made, capsys, monkeypatch):
    out, asked = made
    from layerscape.extraction.network import Network

    monkeypatch.setattr(Network, "blocks", None)
    assert main([*asked, "--k", "10", "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["steps"] == [0, 150, 1500]
    assert len(found["findings"]) == 2


def test_a_folder_of_runs_is_measured_and_shown(made, capsys):
    out, _ = made
    assert main(["measure", str(out), "--measures", "overlap", "--k", "5", "--no-save"]) == 0
    assert "other_step" in capsys.readouterr().out.splitlines()[0]
    assert main(["report", str(out), "--baseline", str(out / "final")]) == 2
    assert capsys.readouterr().err.startswith("error: a baseline of a series")


def test_files_of_weights_are_no_models(tmp_path, capsys):
    for step in (1, 2):
        (tmp_path / f"step_{step}.ckpt").write_bytes(b"weights")
    assert main(["series", str(tmp_path / "step_*"), "digits", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path / 'step_1.ckpt'} is a file, and weights alone do not say of what network")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["demo", "digits"], "error: 'demo' is one model; give the pattern of its checkpoints' folders"),
        (["none-*", "digits"], "error: no folder is called like 'none-*'"),
        (["demo", "digits", "--revisions", "final"], "error: one checkpoint, 'final'; a series is of two or more."),
        (["demo", "digits", "--revisions", "final,last"], "error: unknown checkpoint 'last'"),
        (["demo", "digits", "--revisions", STEPS, "--steps", "1,b"], "error: --steps 1,b; give numbers"),
        (["demo", "digits", "--revisions", STEPS, "--steps", "1,2,nan"], "error: --steps 1,2,nan; give numbers"),
        (["demo", "digits", "--revisions", STEPS, "--steps", "1,2,2.0"], "error: step 2 is that of two checkpoints"),
        (["demo", "digits", "--revisions", STEPS, "--steps", "1"], "error: 1 --steps of 3 checkpoints"),
        (["demo", "digits", "--revisions", STEPS, "--untrained"], "error: --untrained of the demo"),
        (["demo", "digits", "--revisions", STEPS, "--random-init", "1"], "error: --random-init without --untrained"),
        (["demo", "digits", "--revision", "main"], "error: --revision is of one run"),
        (["demo", "digits", "--revisions", STEPS, "--measures", "twon"], "error: unknown measure 'twon'"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_made(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["series", *words, "--out", "out"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(says)
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_what_the_trainer_logged_at_a_checkpoint_is_a_score(tmp_path, capsys):
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    import layerscape as ls

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate("_abcdefgh")}, unk_token="_"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    for step in (5, 10, 15, 20):
        torch.manual_seed(step)
        folder = tmp_path / f"checkpoint-{step}"
        GPT2Model(GPT2Config(vocab_size=9, n_positions=16, n_embd=8, n_layer=2, n_head=2)).save_pretrained(folder)
        PreTrainedTokenizerFast(tokenizer_object=words, pad_token="_", unk_token="_").save_pretrained(folder)
        log = [{"loss": 1 / each, "step": each} for each in range(5, step + 1, 5)]
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "log_history": log}))
    texts = [" ".join("abcdefgh"[(n * k + n // 8) % 8] for k in range(1, 4 + n % 5)) for n in range(40)]
    (tmp_path / "texts.csv").write_text("text\n" + "\n".join(texts))
    asked = ["series", str(tmp_path / "checkpoint-*"), str(tmp_path / "texts.csv"), "--layers", "block_*", "--k", "5"]
    assert main([*asked, "--measures", "pca,overlap", "--out", str(tmp_path / "out")]) == 0
    assert ls.series(tmp_path / "out").scalars == {"loss": {5: 0.2, 10: 0.1, 15: 1 / 15, 20: 0.05}}
    capsys.readouterr()
    assert main(["against", str(tmp_path / "out"), "--score", "loss", "--measure", "pca", "--json"]) == 0
    assert [row["score"] for row in json.loads(capsys.readouterr().out)["rows"]] == [0.2, 0.1, 1 / 15, 0.05]
    assert main(["against", str(tmp_path / "out"), "--score", "los", "--measure", "pca"]) == 2
    words = "los does not exist; give a file of scores, with a column step or run, or one of what the runs hold: 'loss'"
    assert words in capsys.readouterr().err
