"""The sdist, and the wheel that is built from it, without the source tree beside it."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.more


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The sdist, and beside it the wheel that was built from it alone."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return out


@pytest.fixture(scope="module")
def wheel(dist):
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """The wheel unpacked, in front of the editable install."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def python(site, code, cwd):
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sdist_holds_whatever_its_tests_and_benchmarks_read(dist):
    (built,) = dist.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("src", "tests", "benchmarks", "docs", "tools", "exercises"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert {path.relative_to(ROOT).as_posix() for path in files} <= names
    assert {"pyproject.toml", "constraints.txt", "Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= names


def test_wheel_holds_code_types_template_and_weights_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("layerscape/py.typed", "layerscape/reports/template.html", "layerscape/reports/strip.js"):
        assert needed in names
    assert sum(name.endswith(".safetensors") for name in names) == 5
    assert not [name for name in names if not name.startswith(("layerscape/", "layerscape-"))]
    weights = [info.file_size for info in zipfile.ZipFile(wheel).infolist() if info.filename.endswith(".safetensors")]
    assert sum(weights) <= 3_000_000


def test_wheel_works_without_the_source_tree(site, tmp_path):
    pytest.importorskip("torch")
    code = """
import layerscape as ls, numpy as np
assert ls.__file__.startswith(sys.path[0]), ls.__file__
run = ls.extract("demo", "digits", out="run", limit=60)
table = ls.measure(run, ["twonn", "label_overlap"], k=5)
print(len(run.layers), ls.report(run))
"""
    n_layers, page = python(site, code, tmp_path).split()
    assert int(n_layers) >= 8
    assert (tmp_path / page).stat().st_size > 100_000
