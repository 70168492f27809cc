"""What `benchmarks.fuzz` gives to measures: vectors, graphs and labels in every form in which people have them.

A form that must itself be made by layerscape (a graph) or that may be refused there comes as a function to be called
where its errors are counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

import layerscape as ls

Draw = np.random.Generator
Given = Callable[[], Any]
SCALES = (1e-310, 5e-324, 1e-300, 1e-150, 1e-20, 1e-5, 1e5, 1e20, 1e150, 1e300)
DTYPES = ("bool", "int8", "uint8", "uint16", "int64", "float16", "float32", "float64", "longdouble")
SEARCHES: tuple[tuple[str, Any], ...] = (
    ("metric", "cosine"),
    ("metric", "correlation"),
    ("metric", "nonsense"),
    ("standardize", "units"),
    ("near_copies", 0.0),
    ("memory", 2**20),
    ("threads", 1),
)


def shaped(draw: Draw, n: int) -> np.ndarray:
    """A cloud of n samples without faults; now and then of one unit, or of thousands."""
    d = int(draw.choice([1, 2, 3, 8, 50, 3000], p=[0.1, 0.2, 0.3, 0.27, 0.1, 0.03]))
    return draw.standard_normal((n, d))


def plain_vectors(draw: Draw, n: int, values: str) -> Given:
    """A cloud as the measure wants it: real numbers, whole ones or bits."""
    x = draw.standard_normal((n, int(draw.choice([2, 3, 8, 20, 150]))))
    if draw.random() < 0.5:
        x[: n // 2, 0] += 8  # two clusters
    found = {"real": x, "whole": np.rint(3 * x).astype(np.int64), "binary": x > 0}[values]
    return lambda: found


def spoiled(draw: Draw, x: np.ndarray) -> np.ndarray:
    """Its scale, and what measured data may have: ties, copies, constants, far samples, values that are no number."""
    n, d = x.shape
    row, column, some = int(draw.integers(n)), int(draw.integers(d)), draw.integers(0, max(1, n // 2), n)
    if draw.random() < 0.3:
        x = x * draw.choice(SCALES)
    kind = draw.integers(22)
    if kind == 0:
        x = np.repeat(x[:1], n, axis=0)
    elif kind == 1:
        x = x[some]
    elif kind == 2:
        x = x[some] * (1 + 1e-9 * draw.standard_normal((n, d)))
    elif kind == 3:
        x = np.rint(np.clip(3 * x, -1e6, 1e6))
    elif kind == 4:
        x[row] = 0
    elif kind == 5:
        x[row] *= 1e3
    elif kind == 6:
        x[row, column] = draw.choice([np.nan, np.inf, -np.inf])
    elif kind == 7:
        x[:, column] *= 1e3
    elif kind == 8:
        x[:, column] = x[0, column]
    elif kind == 9:
        x = x[:, :1] * draw.standard_normal(d)
    elif kind == 10:
        x = x + 1e9 * np.abs(x).max()
    elif kind == 11:
        x[row] = x[row, 0]  # a sample of one value, which correlates with nothing
    elif kind == 12:
        x = np.arange(float(n * d)).reshape(n, d)
    elif kind == 13:
        x = (x > 0) * 1.0
    elif kind == 14:
        x[:, draw.integers(0, d, d)] *= 1e-160
    return x


def vectors(draw: Draw, n: int) -> Given:
    """A matrix in one of its forms."""
    x, form = shaped(draw, n), int(draw.integers(36))
    if draw.random() < 0.5:
        with np.errstate(all="ignore"):
            x = spoiled(draw, x)
    if form < 14:
        return lambda: x
    return partial(_in_form, form - 14, x, str(draw.choice(DTYPES)))


def _in_form(form: int, x: np.ndarray, dtype: str) -> Any:
    with np.errstate(all="ignore"):
        typed = (np.nan_to_num(x) if dtype[0] in "biu" else x).astype(dtype)
        forms: list[Callable[[], Any]] = [
            lambda: typed,
            lambda: typed,
            lambda: typed,
            lambda: typed,
            x.tolist,
            lambda: np.asfortranarray(x),
            lambda: _read_only(x),
            lambda: np.repeat(x, 2, axis=0)[::2],
            lambda: np.repeat(x, 2, axis=1)[::-1, ::2],
            lambda: _on_disk(x),
            lambda: np.ma.masked_array(x, x > 2),
            lambda: pd.DataFrame(x).assign(name="a" if x.shape[1] > 2 else 1.0),
            lambda: _tensor(x, "requires_grad_"),
            lambda: _tensor(x, "bfloat16"),
            lambda: _tensor(x, "half"),
            lambda: _tensor(x, "to_sparse"),
            lambda: sparse.csr_array(x),
            lambda: x.astype(complex),
            lambda: x.astype(object),
            lambda: x.astype(str),
            lambda: np.nan_to_num(x).astype("int64").astype("datetime64[s]"),
            lambda: [x[0], x[0], x] if len(x) % 2 else x[None],
        ]
        return forms[form]()


def _tensor(x: np.ndarray, kind: str) -> Any:
    """One of torch's, or the array where that is not installed."""
    try:
        import torch
    except ModuleNotFoundError:
        return x
    return getattr(torch.from_numpy(x), kind)()


def _read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.setflags(write=False)
    return x


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _on_disk(x: np.ndarray) -> np.ndarray:
    path = Path(_scratch().name) / "x.npy"
    path.unlink(missing_ok=True)  # so that a map of an earlier case keeps what it maps
    np.save(path, x)
    return np.load(path, mmap_mode="r")


def graph(draw: Draw, n: int) -> Given:
    """A graph that was searched, or lists of neighbors as another tool gives them, right and wrong."""
    k = int(draw.integers(1, max(2, n)))
    if draw.random() < 0.5:
        x, search = vectors(draw, n), dict([SEARCHES[draw.integers(len(SEARCHES))]] if draw.random() < 0.3 else [])
        return lambda: ls.find_neighbors(x(), k, **search)
    x = shaped(draw, n)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2) if x.shape[1] < 100 else np.abs(x[:, :1] - x[:, 0])
    lists = np.argsort(apart, axis=1, kind="stable")[:, : k + 1]
    far = np.take_along_axis(apart, lists, axis=1)
    if draw.random() < 0.4:  # without the samples themselves
        lists, far = lists[:, 1:], far[:, 1:]
    lists, far = _wrong(draw, lists, far) if draw.random() < 0.4 else (lists, far)
    distances = far if draw.random() < 0.6 else None
    own = (None, None, None, True, False)[draw.integers(5)]
    if draw.random() < 0.1:
        return lambda: lists  # as if it were vectors
    return lambda: ls.Neighbors.from_arrays(lists, distances, self_first=own)


def _wrong(draw: Draw, lists: np.ndarray, far: np.ndarray) -> tuple[Any, Any]:
    n, kind = len(lists), draw.integers(10)
    lists, far = lists.copy(), far.copy()
    if kind == 0:
        lists[-1:, -1:] = -1
    elif kind == 1:
        lists = lists + 1
    elif kind == 2:
        lists = lists * 1.0 + 0.5 * (draw.random() < 0.5)
    elif kind == 3:
        lists[:, -1:] = lists[:, :1]
    elif kind == 4:
        lists = lists[: n // 2]
    elif kind == 5:
        far = far[:, ::-1]
    elif kind == 6:
        far[-1:, -1:] = draw.choice([np.nan, np.inf, -1.0])
    elif kind == 7:
        far = far[:, :-1]
    elif kind == 8:
        far = np.zeros_like(far)
    else:
        lists = lists.astype(str)
    return lists, far


def labels(draw: Draw, n: int, plain: bool = False) -> Given:
    """Labels of any form: classes, numbers, words, paths, sets, with gaps, all alike, all distinct, too few."""
    codes = draw.integers(0, draw.choice([2, 3, 4] if plain else [1, 2, 3, 4, n]), n)
    if plain:
        return lambda: codes
    words = np.array(["cat", "dog", "owl", "", "é"])[codes % 5]
    gaps = [None if draw.random() < 0.2 else str(word) for word in words]
    real = draw.standard_normal(n)
    with np.errstate(all="ignore"):
        scaled = real * draw.choice(SCALES)
    right: list[Any] = [codes, words, words.tolist(), gaps, real, scaled, codes * 1.0, codes % 2 == 0]
    right += [[{int(c), int(c) // 2} for c in codes], [(int(c) // 2, int(c)) for c in codes], np.arange(n)]
    right += [pd.Series(words), pd.Series(gaps, dtype="category"), pd.DataFrame({"label": codes})]
    right += [_tensor(codes, "clone")]
    right += [np.where(codes == 0, np.nan, codes), draw.standard_normal((n, 2)), np.ma.masked_equal(codes, 0)]
    right += [pd.Series(codes).astype("Int64").where(codes > 0), codes.astype("datetime64[D]"), codes.astype("uint8")]
    wrong: list[Any] = [codes[:-1], None, [[1], [1, 2]] * n, "cat", 3, {}, [object()] * n, codes * 1j, [[]] * n]
    wrong += [real[:, None, None], np.full(n, np.nan), [None] * n, np.where(codes == 0, np.inf, codes)]
    chosen = right if draw.random() < 0.85 else wrong
    found = chosen[draw.integers(len(chosen))]
    return lambda: found


def pairs(draw: Draw, n: int, plain: bool = False) -> Given:
    """Pairs of any form: rows with and without grades, tables, dicts, columns of what partners share; none."""
    first = draw.permutation(n)[: max(1, n // 3)]
    rows = np.stack([first, (first + 1 + draw.integers(0, max(1, n // 3))) % n], axis=1)
    if plain:
        return lambda: rows
    graded = np.hstack([rows, draw.integers(0, 4, (len(rows), 1))])
    right: list[Any] = [rows, rows.tolist(), graded, pd.DataFrame(graded, columns=["query", "relevant", "grade"])]
    right += [dict(rows.tolist()), np.arange(n) // 2, [None, *"ab" * n][:n], np.arange(n) % max(1, n // 3)]
    wrong: list[Any] = [rows + n, rows[:, :1], np.vstack([rows, rows]), rows - 1.5, [], {}, None, "id", np.zeros(n)]
    wrong += [np.hstack([rows, -graded[:, 2:]]), [(1, 1)], [("a", "b")], np.full((3, 3), np.nan), np.arange(n), rows.T]
    chosen = right if draw.random() < 0.8 else wrong
    found = chosen[draw.integers(len(chosen))]
    return lambda: found
