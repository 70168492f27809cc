"""The contributor's door: what CONTRIBUTING says to write is written into a copy of the tree, and stands its tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.more
TESTS = ("conftest.py", "test_architecture.py", "measures/test_contract.py", "measures/test_influence.py")
# A measure that has the unit of the data, one of two representations that has no chance, and one of labels, as a
# stranger writes them who knows that page only.
WITH_UNIT = '''
"""How far the first neighbor is."""

from math import inf

from layerscape.core.checks import check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.interval import Z95, sd_of_mean, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors


def spacing(graph: Neighbors, /) -> Estimate:
    """Mean distance to the first neighbor."""
    graph.need(1)
    check_samples(graph.n_samples, "spacing", 3)
    far = graph.distances[:, 0]
    low, high = within(far.mean(), Z95 * sd_of_mean(far, graph, k=1), MEASURE.bounds)
    return Estimate(far.mean(), low, high, graph.n_samples, graph.n_units, 1, per_sample=far)


MEASURE = Measure(
    compute=spacing,
    unit="units of the data",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation"},
    source="nobody",
    neighbors=1,
    influence="nobody has worked it out",
)
'''
WITHOUT_CHANCE = '''
"""How much wider one representation is than the other."""

from math import inf

import numpy as np

from layerscape.core.checks import constant
from layerscape.core.estimate import Estimate
from layerscape.core.interval import margin_of_groups, within
from layerscape.core.measure import Measure
from layerscape.core.representation import Representation
from layerscape.measures.similarity.pairing import same_samples


def spread_ratio(a: Representation, b: Representation, /) -> Estimate:
    """Ratio of the total spread of the one to that of the other."""
    n = same_samples(a, b, "spread_ratio")
    x, y = (side.read(slice(None)) - side.read(slice(0, 1)) for side in (a, b))
    for side, values in ((a, x), (b, y)):
        if not values.any():
            raise constant(side, ": it has no spread")

    def ratio(rows: np.ndarray) -> float:
        return float(np.sqrt(x[rows].var(axis=0).sum() / y[rows].var(axis=0).sum()))

    value = ratio(np.arange(n))
    return Estimate(value, *within(value, margin_of_groups(ratio, n), MEASURE.bounds), n)


MEASURE = Measure(
    compute=spread_ratio,
    unit="ratio",
    bounds=(0, inf),
    unchanged_by={"order", "rotation", "translation"},
    symmetric=False,
    chance="unrelated samples have spreads too",
    source="nobody",
    influence="nobody has worked it out",
)
'''
OF_LABELS = '''
"""Whether the first neighbor has the label."""

from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.checks import check_all_asked, check_samples
from layerscape.core.estimate import Estimate
from layerscape.core.interval import LEAST_MARGIN, Z95, sd_of_mean, within
from layerscape.core.measure import Measure
from layerscape.core.neighbors import Neighbors
from layerscape.core.permutation import chance_by_permutation
from layerscape.measures.classes import classes_of


def first_label(graph: Neighbors, labels: Any, /, *, permutations: int = 100, seed: int = 0) -> Estimate:
    """Share of the samples whose first neighbor has their label."""
    n = graph.n_samples
    check_samples(n, "first_label", 3)
    check_all_asked(graph, "first_label")
    codes = classes_of(labels, n).codes
    rows, columns, weights = graph.weights(1)

    def same(order: np.ndarray) -> np.ndarray:
        return np.bincount(rows, weights * (codes[order][rows] == codes[order][columns]), n)

    shares = same(np.arange(n))
    value = float(shares.mean())
    chance, null = chance_by_permutation(lambda order: float(same(order).mean()), value, n, permutations, seed)
    low, high = within(value, Z95 * sd_of_mean(shares, graph, k=1), MEASURE.bounds, LEAST_MARGIN)
    return Estimate(value, low, high, n, k=1, chance=chance, per_sample=shares, details={"null": null})


MEASURE = Measure(
    compute=first_label,
    unit="share of samples",
    bounds=(0, 1),
    unchanged_by={"order", "rotation", "translation", "scaling"},
    closer="high",
    source="nobody",
    neighbors=1,
    influence="nobody has worked it out",
)
'''
SECTIONS = "\n\n    ".join(
    [
        "",
        *(f"{name}\n    {'-' * len(name)}\n    As said." for name in ("Parameters", "Returns", "Raises", "References")),
    ]
)


def recipe():
    """The page's measure, as it stands."""
    (found,) = re.findall(r"^( *)```python\n(.*?)^\1```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    return re.sub(rf"^{found[0]}", "", found[1], flags=re.M)


def documented(text):
    """With the sections of a docstring that the contract asks for."""
    return re.sub(
        r'\."""\n    (?=\w)', f'.{SECTIONS}\n\n    Examples\n    --------\n    >>> 1\n    1\n    """\n    ', text
    )


MEASURES = {
    "neighborhood/nearest": recipe(),
    "neighborhood/spacing": documented(WITH_UNIT),
    "similarity/spread_ratio": documented(WITHOUT_CHANCE),
    "neighborhood/first_label": documented(OF_LABELS),
}


@pytest.fixture
def tree(tmp_path):
    """A copy of the sources, of the tests of measures and of the design that they read."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.pyc"))
    for name in (*(f"tests/{name}" for name in TESTS), "docs/design.md", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(tree, *words):
    """Python in an interpreter that knows the copy only."""
    place = {**os.environ, "PYTHONPATH": str(tree / "src")}
    return subprocess.run([sys.executable, *words], cwd=tree, env=place, capture_output=True, text=True, check=False)


def tried(tree, measures):
    """The tests of some more measures."""
    files = {name: tree / "src" / "layerscape" / "measures" / f"{name}.py" for name in measures}
    for name, text in measures.items():
        files[name].write_text(text)
    only = " or ".join(file.stem for file in files.values())
    return run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", only, "tests", *map(str, files.values()))


def test_measures_written_by_the_page_pass_as_they_stand(tree):
    done = tried(tree, MEASURES)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 25 * len(MEASURES)
    code = "from layerscape.measures import catalog; print(*(m.name for m in catalog().values() if m.standard))"
    profile = run(tree, "-c", code).stdout.split()
    assert "overlap" in profile
    assert not {name.split("/")[1] for name in MEASURES} & set(profile)  # measured when they are asked for


def test_a_measure_that_is_not_what_it_says_is_caught(tree):
    text = MEASURES["neighborhood/spacing"].replace('"order", ', '"order", "scaling", ')
    done = tried(tree, {"neighborhood/spacing": text})
    assert done.returncode == 1
    assert "test_is_unchanged_by_what_it_says_and_changed_by_the_rest[scaling-spacing]" in done.stdout
