"""Do our comparisons, probes and clusters agree with those of others, and where they do not, why?

Run:  LAYERSCAPE_DATA=FOLDER python benchmarks/agreement_of_comparisons.py --dadapy PYTHON --rsatoolbox PYTHON [--write]

The second interpreter has rsatoolbox, dcor and statsmodels. Each pair is a representation and another one of the same
samples: pixels and a random layer of 50 tanh units on them; words and runs of letters of questions, TF-IDF cut to 50
directions. Whatever draws some of the samples in layerscape is asked for all of them here.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from scipy.stats import skew, spearmanr
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parent))
from peers import ask, interpreters
from publish import publish

import layerscape as ls
from layerscape.core.representation import Representation
from layerscape.measures.neighborhood.clusters import clusters_of
from layerscape.measures.separability.probes import folds_of
from layerscape.measures.similarity import linear_predictivity as predictivity

N, K, VARIANCE, K_MAX, Z = 1500, 30, 0.9, 100, 1.65

EACH = """
def read(what):
    return np.load(f"{sys.argv[1]}/{name} {what}.npy")
answer = {}
for name in sys.argv[2:]:
    x, y, labels = (read(what) for what in ("x", "y", "labels"))
    row = answer[name] = {}
    def tell(key, call):
        try:
            row[key] = [float(v) for v in np.ravel(call())]
        except Exception as error:
            row[key] = type(error).__name__"""

DADAPY = (
    "from dadapy import Data\n"
    + EACH
    + """
    whole = Data(x, maxk=len(x) - 1, verbose=False)
    tell("overlap", lambda: whole.return_data_overlap(coordinates=y, k=K))
    tell("label_overlap", lambda: whole.return_label_overlap(labels, k=K, weighted=False))
    tell("label_overlap by class", lambda: whole.return_label_overlap(labels, k=K, weighted=True))
    tell("information_imbalance", lambda: [found[0] for found in whole.return_information_imbalace(y, k=1)])
    def clusters(given=False):
        data = Data(x, maxk=K_MAX, verbose=False)
        data.compute_distances()
        data.set_id(float(read("d")))
        data.compute_density_PAk()
        if given:
            data.log_den, data.log_den_err, kstar = read("density")
            data.kstar = kstar.astype(int)
        return data.compute_clustering_ADP(Z=Z)
    tell("clusters", clusters)
    if read("density").shape[1] == len(x):
        tell("clusters of ours", lambda: clusters(given=True))
"""
)

OTHERS = (
    "import dcor\nimport rsatoolbox\nfrom statsmodels.multivariate.cancorr import CanCorr\n"
    + EACH
    + """
    def rdms(part):
        sets = [rsatoolbox.data.Dataset(z[:part].astype(float)) for z in (x, y)]
        return [rsatoolbox.rdm.calc_rdm(z, method="euclidean") for z in sets]
    tell("rsa", lambda: rsatoolbox.rdm.compare(*rdms(len(x)), method="spearman"))
    tell("cka biased", lambda: rsatoolbox.rdm.compare(*rdms(len(x)), method="cosine_cov"))
    tell("distance_correlation", lambda: dcor.u_distance_correlation_sqr(x.astype(float), y.astype(float)))
    tell("svcca", lambda: CanCorr(read("scores_b"), read("scores_a")).cancorr)
"""
)


@dataclass
class Case:
    """A pair of representations with labels, and what the foreign peers say of it."""

    name: str
    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    foreign: dict[str, Any] = field(default_factory=dict)

    def estimate(self, name: str, **options: Any) -> ls.Estimate:
        return ls.estimate(name, self.x, self.y, **options)

    def read(self, name: str, **options: Any) -> ls.Estimate:
        return ls.estimate(name, self.x, self.labels, **options)

    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        found = self.estimate("svcca", variance=VARIANCE).details
        return tuple(
            PCA(found[f"components_{side}"], svd_solver="full").fit_transform(z)
            for side, z in (("a", self.x), ("b", self.y))
        )


def cases() -> list[Case]:
    rng = np.random.default_rng(0)
    digits, mnist = load_digits(), ls.datasets.load("mnist", limit=N)
    pixels = {"MNIST": (mnist.x / 255, mnist.labels), "load_digits": (digits.data[:N], digits.target[:N])}
    found = []
    for name, (x, labels) in pixels.items():
        layer = np.tanh((x - x.mean(axis=0)) @ rng.standard_normal((x.shape[1], 50)) / np.linalg.norm(x.std(axis=0)))
        found.append(Case(name, x.astype(float), layer, labels.astype(int)))
    with (Path(os.environ["LAYERSCAPE_DATA"]) / "text" / "trec.csv").open(newline="") as file:
        texts, labels = zip(*((row["text"], row["label"]) for row in csv.DictReader(file)), strict=True)
    vectors = []
    for analyzer in ({}, {"analyzer": "char_wb", "ngram_range": (3, 3)}):
        vectors.append(TruncatedSVD(50, random_state=0).fit_transform(TfidfVectorizer(**analyzer).fit_transform(texts)))
    codes = np.unique(labels, return_inverse=True)[1]
    # Rows that differ by rounding are copies too.
    first = np.unique(np.hstack(vectors).round(9), axis=0, return_index=True)[1]
    for name, rows in (("TREC", np.sort(first)[:N]), ("TREC, with copies", np.arange(len(texts))[-N:])):
        found.append(Case(name, *(each[rows] for each in vectors), codes[rows]))
    return found


def ask_all(every: list[Case], dadapy: str, others: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for case in every:
            known = clusters_of(ls.find_neighbors(case.x, k=K_MAX), "density_peaks", K_MAX, Z, None)
            density = known.peaks.density
            left, right = case.scores()
            saved = {"x": case.x, "y": case.y, "labels": case.labels, "scores_a": left, "scores_b": right}
            saved["d"] = np.array(known.dimension)
            saved["density"] = np.stack([density.log_density, density.error, density.neighbors])
            for what, values in saved.items():
                np.save(Path(folder) / f"{case.name} {what}", values)
        head = f"K, K_MAX, Z = {K}, {K_MAX}, {Z}\n"
        for python, code in ((dadapy, DADAPY), (others, OTHERS)):
            for name, answers in ask(python, head + code, folder, *(case.name for case in every)).items():
                next(case for case in every if case.name == name).foreign.update(answers)


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


def by_cluster(case: Case) -> Iterator[tuple[str, str, Any, Any]]:
    mine, other = (ls.estimate("density_peaks", z, k_max=K_MAX, z=Z).details["cluster"] for z in (case.x, case.y))
    found = case.estimate("cluster_agreement", k_max=K_MAX, z=Z).value
    yield "`cluster_agreement`", "scikit-learn adjusted_rand_score", found, adjusted_rand_score(mine, other)
    for peer, key in (("DADApy, ADP", "clusters"), ("DADApy, ADP of our densities", "clusters of ours")):
        yield "`density_peaks`, adjusted Rand index", peer, mine, case.foreign.get(key, "–")


def cell(measure: str, mine: Any, theirs: Any) -> str:
    if isinstance(theirs, str):
        return theirs
    if "density_peaks" not in measure:
        return f"{np.abs(np.asarray(mine) - np.asarray(theirs)).max():.0e}"
    index = adjusted_rand_score(mine, theirs)
    return f"{index:.4f} ({len(set(mine))} and {len(set(theirs))} clusters)"


def main() -> None:
    given, every = interpreters("dadapy", "rsatoolbox"), cases()
    ask_all(every, given.dadapy, given.rsatoolbox)
    rows: dict[tuple[str, str], list[str]] = {}
    for case in every:
        for group in (by_formula, by_canonical, by_neighbors, by_map, by_cluster):
            for measure, peer, mine, theirs in group(case):
                rows.setdefault((measure, peer), []).append(cell(measure, mine, theirs))
    lines = [
        "| measure | peer | " + " | ".join(case.name for case in every) + " |",
        "|---|---|" + "---|" * len(every),
        *(f"| {measure} | {peer} | " + " | ".join(cells) + " |" for (measure, peer), cells in rows.items()),
    ]
    publish("Agreement of comparisons", lines)


if __name__ == "__main__":
    main()
