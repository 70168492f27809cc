"""The numbers of every measure as they are, so that a change of the code can show that it changed none.

Run:  python -m benchmarks.snapshot [OUT] [--only WORD] [--compare benchmarks/snapshot.txt] [--read FILE]

Every measure with its options on 13 small data sets, and the tables made of small runs, by public names only; a few
minutes with one thread. A line of OUT is the rest of a name, numbers (value, low, high, then chance with its interval
and p, or what the case has in their place) as hexadecimal floats, digests of all else (sizes; curve; values per
sample; details) and one of the warnings; an error has its kind in place of the numbers. Warnings and errors follow in
words, once each and cut short; ``=0`` is a row equal to the first under its heading. Bits depend on the processor
and on the versions of numpy, scipy and numba: where much differs that should not, make OUT of the old code on the same
machine first.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import argparse
import json
import sys
import time
from collections import Counter
from itertools import zip_longest
from math import isnan, nan
from pathlib import Path

from benchmarks.snapshot_cases import cases
from benchmarks.snapshot_rows import NUMBERS, PARTS, digest
from layerscape import LayerscapeError

SHOWN = 80  # characters of a text that are kept
Lines = dict[str, list[str]]  # name of a row → numbers, digests, digest of the words
Words = dict[str, str]  # digest → text


def take(only: str) -> tuple[Lines, Words]:
    """The rows of all cases that hold a word in their name."""
    lines, words = {}, {}
    for name, work in cases():
        if only not in name:
            continue
        try:
            rows = work()
        except Exception as error:
            if not isinstance(error, LayerscapeError):
                print(f"{name}: {error!r}, which is no LayerscapeError", file=sys.stderr)
            words[digest(str(error), 8)] = str(error)
            lines[name] = [f"error {type(error).__name__}", "", digest(str(error), 8)]
            continue
        for part, row in rows.items():
            lines[f"{name} > {part}" if part else name] = str(row).split("\t")
            words[digest(row.words, 8)] = row.words
    words.pop("-", None)
    return lines, words


def write(path: Path, lines: Lines, words: Words) -> None:
    """One line per row, under a heading that holds the beginning of its name; then one line per text, cut short.

    A row that is equal to an earlier one under its heading says ``=`` and which, counted from 0.
    """
    rows, last, seen = [], "", []
    for name, fields in lines.items():
        head = " | ".join(name.split(" > ")[0].split(" | ")[:3])
        if head != last:
            rows.append(f"[{head}]")
            last, seen = head, []
        rows.append("\t".join([name.removeprefix(head), *([f"={seen.index(fields)}"] if fields in seen else fields)]))
        seen.append(fields)
    texts = [f"#{key}\t{json.dumps(text[:SHOWN], ensure_ascii=False)}" for key, text in sorted(words.items())]
    path.write_text("\n".join([*rows, *texts]) + "\n")


def read(path: Path, only: str) -> tuple[Lines, Words]:
    """What `write` wrote, of the cases that hold a word in their name."""
    lines, words, head, seen = {}, {}, "", []
    for line in path.read_text().splitlines():
        name, *fields = line.split("\t")
        if name.startswith("#"):
            words[name[1:]] = json.loads(fields[0])
        elif not fields:
            head, seen = name[1:-1], []
        else:
            seen.append(seen[int(fields[0][1:])] if fields[0].startswith("=") else fields)
            if only in (head + name).split(" > ")[0]:
                lines[head + name] = seen[-1]
    return lines, words


def differing(old: list[str], new: list[str], texts: tuple[Words, Words]) -> dict[str, str]:
    """What differs between two rows of one name: part → by how much, or from what to what."""
    found = {}
    if any(one[0].startswith("error") for one in (old, new)):
        if old[0] != new[0]:
            found["error"] = " → ".join(one[0] if one[0].startswith("error") else "a value" for one in (old, new))
    else:
        for name, a, b in zip_longest(NUMBERS, old[0].split(), new[0].split(), fillvalue="-"):
            if a != b:
                found[name] = f"{_number(a):.6g} → {_number(b):.6g} ({apart(_number(a), _number(b)):.1e})"
        for name, a, b in zip(PARTS, old[1].split("."), new[1].split("."), strict=True):
            if a != b:
                found[name] = "differs"
    if old[2] != new[2]:
        said = [known.get(key, "") for known, key in zip(texts, (old[2], new[2]), strict=True)]
        found["words"] = f"{said[0]!r} → {said[1]!r}"
    return found


def _number(text: str) -> float:
    return nan if text == "-" else float.fromhex(text)


def apart(a: float, b: float) -> float:
    """The relative difference of two numbers, infinite where only one is a number."""
    return float("inf") if isnan(a) or isnan(b) or max(a, b) == float("inf") else abs(a - b) / max(abs(a), abs(b))


def compare(old: tuple[Lines, Words], new: tuple[Lines, Words]) -> bool:
    """Print the rows that differ and how many do; True if none does."""
    counts: Counter[str] = Counter()
    for name in [*old[0], *(name for name in new[0] if name not in old[0])]:
        if name not in new[0] or name not in old[0]:
            which = "only in the old" if name in old[0] else "only in the new"
            counts[which] += 1
            print(f"{name}: {which}")
            continue
        found = differing(old[0][name], new[0][name], (old[1], new[1]))
        counts.update(found.keys())
        counts["rows that differ" if found else "rows that are equal"] += 1
        if found:
            print(name, *(f"    {part}: {how}" for part, how in found.items()), sep="\n")
    print(", ".join(f"{name} {number}" for name, number in counts.items()))
    return set(counts) <= {"rows that are equal"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, help="file to write")
    parser.add_argument("--only", default="", metavar="WORD", help="the cases that hold this in their name")
    parser.add_argument(
        "--compare", type=Path, metavar="OLD", help="a file to compare with; exit status 1 if rows differ"
    )
    parser.add_argument("--read", type=Path, metavar="NEW", help="take the rows from this file in place of the code")
    given = parser.parse_args()
    start = time.perf_counter()
    new = read(given.read, given.only) if given.read else take(given.only)
    print(f"{len(new[0])} rows, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if given.out:
        write(given.out, *new)
    return 0 if given.compare is None or compare(read(given.compare, given.only), new) else 1


if __name__ == "__main__":
    sys.exit(main())
