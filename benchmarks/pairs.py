"""Pairs of representations with labels, and what DADApy, rsatoolbox, dcor and statsmodels say of them.

Each pair is a representation and another one of the same samples: pixels and a random layer of 50 tanh units on them;
words and runs of letters of questions, TF-IDF cut to 50 directions.
"""

from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

import layerscape as ls
from benchmarks.peers import ask

N, K, VARIANCE, K_MAX, Z = 1500, 30, 0.9, 100, 1.65

EACH = """
from importlib.metadata import version
def read(what):
    return np.load(f"{sys.argv[1]}/{name} {what}.npy")
answer = {"versions": [f"{package} {version(package)}" for package in PACKAGES]}
for name in sys.argv[2:]:
    x, y, labels = (read(what) for what in ("x", "y", "labels"))
    row = answer[name] = {}
    def tell(key, call):
        try:
            row[key] = [float(v) for v in np.ravel(call())]
        except Exception as error:
            row[key] = type(error).__name__"""

# Borders as DADApy's docstring defines them: its code looks at the nearest sample of another cluster only, and not at
# those of peaks.
BORDERS = """
from functools import partial
from dadapy import Data
def borders(data, n_clusters, g, members, centers, cluster, log_density):
    cluster, place = np.array(cluster), np.full((n_clusters, n_clusters), -1)
    for i in range(data.N):
        near = data.dist_indices[i, 1 : data.kstar[i] + 1]
        for other in set(cluster[near]) - {cluster[i]}:
            back = data.dist_indices[near[cluster[near] == other][0], 1:]
            back = back[cluster[back] == cluster[i]]
            best = place[cluster[i], other]
            if (not len(back) or back[0] == i) and (best < 0 or g[i] > g[best]):
                place[cluster[i], other] = place[other, cluster[i]] = i
    height = np.where(place >= 0, log_density[place], 0.0)
    error = np.where(place >= 0, data.log_den_err[place], 0.0)
    np.fill_diagonal(height, -1.0)
    return height, error, place
"""

DADAPY = (
    BORDERS
    + EACH
    + """
    whole = Data(x, maxk=len(x) - 1, verbose=False)
    tell("overlap", lambda: whole.return_data_overlap(coordinates=y, k=K))
    tell("label_overlap", lambda: whole.return_label_overlap(labels, k=K, weighted=False))
    tell("label_overlap by class", lambda: whole.return_label_overlap(labels, k=K, weighted=True))
    tell("information_imbalance", lambda: [found[0] for found in whole.return_information_imbalace(y, k=1)])
    def clusters():
        data = Data(x, maxk=K_MAX, verbose=False)
        data.compute_distances()
        data.set_id(float(read("d")))
        data.compute_density_PAk()
        tell("log density", lambda: data.log_den)
        tell("clusters", lambda: data.compute_clustering_ADP(Z=Z))
        data._find_borders_between_clusters = partial(borders, data)
        return data.compute_clustering_ADP_pure_python(Z=Z)
    tell("clusters, every border", clusters)
"""
)

BUMPS = """
from dadapy import Data
answer = []
for name in sys.argv[2:]:
    data = Data(np.load(f"{sys.argv[1]}/{name}.npy"), maxk=K_MAX, verbose=False)
    data.compute_distances()
    data.compute_id_2NN(algorithm="ml")
    data.compute_density_PAk()
    answer.append(len(set(data.compute_clustering_ADP(Z=Z))))
"""

OTHERS = (
    "import dcor\nimport rsatoolbox\nfrom statsmodels.multivariate.cancorr import CanCorr\n"
    + EACH
    + """
    both = [rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(z), method="euclidean") for z in (x, y)]
    tell("rsa", lambda: rsatoolbox.rdm.compare(*both, method="spearman"))
    tell("cka biased", lambda: rsatoolbox.rdm.compare(*both, method="cosine_cov"))
    tell("distance_correlation", lambda: dcor.u_distance_correlation_sqr(x, y))
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

    def peaks(self) -> ls.Estimate:
        return ls.estimate("density_peaks", self.x, k_max=K_MAX, z=Z)

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
    # Questions of the same words differ by the rounding of the decomposition.
    firsts = [np.unique(each.round(5), axis=0, return_index=True)[1] for each in vectors]
    for name, rows in (("TREC", np.intersect1d(*firsts)[:N]), ("TREC, with copies", np.arange(len(texts))[-N:])):
        found.append(Case(name, *(each[rows] for each in vectors), codes[rows]))
    return found


def ask_all(every: list[Case], dadapy: str, others: str) -> list[str]:
    """Put what the peers say into the cases; their versions."""
    versions = []
    with tempfile.TemporaryDirectory() as folder:
        for case in every:
            found = case.peaks()
            left, right = case.scores()
            saved = {"x": case.x, "y": case.y, "labels": case.labels, "scores_a": left, "scores_b": right}
            saved["d"] = found.details["dimension"]
            for what, values in saved.items():
                np.save(Path(folder) / f"{case.name} {what}", values)
        head = f"K, K_MAX, Z = {K}, {K_MAX}, {Z}\n"
        for python, code, packages in (
            (dadapy, DADAPY, ["dadapy"]),
            (others, OTHERS, ["rsatoolbox", "dcor", "statsmodels"]),
        ):
            names = [case.name for case in every]
            answer = ask(python, f"PACKAGES = {packages}\n{head}{code}", folder, *names)
            versions += answer["versions"]
            for case in every:
                case.foreign.update(answer[case.name])
    return versions


def counts_of_one_bump(dadapy: str, draws: int = 10, n: int = 3000, d: int = 10) -> str:
    """How many clusters either finds in Gaussian data, which have one."""
    rng = np.random.default_rng(0)
    data = {f"draw {number}": rng.standard_normal((n, d)) for number in range(draws)}
    mine = [int(ls.estimate("density_peaks", x, k_max=K_MAX, z=Z).value) for x in data.values()]
    with tempfile.TemporaryDirectory() as folder:
        for name, x in data.items():
            np.save(Path(folder) / name, x)
        theirs = ask(dadapy, f"K_MAX, Z = {K_MAX}, {Z}\n{BUMPS}", folder, *data)
    return (
        f"Clusters of {draws} draws of {n:,} normal samples in {d} dimensions, which have one: `density_peaks` finds "
        f"{', '.join(map(str, mine))}; DADApy {', '.join(map(str, theirs))}."
    )
