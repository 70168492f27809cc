"""Do our comparisons, probes and clusters agree with those of others, and where they do not, why?

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.agreement_of_comparisons --dadapy PYTHON --rsatoolbox PYTHON [--write]

The second interpreter has rsatoolbox, dcor and statsmodels. What draws some of the samples is asked for all here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sklearn
from scipy.linalg import subspace_angles
from scipy.optimize import brentq
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from scipy.special import gammaln
from scipy.stats import skew, spearmanr
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import layerscape as ls
from benchmarks.pairs import K_MAX, VARIANCE, Case, K, N, Z, ask_all, cases, counts_of_one_bump
from benchmarks.peers import interpreters
from benchmarks.publish import publish
from layerscape.core.representation import Representation
from layerscape.measures.neighborhood.clusters import Clusters, clusters_of
from layerscape.measures.separability.probes import folds_of
from layerscape.measures.similarity import linear_predictivity as predictivity

WHY = """Where they differ:

- Distances of `load_digits` are roots of whole numbers, so that many tie. Layerscape takes the expectation over the
  ways to break a tie; DADApy, scipy and scikit-learn take the order in which their search happens to list them.
- Copies: DADApy and scikit-learn get distances from inner products, so that a copy is not at distance 0 and a sample
  may not be its own first neighbor; in DADApy it then counts as one.
- `knn_probe`: of labels with equally many votes scikit-learn names the first; in layerscape they share.
- `cka` with the Gaussian kernel takes distances from inner products: copies are at the rounding of these, and count
  in the median.
- `density_peaks`: the steps that maximize DADApy's likelihood end before the maximum, ties move its neighborhoods,
  and copies that rounding sets apart make NaN, at which its clustering stops. In layerscape copies count once.
- Clusters: DADApy's code looks for a border only at the nearest sample of another cluster, and at none of a peak,
  where its docstring (and layerscape) takes every cluster that the neighborhood holds. It finds fewer saddles, and so
  merges less; with every border it finds the clusters of layerscape. Neither is better everywhere: theirs keeps more
  classes of pixels apart, and more bumps that are noise."""


def centered(kernel: np.ndarray) -> np.ndarray:
    return kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, equation 5, as it is printed."""
    k, m, n = k - np.diag(np.diag(k)), m - np.diag(np.diag(m)), len(k)
    one = np.ones(n)
    sums = one @ k @ one * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return float(np.trace(k @ m) + sums) / (n * (n - 3))


def u_centered(pairs: np.ndarray) -> np.ndarray:
    n = len(pairs)
    sums = pairs.sum(axis=1)
    found = pairs - (sums[:, None] + sums) / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    return found - np.diag(np.diag(found))


def aligned(product: Callable[[np.ndarray, np.ndarray], float], k: np.ndarray, m: np.ndarray) -> float:
    return product(k, m) / float(np.sqrt(product(k, k) * product(m, m)))


def gaussian(z: np.ndarray) -> np.ndarray:
    distances = pdist(z)
    return squareform(np.exp(-0.5 * (distances / np.median(distances[distances > 0])) ** 2))


def inner(k: np.ndarray, m: np.ndarray) -> float:
    return float((k * m).sum())


def by_formula(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    x, y = (z - z.mean(axis=0) for z in (case.x, case.y))
    linear, far = [z @ z.T for z in (x, y)], [squareform(pdist(z)) for z in (x, y)]
    yield "`cka`", "HSIC₁ of N × N kernels", case.estimate("cka").value, aligned(hsic, *linear)
    biased = case.estimate("cka", estimator="biased").value
    yield "`cka`, biased", "HSIC₀ of N × N kernels", biased, aligned(inner, *map(centered, linear))
    yield "`cka`, biased", "rsatoolbox, cosine_cov", biased, case.foreign["cka biased"]
    found = case.estimate("cka", kernel="rbf").value
    yield "`cka`, rbf", "HSIC₁ of N × N kernels", found, aligned(hsic, *map(gaussian, (case.x, case.y)))
    found = case.estimate("distance_correlation").value
    yield "`distance_correlation`", "N × N, U-centered", found, aligned(inner, *map(u_centered, far))
    yield "`distance_correlation`", "dcor", found, case.foreign["distance_correlation"]
    found = case.estimate("rsa", sample=N, permutations=19).value
    yield "`rsa`", "scipy spearmanr", found, spearmanr(pdist(case.x), pdist(case.y)).statistic
    yield "`rsa`", "rsatoolbox, spearman", found, case.foreign["rsa"]
    width = max(x.shape[1], y.shape[1])
    padded = [np.pad(z, ((0, 0), (0, width - z.shape[1]))) for z in (x, y)]
    found = case.estimate("procrustes").value
    yield "`procrustes`, 1 − cos² θ", "scipy procrustes", 1 - found**2, procrustes(*padded)[2]


def by_canonical(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    found = case.estimate("svcca", variance=VARIANCE).details["correlations"]
    cosines = np.sort(np.cos(subspace_angles(*case.scores())))[::-1]
    yield "`svcca`, each correlation", "scipy subspace_angles", found, cosines
    yield "`svcca`, each correlation", "statsmodels CanCorr", found, case.foreign["svcca"]


def by_neighbors(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    for name, found in (
        ("overlap", case.estimate("overlap", k=K).value),
        ("label_overlap", case.read("label_overlap", k=K).value),
        ("label_overlap by class", case.read("label_overlap", k=K, weight="class").value),
    ):
        yield f"`{name}`".replace(" by class`", "`, by class"), "DADApy", found, case.foreign[name]
    there_and_back = [ls.estimate("information_imbalance", *pair).value for pair in
                      ((case.x, case.y), (case.y, case.x))]  # fmt: skip
    yield "`information_imbalance`, both ways", "DADApy", there_and_back, case.foreign["information_imbalance"]
    near = NearestNeighbors(n_neighbors=10).fit(case.x).kneighbors(return_distance=False)
    counts = np.bincount(near.ravel(), minlength=N)
    yield "`hubness`", "scipy skew", ls.estimate("hubness", case.x, k=10).value, skew(counts)
    probe = KNeighborsClassifier(20).fit(case.x, case.labels)
    found = case.read("knn_probe", k=20).value
    yield "`knn_probe`", "scikit-learn, leave-one-out", found, (probe.predict(None) == case.labels).mean()
    votes = probe.predict_proba(None)
    most = np.isclose(votes, votes.max(axis=1, keepdims=True))
    own = np.searchsorted(probe.classes_, case.labels)
    shared = (most[np.arange(N), own] / most.sum(axis=1)).mean()
    yield "`knn_probe`", "scikit-learn's votes, equal ones sharing", found, shared


def by_map(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    found = case.read("linear_probe", method="logistic", permutations=19)
    fold = folds_of(Representation(case.x), case.labels, 5, 0)
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=10_000))
    named = cross_val_predict(model, case.x, case.labels, cv=PredefinedSplit(fold))
    yield "`linear_probe`, logistic", "scikit-learn, same folds", found.value, (named == case.labels).mean()
    x, y = (predictivity._centered(Representation(z), np.arange(N)) for z in (case.x, case.y))
    missed = apart = 0.0
    for tested in predictivity._folds(x, 5, 0):
        part = predictivity._fold(x, tested)
        penalty = part.fit(y).penalty * part.roots[0] ** 2
        ridge = Ridge(alpha=penalty, solver="svd").fit(x[part.learned], y[part.learned])
        missed += ((y[tested] - ridge.predict(x[tested])) ** 2).sum()
        apart += ((y[tested] - y[part.learned].mean(axis=0)) ** 2).sum()
    found = case.estimate("linear_predictivity", permutations=19).value
    yield "`linear_predictivity`", "scikit-learn Ridge, same folds and alpha", found, 1 - missed / apart


def highest(peaks: Clusters, number: int) -> float:
    """Log density of one sample at the root of the slope of its likelihood, by Brent's method."""
    d, k = peaks.dimension, peaks.peaks.density.neighbors[number]
    radii = peaks.distances[number, :k]
    shells, place = np.diff((radii / radii[-1]) ** d, prepend=0.0), np.arange(1, k + 1) / k

    def slope(a: float) -> float:
        weight = shells * np.exp(a * (place - 1))
        return float(weight @ place / weight.sum()) - (k + 1) / (2 * k)

    a = brentq(slope, -60, 60, xtol=1e-13)
    ball = d * np.log(radii[-1]) + d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    count = len(peaks.distances)
    return float(np.log(k / count) - a - np.log(shells @ np.exp(a * (place - 1))) - ball)


def by_cluster(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    found = case.peaks().details
    density = found["log_density"]
    known = clusters_of(ls.find_neighbors(case.x, k=K_MAX), "density_peaks", K_MAX, Z, None)
    roots = known.whole(np.array([highest(known, number) for number in range(len(known.distances))]))
    yield "`density_peaks`, log density", "scipy brentq on the likelihood", density, roots
    yield "`density_peaks`, log density", "DADApy, PAk", density, case.foreign["log density"]
    mine = found["cluster"]
    other = ls.estimate("density_peaks", case.y, k_max=K_MAX, z=Z).details["cluster"]
    found = case.estimate("cluster_agreement", k_max=K_MAX, z=Z).value
    yield "`cluster_agreement`", "scikit-learn adjusted_rand_score", found, adjusted_rand_score(mine, other)
    for peer, key in (("DADApy, ADP", "clusters"), ("DADApy, ADP with every border", "clusters, every border")):
        yield "`density_peaks`, clusters", peer, mine, case.foreign[key]


def planted() -> str:
    """What svcca reads of two representations with known canonical correlations."""
    rng, true = np.random.default_rng(0), np.array([0.95, 0.8, 0.5, 0.2])
    u, apart = rng.standard_normal((2, N, len(true)))
    sides = [np.c_[u, rng.standard_normal((N, 2))], np.c_[true * u + np.sqrt(1 - true**2) * apart]]
    x, y = (side @ rng.standard_normal((side.shape[1],) * 2) for side in sides)
    found = np.asarray(ls.estimate("svcca", x, y, variance=1.0).details["correlations"])
    angles = np.sort(np.cos(subspace_angles(x - x.mean(axis=0), y - y.mean(axis=0))))[::-1]
    pairs = ", ".join(f"{one:.3f} for {other}" for one, other in zip(found, true, strict=True))
    return (
        f"`svcca` of 6 and 4 units with planted canonical correlations reads {pairs} at N = {N:,}, within "
        f"{np.abs((found - true) * np.sqrt(N) / (1 - true**2)).max():.1f} standard deviations, and "
        f"{np.abs(found - angles).max():.0e} from scipy's subspace_angles."
    )


def with_labels(case: Case) -> str:
    """How well either's clusters agree with the labels."""
    theirs = case.foreign["clusters"]
    if isinstance(theirs, str):
        return f"{case.name}: none from DADApy"
    found = (adjusted_rand_score(case.labels, each) for each in (case.peaks().details["cluster"], theirs))
    return f"{case.name}: {{:.3f}} and {{:.3f}}".format(*found)


def cell(measure: str, mine: Any, theirs: Any) -> str:
    if isinstance(theirs, str):
        return theirs
    if not measure.endswith("clusters"):
        apart = np.abs(np.atleast_1d(mine) - np.atleast_1d(theirs))
        lost, off = int(np.isnan(apart).sum()), int((apart > 1e-3).sum())
        return f"{np.nanmax(apart):.0e}" + f"; {off} of {N} above 1e-3, {lost} NaN" * (
            off + lost > 0 and apart.size == N
        )
    index = adjusted_rand_score(mine, theirs)
    return f"ARI {index:.4f} ({len(set(mine))} and {len(set(theirs))} clusters)"


def main() -> None:
    given, every = interpreters("dadapy", "rsatoolbox"), cases()
    versions = [*ask_all(every, given.dadapy, given.rsatoolbox), f"scikit-learn {sklearn.__version__}"]
    rows: dict[tuple[str, str], list[str]] = {}
    for case in every:
        for group in (by_formula, by_canonical, by_neighbors, by_map, by_cluster):
            for measure, peer, mine, theirs in group(case):
                rows.setdefault((measure, peer), []).append(cell(measure, mine, theirs))
    lines = [
        f"`benchmarks/agreement_of_comparisons.py`. Largest absolute difference to {', '.join(versions)}, scipy and "
        f"formulas; N = {N:,} samples.",
        "",
        "| measure | peer | " + " | ".join(case.name for case in every) + " |",
        "|---|---|" + "---|" * len(every),
        *(f"| {measure} | {peer} | " + " | ".join(cells) + " |" for (measure, peer), cells in rows.items()),
    ]
    both = "; ".join(with_labels(case) for case in every)
    lines += ["", planted(), "", WHY]
    lines += ["", f"Adjusted Rand index of the clusters of `density_peaks` and of DADApy with the labels: {both}."]
    lines += [counts_of_one_bump(given.dadapy)]
    publish("Agreement of comparisons", lines)


if __name__ == "__main__":
    main()
