"""Who may import whom, what is loaded when, and that these checks can fail."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "layerscape"
STAGES = {"extraction", "inputs", "storage", "search", "measures"}
ABOVE = {"run": {"core", "errors", "search", "storage", "upkeep"}, "upkeep": {"core", "errors", "inputs", "storage"}}
ABOVE |= {"row_numbers": {"core", "errors", "run"}, "runs": {"core", "errors", "row_numbers", "run", "storage"}}
ABOVE |= {"supply": {"core", "errors", "run", "search", "measures"}}
ABOVE |= {"datasets": {"core", "errors", "inputs"}, "figures": {"core", "errors", "measures"}}
ABOVE["labeled"] = {"core", "errors", "figures"}
ABOVE["plot"] = {"core", "errors", "figures"}
ABOVE["pipeline"] = {"core", "errors", "run", "runs", "supply"} | STAGES
ABOVE["training"] = {"core", "errors", "run", "runs", "supply", "pipeline"} | STAGES
ABOVE["questions"] = {"core", "errors", "run", "runs", "row_numbers", "supply", "pipeline", "measures"}
ABOVE["reports"] = {"core", "errors", "run", "runs", "supply", "figures"} | STAGES
ABOVE["cli"] = {"core", "errors", "run", "runs", "supply", "pipeline", "questions", "reports"} | STAGES
DOORS = {
    "torch": ("extraction/", "search/gpu/", "measures/dimension/autoencoder.py"),
    "transformers": ("extraction/huggingface.py", "extraction/processing.py", "training/huggingface.py"),
    "lightning": ("training/lightning.py",),
    "pytorch_lightning": ("training/lightning.py",),
    "numba": ("core/jit.py", "search/kernels/"),
    "llvmlite": ("search/kernels/",),
    "zarr": ("storage/", "search/sources.py"),
    "dask": (),
    "distributed": ("search/cluster.py",),
    "dask_jobqueue": ("search/slurm.py",),
    "yaml": ("search/slurm.py",),
    "jinja2": ("reports/",),
    "vl_convert": ("reports/",),
    "sklearn": ("inputs/digits.py",),
    "matplotlib": ("plot/",),
    "pooch": ("datasets/",),
    "xarray": ("storage/dataset.py", "labeled.py"),
    "h5py": ("inputs/hdf5.py", "storage/annotated.py"),
}
HEAVY = (
    "torch",
    "transformers",
    "numba",
    "scipy",
    "pandas",
    "pyarrow",
    "zarr",
    "PIL",
    "sklearn",
    "matplotlib",
    "click",
    "pooch",
    "xarray",
    "h5py",
    "dask",
    "distributed",
)


def imported(text):
    """Modules that a file imports, wherever in it; `require` counts, type checking does not."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "layerscape"
                else [node.module]
            )
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require" and hasattr(node.args[0], "value")
        ):
            yield node.args[0].value


def without_type_checking(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return ast.unparse(tree)


def home(module):
    return module.split(".")[1] if module.startswith("layerscape.") else None


def allowed(place):
    if place == "errors":
        return set()
    if place == "core":
        return {"core", "errors"}
    if place in STAGES:
        return {place, "core", "errors"}
    return {place} | ABOVE[place]


FILES = sorted(SOURCE.rglob("*.py"))


@cache
def imported_when_run(text):
    return tuple(imported(without_type_checking(text)))


def breaches(place, text):
    return [m for m in imported_when_run(text) if home(m) and home(m) not in allowed(place)]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SOURCE).as_posix())
def test_imports_go_one_way_and_through_the_doors(file):
    relative = file.relative_to(SOURCE).as_posix()
    place = relative.split("/")[0].removesuffix(".py")
    if place not in ("__init__", "__main__"):
        assert breaches(place, file.read_text()) == []
    libraries = {module.split(".")[0] for module in imported_when_run(file.read_text())}
    for library, doors in DOORS.items():
        if library in libraries:
            assert relative.startswith(doors), f"{library} is imported outside of {doors}"


SUPPLY = {
    "find_neighbors",
    "ranks",
    "places",
    "between",
    "distinct_rows",
    "subsets_of",
    "ranking_of",
    "ranking_among",
}  # what makes the data of a measure


def searches(text):
    """Calls of what only the supplier, and a run for the graphs that it keeps, may call."""
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [call.func.id for call in calls if isinstance(call.func, ast.Name) and call.func.id in SUPPLY]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SOURCE).as_posix())
def test_only_the_supplier_searches(file):
    relative = file.relative_to(SOURCE).as_posix()
    if not relative.startswith(("search/", "supply/")):
        assert searches(file.read_text()) == (["find_neighbors"] if relative == "run.py" else [])


def test_a_search_elsewhere_is_seen():
    assert searches("def f(x):\n    return g(find_neighbors(x, 3), ranks(x, [(0, 1)]))") == ["find_neighbors", "ranks"]


def test_a_breach_is_seen():
    assert breaches("search", "from layerscape.storage import RunFolder") == ["layerscape.storage"]
    assert breaches("core", "def f():\n    import layerscape.search") == ["layerscape.search"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(SOURCE).as_posix())
def test_files_and_functions_are_short(file):
    text = file.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            size = node.end_lineno - node.body[0].lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)
            assert size <= 40, f"{node.name} has {size} lines"


def loaded_by(statement):
    code = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def classes(files):
    """The files that define each public class."""
    found = {}
    for file in files:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(file.relative_to(SOURCE).as_posix())
    return found


def test_no_class_has_the_name_of_another():
    assert {name: files for name, files in classes(FILES).items() if len(files) > 1} == {}
    assert any(len(files) > 1 for files in classes([*FILES, *FILES]).values())  # so that a second one is seen


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import layerscape") & set(HEAVY) == set()


def test_a_heavy_import_is_seen():
    assert "scipy" in loaded_by("import layerscape; layerscape.estimate")


def test_help_loads_no_library_but_click():
    code = "from layerscape.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert loaded_by(code) & set(HEAVY) <= {"click"}


def test_public_face_fits_on_one_screen_and_exists():
    import layerscape

    names = [name for name in layerscape.__all__ if name != "__version__"]
    assert len(names) <= 32
    for name in names:
        assert getattr(layerscape, name).__doc__
    assert sorted(set(dir(layerscape)) - set(names)) == ["__version__", "datasets", "plot"]
