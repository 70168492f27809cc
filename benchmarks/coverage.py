"""How often do the 95 % intervals hold? Values and differences of independent samples and of such as belong together.

Run:  python -m benchmarks.coverage --keep FOLDER [--parts values,grouped] [--sizes 100,300] [--minutes 60] [--write]

An interval covers if it holds the mean of the values over all draws of a law: bias (finite N, edges) is another matter.
A cell is the coverage, in brackets the standard deviation that is reported over the one that was seen, and the number
of draws. It stands out in bold where the exact 99 % interval of the coverage misses the band: 93 to 97 % for what is
most used, 90 to 98 % for the rest, and at least 93 % where samples belong together.

A second representation is a noisy copy of the first: of 0.3 times its spread ("near") or 2 times ("far"); differences
are of two copies with noise of half the spread. Labels are three classes by a noisy first coordinate, and that
coordinate itself. Of groups the second layer is the first and another one together, labels are of groups and move
their centers, and differences are of two layers that hold as much of a label. Everything takes some ten hours of one
core; `benchmarks/counted.py` says how it goes on where it ended.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.asked import Ask, ask
from benchmarks.counted import count
from benchmarks.draws import Found, Part, outside, small
from benchmarks.laws import CLASSES, FALLING, GROUPED, INDEPENDENT, UNITS, cloud, groups, layer, spread
from benchmarks.publish import publish
from layerscape import LayerscapeError, estimate
from layerscape.core.groups import Groups
from layerscape.core.paired import Difference, difference
from layerscape.core.representation import Representation
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import catalog, find_measure
from layerscape.search import find_neighbors
from layerscape.supply.grouped import Grouped
from layerscape.supply.ranking import ranking_of

K, MOST_K = 10, 30
NONE = (np.nan,) * 3
NO_DIFFERENCE = (*NONE, np.nan)
MOST_USED = ("twonn", "gride", "overlap", "label_overlap", "cka", "information_imbalance", "rank_overlap", "difference")
NO_CHANCE = {  # permutations and exchanges for p, which nobody asks for here, would take most of the time
    "layerscape.core.permutation.PLAIN": np.inf,
    "layerscape.core.exchange.PERMUTATIONS": 1,
}
STRICT, WIDE, AT_LEAST = (0.93, 0.97), (0.90, 0.98), (0.93, 1.0)


def found(one: Any) -> tuple[float, ...]:
    """Value and interval, and p of a difference, of which `benchmarks/nulls.py` makes a table."""
    return one.value, one.low, one.high, *([one.p] if isinstance(one, Difference) else [])


def drawn(law: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, Any, np.ndarray, np.ndarray]:
    """A cloud, a function that makes noisy copies of it, its noisy first coordinate and three classes of that."""
    x, wide = cloud(law, n, rng), spread(law)
    number = x[:, 0] - (0.5 if law.startswith("uniform") else 0.0) + 0.5 * wide * rng.standard_normal(n)
    classes = (number > 0).astype(int) + (number > 0.7 * wide)
    return x, lambda size: x + size * wide * rng.standard_normal(x.shape), number, classes


def dimensions(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of TwoNN and Gride, and of the difference of two noisy copies by TwoNN."""
    x, noisy, _, _ = drawn(law, n, rng)
    a, b, c = (find_neighbors(y, width, threads=1) for y, width in ((x, 16), (noisy(0.5), 3), (noisy(0.5), 3)))
    gride, twonn = catalog()["gride"], catalog()["twonn"]
    result = {"twonn": found(twonn(a))}
    result |= {f"gride, n₁ = {(point.k or 0) // 2}": found(point) for point in gride(a, range_max=16).curve[1:]}
    return result | {"difference, twonn": found(difference(twonn.influence_of(b), twonn.influence_of(c)))}


def values(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of what is read from graphs, of CKA and of two spectra."""
    x, noisy, number, classes = drawn(law, n, rng)
    near, far, measures = noisy(0.3), noisy(2.0), catalog()
    a, b, c = (find_neighbors(y, MOST_K + 1, threads=1) for y in (x, near, far))
    whole, result = Representation(x), {}
    for k in (1, K, MOST_K):
        result |= {f"overlap, near, k = {k}": measures["overlap"](a, b, k=k)}
        result |= {f"label_overlap, k = {k}": measures["label_overlap"](a, classes, k=k)}
    for k in (1, K):
        result |= {f"overlap, far, k = {k}": measures["overlap"](a, c, k=k)}
        result |= {f"label_overlap of a number, k = {k}": measures["label_overlap"](a, number, k=k)}
    result |= {
        f"label_overlap by class, k = {K}": measures["label_overlap"](a, classes, k=K, weight="class"),
        f"rank_overlap, near, k = {K}": measures["rank_overlap"](a, b, k=K),
        f"rank_overlap, far, k = {K}": measures["rank_overlap"](a, c, k=K),
        f"rank_overlap, R_NX, near, k = {K}": measures["rank_overlap"](a, b, k=K, weight="r_nx"),
        "cka, near": measures["cka"](whole, Representation(near)),
        "cka, far": measures["cka"](whole, Representation(far)),
        "participation_ratio": measures["participation_ratio"](whole),
        "effective_rank": measures["effective_rank"](whole),
    }
    return {name: found(one) for name, one in result.items()}


def most(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of neighborhoods that are a half, three quarters and nine tenths of the samples."""
    x, noisy, number, classes = drawn(law, n, rng)
    a, b = (find_neighbors(y, int(0.9 * n) + 1, threads=1) for y in (x, noisy(0.5)))
    measures, result = catalog(), {}
    for k in (n // 2, int(0.75 * n), int(0.9 * n)):
        result |= {
            f"overlap, k = {k}": measures["overlap"](a, b, k=k),
            f"rank_overlap, k = {k}": measures["rank_overlap"](a, b, k=k),
            f"label_overlap, k = {k}": measures["label_overlap"](a, classes, k=k),
            f"label_overlap of a number, k = {k}": measures["label_overlap"](a, number, k=k),
        }
        if np.bincount(classes).min() > 1:
            result[f"label_overlap by class, k = {k}"] = measures["label_overlap"](a, classes, k=k, weight="class")
    return {name: found(one) for name, one in result.items()}


def imbalance(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of information imbalance, which ranks."""
    x, noisy, _, _ = drawn(law, n, rng)
    graph, measure, result = find_neighbors(x, K + 1, threads=1), catalog()["information_imbalance"], {}
    for where, size in (("near", 0.3), ("far", 2.0)):
        ranking = ranking_of(Representation(noisy(size)), None, {"threads": 1})
        for k in (1, K):
            result[f"information_imbalance, {where}, k = {k}"] = found(measure(graph, ranking, k=k))
    return result


def _differences(both: dict[str, list[tuple[Any, ...]]], **options: int) -> Found:
    """Of what two layers have, by name."""
    measures = catalog()
    return {
        f"difference, {name}": found(difference(*(measures[name].influence_of(*data, **options) for data in two)))
        for name, two in both.items()
    }


def overlap_differences(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of two noisy copies, by the neighbors that each shares with the first, and by those that share a class."""
    x, noisy, _, classes = drawn(law, n, rng)
    graph, *two = (find_neighbors(y, K + 1, threads=1) for y in (x, noisy(0.5), noisy(0.5)))
    shared = {name: [(graph, one) for one in two] for name in ("overlap", "rank_overlap")}
    return _differences({**shared, "label_overlap": [(one, classes) for one in two]}, k=K)


def differences(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of two noisy copies, by CKA with the first and by spectra."""
    x, noisy, _, _ = drawn(law, n, rng)
    whole, two = Representation(x), [Representation(noisy(0.5)) for _ in range(2)]
    spectra = {name: [(one,) for one in two] for name in ("participation_ratio", "effective_rank")}
    return _differences({"cka": [(whole, one) for one in two], **spectra})


def others(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of measures and options that are less used."""
    x, noisy, number, classes = drawn(law, n, rng)
    near = noisy(0.3)
    a, b = (find_neighbors(y, 65, threads=1) for y in (x, near))
    c = find_neighbors(noisy(0.5), K + 1, threads=1)
    asked: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
        "twonn, discard 0.1": ("twonn", (a,), {"discard": 0.1}),
        "twonn, fit": ("twonn", (a,), {"method": "fit"}),
        "levina_bickel, k = 8": ("levina_bickel", (a,), {"k": 8}),
        "levina_bickel, k = 32": ("levina_bickel", (a,), {"k": 32}),
        "abide": ("abide", (a,), {}),
        **{name: (name, (x,), {}) for name in ("correlation_dimension", "mst", "spectrum_decay", "isotropy")},
        "hubness": ("hubness", (a,), {}),
        "uniformity": ("uniformity", (x,), {}),
        f"neighbor_survival, k = {K}": ("neighbor_survival", (a, [b, c]), {"k": K}),
        "knn_probe": ("knn_probe", (a, classes), {"permutations": 19}),
        "linear_probe": ("linear_probe", (x, classes), {"permutations": 19, "method": "ridge"}),
        "linear_probe of a number": ("linear_probe", (x, number), {"permutations": 19}),
        "linear_predictivity": ("linear_predictivity", (x, near), {"permutations": 19}),
        **{
            f"{name}, {where}": (name, (x, y), {"permutations": 19})
            for name in ("rsa", "procrustes", "cknna")
            for where, y in (("near", near), ("far", noisy(2.0)))
        },
        "distance_correlation, near": ("distance_correlation", (x, near), {}),
        "cka of rbf, near": ("cka", (x, near), {"kernel": "rbf"}),
    }
    return {name: _asked(*one) for name, one in asked.items()}


def _asked(name: str, data: tuple[Any, ...], options: dict[str, Any], **how: Any) -> tuple[float, ...]:
    try:
        return found(estimate(name, *data, **options, **how))
    except LayerscapeError:  # too few samples for it
        return NONE


def grouped(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of samples that belong together, of which the measures are told."""
    codes = groups(law, n)
    a, classes, _ = _labelled(law, codes, rng)
    # Classes lie at the same places in every draw: an interval says what more of such groups would give, not others.
    b, one = a + layer(law, codes, rng), layer(law, codes, rng) + CLASSES[classes]
    near = {"k": K}
    asked = {
        "overlap": Ask("overlap", "a", "b", near),
        "rank_overlap": Ask("rank_overlap", "a", "b", near),
        "label_overlap": Ask("label_overlap", "one", "classes", near),
        "cka": Ask("cka", "a", "b"),
    }
    every = ask({"a": a}, {}, {"twonn": Ask("twonn", "a")}, groups=codes)  # of the rows that are distinct in a alone
    every |= ask({"a": a, "b": b, "one": one}, {"classes": classes}, asked, groups=codes)
    return {name: found(one) if one else NONE for name, one in every.items()}


def _labelled(law: str, codes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A layer, the class of each sample's group, and where that class moves a layer."""
    classes = rng.integers(0, 5, codes[-1] + 1)
    return layer(law, codes, rng), classes[codes], rng.standard_normal((5, UNITS))[classes][codes]


def grouped_differences(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of two layers of groups that hold as much of a label, and are as wide."""
    codes = groups(law, n)
    _, classes, moved = _labelled(law, codes, rng)
    source = Arrays({name: layer(law, codes, rng) + moved for name in "ab"}, {"class": classes})
    supplier, result = Grouped(source, {}, Groups.of(codes, len(codes))), {}
    tasks = {
        name: [Task(find_measure(name), options, side, label=label) for side in "ab"]
        for name, label, options in (
            ("twonn", "", {}),
            ("label_overlap", "class", {"k": K}),
            ("effective_rank", "", {}),
        )
    }
    supplier.prepare([task for two in tasks.values() for task in two])
    for name, two in tasks.items():
        try:
            result[f"difference, {name}"] = found(difference(*(supplier.moved(task) for task in two)))
        except LayerscapeError:
            result[f"difference, {name}"] = NO_DIFFERENCE
    return result


def grouped_learned(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of two layers of groups that hold as much of a label, by what is learned on some groups and read on others."""
    codes = groups(law, n)
    _, classes, moved = _labelled(law, codes, rng)
    within = (rng.random(len(codes)) < rng.choice([0.3, 0.7], codes[-1] + 1)[codes]).astype(int)
    moved = moved + 0.5 * within[:, None] * rng.standard_normal(UNITS)
    source = Arrays({name: layer(law, codes, rng) + moved for name in "ab"}, {"class": classes, "within": within})
    supplier, measure = Grouped(source, {}, Groups.of(codes, len(codes))), find_measure("linear_probe")
    tasks = {
        name: [Task(measure, {"method": "ridge"}, side, label=name) for side in "ab"] for name in ("class", "within")
    }
    supplier.prepare([task for two in tasks.values() for task in two])
    result = {}
    for name, two in tasks.items():
        try:
            result[f"difference, linear_probe, {name}"] = found(difference(*(supplier.moved(task) for task in two)))
        except LayerscapeError:  # no two groups of one label
            result[f"difference, linear_probe, {name}"] = NO_DIFFERENCE
    return result


def held(rows: np.ndarray) -> tuple[float, ...]:
    """Coverage of the mean and the reported standard deviation over the true one; shares of small p of a difference.

    >>> held(np.array([[0.0, -1.0, 1.0], [2.0, 1.5, 3.5]]))[0]
    0.5
    """
    value, low, high, *p = rows.T
    covers = (low <= value.mean()) & (value.mean() <= high)
    shares = small(p[0]) if p else ()
    return float(covers.mean()), float(np.mean(high - low) / 3.92 / value.std(ddof=1)), *shares


part = partial(Part, means=held, under=NO_CHANCE)
PARTS = {
    "dimensions": part(dimensions, (*INDEPENDENT, FALLING)),
    "values": part(values, (*INDEPENDENT, FALLING)),
    "overlap_differences": part(overlap_differences, (*INDEPENDENT, FALLING)),
    "differences": part(differences, (*INDEPENDENT, FALLING)),
    "most": part(most, (*INDEPENDENT, FALLING), (50, 150), most=400),
    "imbalance": part(imbalance, INDEPENDENT),
    "grouped": part(grouped, GROUPED),
    "grouped_differences": part(grouped_differences, GROUPED),
    "grouped_learned": part(grouped_learned, GROUPED[:3], (100, 300), most=400),
    "others": part(others, INDEPENDENT, most=400),
}


def cell(band: tuple[float, float], draws: int, coverage: float, ratio: float) -> str:
    """Coverage, the reported standard deviation over the true one, and draws; bold where the band is missed."""
    text = f"{100 * coverage:.1f} ({ratio:.2f}) {draws}"
    return f"**{text}**" if outside(round(coverage * draws), draws, band) else text


def band(part: str, name: str) -> tuple[float, float]:
    if part.startswith("grouped"):
        return AT_LEAST
    return STRICT if name.startswith(MOST_USED) and part not in ("most", "others") else WIDE


def main() -> None:
    counted = count("coverage", PARTS)
    lines = [
        "`benchmarks/coverage.py`: coverage in % of the 95 % interval (the standard deviation it reports over the one "
        "that was seen) draws; bold where the exact 99 % interval of the coverage misses its band. A full count has "
        "2,000 draws up to 600 samples and 1,000 above; each cell says how many, and what is empty was not drawn."
    ]
    for name in PARTS:
        lines += counted.table(name, lambda of, *found, name=name: cell(band(name, of), *found[:3]))
    publish("Coverage of the intervals, by number of samples", lines)


if __name__ == "__main__":
    main()
