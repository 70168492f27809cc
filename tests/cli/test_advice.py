"""What a line of advice names is there: an option of the command that was given, or of the one that it says to give."""

import ast
import re
from pathlib import Path

import click
import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

import layerscape
import layerscape as ls
from layerscape.cli import cli, main

SOURCE = Path(layerscape.__file__).parent
NAMED = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def options_of(command):
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "--version"}


def commands():
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        yield name, command
        if isinstance(command, click.Group):
            yield from (
                (f"{name} {each}", command.get_command(context, each)) for each in command.list_commands(context)
            )


OPTIONS = {name: options_of(command) for name, command in commands()}


def test_every_option_that_the_code_names_is_one_of_a_command():
    """In whatever sentence: errors, warnings, help and docstrings."""
    known, named = set().union(*OPTIONS.values()), set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= set(NAMED.findall(node.value))
    assert len(named) > 30
    assert named <= known


def unknown(command, text):
    """The options that a line names and the command has not; what follows ``layerscape NAME`` is of that command."""
    found = []
    for part in re.split(r"(?=\blayerscape [a-z])", text):
        told = re.match(r"layerscape ([a-z]+(?: [a-z_]+)?)", part)
        name = next((each for each in (told[1], told[1].split()[0]) if each in OPTIONS), command) if told else command
        found += [option for option in NAMED.findall(part) if option not in OPTIONS[name]]
    return found


def test_an_option_of_another_command_is_seen():
    assert unknown("dimension", "say --vectors, or give: layerscape estimate twonn x.npy --square") == []
    assert unknown("dimension", "say --square") == ["--square"]
    assert unknown("estimate twonn", "give: layerscape dimension x.npy --square") == ["--square"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files that other tools write, and a run."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).standard_normal((60, 4))
    far = squareform(pdist(x))
    np.save("x.npy", x)
    np.save("square.npy", far)
    np.save("rows.npy", far.argsort(axis=1)[:, :9])
    np.save("distances.npy", np.sort(far, axis=1)[:, :9])
    np.savez("two.npz", a=x, b=x)
    Path("table.csv").write_text("name,other\na,b\nc,d\n")
    Path("labels.csv").write_text("one,two\n" + "a,b\n" * 60)
    ls.from_arrays({"a": x, "b": x**3}, labels={"half": np.arange(60) % 2, "size": x[:, 0]}, out="run")


ASKED = [
    *((command, file) for command in ("dimension", "estimate twonn", "estimate pca") for file in
      ("square.npy", "rows.npy", "distances.npy", "two.npz", "table.csv", "none.npy")),
    *(("estimate label_overlap", f"x.npy --labels {file}") for file in ("labels.csv", "none.csv", "x.npy")),
    ("estimate overlap", "rows.npy rows.npy"), ("estimate overlap", "x.npy x.npy --k 60"),
    ("estimate twonn", "rows.npy --indices"), ("estimate twonn", "x.npy --distances x.npy"),
    ("estimate twonn", "x.npy --groups labels.csv"), ("estimate twonn", "x.npy --own-group kept"),
    ("measure", "run --k 60"), ("measure", "run --by size"), ("measure", "run --by half --controls gaussian"),
    ("measure", "run --own-group kept"), ("measure", "run --csv none/t.csv"), ("measure", "run --labels none"),
    ("compare", "run none"), ("compare", "run run --k 60"), ("differences", "run --measures cka"),
    ("recommend", "run --by twonn"), ("recommend", "run --labels size"), ("report", "run --out run/run.json"),
    ("report", "run"), ("check", "none"), ("labels", "run none.csv"), ("labels", "run table.csv"),
    ("search", "run --k 60"),
    ("extract", "demo none --out r"), ("extract", "demo digits --out labels.csv"),
    ("extract", "demo digits --out r --sample-seed 1"), ("extract", "none labels.csv --out r"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "more"), ASKED)
def test_advice_names_options_that_the_command_has(command, more, files, capsys):
    status = main([*command.split(), *more.split()])
    said = capsys.readouterr()
    text = said.err + (said.out if status == 0 else "")
    assert unknown(command, text) == []
    assert status in (0, 2)


def test_a_file_of_distances_may_hold_vectors_all_the_same(files, capsys):
    assert main(["dimension", "square.npy"]) == 2
    assert "say --vectors if it holds vectors all the same" in capsys.readouterr().err
    assert main(["dimension", "square.npy", "--vectors", "--controls", ""]) == 0
    assert main(["estimate", "twonn", "square.npy", "--square"]) == 0
    assert main(["estimate", "twonn", "square.npy", "--vectors"]) == 0
