"""What the docs say is true: every Python block runs, every command line parses, every link leads somewhere."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import click
import pytest

from layerscape.measures import catalog

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE = ("figures.md", "measures/index.md", "command-line.md", "python.md", "protocols.md")  # when the site is built
MADE += tuple(f"measures/{name}.md" for name in catalog())
RUN = [page for page in PAGES if page.name != "design.md"]  # whose blocks are sketches of the face


def blocks(page, language):
    text = page.read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def said(code):
    """What a block says that it prints: behind each print, what it prints in turn."""
    return [each for words in re.findall(r"^ *print\(.*\)  # (.*)$", code, re.MULTILINE) for each in words.split(" / ")]


def commands():
    lines = [line for page in PAGES for block in blocks(page, "console") for line in block.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ layerscape")]


@pytest.mark.parametrize("page", [page for page in RUN if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    for library in ("zarr", "pandas", "jinja2", "vl_convert", "torch"):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks(page, "python"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, str(page), "exec"), names)
        if said(code):
            assert out.getvalue().splitlines() == said(code)


@pytest.mark.parametrize("line", commands(), ids=str)
def test_command_lines_name_commands_and_options_that_exist(line):
    from layerscape.cli import cli

    words = shlex.split(line)[1:]
    command, context = cli, click.Context(cli)
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    if "--help" not in words:
        command.make_context(command.name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target and target not in MADE:
            assert (page.parent / target).exists(), target


def told():
    """What users are told, in words and blocks: all pages but the design, which is told to those who build."""
    return "\n".join(page.read_text() for page in RUN if page.name not in ("CONTRIBUTING.md", "CHANGELOG.md"))


def test_docs_name_every_command():
    from layerscape.cli import HOMES

    assert [name for name in HOMES if not re.search(rf"layerscape {name}\b", told())] == []


def test_docs_name_every_public_name():
    import layerscape as ls

    names = [name for name in dir(ls) if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"\bls\.{name}\b", told())] == []


def test_docs_name_every_figure():
    pytest.importorskip("matplotlib")
    from layerscape import plot

    assert [name for name in dir(plot) if f"plot.{name}`" not in told()] == []


def options(command, path=""):
    """Every option of a command and of the commands in it."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"{path} {parameter.opts[0]}", parameter
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from options(command.get_command(context, name), f"{path} {name}".strip())


def test_every_option_says_what_it_is_for():
    from layerscape.cli import cli

    found = dict(options(cli))
    assert "estimate overlap --k" in found
    assert [name for name, option in found.items() if not option.help] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_one_that_is_tried(page):
    """Python runs, and commands are read: a block in no language would be tried by nobody."""
    fences = re.findall(r"^ *```(.*)$", page.read_text(), re.MULTILINE)
    assert set(fences[::2]) <= {"python", "console"}
    assert set(fences[1::2]) <= {""}
