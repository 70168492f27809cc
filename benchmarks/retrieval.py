"""Pairs of a real model: the layer that is best for classes is not the one in which partners find each other.

Run:  python -m benchmarks.retrieval --minilm FOLDER [--write]

1,002 docstrings of six libraries are split into their first sentence and the paragraph after it: the class is the
library, or which of both parts it is, and the pair is of one docstring. `--minilm` is a folder of all-MiniLM-L6-v2, or
of another sentence encoder. Docstrings are read from the installed libraries, whose versions stand below the table.

And how often intervals over queries cover, and chance is taken for a finding, on pairs of known law.
"""

from __future__ import annotations

import argparse
import ast
import re
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.publish import publish

LIBRARIES = ("numpy", "scipy", "pandas", "sklearn", "torch", "matplotlib")
EACH, FIRST, REST = 167, (40, 200), (80, 600)  # docstrings of each, and characters of both parts
HEADING = re.compile(r"(Parameters|Args|Arguments|Returns|Examples|Note|Shape|\.\.|>>>)")
MEASURES = ("recall", "reciprocal_rank", "ndcg", "partner_rank", "alignment", "pair_imbalance")
LABELS = ["library", "part"]
TRIES, QUERIES = 100, 100


def docstrings(library: str) -> Iterator[tuple[str, str]]:
    """First sentence and next paragraph of the functions and classes of a library, each once."""
    spec = find_spec(library)
    assert spec is not None
    assert spec.origin is not None
    seen: set[str] = set()
    for file in sorted(Path(spec.origin).parent.rglob("*.py")):
        if "test" in file.as_posix().removeprefix(str(Path(spec.origin).parent)):
            continue
        for node in ast.walk(ast.parse(file.read_text(errors="ignore"))):
            text = ast.get_docstring(node) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None
            first, rest, *_ = [" ".join(part.split()) for part in (text or "").split("\n\n")] + ["", ""]
            long = FIRST[0] <= len(first) <= FIRST[1] and REST[0] <= len(rest) <= REST[1]
            if long and not HEADING.match(rest) and seen.isdisjoint((first, rest)):
                seen |= {first, rest}
                yield first, rest


def run_of(model: str, out: Path) -> ls.Run:
    """First sentences and then the rests, with the library as label, and which docstring each is of."""
    rng, found = np.random.default_rng(0), []
    for library in LIBRARIES:
        every = list(docstrings(library))
        found += [(library, *every[row]) for row in sorted(rng.permutation(len(every))[:EACH])]
    texts = [first for _, first, _ in found] + [rest for _, _, rest in found]
    labels = {
        "library": [library for library, _, _ in found] * 2,
        "part": ["first"] * len(found) + ["rest"] * len(found),
    }
    return ls.extract(model, texts, labels=labels, out=out, progress=False)


def of_layers(run: ls.Run) -> list[str]:
    n = run.n_samples // 2
    ids = run.samples.ids
    pairs = dict(zip(ids[:n], ids[n:], strict=True))
    lines = [
        "| layer | label overlap of the library | of the part | " + " | ".join(MEASURES) + " |",
        "|---" * (len(MEASURES) + 3) + "|",
    ]
    classes = ls.measure(run, ["label_overlap"], labels=LABELS, metric="cosine", save=False, progress=False)
    table = ls.measure(run, list(MEASURES), pairs=pairs, metric="cosine", save=False, progress=False)
    for layer in run.layers:
        own = table[table.layer == layer].set_index("measure")
        cells = [f"{own.value[name]:.3f} [{own.low[name]:.3f}, {own.high[name]:.3f}]" for name in MEASURES]
        of_classes = classes[classes.layer == layer].set_index("label").value
        cells = [*(f"{of_classes[label]:.3f}" for label in LABELS), *cells]
        lines.append(f"| {layer} | {' | '.join(cells)} |")
    chance = table[table.layer == run.layers[0]].set_index("measure").chance
    cells = " | ".join(f"{chance[name]:.3f}" for name in MEASURES)
    of_classes = classes[classes.layer == run.layers[0]].set_index("label").chance
    return [*lines, f"| chance | {' | '.join(f'{of_classes[label]:.3f}' for label in LABELS)} | {cells} |"]


def on_known_law() -> list[str]:
    """Of `QUERIES` pairs drawn anew each time: how often p < 0.05 for unrelated ones, and intervals cover the mean."""
    lines = ["| | " + " | ".join(MEASURES[:5]) + " |", "|---" * 6 + "|"]
    kinds = {
        "one to one": [(row, QUERIES + row) for row in range(QUERIES)],
        "both ways": np.arange(2 * QUERIES) % QUERIES,
        "5 queries to a partner": [(row, QUERIES + row // 5) for row in range(QUERIES)],
    }
    for kind, pairs in kinds.items():
        for related in (False, True):
            found = [_drawn(seed, related, pairs) for seed in range(TRIES)]
            cells = []
            for place in range(5):
                every = [one[place] for one in found]
                mean = np.mean([one.value for one in every])
                wrong = np.mean([one.chance.p < 0.05 for one in every])
                covered = np.mean([one.low <= mean <= one.high for one in every])
                cells.append(f"{covered:.2f}" if related else f"{wrong:.3f}")
            what = "intervals that hold the mean over draws" if related else "unrelated: p < 0.05"
            lines.append(f"| {kind}, {what} | {' | '.join(cells)} |")
    return lines


def _drawn(seed: int, related: bool, pairs: object) -> list[ls.Estimate]:
    rng = np.random.default_rng(seed)
    partners = rng.standard_normal((QUERIES, 8))
    of = np.arange(QUERIES) // 5 if isinstance(pairs, list) and pairs[1][1] == QUERIES else np.arange(QUERIES)
    queries = partners[of] + rng.standard_normal((QUERIES, 8)) if related else rng.standard_normal((QUERIES, 8))
    return [ls.estimate(name, np.vstack([queries, partners]), pairs, threads=1) for name in MEASURES[:4]] + [
        ls.estimate("alignment", np.vstack([queries, partners]), pairs)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minilm", required=True)
    parser.add_argument("--write", action="store_true")
    model = parser.parse_args().minilm
    with tempfile.TemporaryDirectory() as out:
        run = run_of(model, Path(out) / "run")
        lines = [
            f"`benchmarks/retrieval.py`, all-MiniLM-L6-v2 on {run.n_samples // 2:,} docstrings, first sentence → the "
            "paragraph after it, by cosine. The part (first sentence or paragraph) is told best by other layers than "
            "those in which a first sentence finds its paragraph.",
            "",
            *of_layers(run),
            "",
        ]
    lines += [f"Of {QUERIES} pairs in 8 dimensions, drawn {TRIES} times, partner = query + noise of its size.", ""]
    publish("Pairs: partners and classes ask for different layers", lines + on_known_law())


if __name__ == "__main__":
    main()
