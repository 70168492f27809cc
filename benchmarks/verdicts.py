"""Does "told apart" hold? Which layer `recommend` names under 2 metrics × 3 k × 3 judges, and what contradicts it.

Run:  LAYERSCAPE_DATA=FOLDER python -m benchmarks.verdicts --minilm FOLDER [--cache FOLDER] [--write]

Two verdicts of one judge contradict each other where each tells its first layer apart from that of the other; where two
judges do, they answer other questions, and each sentence says by which judge it is. `--minilm` and `--cache` are as in
`profiles.py`. A linear probe reads no neighbors, so that it has one verdict. The last column is
what `recommend` says at its defaults, with the metric that the model's folder names; and without one.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from itertools import combinations, product
from pathlib import Path
from typing import Any

import layerscape as ls
from benchmarks.profiles import runs
from benchmarks.publish import publish

METRICS, KS, JUDGES = ("euclidean", "cosine"), (10, 20, 50), ("label_overlap", "knn_probe", "linear_probe")
Setting = tuple[str, str, int]  # judge, metric, k


def settings() -> list[Setting]:
    found = [(judge, metric, k) for judge, metric, k in product(JUDGES, METRICS, KS) if judge != "linear_probe"]
    return [*found, ("linear_probe", "", 0)]


def asked(run: ls.Run, label: str, setting: Setting) -> Any:
    judge, metric, k = setting
    how: dict[str, Any] = {"metric": metric, "k": k} if k else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that samples may belong together
        return ls.recommend(run, labels=[label], by=judge, **how)


def first(found: Any) -> str:
    return found.layer or (found.equals[0] if found.equals else found.table.layer.iloc[0])


def apart(found: Any, other: str) -> bool:
    """Whether its first layer is told apart from this one."""
    rows = found.table.set_index("layer")
    return bool(rows.p[other] < 0.05) if other != first(found) else False


def contradicted(verdicts: dict[Setting, Any]) -> dict[str, int]:
    """Pairs of settings that contradict each other, by what they differ in."""
    count = {"metric": 0, "k": 0, "judge": 0}
    for (one, a), (two, b) in combinations(verdicts.items(), 2):
        if apart(a, first(b)) and apart(b, first(a)):
            differ = [name for name, x, y in zip(("judge", "metric", "k"), one, two, strict=True) if x != y]
            count["judge" if "judge" in differ else "metric" if "metric" in differ else "k"] += 1
    return count


def cells(verdicts: dict[Setting, Any]) -> list[str]:
    """By judge and metric the first layers for every k, with a star where one is told apart from all others."""
    found = []
    for judge, metric in dict.fromkeys((judge, metric) for judge, metric, _ in verdicts):
        own = [each for (j, m, _), each in verdicts.items() if (j, m) == (judge, metric)]
        found.append(", ".join(first(each) + ("*" if not (set(each.equals) - {first(each)}) else "") for each in own))
    return found


def default(run: ls.Run, label: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ls.recommend(run, labels=[label])
    turns = "turns with the metric" if "turns with the metric" in found.reason else "none"
    return found.layer or turns


def of_last(run: ls.Run, label: str) -> str:
    """At the defaults, by either metric: the score of the first layer, how far the last is behind, and its rank."""
    found = []
    for metric in METRICS:
        table = asked(run, label, ("label_overlap", metric, 30)).table
        rank = table.index[table.layer == run.layers[-1]][0]
        found.append(f"{table.value[0]:.3f}, −{table.behind[rank]:.3f} ({1 + rank} of {len(table)})")
    return " / ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--cache", type=Path)
    given, _ = parser.parse_known_args()
    heads = [f"{judge}{f', {metric}' if metric else ''}" for judge, metric in dict.fromkeys(s[:2] for s in settings())]
    lines = [
        f"`benchmarks/verdicts.py`: the first layer at k = {', '.join(map(str, KS))}, * where it is told apart from",
        "all others; in how many pairs of these verdicts each tells its first layer apart from that of the other, by",
        "what they differ in (metric / k alone / judge): a contradiction but for the judge, which asks another",
        "question and is named in the sentence; what `recommend` names at its defaults;",
        "score of the first layer and how far the last is behind, with its rank, k = 30, by euclidean / by cosine.",
        "",
        f"| run, label | {' | '.join(heads)} | both told apart | default | last layer |",
        "|---" * (len(heads) + 4) + "|",
    ]
    for name, (run, labels) in runs(given.cache or Path(tempfile.mkdtemp()), given.minilm).items():
        for label in (each for each in labels if "+" not in each):
            verdicts = {setting: asked(run, label, setting) for setting in settings()}
            count = contradicted(verdicts)
            row = [f"{name}, {label}", *cells(verdicts), " / ".join(map(str, count.values())), default(run, label)]
            row.append(of_last(run, label))
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    publish("Verdicts", lines)


if __name__ == "__main__":
    main()
