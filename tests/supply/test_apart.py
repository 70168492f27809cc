"""What measures are given where samples are kept apart: graphs, subsets and ranks without them, wherever they lie."""

import numpy as np
import pytest

import layerscape as ls
from layerscape.core.apart import Apart
from layerscape.core.ranking import Ranking
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import catalog
from layerscape.search import find_neighbors, ranks
from layerscape.supply.sources import Part
from layerscape.supply.supplier import Supplier

N, K = 120, 7
GROUPS = np.arange(N) // 6
APART = Apart.groups(GROUPS, N, "subject")
rng = np.random.default_rng(8)
X = rng.standard_normal((N, 4)) + 2 * rng.standard_normal((N // 6, 4))[GROUPS]
X[5], X[9] = X[100], X[7]  # a copy in another group and one in its own
LAYERS = {"a": X, "b": np.tanh(X)}


def task(name, **options):
    other = "b" if name != "decimation" else ""
    return Task(catalog()[name], options, "a", other, "")


def supplier(kind, tasks):
    source = Arrays(LAYERS) if kind == "arrays" else Part(ls.from_arrays(LAYERS))
    found = Supplier(source, {"apart": APART})
    found.prepare(tasks)
    return found


@pytest.mark.parametrize("kind", ["arrays", "run"])
def test_graphs_subsets_and_ranks_are_without_them(kind):
    tasks = [task("overlap", k=K), task("decimation", smallest=20), task("information_imbalance")]
    found = supplier(kind, tasks)
    graph, other = found.provision.data(tasks[0])
    np.testing.assert_array_equal(graph.indices, find_neighbors(X, K + 1, groups=GROUPS).indices)
    assert graph.near.apart == other.near.apart == APART
    for subset in found.provision.data(tasks[1])[0].graphs:
        marks = subset.near.apart.marks
        assert (marks[subset.indices] != marks[:, None]).all()
    pairs = np.argwhere(GROUPS[:, None] != GROUPS)[::50]
    (ranking,) = (each for each in found.provision.data(tasks[2]) if isinstance(each, Ranking))
    np.testing.assert_array_equal(ranking.ranks(pairs), ranks(LAYERS["b"], pairs, groups=GROUPS))
