"""The notebooks: made of their scripts, right when solved, and kind when an exercise is left empty."""

import importlib.util
import os
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jupytext")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "exercises"


def load(path):
    """A file that is no module of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


exercises, checks = load(ROOT / "tools" / "exercises.py"), load(FOLDER / "checks.py")
SCRIPTS = exercises.scripts()
WARNS = ("12_protein_and_language",)  # real models and texts give reason to, and the notebook says so
each = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@each
def test_notebook_is_what_its_script_makes(script):
    assert script.with_suffix(".ipynb").read_text(encoding="utf-8") == exercises.written(script), "run: make exercises"


@each
def test_notebook_has_no_answers_in_sight(script):
    cells = exercises.student(script).cells
    tags = [cell.metadata.get("tags", [""])[0] for cell in cells]
    assert tags.count("exercise") == tags.count("check") == tags.count("solution") >= 1
    for cell, tag in zip(cells, tags, strict=True):
        assert "SOLUTION" not in cell.source
        assert bool(cell.metadata.get("jupyter", {}).get("source_hidden")) == (tag == "solution")
        assert ("...  # your code here" in cell.source) == (tag == "exercise")
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)
    text = "\n".join(cell.source for cell in cells)
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>") > 0
    assert re.search(r"About \d+ minutes", text)


def executed(notebook, tmp_path, monkeypatch, **variables):
    for name, value in {"IPYTHONDIR": str(tmp_path), "OMP_NUM_THREADS": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}}).execute()
    return notebook.cells


@pytest.mark.more
@each
@pytest.mark.filterwarnings("default")  # those of the notebook's own code are asked for below
def test_every_exercise_passes_when_solved_and_fails_its_check_when_empty(script, tmp_path, monkeypatch, request):
    if "pictures(" in script.read_text():
        request.getfixturevalue("data_dir")
    cells = executed(exercises.tried(script), tmp_path, monkeypatch)
    kinds = {"check": 0, "check-of-empty": 0}
    for cell in cells:
        tag = cell.metadata.get("tags", [""])[0]
        outputs = cell.get("outputs", [])
        if tag == "check-of-empty":
            (error,) = [output for output in outputs if output.output_type == "error"]
            assert error.ename == "NotYet", error
            (line,) = error.traceback  # no wall of a traceback
            assert "Fill in the cell above" in line
            assert "\n" not in line
        else:
            assert [output for output in outputs if output.output_type == "error"] == []
            said = "".join(output.text for output in outputs if output.get("name") == "stderr")
            assert not re.search("Warning|Error", said) or script.stem in WARNS, said  # a slow machine shows bars too
        if tag == "check":
            assert "".join(output.text for output in outputs if output.get("name") == "stdout").count(": right. ") >= 1
        if tag in kinds:
            kinds[tag] += 1
    assert kinds["check"] == kinds["check-of-empty"] >= 1


@pytest.mark.more
@pytest.mark.filterwarnings("default")
def test_small_twins_stand_in_where_no_models_and_data_are(tmp_path, monkeypatch):
    script = FOLDER / "12_protein_and_language.py"
    nowhere = {"LAYERSCAPE_MODELS": "", "LAYERSCAPE_DATA": str(tmp_path / "none")}
    said = [
        str(cell.get("outputs", "")) for cell in executed(exercises.tried(script), tmp_path, monkeypatch, **nowhere)
    ]
    assert sum(one.count("A small network of random weights takes its place") for one in said) == 2
    assert sum(one.count("are made here instead") for one in said) == 2


def test_each_task_of_the_lab_takes_five_lines_at_most():
    script = FOLDER / "14_school_lab.py"
    lines = [found[3].count("\n") for found in exercises.SOLUTION.finditer(script.read_text())]
    assert len(lines) == 5
    assert max(lines) <= 5


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
def test_a_script_runs_as_it_is(monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    runpy.run_path(str(FOLDER / "03_twonn_by_hand.py"))
    said = capsys.readouterr().out
    assert said.count(": right. ") == 7
    assert re.search(r"all ratios 8.06, line 8.\d\d, shortcut 11.03", said)


def test_a_wrong_answer_is_told_by_how_much_it_is_off():
    def said(answer, wanted=2.0, **more):
        with pytest.raises(checks.NotYet) as caught:
            checks.check("d", answer, wanted, **more)
        assert caught.value._render_traceback_() == [str(caught.value)]
        return str(caught.value)

    assert said(lambda: None) == "d: still empty. Fill in the cell above and run it, or open the solution below."
    assert said(lambda: ...) == said(lambda: None)
    assert said(lambda: nothing).startswith("d: nothing there yet (name 'nothing' is not defined")  # noqa: F821
    assert said(lambda: 1 / 0) == "d: your code ended with ZeroDivisionError: division by zero"
    assert said(lambda: "two") == "d: got a str; numbers were expected."
    assert said(lambda: [1.0, 2.0], hint="One number.") == "d: got shape (2,), expected shape (). One number."
    assert said(lambda: 2.5) == "d: not yet. You have 2.5, layerscape says 2: 0.5 too high."
    nearly = "d: not yet. You have 1.999999999, layerscape says 2: 1e-09 too low. "
    assert said(lambda: 2 - 1e-9) == nearly + "Nearly: is something in float32, or rounded?"
    assert said(lambda: -np.inf, np.inf) == "d: not yet. You have -inf, layerscape says inf: inf too low."
    assert said(lambda: [np.inf, 2.0], np.array([1.0, 2.0])).startswith(
        "d: not yet. You have inf, layerscape says 1: inf"
    )
    assert said(lambda: 1 + 2j) == "d: got a complex; numbers were expected."
    assert said(lambda: [1.0, None], np.ones(2)) == said(lambda: None)
    assert said(lambda: np.nan) == "d: 1 of 1 values are NaN."
    wrong = said(lambda: np.array([1.0, 5.0]), np.array([1.0, 2.0]), hint="Root?")
    assert wrong == "d: not yet. You have 5, layerscape says 2: 3 too high (worst at 1 of shape (2,)). Root?"


def test_a_right_answer_is_told_so(capsys):
    checks.check("d", lambda: 2 + 1e-12, 2.0)
    checks.check("r", lambda: [1, 2], np.array([1.0, 2.0]))
    assert capsys.readouterr().out == "d: right. 2, within 1e-10.\nr: right. 2 values, within 1e-10.\n"


def test_what_is_missing_is_said_in_one_line(monkeypatch, tmp_path):
    with pytest.raises(checks.NotHere, match=r"This notebook needs no_such. Run this in a cell, .*%pip install"):
        checks.ready("no_such", "numpy")
    checks.ready("numpy")
    monkeypatch.setenv("LAYERSCAPE_DATA", str(tmp_path / "none"))

    def no_network(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(pytest.importorskip("pooch"), "retrieve", no_network)
    with pytest.raises(checks.NotHere) as caught:
        checks.pictures("mnist", 100)
    assert str(caught.value).startswith(
        f"mnist is not on this machine: it was looked for in {tmp_path / 'none' / 'mnist'} ("
    )
    assert "\n" not in str(caught.value)


def test_a_cell_in_which_an_exercise_has_no_check_is_refused(tmp_path):
    script = tmp_path / "01_x.py"
    script.write_text('# %% tags=["exercise"]\n# BEGIN SOLUTION of d\nd = 2\n# END SOLUTION\n\n# %%\nd\n')
    with pytest.raises(ValueError, match="is followed by its check"):
        exercises.student(script)
    script.write_text(script.read_text().replace("# %%\nd\n", '# %% tags=["check"]\nd\n'))
    assert [cell.source.splitlines()[-1] for cell in exercises.student(script).cells[1:]] == [
        "d = ...  # your code here",
        "d",
        "d = 2",
    ]


def test_a_notebook_that_lies_alone_says_where_it_belongs(monkeypatch):
    monkeypatch.setitem(sys.modules, "checks", None)
    with pytest.raises(SystemExit) as caught:
        exec(exercises.ALONE, {})
    assert "beside checks.py, with a kernel that has layerscape: run  %pip install" in str(caught.value)
    assert "\n" not in str(caught.value)
