"""Do two real networks see alike, and which of their layers: the largest of a map against permuted samples.

MiniLM (a sentence encoder) and SmolLM2 (a causal language model) on 1,000 questions of TREC, drawn at random, mean over
tokens; and beside each its untrained twin. For every two of both the closest pair of layers by a local measure
(overlap) and a global one (CKA), calibrated by the largest that unrelated samples give.

Run:  LAYERSCAPE_DATA=FOLDER LAYERSCAPE_MODELS=FOLDER python -m benchmarks.alike [--cache FOLDER] [--write]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import layerscape as ls
from benchmarks.publish import publish
from layerscape.core.words import number, p_said

DATA = Path(os.environ.get("LAYERSCAPE_DATA", Path(__file__).parents[2] / "shared" / "data"))
MEASURES = ("overlap", "cka")
PERMUTATIONS = 99
NETWORKS: dict[str, tuple[str, str, dict[str, Any]]] = {  # folder, layers
    "MiniLM": ("minilm", "embedding,block_*", {}),
    "MiniLM untrained": ("minilm", "embedding,block_*", {"random_init": 0}),
    "SmolLM2": ("smollm2", "embedding,block_6,block_12,block_18,block_24,block_30", {}),
    "SmolLM2 untrained": ("smollm2", "embedding,block_6,block_12,block_18,block_24,block_30", {"random_init": 0}),
}


def run_of(name: str, cache: Path) -> ls.Run:
    out = cache / name.lower().replace(" ", "_")
    if out.exists():
        return ls.open(out)
    folder, layers, options = NETWORKS[name]
    models = Path(os.environ["LAYERSCAPE_MODELS"])
    return ls.extract(
        str(models / folder), DATA / "text" / "trec.csv", out=out, layers=layers, pooling="mean", limit=1000,
        sample_seed=0, **options,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, help="where the runs are, or shall be kept")
    given = parser.parse_known_args()[0]
    lines = [
        f"`python -m benchmarks.alike`: 1,000 questions of TREC, {PERMUTATIONS} permutations; of every map the largest "
        "calibrated value, its pair, and how many pairs are not told apart from the closest (itself among them).",
        "",
        "| networks | measure | calibrated | closest | value | p of the map | not told apart |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        runs = {name: run_of(name, given.cache or Path(temporary)) for name in NETWORKS}
        names = list(NETWORKS)
        for first, other in product(names[:2], names[2:]):
            table = ls.compare(runs[first], runs[other], MEASURES, permutations=PERMUTATIONS)
            for measure in MEASURES:
                own = table[table.measure == measure]
                best = own.loc[own.z.idxmax()]
                lines.append(
                    f"| {first}, {other} | {measure} | {number(own.calibrated.max())} | {best.layer}, "
                    f"{best.other_layer} | {number(best.value)} | {p_said(best.p_map)} | "
                    f"{(own.closest == True).sum()} of {len(own)} |"  # noqa: E712
                )
                print(lines[-1], flush=True)
    publish("Two real networks and their untrained twins", lines)


if __name__ == "__main__":
    main()
