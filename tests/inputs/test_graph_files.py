"""Which matrices of files are graphs: by their names, by looks, and by what is said."""

import numpy as np
import pytest

from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue, UnknownName
from layerscape.inputs.graph_files import GraphFiles
from layerscape.search import find_neighbors

X = np.random.default_rng(0).standard_normal((40, 3))
FAR = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))


def test_names_pair_neighbors_with_their_distances():
    graph = find_neighbors(X, k=7)
    arrays = {"one_indices": graph.indices, "one_distances": graph.distances, "x": X}
    found = GraphFiles().read("a.npz", arrays)
    assert list(found) == ["one", "x"]
    np.testing.assert_array_equal(found["one"].distances, graph.distances)
    assert found["x"] is X


def test_what_looks_like_distances_is_read_as_such_and_said():
    with pytest.warns(UserWarning, match=r"^d.npy: .* is read as such; if it holds vectors: --vectors"):
        found = GraphFiles().read("d.npy", {"": FAR})[""]
    assert isinstance(found, Neighbors)
    np.testing.assert_array_equal(found.indices[:, :7], find_neighbors(X, k=7).indices)
    assert GraphFiles("vectors").read("d.npy", {"": FAR})[""] is FAR


def test_what_is_nearly_that_is_asked_about():
    other = FAR.copy()
    other[3, 4] = 9
    with pytest.raises(InvalidValue, match=r"^d.npy: from sample 3 to 4 it is 9 and back .* If it holds vec"):
        GraphFiles().read("d.npy", {"": other})
    with pytest.raises(InvalidValue, match=r"^s.npy: symmetric, as similarities are; give distances \(1"):
        GraphFiles().read("s.npy", {"": np.exp(-FAR)})
    with pytest.raises(InvalidValue, match=r"^s.npy: .* give distances, 0 on the diagonal"):
        GraphFiles("square").read("s.npy", {"": np.exp(-FAR)})


def test_square_vectors_are_vectors():
    for x in (np.random.default_rng(1).standard_normal((40, 40)), np.eye(40)):
        assert GraphFiles().read("x.npy", {"": x})[""] is x


def test_distances_without_neighbors_and_an_unknown_kind_are_refused():
    with pytest.raises(InvalidValue, match=r"^1 --distances for 0 matrices of neighbors without their dist"):
        GraphFiles(distances=("d.npy",)).check_used()
    with pytest.raises(UnknownName, match=r"^unknown kind 'graph'"):
        GraphFiles("graph")  # type: ignore[arg-type]
