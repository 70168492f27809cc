"""What does a damaged run give: the right numbers, one line that says so, or something else?

Run:  python -m benchmarks.damage [--trials 2000] [--of-series 360] [--seed 0] [--write]

A small run with labels, previews, graphs, a table and a recommendation is made once. Every trial damages a copy of it
in one place, chosen at random: of all files alike, a bit, a cut, a piece of zeros or of noise, more at the end, another
file in its place (of the same kind where there is one), none, or a link to nothing. Then everything in it is read and
measured as a user would. Right is what the whole run gives, or an error of layerscape in one line.

A series of three such runs is damaged too, every other time in what its own folder keeps: what was compared between
steps, and the ledger of that.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import layerscape as ls
from benchmarks.publish import publish
from layerscape.core.provenance import fingerprint
from layerscape.storage import LayerSpec, RunFolder

N = 120
MEASURES = ["twonn", "participation_ratio", "label_overlap", "cka"]


def make_run(path: Path, seed: int = 0) -> None:
    """A run of three layers in blocks of 50 samples, with all that may be found in it."""
    rng = np.random.default_rng(seed)
    classes = np.arange(N) % 4
    layers = {name: rng.standard_normal((4, d))[classes] + rng.standard_normal((N, d)) for name, d in LAYERS.items()}
    specs = [LayerSpec(name, d, number / 2) for number, (name, d) in enumerate(LAYERS.items())]
    with RunFolder.create(path, {"model": None}, specs, N, block_bytes=50 * sum(LAYERS.values()) * 4) as folder:
        folder.write_samples([f"id {row}" for row in range(N)], {"class": classes, "size": rng.random(N)}, "text")
        for number, rows in folder.blocks_left():
            texts = [f"text {row}" for row in range(rows.start, rows.stop)]
            folder.write_block(number, {name: x[rows] for name, x in layers.items()}, texts)
        folder.finish()
    run = ls.open(path)
    ls.measure(run, MEASURES, k=8)
    ls.recommend(run, by="label_overlap")


KINDS = ("the same", "one line", "other numbers", "raw exception")
LAYERS = {"block 1": 8, "block 2": 8, "block 3": 12}


def all_of(path: Path) -> str:
    """One digest of everything that a user reads of a run, what is measured anew included."""
    run = ls.open(path)
    found = [str(run.layers), str(run.depths), str(run.record), str(run.recommendation)]
    found += [str(run.samples.ids), run.samples.kind, str(run.samples.previews())]
    found += [f"{name} {values.tolist()}" for name, values in run.samples.labels.items()]
    for layer in run.layers:
        graph = run.graph(layer, 4)
        found += [
            str(np.asarray(run[layer].matrix[:]).tolist()),
            str(graph.indices.tolist()),
            str(graph.distances.tolist()),
        ]
    found.append(run.table.to_csv())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.append(ls.measure(run, MEASURES, by="class", k=8).to_csv())
    return fingerprint(found)


def make_series(path: Path) -> None:
    """Three runs with other vectors, compared between steps."""
    for number, step in enumerate((0, 10, 200)):
        make_run(path / f"step_{step}", seed=number)
    ls.measure(ls.series(path), ["overlap", "cka"], k=8)


def all_of_series(path: Path) -> str:
    """One digest of what a user reads of a series, and of each of its runs."""
    series = ls.series(path)
    found = [str(series.steps), str(series.layers), series.table.to_csv()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.append(ls.measure(series, ["overlap"], k=4).to_csv())
    return fingerprint([*found, *map(all_of, sorted(path.glob("step_*")))])


def changed_bytes(change: Callable[[bytes, np.random.Generator], bytes]) -> Callable[..., None]:
    def damage(path: Path, rng: np.random.Generator, _: list[Path]) -> None:
        path.write_bytes(change(path.read_bytes(), rng))

    return damage


def one_bit(data: bytes, rng: np.random.Generator) -> bytes:
    place, bit = rng.integers(len(data)), 1 << int(rng.integers(8))
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def zeros(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = rng.integers(len(data)), rng.integers(1, 200)
    return data[:start] + bytes(len(data[start : start + length])) + data[start + length :]


def noise(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = rng.integers(len(data)), rng.integers(1, 200)
    return data[:start] + rng.bytes(len(data[start : start + length])) + data[start + length :]


def longer(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 100)))


def swapped(path: Path, rng: np.random.Generator, files: list[Path]) -> None:
    """With another file, of the same kind where there is one."""
    alike = [file for file in files if file.suffix == path.suffix and file != path] or files
    other = alike[rng.integers(len(alike))]
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


def absent(path: Path, *_: object) -> None:
    path.unlink()


def dangling(path: Path, *_: object) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nothing")


def reversed_labels(path: Path, *_: object) -> None:
    """The rows of a label column in another order, by a tool that knows nothing of the run."""
    import pyarrow.parquet as parquet

    inside = [each / "samples.parquet" for each in path.parents if (each / "run.json").exists()]
    samples = next(iter(inside), next(path.parents[0].glob("*/samples.parquet"), path))
    table = parquet.read_table(samples)
    place = table.column_names.index("label.class")
    parquet.write_table(
        table.set_column(place, "label.class", table["label.class"].take(list(range(N - 1, -1, -1)))), samples
    )


DAMAGES = {
    "a bit": changed_bytes(one_bit),
    "a cut": changed_bytes(cut),
    "zeros": changed_bytes(zeros),
    "noise": changed_bytes(noise),
    "more at the end": changed_bytes(longer),
    "two files swapped": swapped,
    "a file is missing": absent,
    "a dangling link": dangling,
    "label rows reversed": reversed_labels,
}


def trials(whole: Path, count: int, seed: int, read: Callable[[Path], str] = all_of) -> Iterator[tuple[str, str, str]]:
    """Of every trial the damage, the file, and what came of it: the same, one line, other numbers or an exception.

    Every other file is drawn of those that are not in a run within, where there are such runs.
    """
    shutil.copytree(whole, whole.parent / "first" / whole.name)
    expected = read(whole.parent / "first" / whole.name)  # which measures in it
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    own = [file for file in files if len(file.parts) == 1] if read is all_of_series else files
    rng = np.random.default_rng(seed)
    for number in range(count):
        copy = whole.parent / "copy" / whole.name  # the name of a run stands in its tables
        shutil.copytree(whole, copy)
        some = own if number // len(DAMAGES) % 2 else files
        damage, file = list(DAMAGES)[number % len(DAMAGES)], some[rng.integers(len(some))]
        DAMAGES[damage](copy / file, rng, [copy / each for each in files])
        yield damage, str(file), outcome(copy, expected, read)
        shutil.rmtree(copy)


def outcome(path: Path, expected: str, read: Callable[[Path], str]) -> str:
    try:
        return "the same" if read(path) == expected else "other numbers"
    except ls.LayerscapeError as error:
        return "one line" if "\n" not in str(error) else f"{type(error).__name__} of many lines"
    except Exception as error:
        return f"raw {type(error).__name__}: {error}"


def counted(make: Callable[[Path], None], read: Callable[[Path], str], count: int, seed: int) -> list[str]:
    """The rows of the table: of every damage how often what came of it."""
    counts: dict[str, Counter[str]] = {damage: Counter() for damage in DAMAGES}
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        make(whole)
        for damage, file, came in trials(whole, count, seed, read):
            kind = came if came in KINDS else "raw exception"
            counts[damage][kind] += 1
            if kind in KINDS[2:]:
                print(f"{damage} in {file}: {came}")
    rows = (f"| {damage} | {' | '.join(str(own[kind]) for kind in KINDS)} |" for damage, own in counts.items())
    return [f"| damage | {' | '.join(KINDS)} |", "|---" * (len(KINDS) + 1) + "|", *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--of-series", type=int, default=360)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_known_args()[0]
    given = f"--trials {options.trials} --of-series {options.of_series} --seed {options.seed}"
    lines = [
        f"`python -m benchmarks.damage {given}`: a run damaged in one place.",
        "",
        *counted(make_run, all_of, options.trials, options.seed),
        "",
        "A series of three runs, every other time in the table between its steps or the ledger of that:",
        "",
        *counted(make_series, all_of_series, options.of_series, options.seed),
    ]
    publish("Damage", lines)


if __name__ == "__main__":
    main()
