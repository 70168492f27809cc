"""The strip of neighbors: which samples are shown, their neighbors at every layer, and a picture or text of each."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from layerscape.errors import InvalidValue, require
from layerscape.reports.reported import ReportedRun

PIXELS = 64  # the longer side of a thumbnail
CHARACTERS = 220  # of a text that are shown
FIRST_BATCH = 16  # queries whose previews are read at once, before it is known what one costs

TIED, COPY = 1, 2  # what the flags of a neighbor mean


def strip(
    run: ReportedRun,
    n_neighbors: int,
    n_queries: int,
    seed: int,
    budget: int,
    tell: Callable[[int], None] | None = None,
    along: str = "layer",
    sites: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """What the strip shows, ready for JSON, in at most about ``budget`` bytes.

    The queries are a seeded sample. *Items* are the queries, first, and whatever is a neighbor of one of them;
    neighbors are given as item numbers in little-endian arrays of shape (queries, layers, k), in base64.
    Told is 1 for each layer that has been read. ``along`` is what a layer of the run is called. Of a series the reader
    chooses one of several ``sites``, layers of the network: each has as many layers of the run, all of the first before
    those of the second, and says what these are called, which is the same for all.

    Raises
    ------
    InvalidValue
        If not even one query fits into the budget.
    """
    n_samples = len(run.samples.ids)
    given = run.record.get("graphs", {}) if n_samples > 1 else {}
    k = min(n_neighbors, n_samples - 1, *(each["k"] for each in given.values()))
    queries = np.random.default_rng(seed).permutation(n_samples)[:n_queries]
    if k < 1:
        return {"n_queries": 0}
    near, labels = near_of(run), _shown(run)
    indices, distances = _neighbors(run, queries, k, near, tell or (lambda _: None))
    previews, n_shown = _previews(run, labels, queries, indices, budget)
    if not n_shown:
        raise InvalidValue(
            f"n_neighbors={n_neighbors} at {len(run.layers)} layers: one sample alone needs more than the page may "
            "hold; ask for fewer neighbors."
        )
    queries, indices, distances = queries[:n_shown], indices[:n_shown], distances[:n_shown]
    rest = np.setdiff1d(indices, queries)
    rows = np.concatenate([queries, rest])
    order = np.argsort(rows)
    items = order[np.searchsorted(rows, indices, sorter=order)]
    relative, farthest = _far(distances, [given.get(layer, {}).get("distances", True) for layer in run.layers])
    return {
        "kind": run.samples.kind,
        "k": k,
        "fewer": "The graphs that were given hold" if k < n_samples - 1 else "There are",
        "metric": "given" if given.keys() >= set(run.layers) else _metric(near),
        "n_queries": n_shown,
        "n_samples": n_samples,
        "along": along,
        "sites": list(sites or ()),
        "layers": list(next(iter(sites.values())) if sites else run.layers),
        "ids": [run.samples.ids[row] for row in rows],
        "previews": [previews[row] for row in rows.tolist()],
        "labels": {name: _labels(np.asarray(values)[rows]) for name, values in labels.items()},
        "neighbors": _packed(items, "<u4"),
        "flags": _packed(_flags(distances), "u1"),
        "relative": _packed(np.rint(relative), "u1"),
        "farthest": _packed(farthest, "<f4"),
    }


def _far(distances: np.ndarray, known: Sequence[bool]) -> tuple[np.ndarray, np.ndarray]:
    """The share of the farthest distance that each is, and the farthest: NaN where there are but ranks."""
    farthest = distances[..., -1].copy()
    with np.errstate(invalid="ignore"):
        relative = np.nan_to_num(255 * distances / farthest[..., None])
    farthest[:, [not each for each in known]] = np.nan
    return relative, farthest


def _metric(near: dict[str, Any]) -> str:
    return near["metric"] + (", standardized" if near["standardize"] else "")


def near_of(run: ReportedRun) -> dict[str, Any]:
    """What was near when the run was first measured, of which the graphs are there already."""
    searched = run.table[run.table["metric"].fillna("") != ""]
    row = searched.iloc[0] if len(searched) else {"metric": "euclidean"}
    return {"metric": row["metric"], "standardize": row.get("standardize") or None}


def _neighbors(
    run: ReportedRun, queries: np.ndarray, k: int, near: dict[str, Any], tell: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers and distances of the queries' neighbors, shape (queries, layers, k); one graph at a time."""
    shape = (len(queries), len(run.layers), k)
    indices, distances = np.empty(shape, np.int64), np.empty(shape)
    for number, layer in enumerate(run.layers):
        graph = run.graph(layer, k, progress=False, **near)
        if graph.queries is not None:
            raise InvalidValue(
                f"the graph of layer {layer!r} holds some of the samples only; a page needs graphs of all: search "
                "again without queries."
            )
        indices[:, number], distances[:, number] = graph.indices[queries, :k], graph.order[queries, :k]
        tell(1)
    return indices, distances


def _flags(distances: np.ndarray) -> np.ndarray:
    """TIED where the next or the previous neighbor is exactly as far, COPY at distance 0."""
    same = distances[..., 1:] == distances[..., :-1]
    none = np.zeros((*distances.shape[:-1], 1), bool)
    tied = np.concatenate([same, none], -1) | np.concatenate([none, same], -1)
    return TIED * tied + COPY * (distances == 0)


def _previews(
    run: ReportedRun, labels: Mapping[str, Any], queries: np.ndarray, indices: np.ndarray, budget: int
) -> tuple[dict[int, str], int]:
    """Previews of the first queries and their neighbors by row, and of how many queries before the budget is spent.

    They may lie scattered over a large file, so they are read in few batches, each as large as the budget allows.
    """
    previews: dict[int, str] = {}
    left, done, batch = budget, 0, FIRST_BATCH
    per_query = indices[0].size * 8 + indices.shape[1] * 6  # base64 of number, flag and distance
    while done < len(queries) and batch:
        numbers = range(done, min(done + batch, len(queries)))
        groups = [[int(queries[number]), *indices[number].ravel().tolist()] for number in numbers]
        new = sorted({row for group in groups for row in group} - previews.keys())
        made = dict(zip(new, map(_preview, run.samples.previews(new)), strict=True))
        for group in groups:
            fresh = {row: made[row] for row in group if row not in previews}
            left -= per_query + sum(_cost(run.samples.ids[row], row, text, labels) for row, text in fresh.items())
            if left < 0:
                return previews, done
            previews |= fresh
            done += 1
        batch = left * done // (budget - left)
    return previews, done


def _cost(name: str, row: int, preview: str, labels: Mapping[str, Any]) -> int:
    """Bytes of one item on the page; what is escaped counts six, a label at its own length."""
    texts = [preview, name, *(_in_words(values[row]) for values in labels.values())]
    return sum(len(json.dumps(text)) + 6 * sum(map(text.count, "<>&")) + 8 for text in texts)


def _preview(content: str | bytes) -> str:
    """A shortened text, or a thumbnail in base64."""
    if isinstance(content, str):
        return content if len(content) <= CHARACTERS else content[: CHARACTERS - 1] + "…"
    return base64.b64encode(_thumbnail(content)).decode()


def _thumbnail(png: bytes) -> bytes:
    """The picture at most PIXELS wide and high, in the smaller of PNG and WebP."""
    with require("PIL.Image", "report").open(io.BytesIO(png)) as image:
        small = max(image.size) <= PIXELS
        if small and len(png) < 1000:
            return png
        image = image.convert("RGBA" if "transparency" in image.info or image.mode.endswith("A") else "RGB")
    image.thumbnail((PIXELS, PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=70)
    return png if small and len(png) <= buffer.tell() else buffer.getvalue()


def _shown(run: ReportedRun) -> dict[str, Any]:
    """The labels that can be read at a glance: one per sample."""
    return {name: values for name, values in run.samples.labels.items() if np.ndim(values) == 1}


def _labels(values: np.ndarray) -> dict[str, Any]:
    """Distinct names, and per item the number of its name, −1 where it has none."""
    texts = [_in_words(value) for value in values.tolist()]
    names = sorted(set(texts) - {""})
    number = {name: place for place, name in enumerate(names)}
    return {"names": names, "codes": _packed(np.array([number.get(text, -1) for text in texts]), "<i4")}


def _in_words(value: Any) -> str:
    """A label as text; numbers to as many digits as one looks at."""
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _packed(values: np.ndarray | Sequence[float], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode()
