"""How often do unrelated data get a small p, and how often is what is there found?

Run:  python -m benchmarks.nulls --keep FOLDER [--parts unrelated,power] [--sizes 100,300] [--minutes 60] [--write]

Two layers have nothing to do with each other, or labels are dealt with no regard to a layer. A cell is the share in %
of draws with p ≤ .05 / .01 / .001, and the number of draws. It stands out in bold where the exact 99 % interval of a
share lies above 6 % at .05 or .2 % at .001. Where samples belong together p is of 199 exchanges, so that none is below
.005: "≤ .05 / .01".

Groups are drawn as `benchmarks/laws.py` says, the same ones in both layers. Labels are of groups, or vary within them
with another prevalence in each. Series share nothing but that they are smooth. "Not told" is what is said of groups
that the measure is not told of. "Chosen" is the `p_map` of `compare`, of two runs of two layers, and the p by which
`recommend` names the best of two layers. Differences are those that `benchmarks/coverage.py` has counted.

Power is of two layers, of which the second has some of the centers of the first, and of labels that move the centers of
groups, by five strengths: how far the value lies from where it lies by chance, in standard deviations that it has
there, and the share in % of draws with p ≤ .05.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.asked import Ask, ask
from benchmarks.counted import Counted, count
from benchmarks.coverage import PARTS as COVERED
from benchmarks.draws import LEVELS, Found, Part, outside, small
from benchmarks.laws import GROUPED, INDEPENDENT, SMOOTHED, UNITS, cloud, groups, layer, series
from benchmarks.publish import publish
from layerscape import Estimate, LayerscapeError, compare, estimate, from_arrays
from layerscape.core.representation import Representation
from layerscape.core.sources import Arrays
from layerscape.core.tasks import Task
from layerscape.measures import catalog
from layerscape.questions.evidence import evidence
from layerscape.questions.resample import p_of_largest
from layerscape.search import find_neighbors
from layerscape.supply.answers import supplier_of
from layerscape.supply.ranking import ranking_of
from layerscape.supply.together import Belonging

K, RARE, WIDE = 10, 6, "Gaussian d = 200"
SLOW = 600  # samples above which distance correlation, of all pairs, is drawn for itself and less often
MOST = {0.05: 0.06, 0.001: 0.002}  # share of p at most each
STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0)
FEW = {"permutations": 99}
ALONE = {  # no intervals over groups, and a fifth of the exchanges
    "layerscape.core.exchange.PERMUTATIONS": 199,
    "layerscape.supply.grouped.FEWEST": 10**9,
}


def unrelated(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of independent samples, by what needs no permutations or few."""
    x, y, measures = cloud(law, n, rng), cloud(law, n, rng), catalog()
    a, b = (find_neighbors(z, K + 1, threads=1) for z in (x, y))
    classes, rare = rng.integers(0, 3, n), (rng.permutation(n) < RARE).astype(int)
    one, other = Representation(x), Representation(y)
    ranking, number = ranking_of(other, None, {"threads": 1}), rng.standard_normal(n)
    found = {
        **{f"overlap, k = {k}": measures["overlap"](a, b, k=k) for k in (1, K)},
        "rank_overlap": measures["rank_overlap"](a, b, k=K),
        "cka": measures["cka"](one, other),
        **({"distance_correlation": measures["distance_correlation"](one, other)} if n <= SLOW else {}),
        "information_imbalance": measures["information_imbalance"](a, ranking),
        "label_overlap": measures["label_overlap"](a, classes, k=K),
        "label_overlap of a number": measures["label_overlap"](a, number, k=K),
        f"label_overlap by class, 6 rare, k = {K}": measures["label_overlap"](a, rare, k=K, weight="class"),
    }
    return {name: (one.chance.p,) for name, one in found.items() if one.chance}


def rare(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of a class of six or two, of whose samples each has one neighbor: a handful of pairs, or one, decides."""
    graph, order = find_neighbors(cloud(law, n, rng), 2, threads=1), rng.permutation(n)
    found = {
        few: catalog()["label_overlap"](graph, (order < few).astype(int), k=1, weight="class") for few in (RARE, 2)
    }
    return {f"label_overlap by class, {few} rare, k = 1": (one.chance.p,) for few, one in found.items() if one.chance}


def permuted(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of independent samples, by what permutes and takes longer."""
    x, y, z = cloud(law, n, rng), cloud(law, n, rng), cloud(law, n, rng)
    classes, number = rng.integers(0, 3, n), rng.standard_normal(n)
    two = ("rsa", "procrustes", "cknna", "unit_match", "svcca", "linear_predictivity")
    asked: dict[str, tuple[str, Any, dict[str, Any]]] = {
        **{name: (name, y, FEW) for name in two},
        "cka of rbf": ("cka", y, {"kernel": "rbf"}),
        "neighbor_survival": ("neighbor_survival", [y, z], {"k": K}),
        "knn_probe": ("knn_probe", classes, FEW),
        "linear_probe": ("linear_probe", classes, FEW),
        "linear_probe of a number": ("linear_probe", number, FEW),
    }
    return {name: (_p(measure, x, other, **options),) for name, (measure, other, options) in asked.items()}


def _p(name: str, a: Any, b: Any, **how: Any) -> float:
    """NaN where it is refused: too few samples, one cluster."""
    try:
        chance = estimate(name, a, b, **how).chance
    except LayerscapeError:
        return np.nan
    return chance.p if chance else np.nan


def _all_p(found: dict[str, Estimate | None]) -> Found:
    return {name: (one.chance.p if one and one.chance else np.nan,) for name, one in found.items()}


def labels(codes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One of five classes for each group; and two that vary within groups, with another prevalence in each."""
    number = codes[-1] + 1
    prevalence = rng.choice([0.2, 0.8], number)[codes]
    return rng.integers(0, 5, number)[codes], (rng.random(len(codes)) < prevalence).astype(int)


def grouped(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of samples that belong together."""
    codes = groups(law, n)
    a, b, (of_group, within) = layer(law, codes, rng), layer(law, codes, rng), labels(codes, rng)
    layers, of_samples, near = {"a": a, "b": b}, {"of group": of_group, "within": within}, {"k": K}
    overlap, cka = Ask("overlap", "a", "b", near), Ask("cka", "a", "b")
    by_label = Ask("label_overlap", "a", "of group", near)
    told = {
        "overlap": overlap,
        "rank_overlap": Ask("rank_overlap", "a", "b", near),
        "cka": cka,
        **({"distance_correlation": Ask("distance_correlation", "a", "b")} if n <= SLOW else {}),
        "label_overlap, label of the group": by_label,
        "label_overlap, label within": Ask("label_overlap", "a", "within", near),
    }
    left_out, kept = {"overlap, own left out": overlap}, {"label_overlap, own kept": by_label}
    not_told = {"overlap, not told": overlap, "cka, not told": cka}
    not_told["label_overlap, label of the group, not told"] = by_label
    found = ask(layers, of_samples, told, groups=codes)
    found |= ask(layers, {}, left_out, groups=codes, own_group="left_out")
    found |= ask(layers, of_samples, kept, groups=codes, own_group="kept")
    return _all_p({**found, **ask(layers, of_samples, not_told)})


def grouped_ranks(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of samples that belong together, by information imbalance, which counts all ranks."""
    codes = groups(law, n)
    a, b = layer(law, codes, rng), layer(law, codes, rng)
    return {"information_imbalance": (_p("information_imbalance", a, b, groups=codes),)}


def grouped_others(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of samples that belong together, by every other measure that has a chance there."""
    codes = groups(law, n)
    a, b, (of_group, within) = layer(law, codes, rng), layer(law, codes, rng), labels(codes, rng)
    seen, asked = ("overlap", "rank_overlap", "cka", "distance_correlation", "information_imbalance"), {}
    layers, of_samples = {"a": a, "b": b, "c": b + layer(law, codes, rng)}, {"of_group": of_group, "within": within}
    for name, measure in catalog().items():
        if not measure.score or name in (*seen, "label_overlap") or "pairs" in measure.data:
            continue
        options = {key: value for key, value in {"k": K, "k_max": 6 * K, "draws": 20}.items() if key in measure.options}
        if measure.data[1] == "labels":
            for case, label in ((", label of the group", "of_group"), (", label within", "within")):
                asked[name + case] = Ask(name, "a", label, options)
        else:
            asked[name] = Ask(name, "a", "c" if measure.data[1] == "graphs" else "b", options)
    return _all_p(ask(layers, of_samples, asked, groups=codes))


def chosen(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of samples that belong together, the closest of four pairs of layers, and the best of two layers by a number that
    groups have.
    """
    codes = groups(law, n)
    a, b = ({name: layer(law, codes, rng) for name in ("first", "second")} for _ in range(2))
    number = rng.standard_normal(codes[-1] + 1)[codes]
    runs = [
        from_arrays(each, labels={"group": codes.astype(str), "number": number}, ids=range(len(codes)))
        for each in (a, b)
    ]
    found: Found = {}
    for own, kept in (("", None), (", own left out", "left_out")):
        table = compare(
            *runs, ["overlap", "cka"], k=K, groups="group", own_group=kept, permutations=199, progress=False
        )
        found |= {f"compare, {name}{own}": (rows.p_map.min(),) for name, rows in table.groupby("measure")}
    source, options = Arrays(a, {"number": number}), {"k": K, "kind": "real"}
    for own, kept in (("", None), (", own kept", "kept")):
        supplier = supplier_of(source, {}, Belonging(codes, kept).of_arrays(source))
        asked = [(supplier, [Task(catalog()["label_overlap"], options, name, label="number")]) for name in a]
        supplier.prepare([task for _, tasks in asked for task in tasks])
        held = evidence(asked, 199, 0, lambda _: None)
        found[f"recommend, a number of the group{own}"] = (p_of_largest(held.null, float(np.nanmax(held.scored))),)
    return found


def in_time(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of two series."""
    layers = {"a": series(n, rng), "b": series(n, rng)}
    asked = {name: Ask(name, "a", "b", {"k": K}) for name in ("overlap", "rank_overlap")}
    asked |= {name: Ask(name, "a", "b") for name in ("cka", "distance_correlation")[: 2 if n <= SLOW else 1]}
    not_told = {f"{name}, not told": asked[name] for name in ("overlap", "cka")}
    return _all_p({**ask(layers, {}, asked, lag="auto"), **ask(layers, {}, not_told)})


def distances(law: str, n: int, rng: np.random.Generator) -> Found:
    """Of many samples, independent or not, by distance correlation, which takes all pairs."""
    belonging: dict[str, Any] = {}
    if law == SMOOTHED:
        a, b, belonging = series(n, rng), series(n, rng), {"lag": "auto"}
    elif law in GROUPED:
        belonging = {"groups": groups(law, n)}
        a, b = (layer(law, belonging["groups"], rng) for _ in range(2))
    else:
        a, b = cloud(law, n, rng), cloud(law, n, rng)
    return {"distance_correlation": (_p("distance_correlation", a, b, **belonging),)}


def power(law: str, n: int, rng: np.random.Generator) -> Found:
    """The value and p for five strengths of what two layers, or a layer and a label, have to do with each other."""
    codes = groups(law, n)
    a, b, other = (layer(law, codes, rng) for _ in range(3))
    classes = rng.integers(0, 5, codes[-1] + 1)
    moved, center = rng.standard_normal((5, UNITS))[classes][codes], a[np.searchsorted(codes, codes)]
    layers, left_out, told = {"a": a}, {}, {}
    for strength in STRENGTHS:
        second, labelled = f"b, {strength}", f"other, {strength}"
        layers |= {second: b + strength * center, labelled: other + strength * moved}
        left_out[f"overlap, own left out; {strength}"] = Ask("overlap", "a", second, {"k": K})
        told[f"cka; {strength}"] = Ask("cka", "a", second)
        told[f"label_overlap; {strength}"] = Ask("label_overlap", labelled, "class", {"k": K})
    found = ask(layers, {}, left_out, groups=codes, own_group="left_out")
    found |= ask(layers, {"class": classes[codes]}, told, groups=codes)
    kinds = ("overlap, own left out", "cka", "label_overlap")
    return {kind: tuple(x for strength in STRENGTHS for x in _power(found[f"{kind}; {strength}"])) for kind in kinds}


def _power(found: Estimate | None) -> tuple[float, float]:
    return (found.value, found.chance.p) if found and found.chance else (np.nan, np.nan)


def p_small(rows: np.ndarray) -> tuple[float, ...]:
    return small(rows[:, 0])


def power_of(rows: np.ndarray) -> tuple[float, ...]:
    """For every strength above none: how far values lie from those of none, in their sd, and the share of p ≤ .05."""
    values, p = rows[:, ::2], rows[:, 1::2]
    far = (values.mean(axis=0) - values[:, 0].mean()) / values[:, 0].std(ddof=1)
    return tuple(float(x) for at in range(1, len(STRENGTHS)) for x in (far[at], small(p[:, at])[0]))


part = partial(Part, means=p_small, under=ALONE)
PARTS = {
    "unrelated": part(unrelated, (*INDEPENDENT, WIDE), under={}),
    "rare": part(rare, INDEPENDENT, under={}),
    "permuted": part(permuted, INDEPENDENT, (100, 300, 600), most=400, under={}),
    "grouped_chance": part(grouped, GROUPED),
    "grouped_ranks": part(grouped_ranks, GROUPED, (100, 150, 300, 600), most=400),
    "grouped_others": part(grouped_others, GROUPED, (100, 300, 600), most=400),
    "chosen": part(chosen, ("groups of 2 to many",), (100,), most=200, under={}),
    "in_time": part(in_time, (SMOOTHED,)),
    "distances": part(distances, (*INDEPENDENT, WIDE, *GROUPED, SMOOTHED), (2000,), most=400),
    "power": part(power, GROUPED, (100, 300, 600), most=400, means=power_of),
}


def cell(name: str, draws: int, *shares: float) -> str:
    """Shares at the levels, and draws; bold where one is certainly too high."""
    text = " / ".join(f"{100 * share:.3g}" for share in shares) + f"; {draws}"
    most = [MOST.get(level, 1.0) for level in LEVELS[: len(shares)]]
    bad = any(outside(round(share * draws), draws, (0.0, high)) for share, high in zip(shares, most, strict=True))
    return f"**{text}**" if bad and "not told" not in name else text


def cell_of_exchanges(name: str, draws: int, *shares: float) -> str:
    """None of these p is below .005."""
    return cell(name, draws, *shares[:2])


def cell_of_difference(name: str, draws: int, *found: float) -> str:
    """Of what coverage has counted, where its name is that of a difference, the last are its shares."""
    return cell(name, draws, *found[-len(LEVELS) :]) if name.startswith("difference") else ""


def cell_of_power(_: str, draws: int, *steps: float) -> str:
    """Shift in standard deviations by chance → share found."""
    text = " · ".join(f"{z:.1f} → {share:.0%}" for z, share in zip(steps[::2], steps[1::2], strict=True))
    return f"{text}; {draws}"


def main() -> None:
    counted, of_coverage = count("nulls", PARTS), Counted("coverage", COVERED)
    lines = [
        "`benchmarks/nulls.py`: share in % of draws with p ≤ .05 / .01 / .001 (≤ .05 / .01 where samples belong "
        "together, but for differences); draws. Bold: its exact 99 % interval lies above 6 % at .05 or .2 % at .001. "
        "A full count has 2,000 draws up to 600 samples and 1,000 above, 400 of what is slow; what is empty was not "
        "drawn."
    ]
    for name in PARTS:
        if name != "power":
            lines += counted.table(name, cell if name in ("unrelated", "rare", "permuted") else cell_of_exchanges)
    for name in COVERED:
        lines += of_coverage.table(name, cell_of_difference)
    publish("Small p of unrelated data", [*lines, *counted.table("power", cell_of_power)])


if __name__ == "__main__":
    main()
