"""What does `dimension_report` say of forty clouds of known law? Right, refused or wrong, by a list fixed beforehand.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.reports [--only WORDS] [--seed 0] [--write]

A dimension is right within 15 % of a true one; parts are right if there are as many, each dimension within 15 % and
each share within 0.1. No value is right where no number is true, and refused where there is one. All else is wrong, and
so is an error.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np

import layerscape as ls
from benchmarks.known_clouds import Known, known
from benchmarks.publish import publish
from layerscape.errors import LayerscapeError

WITHIN, SHARES = 0.15, 0.1


def judged(cloud: Known, value: float, parts: list[tuple[float, float]]) -> str:
    """Right, refused or wrong."""
    if parts:
        return "right" if len(parts) == len(cloud.parts) and all(map(_like, parts, cloud.parts)) else "wrong"
    if np.isnan(value):
        return "right: none" if cloud.none else "refused"
    return "right" if any(abs(value / true - 1) <= WITHIN for true in cloud.right) else "wrong"


def _like(part: tuple[float, float], true: tuple[float, float]) -> bool:
    return abs(part[0] / true[0] - 1) <= WITHIN and abs(part[1] - true[1]) <= SHARES


def _row(number: int, cloud: Known, seed: int) -> tuple[str, str]:
    """The verdict, and a row of the table."""
    x = cloud.draw(np.random.default_rng([seed, number]))
    start = time.perf_counter()
    try:
        report = ls.dimension_report(x, controls=(), seed=seed)
    except LayerscapeError as error:
        return "wrong", f"| {cloud.name} | {_truth(cloud)} | {error} | **wrong** |"
    parts = [(part.dimension, part.share) for part in getattr(report, "parts", ())]
    verdict = judged(cloud, report.value, parts)
    said = " + ".join(f"{share:.0%} at {d:.3g}" for d, share in parts) or (
        "none" if np.isnan(report.value) else f"{report.value:.3g} [{report.low:.3g}, {report.high:.3g}]"
    )
    shown = f"**{verdict}**" if verdict == "wrong" else verdict
    print(f"{time.perf_counter() - start:5.1f} s  {cloud.name}: {said}, {verdict}. {report.reason}", flush=True)
    return verdict, f"| {cloud.name} | {_truth(cloud)} | {said} | {shown} |"


def _truth(cloud: Known) -> str:
    words = [f"{d:g}" for d in cloud.right] or [" + ".join(f"{share:.0%} at {d:g}" for d, share in cloud.parts)]
    return " or ".join([*filter(None, words), *(["none"] if cloud.none else [])])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="clouds whose name holds these words")
    parser.add_argument("--seed", type=int, default=0)
    given, _ = parser.parse_known_args()
    start = time.perf_counter()
    found = [_row(number, cloud, given.seed) for number, cloud in enumerate(known()) if given.only in cloud.name]
    counts = Counter(verdict for verdict, _ in found)
    lines = [
        f"`benchmarks/reports.py`: what `dimension_report` says of {len(found)} clouds of known law, in "
        f"{time.perf_counter() - start:.0f} seconds. In all: "
        + ", ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items()))
        + ".",
        "",
        "| cloud | true | said | verdict |",
        "|---|---|---|---|",
        *(row for _, row in found),
    ]
    publish("Reports on clouds of known law", lines)


if __name__ == "__main__":
    main()
