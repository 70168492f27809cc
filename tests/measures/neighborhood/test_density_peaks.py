"""Density peaks against a plain loop, DADApy, known numbers of clusters, and what cannot be clustered."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import is_valid_linkage

from layerscape.errors import InvalidValue
from layerscape.measures.density import density_at
from layerscape.measures.neighborhood.density_peaks import density_peaks
from layerscape.measures.neighborhood.peaks import find_peaks
from layerscape.pipeline.estimate import estimate
from layerscape.search import find_neighbors

adjusted_rand_score = pytest.importorskip("sklearn.metrics").adjusted_rand_score


def clouds(rng, sizes, centers):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return rng.standard_normal((len(labels), len(centers[0]))) + np.array(centers)[labels], labels


FOUR = [[0, 0, 0], [5, 0, 0], [0, 5, 5], [5, 5, 0]]


def by_definition(indices, distances, d, z):
    """The clusters of the paper, one sample and one pair at a time."""
    n, density = len(indices), density_at(indices, distances, d)
    rho, error, k = density.log_density, density.error, density.neighbors
    g = rho - error
    near = [set(indices[i, : k[i]]) for i in range(n)]
    centers = [
        i
        for i in range(n)
        if all(g[j] < g[i] for j in near[i]) and not any(i in near[j] and g[j] > g[i] for j in range(n))
    ]
    full = np.linalg.norm(POINTS[:, None] - POINTS[None], axis=2)
    cluster = {c: c for c in centers}
    for i in np.argsort(-g):
        if i not in cluster:
            higher = np.flatnonzero(g > g[i])
            cluster[i] = cluster[higher[np.argmin(full[i, higher])]]
    of = np.array([cluster[i] for i in range(n)])
    saddles = {}
    for i in np.argsort(g):
        for c in set(of[list(near[i])]) - {of[i]}:
            others = np.flatnonzero(of == c)
            j = others[np.argmin(full[i, others])]
            mine = np.flatnonzero(of == of[i])
            if j in near[i] and mine[np.argmin(full[j, mine])] == i:
                saddles[frozenset((of[i], c))] = i
    saddles = {pair: (rho[i], error[i]) for pair, i in saddles.items()}
    while True:
        failing = [
            (height, pair)
            for pair, (height, e) in saddles.items()
            if any(rho[c] - height < z * (error[c] + e) for c in pair)
        ]
        if not failing:
            return of
        _, pair = max(failing, key=lambda entry: entry[0])
        kept, gone = sorted(pair, key=lambda c: -rho[c])
        of[of == gone] = kept
        for other in [p for p in saddles if gone in p]:
            saddle = saddles.pop(other)
            (third,) = other - {gone}
            if third != kept:
                new = frozenset((kept, third))
                saddles[new] = max(saddle, saddles.get(new, saddle))


POINTS = np.empty((0, 0))


@pytest.mark.parametrize(("seed", "z"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 0.2), (4, 1.65)])
def test_clusters_are_those_of_the_definition(seed, z):
    global POINTS
    rng = np.random.default_rng(seed)
    POINTS = clouds(rng, [60, 50, 40], rng.standard_normal((3, 3)) * 2)[0]
    graph = find_neighbors(POINTS, 149)
    found = find_peaks(graph.indices, graph.distances, 3.0, z).cluster
    expected = by_definition(graph.indices, graph.distances, 3.0, z)
    assert adjusted_rand_score(expected, found) == 1


def test_it_is_what_dadapy_finds(rng):
    """DADApy 0.3.4: maxk=61, id 3, compute_density_PAk, compute_clustering_ADP(Z=1.65); its optimizer stops at 1e-3."""
    x, _ = clouds(rng, [200, 150, 100, 50], FOUR)
    result = estimate("density_peaks", x, k_max=60, dimension=3)
    details = result.details
    assert result.value == 4
    assert np.bincount(details["cluster"]).tolist() == [147, 203, 100, 50]
    assert details["centers"].tolist() == [325, 173, 387, 489]
    expected = [-4.2666028317, -4.2516514811, -4.9580542628, -6.3944483224, -5.1349998196]
    assert details["log_density"][:200:40] == pytest.approx(np.array(expected), abs=1e-6)
    errors = [0.2932454736, 0.3620060595, 0.2614604787, 0.5072996562, 0.2871393035]
    assert details["log_density_error"][:200:40] == pytest.approx(np.array(errors), abs=1e-9)
    saddles = details["saddles"][np.triu_indices(4, 1)]
    finite = [-5.2197304822, -np.inf, -6.7196959183, -np.inf, -np.inf, -6.8979232236]
    assert saddles == pytest.approx(np.array(finite), abs=1e-6)


def test_known_numbers_of_clusters(rng):
    x, labels = clouds(rng, [150] * 6, rng.standard_normal((6, 8)) * 5)
    result = estimate("density_peaks", x)
    assert result.value == 6
    assert adjusted_rand_score(labels, result.details["cluster"]) > 0.99
    assert result.low <= 6 <= result.high
    for one in (rng.random((1000, 2)), rng.random((1000, 6)), rng.standard_normal((1000, 4))):
        assert estimate("density_peaks", one).value == 1


def test_two_rings_are_two_clusters(rng):
    angle, radius = rng.random(1200) * 2 * np.pi, np.repeat([1.0, 3.0], 600)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None] + 0.1 * rng.standard_normal((1200, 2))
    cluster = estimate("density_peaks", x, z=4).details["cluster"]
    assert all(len(np.unique(cluster[radius == r])) == 1 for r in (1, 3))
    assert cluster[0] != cluster[-1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), z=st.floats(0, 3), n=st.integers(30, 120), d=st.integers(1, 6))
def test_what_is_told_of_the_clusters_fits_together(seed, z, n, d):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) + 2 * rng.integers(0, 3, (n, 1))
    result = density_peaks(find_neighbors(x, 29), k_max=29, z=z)
    details, c = result.details, int(result.value)
    assert sorted(set(details["cluster"])) == list(range(c))
    assert details["cluster"][details["centers"]].tolist() == list(range(c))
    assert details["core"][details["centers"]].all()
    peaks = np.diag(details["saddles"])
    assert (np.diff(peaks) <= 0).all()
    assert peaks == pytest.approx(details["log_density"][details["centers"]])
    assert (details["saddles"] == details["saddles"].T).all()
    beside = details["saddles"] + np.where(np.eye(c, dtype=bool), -np.inf, 0)
    assert (beside <= peaks[:, None]).all()
    if c > 1:
        assert is_valid_linkage(details["dendrogram"])
        assert len(details["dendrogram"]) == c - 1
    assert 1 <= result.low <= result.value < result.high


def test_the_dendrogram_joins_over_the_highest_saddle_first(rng):
    x, _ = clouds(rng, [200, 200, 200], [[0, 0], [4, 0], [12, 0]])
    details = estimate("density_peaks", x).details
    (first, second), saddles = details["dendrogram"], details["saddles"]
    near = {details["cluster"][0], details["cluster"][200]}
    assert {int(first[0]), int(first[1])} == near
    assert first[2] == pytest.approx(saddles.max() - saddles[tuple(near)])
    assert second[2] > first[2]


def test_copies_count_once_and_go_with_what_they_copy(rng):
    x, _ = clouds(rng, [100, 80, 60, 60], FOUR)
    once = estimate("density_peaks", x, k_max=299)
    again = np.concatenate([np.arange(300), rng.integers(0, 300, 60)])
    twice = estimate("density_peaks", x[again], k_max=359)
    assert twice.n_samples == 360
    assert twice.value == once.value
    for name in ("cluster", "log_density", "core"):
        assert (twice.details[name] == once.details[name][again]).all()
    assert (twice.details["centers"] == once.details["centers"]).all()


def test_more_errors_merge_more(rng):
    x = rng.random((400, 3))
    values = [estimate("density_peaks", x, z=z).value for z in (0.0, 0.5, 2.0)]
    assert values[0] > values[1] >= values[2] == 1


def test_warnings(rng):
    x = rng.standard_normal((60, 2))
    assert "only 60 samples: the interval is itself uncertain" in estimate("density_peaks", x).warnings
    many = estimate("density_peaks", rng.standard_normal((100, 2)), k_max=8, z=0.0)
    assert (
        f"{many.value:.0f} clusters of 100 samples: too few samples per cluster to tell peaks from noise"
        in many.warnings
    )
    near = np.concatenate([rng.standard_normal((200, 2))] * 2)
    near[200:] += 1e-9
    warning, copies = estimate("density_peaks", near).warnings
    assert copies.startswith("400 of 400 samples are copies of others")
    assert re.fullmatch(
        r"400 samples have a near copy \(rounding apart\), which lowers the dimension \S+ by which densities are read: "
        r"leave them out, or give dimension=",
        warning,
    )


@pytest.mark.parametrize(
    ("x", "options", "text"),
    [
        (
            np.arange(30.0)[:, None] ** 2,
            {"k_max": 7},
            "k_max=7; give at least 8, so that there is something to choose from.",
        ),
        (
            np.arange(30.0)[:, None] ** 2,
            {"z": -1.0},
            "z=-1.0; it is how many errors a peak must stand out: give a number of at least 0.",
        ),
        (
            np.arange(30.0)[:, None] ** 2,
            {"z": np.nan},
            "z=nan; give a finite number.",
        ),
        (
            np.arange(30.0)[:, None] ** 2,
            {"dimension": 0.0},
            "dimension=0.0; give a positive number, or None to have it estimated.",
        ),
        (np.arange(30.0)[:, None] ** 2, {"k_max": 30}, "k=30 neighbors asked of 30 samples; k must lie in 1..29."),
        (
            np.ones((50, 3)),
            {},
            "1 distinct rows of 50: the data are constant, or nearly so; density peaks need at least 18, and hundreds "
            "to mean something.",
        ),
        (
            np.arange(17.0)[:, None],
            {},
            "17 distinct rows of 17: the data are constant, or nearly so; density peaks need at least 18, and "
            "hundreds to mean something.",
        ),
        (
            np.indices((6, 6)).reshape(2, -1).T.astype(float),
            {},
            "neighbors 1 and 2 are equally far from each of 36 samples, as on a lattice: the density cannot be "
            "computed; give dimension= where that is an option, or add to every unit normal noise with a standard "
            "deviation of one step.",
        ),
        (
            np.repeat(np.arange(20.0)[:, None] ** 2, 15, axis=0),
            {"k_max": 15},
            "20 samples have so many copies that fewer than 4 others are among their k_max=15 neighbors; leave the "
            "copies out, or give a larger k_max.",
        ),
    ],
)
def test_what_cannot_be_clustered_is_said(x, options, text):
    with pytest.raises(InvalidValue, match=f"^{re.escape(text)}$"):
        estimate("density_peaks", x, **options)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(40, 1), (30, 600), (18, 3)])
def test_shapes_precisions_an_outlier_and_a_huge_unit(rng, dtype, shape):
    x = rng.standard_normal(shape)
    for values in (x, np.vstack([x, np.full(shape[1], 1e3)]), x * np.where(np.arange(shape[1]) == 0, 1e3, 1)):
        result = estimate("density_peaks", values.astype(dtype))
        assert np.isfinite([result.value, result.low, result.high]).all()
