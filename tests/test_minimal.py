"""What works in an install without extras, and that all else says in one line which extra it needs."""

import inspect
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import layerscape as ls
from layerscape import training
from layerscape.cli import cli
from layerscape.errors import EXTRAS
from layerscape.measures import catalog
from tests.extraction.conftest import FAMILIES
from tests.extraction.test_loss import head_of

HERE = Path(__file__).parent
pytestmark = pytest.mark.more

# Command or code → the extra that it says it needs; "" where it works without any.
STEPS = {
    "list": "",
    "dimension x.npy": "",
    "estimate twonn x.csv": "",
    "estimate twonn x.safetensors": "",
    "estimate twonn x.npy --device cuda": "models",
    "estimate twonn table.parquet": "runs",
    "estimate label_overlap x.npy --labels table.parquet:side": "runs",
    "layers demo": "models",
    "extract demo digits --limit 40 --out extracted": "models",
    "run demo digits --limit 40 --k 5 --measures twonn,label_overlap --out few": "models,report",
    "demo --out demo": "models,report",
    "vectors x.npy --out made": "runs",
    "vectors x.h5 --out made": "formats",
    "vectors x.pt --out made": "models",
    "plan 500,4": "",
    "plan run": "runs",
    "search run --k 5": "runs",
    "search run --k 6 --cluster local:1": "cluster",
    "search run --k 6 --cluster slurm:jobs.yaml": "slurm",
    "measure run --measures twonn --csv table.csv": "runs",
    "check run": "runs",
    "labels run more.csv": "runs",
    "compare run run --measures overlap --k 5": "runs",
    "series demo digits --revisions untrained,final --limit 40 --k 5 --measures twonn --out trained": "models,report",
    "ablate lm texts.txt --k 2 --measures overlap": "models",
    "against steps --score scores.csv": "runs",
    "differences run --measures twonn": "runs",
    "recommend run --k 5": "runs",
    "report run": "report",
}
NAMES = {
    "extract": ("ls.extract('demo', 'digits', out='called', limit=40)", "models"),
    "from_arrays": ("ls.from_arrays({'one': x})", "runs"),
    "from_files": ("ls.from_files('x.npy')", "runs"),
    "open": ("ls.open('run')", "runs"),
    "series": ("ls.series('steps')", "runs"),
    "plan": ("repr(ls.plan((500, 4)))", ""),
    "measure": ("ls.measure(ls.open('run'), ['twonn'])", "runs"),
    "against": ("ls.against(ls.series('steps'), 'scores.csv')", "runs"),
    "ablate": ("ls.ablate('lm', 'texts.txt', 'overlap', k=2)", "models"),
    "recommend": ("ls.recommend(ls.open('run'), k=5)", "runs"),
    "report": ("ls.report(ls.open('run'))", "runs"),
    "find_neighbors": ("ls.find_neighbors(x, 5)", ""),
    "ranks": ("ls.ranks(x, [(0, 1)])", ""),
    "estimate": ("ls.estimate('twonn', x)", ""),
    "compare": ("ls.compare(ls.open('run'), ls.open('run'), ['overlap'], k=5)", "runs"),
    "differences": ("ls.differences(ls.open('run'), measures=['twonn'])", "runs"),
    "changes": ("ls.changes(ls.open('run'), ls.open('run'), k=5)", "runs"),
    "controls": ("ls.controls('twonn', x)", ""),
    "dimension_report": ("repr(ls.dimension_report(x))", ""),
    "to_xarray": ("ls.to_xarray(ls.open('run').table)", "runs"),
    "Point": ("ls.Point(1, 0, 2)", ""),
    "Chance": ("ls.Chance(1, 0, 2, 0.5)", ""),
    "Subsets": ("ls.estimate('decimation', x)", ""),
    "Pairs": ("ls.Pairs.of([(0, 1)], 4)", ""),
    "Ranking": ("ls.estimate('information_imbalance', x, x**3)", ""),
    "Run": ("ls.Run", ""),
    "Representation": ("ls.Representation(x, 'layer')", ""),
    "Neighbors": ("ls.find_neighbors(x, 5).weights(3)", ""),
    "Estimate": ("ls.estimate('gride', x).to_dict()", ""),
    "Measure": ("ls.Measure", ""),
    "LayerscapeError": ("ls.LayerscapeError('a')", ""),
    "__version__": ("ls.__version__", ""),
}
TRAINING = {
    "Monitor": ("training.Monitor(model, x, out='watched').close()", "models"),
    "TrainerCallback": ("training.TrainerCallback(x)", "models"),
    "LightningCallback": ("training.LightningCallback(x)", ""),  # of a package that no extra brings
}
FIGURES = {
    "decimation": "'decimation', x",
    "dimension_scale": "'gride', x",
    "overlap_curve": "'overlap', x, x**3, k=5",
    "spectrum": "'pca', x",
    "twonn_fit": "'twonn', x",
}
DATA = {
    "Cloud": "ls.datasets.Cloud",
    "Images": "ls.datasets.Images",
    "ball": "ls.datasets.ball(50, 3)",
    "bits": "ls.datasets.bits(50, 9)",
    "counts": "ls.datasets.counts(50, 3)",
    "cube": "ls.datasets.cube(50, 3)",
    "cube_volumes": "ls.datasets.cube_volumes([3])",
    "distance_concentration": "ls.datasets.distance_concentration([3], n_samples=20)",
    "flat_torus": "ls.datasets.flat_torus(50, 3)",
    "gaussian": "ls.datasets.gaussian(50, 3)",
    "lattice": "ls.datasets.lattice(50, 3)",
    "line_disk_ball": "ls.datasets.line_disk_ball(60)",
    "manifold": "ls.datasets.manifold(next(iter(ls.datasets.manifolds())), 50)",
    "manifolds": "ls.datasets.manifolds()",
    "sphere": "ls.datasets.sphere(50, 3)",
    "swiss_roll": "ls.datasets.swiss_roll(50)",
    "torus_neighbors": "ls.datasets.torus_neighbors(np.random.rand(50, 3), k=3)",
}
CODE = "import warnings; warnings.simplefilter('ignore')\nimport numpy as np; import layerscape as ls\n"
CODE += "x = np.load('x.npy')\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small files of every kind, and a run that was measured."""
    out = tmp_path_factory.mktemp("minimal")
    x = np.random.default_rng(0).standard_normal((240, 20))
    x[::2] += 3  # two clusters, in no order of the rows that would have to be explained
    side = np.where(x[:, 0] > 1.5, "b", "a")
    np.save(out / "x.npy", x)
    np.save(out / "bits.npy", (x @ x.T > 0).astype(int))
    np.save(out / "whole.npy", np.rint(9 * x))
    np.savetxt(out / "x.csv", x, delimiter=",")
    with pytest.importorskip("h5py").File(out / "x.h5", "w") as file:
        file["x"] = x
    pytest.importorskip("torch").save(pytest.importorskip("torch").tensor(x), out / "x.pt")
    (out / "more.csv").write_text("id,half\n" + "".join(f"{row},{row // 120}\n" for row in range(len(x))))
    (out / "side.txt").write_text("\n".join(side))
    (out / "pairs.csv").write_text("query,relevant\n" + "".join(f"{row},{row + 8}\n" for row in range(8)))
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "side": side}).to_parquet(out / "table.parquet")
    from safetensors.numpy import save_file

    save_file({"x": x}, out / "x.safetensors")
    ids = [f"sample {row}" for row in range(len(x))]
    for step in range(4):
        ls.from_arrays({"one": x[:, : 5 * step + 5]}, ids=ids, out=out / "steps" / f"step_{step}")
    (out / "scores.csv").write_text("step,accuracy\n0,0.1\n1,0.5\n2,0.4\n3,0.9\n")
    head_of(out / "lm", str(FAMILIES["llama"](out / "base")))
    (out / "texts.txt").write_text("the cat sat\na dog ran far\nmy old red house\n" * 4)
    run = ls.from_arrays({"one": x, "two": np.tanh(x)}, labels={"side": side}, out=out / "run")
    ls.measure(run, ["twonn", "label_overlap"], k=5)
    return out


def endings(folder, steps, extras=""):
    """How each step ends where only these extras are installed: a status, and what it said."""
    wanted = json.dumps({"extras": [extra for extra in extras.split(",") if extra], "steps": steps})
    command = [sys.executable, str(HERE / "minimal.py")]
    done = subprocess.run(command, input=wanted, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def code(call):
    return CODE + call


def trained(call, model="model = None"):
    return code(f"from layerscape import training\n{model}\n{call}")


def estimate(measure):
    """The command that measures small files, with the extra that it needs."""
    files = [{"bid": "bits.npy", "i3d": "whole.npy"}.get(measure.name, "x.npy")] * (
        1 + measure.compares + 2 * ("graphs" in measure.data)
    )
    labels = ["--labels", "side.txt"] * ("labels" in measure.data) + ["--pairs", "pairs.csv"] * (
        "pairs" in measure.data
    )
    return ["estimate", measure.name, *files, *labels], "models" if measure.name == "autoencoder" else ""


@pytest.fixture(scope="module")
def minimal(folder):
    """Step → how it ends without extras and the extra that it is expected to name; all in one process."""
    steps = {words: (words.split(), extra) for words, extra in STEPS.items()}
    steps |= {f"ls.{name}": (code(call), extra) for name, (call, extra) in NAMES.items()}
    steps |= {f"plot.{name}": (code(f"ls.plot.{name}({figure(name)})"), "plot") for name in dir(ls.plot)}
    steps |= {f"datasets.{name}": (code(call), "") for name, call in DATA.items()}
    steps |= {f"training.{name}": (trained(call), extra) for name, (call, extra) in TRAINING.items() if extra}
    steps["datasets.load"] = code("import os; os.environ.pop('LAYERSCAPE_DATA', 0); ls.datasets.load('mnist')"), "data"
    steps |= {f"measure {name}": estimate(measure) for name, measure in catalog().items()}
    ended = endings(folder, [step for step, _ in steps.values()])
    return {name: (*end, extra) for (name, (_, extra)), end in zip(steps.items(), ended, strict=True)}


def figure(name):
    """What a figure takes: an estimate, or a table, which cannot be had without extras."""
    return f"ls.estimate({FIGURES[name]})" if name in FIGURES else "None"


def test_whatever_is_public_is_tried():
    assert {words.split()[0] for words in STEPS} == set(cli.list_commands(None))
    assert set(NAMES) == set(ls.__all__)
    assert set(TRAINING) == set(dir(training))
    assert set(FIGURES) <= set(dir(ls.plot))
    public = {name for name, value in vars(ls.datasets).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public == {*DATA, "load"}


def test_it_works_without_extras_or_names_its_extra_in_one_line(minimal):
    others = {name: (status, said) for name, (status, said, extra) in minimal.items() if not is_as(extra, status, said)}
    assert others == {}


def is_as(extra, status, said):
    """Whether a step has worked, or has said in one line that it needs its extra."""
    line = rf"error: this needs [\w, ]+, which (is|are) not installed; run: pip install 'layerscape\[{extra}\]'\n"
    return status == 2 and re.fullmatch(line, said) is not None if extra else status == 0


def test_what_is_refused_has_written_nothing(folder, minimal):
    assert not {"extracted", "called", "few", "demo", "table.csv", "trained", "watched"} & {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize("extras", ["runs", "report", "models", "models,report", "cluster"])
def test_what_the_line_says_is_enough(extras, folder):
    steps = {words: words.split() for words, extra in STEPS.items() if extra == extras}
    steps = {words: step for words, step in steps.items() if not words.startswith("demo") and "cuda" not in words}
    steps |= {name: code(call) for name, (call, extra) in NAMES.items() if extra == extras}
    model = "import torch; model = torch.nn.Linear(20, 3).double()"
    steps |= {name: trained(call, model) for name, (call, extra) in TRAINING.items() if extra == extras}
    ended = dict(zip(steps, endings(folder, list(steps.values()), extras), strict=True))
    for name, extra in {"report": "report", "to_xarray": "xarray"}.items():  # they take what only runs can give
        assert name not in ended or is_as(extra, *ended.pop(name))
    assert {name: end for name, end in ended.items() if end[0] != 0} == {}


def test_lightning_is_asked_for_by_its_own_name(folder):
    said = "error: LightningCallback needs Lightning, which is not installed; run: pip install lightning\n"
    assert endings(folder, [trained(TRAINING["LightningCallback"][0])], "models") == [[2, said]]


def test_figures_of_estimates_need_no_other_extra(folder):
    draw = "import matplotlib; matplotlib.use('agg'); ls.plot."
    steps = [code(f"{draw}{name}({figure(name)})") for name in FIGURES]
    assert endings(folder, steps, "plot") == [[0, ""]] * len(FIGURES)


def test_extras_are_those_of_the_package():
    """The table in errors.py, by which a line is chosen, says what pyproject.toml says."""
    said = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    modules = {}
    for module, packages in packages_distributions().items():
        for package in packages:
            modules.setdefault(canonicalize_name(package), set()).add(module)
    for extra, libraries in EXTRAS.items():
        names = [Requirement(line).name for line in said[extra]]
        own = [canonicalize_name(name) for name in names if name != "layerscape"]
        assert set(libraries) >= set(EXTRAS["runs"]) or "layerscape" not in names
        rest = set(libraries) - (set(EXTRAS["runs"]) if "layerscape" in names else set())
        assert len(rest) == len(own)
        assert all(rest & modules[name] for name in own)


def test_what_is_required_comes_with_the_extra_that_is_named():
    sources = "\n".join(file.read_text() for file in (HERE.parent / "src").rglob("*.py"))
    named = re.findall(r'require\("(\w+)[\w.]*", "(\w+)"\)', sources)
    assert len(named) > 20
    assert [(library, extra) for library, extra in named if library not in EXTRAS[extra]] == []
