"""What `run` would refuse later is refused first: options, then paths, then the model; and k before the extraction."""

import pytest

from layerscape.cli import main


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--controls", "shuffled"], "unknown control 'shuffled'"),
        (["--measures", "twon"], "unknown measure 'twon'; nearest: twonn"),
        ([], "nowhere/photos does not exist"),
    ],
)
def test_options_come_before_paths_and_paths_before_the_model(more, text, tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("layerscape.pipeline.extract.open_model", lambda *_, **__: opened.append(1))
    assert main(["run", "no/model", "nowhere/photos", "--out", str(tmp_path / "run"), *more]) == 2
    assert capsys.readouterr().err.startswith(f"error: {text}")
    assert opened == []


def test_more_neighbors_than_samples_are_refused_before_a_block_is_made(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["run", "demo", "digits", "--limit", "12", "--k", "12", "--out", str(out)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == "error: k=12 neighbors asked of 12 samples; k must lie in 1..11."
    assert not list(out.rglob("blocks/*"))
