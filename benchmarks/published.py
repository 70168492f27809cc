"""Published profiles by one command each: a network against its untrained twin and shuffled tokens, and what is sure.

    LAYERSCAPE_DATA=FOLDER LAYERSCAPE_MODELS=FOLDER python -m benchmarks.published NAME [NAME …] --out FOLDER [--write]

NAME is one of those that `--list` prints, with what was published of it, its source, and what it wants. smollm2,
antiberty, minilm and crepe are networks that `tools/real_models.py` makes out of ordinary packages; the others are on
the model hub, of which nothing is fetched unless `--download` says so: without it, `--model FOLDER` names a copy, or
what is in the hub's cache is used. `--samples` says how many at most, `--data` where they are. Runs are kept in OUT,
and what is there is not computed again. `--write` puts the table into RESULTS.md, and the figure into docs/.

At every scale (Gride), with both metrics: the dimension over depth, and what neighbors share of the labels. A sentence
says that two layers, or two networks, differ where `layerscape.differences` tells them apart on the same samples, with
Holm's correction for all tests of the case.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import layerscape as ls
from benchmarks.publish import publish
from benchmarks.published_cases import CASES, FAMILY, Shown
from benchmarks.published_figure import draw, scales
from benchmarks.published_runs import METRICS, TRAINED, Tables, columns, made
from layerscape.core.paired import holm
from layerscape.measures.dimension.levina_bickel import levina_bickel

K, COARSE = 10, 32
MEASURES = ["gride", "overlap", "label_overlap"]
SURE = 0.05
FEWEST = 8  # layers of a network so small that all of them are looked at for peaks
DIMENSION, AGAINST, TWO, PLATEAUS = "dimension by ", " against ", "two peaks, ", "two plateaus, "
# By how many neighbors a peak is looked for, and what tests it: Gride's larger scales have no test of a difference.
SCALES: dict[str, tuple[int, Any]] = {
    "2 neighbors": (2, "twonn"),
    f"{COARSE} neighbors": (COARSE, partial(levina_bickel, k=COARSE)),
}


def tables(runs: dict[str, ls.Run], shown: Shown, out: Path) -> Tables:
    """What is measured of each condition, with each metric; kept as CSV."""
    found = {}
    for condition, run in runs.items():
        for metric in METRICS:
            path = out / f"{condition}_{metric}.csv"
            if not path.exists():
                labels = columns(runs, shown)
                options: Any = {"groups": shown.groups} if shown.groups else {}
                own = ls.measure(
                    run, MEASURES, k=None, labels=labels, metric=metric, save=False, progress=False, **options
                )
                own.to_csv(path, index=False)
            found[condition, metric] = pd.read_csv(path)
    return found


def places(dimension: Any) -> tuple[str, str, str, str]:
    """First and last layer, the peak between, and the lowest layer between the peak and the last: where it has fallen.

    They are chosen by the dimension alone, so that labels may be tested there.
    """
    names = list(dimension.index)
    first, last, inner = names[0], names[-1], dimension.iloc[1:-1]
    peak = str(inner.idxmax())
    behind = dimension.loc[peak:].iloc[1:-1]
    return first, last, peak, str(behind.idxmin()) if len(behind) else peak


def peaks(dimension: Any) -> tuple[str, str, str]:
    """The two layers with the deepest dip between them, and the dip: of all i < j < k the largest min(dᵢ, dₖ) − dⱼ.

    The first two layers are left out, in which the dimension of an embedding falls.
    """
    dimension = dimension.iloc[2:] if len(dimension) > FEWEST else dimension
    d = dimension.to_numpy(float)
    before, after = np.maximum.accumulate(d), np.maximum.accumulate(d[::-1])[::-1]
    dip = int(np.argmax(np.minimum(before, after)[1:-1] - d[1:-1])) + 1
    names = list(dimension.index)
    return names[int(np.argmax(d[:dip]))], names[dip], names[dip + 1 + int(np.argmax(d[dip + 1 :]))]


class Tests:
    """Tests of layers and networks, corrected together once all are made."""

    def __init__(self, runs: dict[str, ls.Run], groups: str) -> None:
        self.runs, self.options = runs, {"groups": groups} if groups else {}
        self.rows: list[dict[str, Any]] = []

    def layers(self, kind: str, measure: Any, pairs: list[tuple[str, str]], metric: str, **options: Any) -> None:
        self._add(kind, metric, self.runs[TRAINED], None, measure, pairs, options)

    def twins(self, kind: str, measure: Any, layers: list[str], metric: str, other: str, **options: Any) -> None:
        pairs = [(layer, layer) for layer in layers]
        self._add(f"{kind}{AGAINST}{other}", metric, self.runs[TRAINED], self.runs[other], measure, pairs, options)

    def _add(
        self, kind: str, metric: str, run: ls.Run, other: Any, measure: Any, pairs: Any, options: dict[str, Any]
    ) -> None:
        pairs = [pair for pair in dict.fromkeys(pairs) if other is not None or pair[0] != pair[1]]
        if not pairs:
            return
        found = ls.differences(
            run, other, measures=[measure], pairs=pairs, metric=metric, progress=False, **options, **self.options
        )
        self.rows += [row | {"kind": kind, "metric": metric} for row in found.to_dict("records")]

    def table(self) -> Any:
        table = pd.DataFrame(self.rows)
        return table.assign(p_holm=holm(table.p.to_numpy(float)))


def tested(runs: dict[str, ls.Run], found: Tables, shown: Shown, plateaus: tuple[str, str] | None) -> pd.DataFrame:
    """All tests of a case: the peak and what is behind it, labels there, and the other networks."""
    tests = Tests(runs, shown.groups)
    others = [name for name in runs if name != TRAINED]
    for metric in METRICS:
        curve = scales(found[TRAINED, metric])
        for scale, (k, measure) in SCALES.items():
            reads = curve[max(each for each in curve if each <= k)]
            first, last, peak, behind = places(reads)
            tests.layers(f"{DIMENSION}{scale}", measure, [(peak, first), (peak, last), (behind, last)], metric)
            if plateaus:
                tests.layers(f"{PLATEAUS}{scale}", measure, [plateaus], metric)
            one, dip, other_peak = peaks(reads)
            tests.layers(f"{TWO}{scale}", measure, [(one, dip), (other_peak, dip)], metric)
            for other in others:
                tests.twins(f"{DIMENSION}{scale}", measure, [peak], metric, other)
        reads = curve[max(each for each in curve if each <= COARSE)]
        first, last, peak, behind = places(reads)
        one, _, other_peak = peaks(reads)
        for label in columns(runs, shown):
            asked = {"labels": label, "k": K}
            pairs = [(behind, last), (behind, peak), (behind, first)]
            tests.layers(f"{label}, {K} neighbors", "label_overlap", pairs, metric, **asked)
            if plateaus:
                tests.layers(f"{PLATEAUS}{label}", "label_overlap", [plateaus], metric, **asked)
            tests.layers(f"{TWO}{label}", "label_overlap", [(other_peak, one)], metric, **asked)
            if label == FAMILY:
                tests.layers(f"{label}, nearest neighbor", "label_overlap", [(behind, last)], metric, labels=label, k=1)
            for other in others:
                tests.twins(f"{label}, {K} neighbors", "label_overlap", [behind], metric, other, **asked)
    return tests.table()


def sentences(tests: pd.DataFrame) -> list[str]:
    """Whether the dimension has a peak, or two; labels where it has fallen behind the peak; and the other networks."""
    own = tests[~tests.kind.str.contains(AGAINST) & ~tests.kind.str.startswith((TWO, PLATEAUS))]
    dimension, labels = own[own.kind.str.startswith(DIMENSION)], own[~own.kind.str.startswith(DIMENSION)]
    groups = dimension.groupby(["kind", "metric"], sort=False)
    tops = [f"{_asked(kind, metric)} {_peak(each)}" for (kind, metric), each in groups]
    double = tests[tests.kind.str.startswith(TWO)].groupby(["kind", "metric"], sort=False)
    twice = [f"{kind.removeprefix(TWO)}, {metric}: {_twice(each)}" for (kind, metric), each in double]
    behind = labels.groupby(["kind", "metric"], sort=False).head(1)  # against the last layer
    others = tests[tests.kind.str.contains(AGAINST)]
    flat = [_told(row) for row in tests[tests.kind.str.startswith(PLATEAUS)].itertuples()]
    return [
        f"The dimension {'; '.join(tops)}.",
        f"Two peaks and a dip between them: {'; '.join(twice)}.",
        *([f"{'; '.join(flat)}."] if flat else []),
        f"Where it has fallen behind its peak, against the last layer: {'; '.join(map(_told, behind.itertuples()))}.",
        f"Against others, in the same layer: {'; '.join(map(_told, others.itertuples()))}.",
    ]


def _asked(kind: str, metric: str) -> str:
    return f"by {kind.removeprefix(DIMENSION)}, {metric},"


def _peak(rows: pd.DataFrame) -> str:
    """Whether the highest inner layer is above the first and the last."""
    found = {row.other_layer: row for row in rows.itertuples() if row.layer == rows.layer.iloc[0]}
    over = [name for name, row in found.items() if row.p_holm < SURE and row.difference > 0]
    top = f"{rows.layer.iloc[0]} ({rows.value.iloc[0]:.3g})"
    if len(over) == len(found):
        return f"has a peak in {top}"
    return f"has no peak that is sure: {top} is above {over[0] if over else 'neither end'}{' alone' if over else ''}"


def _twice(rows: pd.DataFrame) -> str:
    """Of a dimension, whether both are above the dip; of a label, whether the later differs from the earlier."""
    if len(rows) < 2:
        return _told(next(rows.itertuples())).split(": ", 1)[1]
    sure = ((rows.p_holm < SURE) & (rows.difference > 0)).all()
    first, second = rows.itertuples()
    said = f"{first.layer} ({first.value:.3g}), {second.layer} ({second.value:.3g}), dip {first.other_layer} "
    return f"{said}({first.other_value:.3g}){'' if sure else ', which is not sure'}"


def _told(row: Any) -> str:
    verdict = ("above" if row.difference > 0 else "below") if row.p_holm < SURE else "not told from"
    return (
        f"{row.kind}, {row.metric}: {row.value:.3g} in {row.layer} {verdict} {row.other_value:.3g} "
        f"({row.difference:+.3f} [{row.low:.3f}, {row.high:.3f}])"
    )


def rows_of(tests: pd.DataFrame) -> list[str]:
    """All tests as a table."""
    lines = ["| what | metric | layer | value | against | value | difference | p |", "|---" * 8 + "|"]
    for row in tests.itertuples():
        difference = f"{row.difference:+.3f} [{row.low:.3f}, {row.high:.3f}] | {row.p_holm:.2g}"
        sides = f"{row.layer} | {row.value:.3g} | {row.other_layer} | {row.other_value:.3g}"
        lines.append(f"| {row.kind} | {row.metric} | {sides} | {difference} |")
    return lines


def profile(found: Tables) -> list[str]:
    """A row per layer of the trained network: dimensions by scale and metric, and labels."""
    curves = {metric: scales(found[TRAINED, metric]) for metric in METRICS}
    columns = [k for k in curves["euclidean"] if k in (2, 8, 32)]
    table = found[TRAINED, "euclidean"]
    labels = table[table.measure == "label_overlap"].pivot_table("value", "layer", "label", sort=False)
    heads = [f"{metric}, {k} neighbors" for metric in METRICS for k in columns] + list(labels)
    lines = [f"| layer | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for layer in curves["euclidean"].index:
        cells = [f"{curves[metric].loc[layer, k]:.3g}" for metric in METRICS for k in columns]
        cells += [f"{labels.loc[layer, label]:.3g}" for label in labels]
        lines.append(f"| {layer} | {' | '.join(cells)} |")
    return lines


def at_hand(model: Any) -> Any:
    """A network that needs no fetching: a function or folder, or the copy of a name that the hub's cache has."""
    if callable(model) or Path(model).is_dir():
        return model
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return snapshot_download(model, local_files_only=True)
    except LocalEntryNotFoundError:
        raise SystemExit(
            f"{model} is not here, and nothing is fetched unasked: give --download, or --model FOLDER with a copy."
        ) from None


def carried_out(name: str, given: argparse.Namespace) -> tuple[Tables, list[str]]:
    """A case with all its tables, and what is said of it."""
    case, out = CASES[name], given.out / name
    model = given.model or (case.model if given.download else at_hand(case.model))
    shown = case.samples(given.data, given.samples or case.n_samples)
    runs = made(case, model, shown, out)
    found = tables(runs, shown, out)
    if not (out / "tests.csv").exists():
        tested(runs, found, shown, case.plateaus).to_csv(out / "tests.csv", index=False)
    tests = pd.read_csv(out / "tests.csv")
    facts = f"{runs[TRAINED].n_samples:,} samples, {len(runs[TRAINED].layers)} layers"
    lines = [f"**{name}** ({facts}). Expected: {case.expected}.", "", *sentences(tests), "", *profile(found)]
    lines += ["", *rows_of(tests)]
    return found, lines


def listed() -> str:
    """What there is, what each wants, and what to expect."""
    return "\n\n".join(
        f"{name}: {case.model if isinstance(case.model, str) else 'made here'}; wants {case.wants}.\n  Expected: "
        f"{case.expected}."
        for name, case in CASES.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases; those of --list")
    parser.add_argument("--list", action="store_true", help="what there is, what each wants, and what to expect")
    parser.add_argument("--out", type=Path, help="a folder for the runs")
    parser.add_argument("--data", type=Path, help="a folder of samples, where the case wants one")
    parser.add_argument("--model", help="a folder with the network, in place of its name on the hub")
    parser.add_argument("--samples", type=int, help="at most; as many as the case says when left out")
    parser.add_argument("--download", action="store_true", help="fetch the network from the model hub")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md and the figure into docs/")
    given = parser.parse_args()
    if given.list or not given.names or given.out is None:
        print(listed())
        return
    if unknown := [name for name in given.names if name not in CASES]:
        parser.error(f"no case is called {unknown[0]!r}; there are: {', '.join(CASES)}")
    warnings.simplefilter("ignore")
    every, lines = {}, ["`python -m benchmarks.published`", ""]
    for name in given.names:
        every[name], said = carried_out(name, given)
        lines += [*said, ""]
    publish("Published profiles", lines[:-1])
    if given.write:
        draw(every)


if __name__ == "__main__":
    main()
