"""The runs behind `benchmarks/published.py`: the trained network, its untrained twin, and tokens shuffled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import layerscape as ls
from benchmarks.published_cases import Case, Shown

TRAINED, UNTRAINED, SHUFFLED = "trained", "untrained", "shuffled"
METRICS = ("euclidean", "cosine")
Tables = dict[tuple[str, str], Any]  # by condition and metric


def conditions(case: Case) -> list[str]:
    return [TRAINED, UNTRAINED, *([SHUFFLED] if case.shuffled else [])]


def columns(runs: dict[str, ls.Run], shown: Shown) -> list[str]:
    """The label columns that are asked about."""
    return [name for name in runs[TRAINED].samples.labels if name != shown.groups]


def made(case: Case, model: Any, shown: Shown, out: Path) -> dict[str, ls.Run]:
    """A run of each condition; what is there already is opened."""
    return {name: _one(case, model, shown, name, out / name) for name in conditions(case)}


def _one(case: Case, model: Any, shown: Shown, condition: str, out: Path) -> ls.Run:
    network: Any = model
    options: dict[str, Any] = {"labels": shown.labels, "progress": False, **case.options, **shown.options}
    if callable(network):
        network = network(condition != UNTRAINED)
    elif condition == UNTRAINED:
        options["random_init"] = 0
    if condition == SHUFFLED:
        options["shuffle_tokens"] = 0
    return ls.extract(network, shown.contents, out=out, **options)
