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


NETWORKS = """
import torch

def make():
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))

def deeper():
    return torch.nn.Sequential(*make(), torch.nn.ReLU(), torch.nn.Linear(3, 3))
"""


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with a module of factories, weights of four steps, and inputs; the working directory."""
    import numpy as np
    import torch

    monkeypatch.chdir(tmp_path)
    name = f"networks_{tmp_path.name}".replace("-", "_")  # a module is imported once
    (tmp_path / f"{name}.py").write_text(NETWORKS)
    np.save("x.npy", np.random.default_rng(0).standard_normal((60, 4)).astype("f4"))
    for step in (5, 10, 100, 20):
        torch.manual_seed(step)
        network = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
        torch.save(network.state_dict(), f"weights_{step}.pt")
    return name


ASKED = ["x.npy", "--k", "5", "--measures", "pca,overlap", "--out", "out"]


def test_weights_alone_make_a_series_in_the_network_of_a_factory(weights, capsys):
    import numpy as np
    import torch

    import layerscape as ls

    asked = ["series", "weights_*.pt", *ASKED, "--factory", f"{weights}:make", "--untrained", "--random-init", "7"]
    assert main(asked) == 0
    found = ls.series("out")
    assert found.steps == (0, 5, 10, 20, 100)
    assert [run.name for run in found] == ["untrained", "weights_5", "weights_10", "weights_20", "weights_100"]
    for step, seed in {0: 7, 20: 20}.items():
        torch.manual_seed(seed)
        first = torch.nn.Linear(4, 6)
        expected = first(torch.from_numpy(np.load("x.npy"))).detach().numpy()
        np.testing.assert_allclose(found.runs[found.steps.index(step)]["0"].matrix[:], expected, atol=1e-6)
    assert found.runs[1].record["model"]["model"] == "weights_5.pt"
    capsys.readouterr()
    assert main([*asked[:-3], "--out", "again", "--steps", "1,2,3,4"]) == 0
    assert ls.series("again").steps == (1, 2, 3, 4)


def test_a_damaged_run_of_weights_alone_is_mended(weights, monkeypatch):
    import layerscape as ls

    asked = ["series", "weights_*.pt", *ASKED, "--factory", f"{weights}:make"]
    monkeypatch.setattr("sys.argv", ["layerscape", *asked])
    assert main(asked) == 0
    before = ls.series("out")[2]["2"].matrix[:]
    vectors = ls.series("out")[2].path / "vectors.zarr" / "2"
    broken = max((path for path in vectors.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    broken.write_bytes(broken.read_bytes()[:-8])
    assert main(["check", "out", "--repair"]) == 0
    assert (ls.series("out")[2]["2"].matrix[:] == before).all()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            [],
            "error: weights_10.pt is a file, and weights alone do not say of what network they are: give the function",
        ),
        (["--factory", "NAME:deeper"], "error: 'weights_5.pt' lacks '4.weight', '4.bias' of the 6 weights of the netw"),
        (["--factory", "NAME:none"], "error: factory 'NAME:none': NAME has no 'none'."),
        (["--factory", "NAME.py:make"], "error: factory 'NAME.py:make'; give MODULE:FUNCTION, as networks:make for ma"),
        (["--factory", "NAME:make", "--max-length", "4"], "error: max_length=4 is for models from the hub or a folder"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(weights, words, says, capsys):
    assert main(["series", "weights_*.pt", *ASKED, *(word.replace("NAME", weights) for word in words)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(says.replace("NAME", weights))


def test_an_order_that_names_do_not_tell_is_asked_for(weights, capsys, tmp_path):
    (tmp_path / "weights_5.pt").rename("weights_last.pt")
    assert main(["series", "weights_*.pt", *ASKED, "--factory", f"{weights}:make"]) == 2
    assert capsys.readouterr().err.strip() == (
        "error: the order of 'weights_10', 'weights_100', 'weights_20', … is not known: their names do not differ in "
        "one number; give --steps, one of each, in this order: weights_10, weights_100, weights_20, weights_last."
    )
    (tmp_path / "weights_last.safetensors").write_bytes(b"")
    assert main(["series", "weights_*", *ASKED, "--factory", f"{weights}:make"]) == 2
    assert "names two checkpoints called 'weights_last'" in capsys.readouterr().err


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
