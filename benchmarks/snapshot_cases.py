"""What the snapshot asks for: every measure with its options, and the questions to runs, by public names only."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

import layerscape as ls
from benchmarks.snapshot_data import OTHERS, SHORT, TOGETHER, another, data_sets, label_forms
from benchmarks.snapshot_rows import Row, digest, of_differences, of_estimate, of_graph, of_table
from layerscape.measures import catalog

Rows = dict[str, Row]
Case = tuple[str, Callable[[], Rows]]
SOME = ("gaussian", "copies", "lattice", "float32")  # data sets of which measures get graphs and other labels too
PROTOCOLS = ("ansuini2019", "doimo2020", "valeriani2023", "doimo2024", "cheng2025")


def cases() -> Iterator[Case]:
    """Name and work of every case."""
    for name, x in data_sets().items():
        for measure in catalog().values():
            yield from _of_measure(name, x, measure)
        yield from _of_data(name, x)
    yield from _of_runs()


def watched(work: Callable[[], Any], make: Callable[..., Any]) -> Any:
    """What is made of the result and of Python's warnings meanwhile."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        warnings.simplefilter("always", RuntimeWarning)
        found = work()
    said = [str(one.message) for one in heard if issubclass(one.category, (UserWarning, RuntimeWarning))]
    return make(found, said)


def _one(work: Callable[[], Any]) -> Rows:
    return {"": watched(work, of_estimate)}


def _of_measure(name: str, x: np.ndarray, measure: Any) -> Iterator[Case]:
    """One measure on one data set."""
    short = SHORT.get(measure.name, {})

    def case(data: tuple[Any, ...], told: str = "", search: dict[str, Any] | None = None, **options: Any) -> Case:
        words = [told] * bool(told) + [f"{key}={value}" for key, value in {**(search or {}), **options}.items()]
        call = partial(ls.estimate, measure.name, *data, threads=1, **(search or {}), **{**short, **options})
        return " | ".join(("estimate", name, measure.name, *words)), partial(_one, call)

    data = _data(measure, x)
    yield case(data)
    if name == "few":
        return
    for key, value in _variants(measure):
        yield case(data, **{key: value})
    for options in TOGETHER.get(measure.name, ()):
        yield case(data, **options)
    if "labels" in measure.data and name in SOME:
        for form, labels in label_forms(x).items():
            yield case((x, labels), f"labels {form}")
        if "kind" in measure.options:
            yield case((x, label_forms(x)["classes"]), "whole numbers", kind="real")
        if "graph" in measure.data:
            yield case((x, ls.find_neighbors(x[:, :2], 20, threads=1)), "labels vectors", **_k(measure, 8))
    if set(measure.data) - {"vectors", "labels"}:
        yield case(data, search={"metric": "cosine"})
    if name == "near copies":
        yield case(data, search={"near_copies": 0})
    if name in SOME and set(measure.data) - {"ranking"} <= {"graph", "graphs", "subsets", "labels"}:
        for told, queries in (("graph", None), ("graph of some", np.arange(0, len(x), 3))):
            yield case(_graphs(measure, data, queries), told)


def _k(measure: Any, k: int) -> dict[str, int]:
    return {"k": k} if "k" in measure.options else {}


def _data(measure: Any, x: np.ndarray) -> tuple[Any, ...]:
    """The arrays that a measure takes: labels, several layers that follow, or a second representation."""
    second = another(x)
    for kind in measure.data[1:]:
        if kind == "labels":
            return x, label_forms(x)["classes"]
        if kind == "pairs":
            return x, [(row, len(x) // 2 + row) for row in range(len(x) // 2)]
        return x, [second, np.tanh(second) + 0.1 * another(second)] if kind == "graphs" else second
    return (x,)


def _graphs(measure: Any, data: tuple[Any, ...], queries: Any) -> tuple[Any, ...]:
    def graph(x: np.ndarray) -> Any:
        return ls.find_neighbors(x, len(x) - 1, queries=queries, threads=1)

    made = {"graph": graph, "subsets": graph, "graphs": lambda several: [graph(x) for x in several]}
    return tuple(made.get(kind, lambda given: given)(x) for kind, x in zip(measure.data, data, strict=True))


def _variants(measure: Any) -> Iterator[tuple[str, Any]]:
    """Every option with every other value that it is tried with."""
    hints = get_type_hints(measure.compute)
    for name, default in measure.options.items():
        choices = get_args(hints[name]) if get_origin(hints[name]) is Literal else OTHERS[name]
        yield from ((name, value) for value in choices if value != default)


def _of_data(name: str, x: np.ndarray) -> Iterator[Case]:
    """What is asked of vectors without naming a measure."""
    k = min(20, len(x) - 1)
    pairs = np.stack([np.arange(len(x)), np.roll(np.arange(len(x)), 7)], axis=1)
    for metric in ("euclidean", "cosine"):
        more = {"metric": metric, "threads": 1}
        graph = partial(ls.find_neighbors, x, k, **more)
        yield f"find_neighbors | {name} | {metric}", partial(lambda graph: {"": of_graph(graph())}, graph)
        yield f"ranks | {name} | {metric}", partial(_ranks, x, pairs, more)
        yield f"dimension_report | {name} | {metric}", partial(_report, x, more)
    for measure in ("twonn", "gride", "pca"):
        yield f"controls | {name} | {measure}", partial(_controls, measure, x)


def _ranks(x: np.ndarray, pairs: np.ndarray, more: dict[str, Any]) -> Rows:
    found = ls.ranks(x, pairs, **more)
    return {"": Row((float(found.mean()), *(np.nan,) * 6), ("-", digest(found), "-", "-"))}


def _report(x: np.ndarray, more: dict[str, Any]) -> Rows:
    report = ls.dimension_report(x, **more)
    gaussian = [(p.value, p.low, p.high, p.scale, p.k) for p in report.gaussian]
    numbers = (report.value, report.low, report.high, report.gaussian_dimension, *(np.nan,) * 3)
    parts = ((report.n_samples, report.n_units), gaussian, None, [*report.estimates, *report.controls])
    rows = {"": Row(numbers, tuple(map(digest, parts)), "\n".join((report.reason, *report.warnings)))}
    rows |= {name: of_estimate(found) for name, found in report.estimates.items()}
    return rows | {f"control {name}": of_estimate(found) for name, found in report.controls.items()}


def _controls(measure: str, x: np.ndarray) -> Rows:
    return {name: of_estimate(found) for name, found in ls.controls(measure, x, threads=1).items()}


@cache
def _runs() -> tuple[Any, Any, Any]:
    """Two runs that share most of their samples in another order, and one without labels."""
    folder = tempfile.TemporaryDirectory()
    rng = np.random.default_rng(23)
    x = data_sets()["clusters"].copy()
    x[230:] = x[:10]
    y, forms, ids = another(x), label_forms(x), [f"s{row}" for row in range(240)]
    layers = {"in": x, "middle": y, "out": np.tanh(y) + 0.2 * rng.standard_normal(y.shape)}
    labels = {
        "tree": forms["names"],
        "coarse": forms["classes"] // 3,
        "size": forms["numbers"],
        "place": x[:, :2] + rng.standard_normal((240, 2)),
    }
    one = ls.from_arrays(layers, labels=labels, ids=ids, out=Path(folder.name) / "one")
    some = rng.permutation(240)[:200]
    others = {name: values[some] + 0.3 * rng.standard_normal(values[some].shape) for name, values in layers.items()}
    told = {name: values[some] for name, values in labels.items()}
    two = ls.from_arrays(others, labels=told, ids=[ids[row] for row in some], out=Path(folder.name) / "two")
    bare = ls.from_arrays(layers, out=Path(folder.name) / "bare")
    one.keep = folder  # until the last of them is gone
    return one, two, bare


def _of_runs() -> Iterator[Case]:
    """The tables that are made of runs."""

    def table(name: str, function: Callable[..., Any], which: tuple[int, ...], *given: Any, **more: Any) -> Case:
        make = of_differences if function is ls.differences else of_table
        return name, lambda: watched(lambda: function(*(_runs()[i] for i in which), *given, threads=1, **more), make)

    ways = {
        "standard": {},
        "cosine": {"metric": "cosine"},
        "k=8": {"k": 8},
        "by coarse": {"by": "coarse"},
        "controls": {"controls": ("gaussian", "columns"), "seed": 3},
        "labels coarse+tree": {"labels": ["coarse+tree"]},
        "labels place, size": {"labels": ["place", "size"], "k": 12},
        **{f"protocol {name}": {"protocol": name} for name in PROTOCOLS},
    }
    for name, more in ways.items():
        yield table(f"measure | {name}", ls.measure, (0,), **more)
    yield table("measure | no labels", ls.measure, (2,))
    for measure in catalog().values():
        options = {**SHORT.get(measure.name, {}), **_k(measure, 10)}
        paired = {"pairs": {str(row): str(row + 1) for row in range(0, 20, 2)}} if "pairs" in measure.data else {}
        yield table(f"measure | {measure.name}", ls.measure, (0,), [measure.name], **options, **paired)
        yield table(f"compare | {measure.name}", ls.compare, (0, 1), [measure.name], **options)
    yield table("compare | standard", ls.compare, (0, 1))
    yield table("compare | cosine", ls.compare, (1, 0), metric="cosine")
    yield from _of_questions(table)


def _of_questions(table: Callable[..., Case]) -> Iterator[Case]:
    tested = ["twonn", "label_overlap"]
    for name, which, more in (
        ("one run", (0,), {}),
        ("two runs", (0, 1), {"k": 10}),
        ("cosine", (0,), {"metric": "cosine"}),
        ("named pairs", (0,), {"pairs": [("in", "out")], "labels": ["tree"]}),
    ):
        if len(which) == 1:
            more = {"other": None, **more}
        yield table(f"differences | {name}", ls.differences, which, measures=tested, **more)
    for by in ("label_overlap", "knn_probe", "linear_probe"):
        for metric in ("euclidean", "cosine"):
            yield f"recommend | {by} | {metric}", partial(_recommended, 0, by, metric)
    yield "recommend | no labels", partial(_recommended, 2, "label_overlap", "euclidean")


def _recommended(which: int, by: Any, metric: str) -> Rows:
    found = ls.recommend(_runs()[which], by=by, metric=metric, k=10, permutations=29, threads=1)
    table = None if found.table is None else found.table.select_dtypes("number").to_numpy(float)
    layers = None if found.table is None else found.table.layer.tolist()
    parts = (found.layer, table, layers, found.equals)
    return {"": Row((found.sure, *(np.nan,) * 6), tuple(map(digest, parts)), found.reason)}
