"""Small data sets of every kind that measures meet, and the values of options that the snapshot tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# What takes long by default, made short: these options are always given.
SHORT: dict[str, dict[str, Any]] = {
    "autoencoder": {"steps": 40, "max_width": 6},
    "hidalgo": {"n_iterations": 100},
    "manifold_capacity": {"draws": 20, "permutations": 19, "points": 10},
    "linear_probe": {"permutations": 19},
    "unit_match": {"permutations": 19},
    "procrustes": {"permutations": 19},
    "svcca": {"permutations": 19},
    "dichotomies": {"labelings": 20, "directions": 8},
}

# Sensible values of every option that has no list of choices, beside its default.
OTHERS: dict[str, tuple[Any, ...]] = {
    "alpha": (1e-3,),
    "alpha_max": (0.5,),
    "alpha_min": (0.05,),
    "class_fraction": (0.2,),
    "delta": (1e-2,),
    "dimension": (2.5,),
    "directions": (5,),
    "discard": (0.1,),
    "draws": (25,),
    "first": (2,),
    "folds": (3,),
    "hidden": (8,),
    "k": (5, 12),
    "k1": (5,),
    "k2": (40,),
    "k_max": (25,),
    "labelings": (30,),
    "last": (12,),
    "max_dimension": (5,),
    "max_width": (3,),
    "n_iterations": (140,),
    "n_landmarks": (50,),
    "n_manifolds": (3,),
    "p": (0.7,),
    "permutations": (25,),
    "points": (6,),
    "power": (0.5,),
    "prior": ((2.0, 1.0),),
    "q": (5,),
    "range_max": (8,),
    "ratio": (0.4,),
    "references": (90,),
    "repetitions": (2,),
    "sample": (100,),
    "scale": (3,),
    "seed": (1,),
    "share": (0.99,),
    "smallest": (40,),
    "steps": (60,),
    "t": (4.0,),
    "variance": (0.8,),
    "z": (0.0,),
    "zeta": (0.6,),
}

TOGETHER: dict[str, tuple[dict[str, Any], ...]] = {
    "twonn": ({"method": "fit", "discard": 0.1}, {"discard": 0.1, "prior": (2.0, 1.0)}),
    "decimation": ({"method": "fit", "discard": 0.1},),
    "cka": ({"kernel": "rbf", "sample": 100},),
    "rank_overlap": ({"weight": "r_nx", "k": 8},),
    "label_overlap": ({"weight": "class", "class_fraction": 0.2}, {"over": "classes", "k": 8}),
    "cluster_agreement": ({"z": 0.0, "k_max": 25},),
    "nucleation": ({"z": 0.0, "k_max": 25},),
}


def data_sets() -> dict[str, np.ndarray]:
    """Name to data, shape (N, D); always the same."""
    rng = np.random.default_rng(13)
    normal = rng.standard_normal
    angle, height = 1.5 * np.pi * (1 + 2 * rng.random(240)), 20 * rng.random(240)
    roll = np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], axis=1)
    clusters = 4 * normal((4, 10))[np.arange(240) ** 2 % 7 % 4] + normal((240, 10)) * np.linspace(0.3, 1.5, 10)
    once = normal((190, 5)) * np.linspace(0.5, 2, 5)
    near = normal((170, 6))
    massive = normal((200, 12))
    massive[:, 3] = 1e4 + 300 * massive[:, 3]
    bits = normal((240, 6)) @ normal((6, 32)) + normal((240, 32)) > 0
    return {
        "gaussian": normal((240, 6)) * np.linspace(0.4, 2, 6),
        "manifold": np.concatenate([roll, np.sin(roll / 4), roll[:, :2] ** 2 / 20], axis=1),
        "clusters": clusters,
        "copies": np.concatenate([once, once[:30], once[10:40] + 0.0]),
        "near copies": np.concatenate([near, near[:25] + 1e-9 * normal((25, 6))]),
        "lattice": rng.integers(0, 8, (220, 3)).astype(float),
        "binary": bits.astype(float),
        "counts": rng.poisson(rng.gamma(1.5, 3.0, (200, 2)) @ rng.random((2, 10))).astype(float),
        "heavy tails": rng.standard_t(1.5, (220, 8)),
        "massive unit": massive,
        "float32": (1000 + normal((220, 9)) @ normal((9, 9))).astype(np.float32),
        "wide": normal((150, 7)) @ normal((7, 400)) + 0.1 * normal((150, 400)),
        "few": normal((25, 4)),
    }


def another(x: np.ndarray) -> np.ndarray:
    """A second representation of the same samples: curved, noisy, of another width; whole where the first is."""
    rng = np.random.default_rng(17)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    y = np.tanh(z @ rng.standard_normal((x.shape[1], 7)) / np.sqrt(x.shape[1]))
    y += 0.2 * rng.standard_normal(y.shape)
    return np.round(3 * y) if (x == np.round(x)).all() else y


def label_forms(x: np.ndarray) -> dict[str, Any]:
    """What may stand for labels, by name, all of one noisy fact about the samples."""
    rng = np.random.default_rng(19)
    n = len(x)
    fact = np.argsort(np.argsort(x[:, 0].astype(float) + 0.3 * x[:, 0].std() * rng.standard_normal(n))) / n
    fine = np.floor(6 * fact**1.5).astype(int)
    names = np.array(["oak", "ash", "elm", "fir", "yew", "box"])[fine]
    likeness: Callable[[Any, Any], Any] = lambda i, j: 1 - abs(fact[i] - fact[j])  # noqa: E731 (one line says it)
    return {
        "classes": fine,
        "names": names,
        "numbers": np.round(fact + 0.1 * rng.standard_normal(n), 2),
        "paths": [(str(number // 2), name) for number, name in zip(fine, names, strict=True)],
        # Lists and no sets: in which order a set of words is read differs from one interpreter to the next.
        "lists": [[name, "tree", *(["tall"] if value > 0.5 else [])] for name, value in zip(names, fact, strict=True)],
        "function": likeness,
        "one missing": [None, *names[1:].tolist()],
        "all different": np.arange(n),
    }
