"""Are the sentences on a profile true? 1,000 made profiles of known shape, read as a person reads the sentence.

Run:  python -m benchmarks.sentences [--kept] [--count 1000] [--write]

A sentence is *wrong* if it says a rise, a fall or a turn that the layers do not have, names another layer as the turn
(and not among those that it says are not told apart from it), calls level what moves by more than a fifth of the span,
or leaves out a turn of at least four standard errors without a word of doubt. It *cannot tell* if it says that it
cannot, or says less than there is. ``--kept`` are the families that no rule was made on. Whether a
plateau is named stands in a column of its own: turns are told from four standard errors on, a plateau only where the
intervals are small beside what the profile spans.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.made_profiles import Made, made, turning
from benchmarks.publish import publish
from layerscape.reports import findings

PLATEAU = r"a plateau of [^(']*\('(\w+)' to '(\w+)'\)"
POINT = re.compile(
    rf"{PLATEAU}|(?:\]|\d) at '(\w+)'(?: \((?:not told apart from|its interval touches that of) ([^)]*)\))?"
)
DOUBT, NOTHING = "turns back", "no change with depth can be claimed"
FOUR, STEEP = 4.0, 20.0  # standard errors


def said(profile: Made) -> str:
    """The sentence on the dimension."""
    rows = [
        {"layer": layer, "measure": "twonn", "k": 2, "value": value, "low": low, "high": high, "n_samples": 2000}
        for layer, value, low, high in zip(profile.layers, profile.value, profile.low, profile.high, strict=True)
    ]
    more = dict.fromkeys(("other_layer", "label", "group", "metric", "warnings", "chance", "scale"), "")
    table = pd.DataFrame(rows).assign(**more, options="{}").replace("", None)
    run: Any = SimpleNamespace(
        table=table, layers=tuple(profile.layers), recommendation=None, record={}, name="made", path=Path()
    )
    return findings(run)[0]


def judged(profile: Made, sentence: str) -> str:
    """Right, wrong, or cannot tell."""
    ways = [1 if word == "rises" else -1 for word in re.findall(r"\b(rises|falls)\b", sentence)]
    points = [_point(profile, *found) for found in POINT.findall(sentence.split(";")[0])]
    true = turning(profile.truth)
    heights = [profile.truth[next(iter(layers))] for layers in true]
    pattern = np.sign(np.diff(heights)).astype(int).tolist()
    if not ways:
        return "cannot tell" if pattern else "right" if NOTHING in sentence else "wrong"
    moves = list(pairwise(points[-len(ways) - 1 :]))
    if len(moves) != len(ways) or _untrue(profile, ways, moves):
        return "wrong"
    if any(np.ptp(profile.truth[a : b + 1]) > 0.2 * np.ptp(profile.truth) for a, b in plateaus(sentence)):
        return "wrong"
    if ways != pattern:
        return "cannot tell" if DOUBT in sentence or profile.swing < FOUR else "wrong"
    inner = zip(points[-len(ways) : -1], true[1:-1], strict=True)
    return "wrong" if any(not (place | others) & there for (place, others), there in inner) else "right"


def plateaus(sentence: str) -> list[tuple[int, int]]:
    """First and last layer of every plateau that is said."""
    return [(_place(a), _place(b)) for a, b in re.findall(PLATEAU, sentence)]


def names_the_plateau(profile: Made, sentence: str) -> bool:
    """Whether half of what is truly level was said to be."""
    first, last = profile.level or (0, 0)
    return any(min(b, last) - max(a, first) >= (last - first) / 2 for a, b in plateaus(sentence))


def _point(profile: Made, first: str, last: str, place: str, others: str) -> tuple[set[int], set[int]]:
    """The layers of a start, turn or end; and those that are said not to be told apart from it."""
    if first:
        return set(range(_place(first), _place(last) + 1)), set()
    return {_place(place)}, _others(profile, others)


def _untrue(profile: Made, ways: list[int], moves: list) -> bool:
    """Whether a rise or a fall is not there; of a plateau its middle counts."""
    middle = [[sorted(place)[len(place) // 2] for place, _ in ends] for ends in moves]
    return any(way * (profile.truth[b] - profile.truth[a]) <= 0 for way, (a, b) in zip(ways, middle, strict=True))


def _place(name: str) -> int:
    return int(name[1:])


def _others(profile: Made, words: str) -> set[int]:
    """The layers that are said not to be told apart; all of them where only their number is said."""
    named = re.findall(r"'l(\d+)'", words)
    return set(map(int, named)) if named or not words else set(range(len(profile.truth)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kept", action="store_true")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--show", help="print sentences of this family that are not right")
    given, _ = parser.parse_known_args()
    found: dict[str, list[tuple[Made, str, bool]]] = {}
    for profile in made(given.count, kept=given.kept):
        sentence = said(profile)
        verdict = judged(profile, sentence)
        found.setdefault(profile.family, []).append((profile, verdict, names_the_plateau(profile, sentence)))
        if given.show == profile.family and verdict != "right":
            print(verdict, profile.swing, np.round(profile.truth, 2).tolist(), sentence, sep="\n", end="\n\n")
    lines = [
        f"`benchmarks/sentences.py{' --kept' if given.kept else ''}`: {given.count:,} made profiles; in brackets those",
        "whose turning points differ by four standard errors or more (of those that are flat, none do). Last how often",
        f"a plateau that is there is named; in brackets where turning points differ by {STEEP:.0f}.",
        "",
        "| shape | right | cannot tell | wrong | plateau named |",
        "|---|---|---|---|---|",
        *(_row(family, own) for family, own in found.items()),
        _row("**all**", [each for own in found.values() for each in own]),
    ]
    publish(f"Sentences on profiles{', kept families' if given.kept else ''}", lines)


def _row(family: str, own: list[tuple[Made, str, bool]]) -> str:
    every = Counter(verdict for _, verdict, _ in own)
    clear = Counter(verdict for profile, verdict, _ in own if profile.swing >= FOUR)
    cells = [
        f"{every[word] / len(own):.1%}" + (f" ({clear[word] / clear.total():.1%})" if clear else "")
        for word in ("right", "cannot tell", "wrong")
    ]
    level = [(profile.swing >= STEEP, named) for profile, _, named in own if profile.level]
    steep = [named for clearly, named in level if clearly]
    cells.append(f"{np.mean([named for _, named in level]):.0%} ({np.mean(steep):.0%})" if level else "–")
    return f"| {family} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
