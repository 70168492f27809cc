"""Isomap's dimension: in how many dimensions the distances along the cloud can be drawn."""

from __future__ import annotations

from math import frexp, inf

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from layerscape.core.checks import check_all_asked, check_least, few_words
from layerscape.core.estimate import Estimate
from layerscape.core.measure import Measure
from layerscape.core.near_copies import near_words
from layerscape.core.neighbors import Neighbors
from layerscape.errors import InvalidValue
from layerscape.measures.dimension.elbow import find_elbow
from layerscape.measures.dimension.ratios import check_no_copies

LEAST = 1e-3  # a residual variance below this is none
FEWEST = 20
GROUPS = 10  # of landmarks, each left out once
PER_DIMENSION = 5  # landmarks that a dimension needs; fewer can be drawn in so many dimensions whatever they are
CHUNK = 2**24  # distances held at a time


def isomap(
    graph: Neighbors, /, *, k: int = 10, n_landmarks: int = 500, max_dimension: int = 20, seed: int = 0
) -> Estimate:
    """How many dimensions it takes to draw the distances along the neighbor graph as straight lines.

    Geodesic distances G are the shortest paths along the edges to the first k neighbors, in either direction. Classical
    scaling of G² draws the samples in 1, 2, … dimensions, and the residual variance 1 − R²(G, D_m) says what the
    Euclidean distances D_m of the first m dimensions miss, R being the correlation over all pairs (Tenenbaum et al.
    2000). The value is the elbow of log residual variance over m = 0, 1, …, max_dimension (the residual variance is 1
    at m = 0, and one below 0.001 counts as 0.001): the point farthest below the chord between the curve's ends.
    Pairs are those of landmarks (de Silva and Tenenbaum 2003), drawn at random; the paths go through all samples.

    Parameters
    ----------
    graph
        At least k neighbors of all samples, without copies.
    k
        How many neighbors of each sample are joined to it; as many more as tie with the last.
    n_landmarks
        How many samples' distances to each other are looked at, at least 20; all of them if there are fewer.
    max_dimension
        The largest dimension that is tried, 2 or more.
    seed
        Of the draw of landmarks.

    Returns
    -------
    Estimate
        A whole number of dimensions, 1 to ``max_dimension``. The interval is the range of dimensions whose depth below
        the chord the landmarks cannot tell from the deepest (jackknife over 10 groups of landmarks), half a dimension
        wider on both sides, and open above if the largest is among them; the graph, and so k, is taken as given.
        ``details`` hold the curve, ``dimensions`` and ``residual_variance`` with its standard deviation
        ``residual_sd``; ``depth`` of the elbow below the chord as a share of the fall; the numbers of ``landmarks``,
        of ``parts`` of the graph, and of samples ``left_out`` since they are not in the largest part.

    Raises
    ------
    InvalidValue
        If samples are copies, the graph is of some queries only or holds fewer than k neighbors, an option is too
        small, or the largest part of the graph has fewer than 20 samples.

    Notes
    -----
    A closed surface reads one more than it has, since it cannot be flattened: a circle 2, a sphere 3. A too large k, or
    noise, makes short cuts between folds. Where the curve falls smoothly the elbow moves with its end (the pixels of
    MNIST: 5, 6 and 10 for a ``max_dimension`` of 10, 20 and 32): compare layers at one value, and read the curve. The
    time grows with landmarks times samples (2 s for 500 of 10,000).

    References
    ----------
    Tenenbaum, de Silva, Langford 2000, doi:10.1126/science.290.5500.2319; de Silva, Tenenbaum 2003, Global versus
    local methods in nonlinear dimensionality reduction, Advances in Neural Information Processing Systems 15.

    Examples
    --------
    >>> from layerscape import find_neighbors
    >>> angle, height = np.random.default_rng(0).random((2, 600)) * [[7], [4]] + [[4], [0]]
    >>> roll = np.stack([angle * np.cos(angle), angle * np.sin(angle), 5 * height], axis=1)
    >>> isomap(find_neighbors(roll, k=10)).value
    2.0
    """
    _check(graph, k, n_landmarks, max_dimension)
    edges, n_parts, inside = _largest_part(graph, k)
    landmarks = _landmarks(graph, k, inside, n_landmarks, seed)
    geodesics = _geodesics(edges, graph.n_samples, landmarks)
    n = len(landmarks)
    dimensions = np.arange(1, min(max_dimension, n // PER_DIMENSION) + 1)
    curve = _residual_variance(geodesics, len(dimensions))
    kept = np.arange(n) % GROUPS != np.arange(GROUPS)[:, None]
    without = np.stack([_residual_variance(geodesics[np.ix_(some, some)], len(dimensions)) for some in kept])
    elbow = find_elbow(dimensions, curve, without, least=LEAST)
    details = {
        "dimensions": dimensions,
        "residual_variance": curve,
        "residual_sd": np.sqrt((GROUPS - 1) * without.var(axis=0)),
        "depth": elbow.depth,
        "landmarks": n,
        "parts": n_parts,
        "left_out": graph.n_samples - len(inside),
    }
    words = [*near_words(graph), *_left_out(graph, k, n_parts, len(inside)), *elbow.warnings("max_dimension")]
    if len(dimensions) < max_dimension:
        words.append(
            f"{n} landmarks serve {len(dimensions)} dimensions, fewer than max_dimension={max_dimension}: give "
            f"{PER_DIMENSION * max_dimension} samples and landmarks"
        )
    words += few_words(n)
    return Estimate(
        elbow.value, elbow.low, elbow.high, graph.n_samples, graph.n_units, k, details=details, warnings=tuple(words)
    )


def _check(graph: Neighbors, k: int, n_landmarks: int, max_dimension: int) -> None:
    check_all_asked(graph, "isomap")
    check_least(FEWEST, n_landmarks=n_landmarks)
    check_least(2, max_dimension=max_dimension)
    graph.need(k)
    check_no_copies(graph, 1)


def _largest_part(graph: Neighbors, k: int) -> tuple[csr_array, int, np.ndarray]:
    """The edges, how many parts they leave, and the samples of the largest part."""
    last = graph.distances[:, k - 1]
    listed = graph.distances[graph.distances <= last[:, None]]
    rows, columns, _ = graph.weights(k)  # all that tie with the last neighbor, for the order of rows must not decide
    unit = frexp(float(last.max()))[1]
    lengths = np.ldexp(np.concatenate([listed, last[rows[len(listed) :]]]), -unit)
    places = rows.astype(np.int32), columns.astype(np.int32)  # scipy up to 1.14 walks along no others
    edges = csr_array((lengths, places), shape=(graph.n_samples, graph.n_samples))
    edges = csr_array(edges.maximum(edges.T))
    n_parts, part = connected_components(edges, directed=False)
    inside = np.flatnonzero(part == np.bincount(part).argmax())
    if len(inside) < FEWEST:
        raise InvalidValue(
            f"the largest part of the graph of {k} neighbors has {len(inside)} of {graph.n_samples} samples; isomap "
            f"needs at least {FEWEST} that are connected: give a larger k, or more samples."
        )
    return edges, int(n_parts), inside


def _landmarks(graph: Neighbors, k: int, inside: np.ndarray, n_landmarks: int, seed: int) -> np.ndarray:
    """Some of the samples inside, in random order."""
    # Drawn from the samples sorted by their distances, so that the order of the rows does not matter.
    order = inside[np.lexsort(graph.distances[inside, :k].T[::-1])]
    return order[np.random.default_rng(seed).permutation(len(order))[:n_landmarks]]


def _geodesics(edges: csr_array, n_samples: int, landmarks: np.ndarray) -> np.ndarray:
    """Lengths of the shortest paths between the landmarks, about 1."""
    n_chunks = -(-len(landmarks) * n_samples // CHUNK)
    chunks = [dijkstra(edges, indices=some)[:, landmarks] for some in np.array_split(landmarks, n_chunks)]
    found = np.concatenate(chunks)
    found = np.minimum(found, found.T)  # a path adds up in two orders, which round differently
    return np.ldexp(found, -frexp(float(found.max()))[1])


def _residual_variance(geodesics: np.ndarray, max_dimension: int) -> np.ndarray:
    """1 − R² between the geodesics and the distances in the first 1, 2, … dimensions of their classical scaling."""
    inner = geodesics**2
    inner -= inner.mean(axis=0)
    inner = -(inner - inner.mean(axis=1, keepdims=True)) / 2
    values, vectors = np.linalg.eigh(inner)
    values, vectors = values[::-1][:max_dimension], vectors[:, ::-1][:, :max_dimension]
    # Geodesics of a curved cloud are no Euclidean distances: from a negative eigenvalue on nothing can be drawn.
    drawn = vectors * np.sqrt(np.maximum(values, 0))
    rows, columns = np.triu_indices(len(geodesics), 1)
    lengths, squares, found = geodesics[rows, columns], np.zeros(len(rows)), []
    lengths = (lengths - lengths.mean()) / lengths.std()
    for axis in drawn.T:
        squares += (axis[rows] - axis[columns]) ** 2
        distances = np.sqrt(squares)
        found.append(1 - float(np.mean(lengths * (distances - distances.mean()))) ** 2 / distances.var())
    return np.array(found)


def _left_out(graph: Neighbors, k: int, n_parts: int, n_inside: int) -> list[str]:
    """What the largest part of the graph leaves out, in words."""
    if n_parts == 1:
        return []
    return [
        f"the graph of {k} neighbors falls into {n_parts} parts: {graph.n_samples - n_inside} of {graph.n_samples} "
        "samples are not in the largest and are left out; raise k to join them"
    ]


MEASURE = Measure(
    compute=isomap,
    title="Isomap",
    unit="dimensions",
    bounds=(0, inf),
    swayed_by={"unit", "sample"},
    unchanged_by={"order", "rotation", "translation", "scaling"},
    source="Tenenbaum et al. 2000, doi:10.1126/science.290.5500.2319",
    neighbors="k",
    distinct=True,
    influence=("the value is a whole number, which stays as it is under most deletions and jumps under the others"),
)
