"""Runs made up for the page: clouds of points whose classes part with depth, with pictures or with texts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from layerscape.core.neighbors import Neighbors

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"quotes\" and 'quotes'",
    "line\u2028separator\u2029",
    "{{ 7 * 7 }} &amp; <!--",
    "=cmd|' /C calc'!A0",
)


@dataclass
class FakeSamples:
    ids: tuple[str, ...]
    kind: str
    labels: dict[str, np.ndarray]
    contents: list[Any] = field(repr=False)

    def previews(self, rows):
        return [self.contents[row] for row in rows]


@dataclass
class FakeRun:
    path: Path
    name: str
    layers: tuple[str, ...]
    samples: FakeSamples
    vectors: dict[str, np.ndarray] = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    record: dict[str, Any] = field(default_factory=dict)
    recommendation: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    temporary: bool = False

    @property
    def depths(self):
        inner = [layer for layer in self.layers if layer != "input"]
        return {layer: None if layer == "input" else n / len(inner) for n, layer in enumerate(self.layers)}

    def graph(self, layer: str, k: int, *, metric: str, standardize: str | None = None, progress=None) -> Neighbors:
        assert metric == "euclidean"
        return nearest(self.vectors[layer], k)

    def keeps_graph(self, layer: str, k: int, search: Any) -> bool:
        return False


def nearest(x: np.ndarray, k: int) -> Neighbors:
    differences = ((x[:, None] - x[None]) ** 2).sum(axis=2) if len(x) <= 700 else None
    if differences is None:
        squares = (x**2).sum(axis=1)
        differences = np.maximum(0, squares[:, None] + squares[None] - 2 * x @ x.T)
    np.fill_diagonal(differences, np.inf)
    indices = np.argsort(differences, axis=1, kind="stable")[:, :k]
    return Neighbors(indices, np.sqrt(np.take_along_axis(differences, indices, axis=1)), len(x), x.shape[1])


def row(**values: Any) -> dict[str, Any]:
    columns = ("run", "layer", "depth", "other_layer", "label", "group", "measure", "options", "metric", "k", "scale")
    columns += ("value", "low", "high", "chance", "chance_low", "chance_high", "p", "n_samples", "n_units", "warnings")
    return dict.fromkeys(columns) | {"warnings": "", "options": "{}", "metric": "euclidean", "n_samples": 500} | values


def around(value: float, share: float = 0.03) -> dict[str, float]:
    return {"value": value, "low": value * (1 - share), "high": value * (1 + share)}


def table(layers: tuple[str, ...], columns: list[str], *, trained: bool = True, dead: str = "") -> pd.DataFrame:
    """A table of the shape a measured run has; with depth the dimension peaks and the labels part, if trained."""
    rows, n_layers = [], len(layers)
    for number, layer in enumerate(layers):
        depth = number / max(1, n_layers - 1)
        height = 9 + 10 * np.sin(np.pi * depth**0.6) - 4 * depth if trained else 9.0
        if layer == dead:
            gap = {
                "layer": layer,
                "value": np.nan,
                "low": np.nan,
                "high": np.nan,
                "warnings": "every row is equal: there is no dimension",
            }
            rows += [row(measure="twonn", **gap), row(measure="gride", **gap)]
        else:
            rows.append(row(layer=layer, measure="twonn", k=2, **around(height)))
            for n in range(1, 7):
                point = around(height * (1 - 0.06 * (n - 1)), 0.03 / n)
                rows.append(row(layer=layer, measure="gride", k=2**n, scale=1.3**n * (1 + depth), **point))
        for other in layers[number + 1 :]:
            apart = (layers.index(other) - number) / n_layers
            chance = {"chance": 0.02, "chance_low": 0.017, "chance_high": 0.023}
            score = 0.02 if dead in (layer, other) else max(0.02, 0.9 - 1.4 * apart)
            rows.append(row(layer=layer, other_layer=other, measure="overlap", k=30, **around(score), **chance))
            rows.append(row(layer=layer, other_layer=other, measure="cka", chance=0.0, **around(0.95 - 0.6 * apart)))
        for column in columns:
            score = 0.17 + 0.6 * depth**1.5 if trained else 0.15
            chance = {"chance": 0.1, "chance_low": 0.09, "chance_high": 0.11}
            rows.append(row(layer=layer, measure="label_overlap", label=column, k=30, **around(score), **chance))
    return pd.DataFrame(rows).astype({"k": "Int64", "n_units": "Int64"})


def picture(value: int, rng: np.random.Generator, side: int = 28) -> bytes:
    """A small drawing whose shape tells its class."""
    grid = np.arange(side) - side / 2 + rng.normal(0, 1.5)
    x, y = np.meshgrid(grid, grid)
    angle, radius = np.arctan2(y, x), np.hypot(x, y) / (side / 2)
    drawn = np.exp(-((radius - 0.5 - 0.25 * np.cos((value + 1) * angle + rng.normal(0, 0.4))) ** 2) * 60)
    buffer = io.BytesIO()
    Image.fromarray((255 * drawn).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def record(kind: str) -> dict[str, Any]:
    return {
        "model": {"name": "demo/residual-digits", "revision": None},
        "inputs": {"source": f"{kind}s of the tests"},
        "pooling": "mean",
        "finished": "2026-03-02T14:05:11+00:00",
        "command": ["layerscape", "run", "demo model", "digits", "--out", "runs/demo"],
        "versions": {"python": "3.12.1", "layerscape": "0.1.0", "numpy": "2.2.0"},
        "warnings": ["3 samples are copies of others"],
    }


@pytest.fixture
def make_run(tmp_path):
    """A function that makes a run: of pictures or texts, with any number of samples and layers."""
    return maker(tmp_path)


@pytest.fixture(scope="module")
def make_run_once(tmp_path_factory):
    """The same for all tests of a file, where each page takes long."""
    return maker(tmp_path_factory.mktemp("runs"))


def maker(tmp_path: Path):
    def make(kind="image", n_samples=300, layers=8, *, trained=True, dead="", name="residual digits", n_classes=10):
        rng = np.random.default_rng(1)
        names = ("input", *(f"stage {n}" for n in range(1, layers)))
        classes = rng.integers(n_classes, size=n_samples)
        centers, noise = rng.normal(size=(n_classes, 12)), rng.normal(size=(n_samples, 12))
        vectors = {}
        for number, layer in enumerate(names):
            noise = noise + 0.25 * rng.normal(size=noise.shape)
            vectors[layer] = noise + (2.5 * number / layers) * centers[classes]
        if dead:
            vectors[dead] = np.zeros_like(noise)
        numbers, hostile = range(n_samples), np.array(HOSTILE, object)
        if kind == "image":
            labels = {"digit": classes, "writer": rng.integers(13, size=n_samples)}
            contents: list[Any] = [picture(value, rng) for value in classes]
            ids = tuple(f"digits/{n:05d}.png" for n in numbers)
        else:
            labels = {"kind": hostile[classes % len(HOSTILE)], "topic": classes.astype(str)}
            contents = [f"{hostile[n % len(HOSTILE)]} asks who wrote sample {n}. " * (1 + n % 4) for n in numbers]
            ids = tuple(f"{hostile[n % len(HOSTILE)]}/{n}" for n in numbers)
        folder = tmp_path / name.replace("/", "_").replace("<", "")
        folder.mkdir(exist_ok=True)
        samples = FakeSamples(ids, kind, labels, contents)
        found = table(names, list(labels), trained=trained, dead=dead)
        return FakeRun(folder, name, names, samples, vectors, found, json.loads(json.dumps(record(kind))))

    return make


@pytest.fixture
def make_row():
    """A function that makes one row of a table of estimates."""
    return row
