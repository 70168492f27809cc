"""A page for every measure, from its docstring and its MEASURE, with an example that is computed; and the list."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from math import inf
from typing import Any

import numpy as np

import layerscape as ls
from layerscape.core.measure import ALWAYS, EVEN
from layerscape.core.words import listed, number, said
from layerscape.measures import catalog, question
from tools.docs.marking import facts, heading, link_papers, table

N = 400
READS = {
    "graph": "who is near whom (a graph of {k} neighbors)",
    "graphs": "the graphs of all layers that follow, up to another",
    "subsets": "who is near whom among random subsets of the samples (graphs of {k} neighbors)",
    "ranking": "the ranks of given samples among all distances",
    "ends": "queries and partners as two representations",
    "vectors": "the vectors",
    "labels": "labels",
    "pairs": "pairs of samples that belong together",
}
CHANGES = {
    "order": "another order of the samples",
    "rotation": "rotation",
    "translation": "translation",
    "scaling": "scaling",
    "linear": "any invertible linear map",
}


def asked(measure: ls.Measure) -> str:
    """The question that a measure belongs to: what the folder that it lives in says."""
    return (sys.modules[f"layerscape.measures.{question(measure)}"].__doc__ or "").strip()


def measure_pages() -> Iterator[tuple[str, str]]:
    """Name and text of the page of every measure, and of the list."""
    yield "measures/index.md", index()
    for measure in catalog().values():
        yield f"measures/{measure.name}.md", page(measure)


def index() -> str:
    """Every measure by its question, with what it says."""
    questions: dict[str, list[ls.Measure]] = {}
    for measure in catalog().values():
        questions.setdefault(asked(measure), []).append(measure)
    parts = [
        heading("Measures"),
        "Each is one function of a neighbor graph, of vectors, or of these and labels, and has a page that is made "
        "from its code. `layerscape list` prints them too. In bold: those of the standard profile, which is measured "
        "when no measure is named. Your own function works wherever a name does "
        "([how](../contributing.md#add-a-measure)).",
    ]
    for words, measures in questions.items():
        rows = [(_link(measure), _first_sentence(measure)) for measure in measures]
        parts += [heading(words, 2), table(("measure", "the number is"), rows)]
        parts.append(":::{toctree}\n:hidden:\n\n" + "\n".join(measure.name for measure in measures) + "\n:::")
    return "\n\n".join(parts) + "\n"


def _link(measure: ls.Measure) -> str:
    link = f"[{measure.title}]({measure.name}.md)"
    return f"**{link}**" if measure.standard else link


def _first_sentence(measure: ls.Measure) -> str:
    return measure.says.rstrip(".")


def page(measure: ls.Measure) -> str:
    """One measure: what it is, its facts, how to ask for it, what it gives of an example, and its docstring."""
    home = sys.modules[measure.compute.__module__].__name__
    return "\n\n".join(
        [
            heading(measure.title),
            f"*{asked(measure)}* {measure.says}",
            facts(dict(_facts(measure))),
            heading("Ask for it", 2),
            asking(measure),
            example(measure),
            heading("Definition", 2),
            f"```{{eval-rst}}\n.. autofunction:: {home}.{measure.name}\n```\n",
        ]
    )


def _facts(measure: ls.Measure) -> Iterator[tuple[str, str]]:
    yield "name", f"`{measure.name}`"
    reads = [READS[kind].format(k=_count(measure)) for kind in measure.data]
    yield "reads", listed(reads) if len(set(reads)) == len(reads) else f"{reads[0]}, of two layers"
    yield "unit", measure.unit
    yield "range", _range(*measure.bounds)
    same = [words for change, words in CHANGES.items() if change in measure.unchanged_by]
    moved = [words for change, words in CHANGES.items() if change not in measure.unchanged_by]
    yield "unchanged by", listed(same)
    yield "changed by", listed(moved)
    if measure.closer:
        yield "alike is", measure.closer
    if measure.compares:
        yield "both ways", "the same number" if measure.symmetric else "two numbers: a → b and b → a"
    if len(measure.data) == 2:
        yield "chance", "with every value" if measure.has_chance else f"not known: {measure.chance}"
    why = measure.influence if isinstance(measure.influence, str) else ""
    yield "which samples move it", f"not known: {why}" if why else "said with `influence=True`"
    yield from _further(measure)
    yield "source", link_papers(measure.source)


def _further(measure: ls.Measure) -> Iterator[tuple[str, str]]:
    if measure.distinct:
        yield "copies of a sample", "are left out"
    if measure.values != "real":
        yield "for", {"whole": "whole numbers", "binary": "bits"}[measure.values]
    if measure.sways:
        yield "can be decided alone by", listed([f"one {what}" for what in sorted(measure.sways)]) + ", which it says"
    if isinstance(measure.ceiling, str) and measure.ceiling in (ALWAYS, EVEN):
        even = " of equally noisy conditions" if measure.ceiling == EVEN else ""
        yield "noise", f"its ceiling is told from repeats{even}"
    yield "measured", "in the standard profile" if measure.standard else "when it is asked for"


def _count(measure: ls.Measure) -> str:
    default = measure.options.get(measure.neighbors) if isinstance(measure.neighbors, str) else None
    return str(measure.neighbors) if default is None else f"{measure.neighbors} = {default}"


def _range(low: float, high: float) -> str:
    if (low, high) == (-inf, inf):
        return "any number"
    if high == inf:
        return f"from {low:g}"
    return f"up to {high:g}" if low == -inf else f"{low:g}…{high:g}".replace("-", "−")


def arguments(measure: ls.Measure) -> tuple[list[Any], list[str], list[str]]:
    """The example's data of a measure, what they are called in Python, and the files of the command line."""
    x, y, label, pairs = data()
    first = {"whole": np.rint(3 * x), "binary": np.concatenate([x > cut for cut in (-1, 0, 1)], axis=1) * 1.0}
    found = first.get(measure.values, x)
    if len(measure.data) == 1:
        return [found], ["x"], ["x.npy"]
    kind = measure.data[1]
    if kind == "labels":
        return [found, label], ["x", "label"], ["x.npy", "--labels", "labels.csv:label"]
    if kind == "pairs":
        return [found, pairs], ["x", "pairs"], ["x.npy", "--pairs", "pairs.csv"]
    if measure.same_units:
        return [found, x + 0.3 * y[:, :1]], ["x", "y"], ["x.npy", "y.npy"]
    return [found, y], ["x", "y"], ["x.npy", "y.npy"]


@cache
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two layers of as many samples, whose classes are five clusters; and pairs of samples of one class."""
    rng = np.random.default_rng(0)
    label = np.arange(N) % 5
    z = 3 * rng.standard_normal((5, 3))[label] + rng.standard_normal((N, 3))
    x = z @ rng.standard_normal((3, 12)) + 0.2 * rng.standard_normal((N, 12))
    y = np.tanh(z @ rng.standard_normal((3, 8)) / 3) + 0.1 * rng.standard_normal((N, 8))
    return x, y, label, np.array([(row, row + 5) for row in range(0, N - 5, 2)])


def asking(measure: ls.Measure) -> str:
    """The call and the command."""
    _, names, files = arguments(measure)
    python = f'ls.estimate("{measure.name}", {", ".join(names)})'
    many = f'ls.measure(run, ["{measure.name}"])'
    return (
        f"```python\n{python}\n{many}  # of every layer of a run\n```\n\n"
        f"```console\n$ layerscape estimate {measure.name} {' '.join(files)}\n```"
    )


def example(measure: ls.Measure) -> str:
    """What it gives of two small layers, as it is when the site is made."""
    given, _, _ = arguments(measure)
    found = ls.estimate(measure.name, *given)
    low, high = (None if not np.isfinite(end) else end for end in (found.low, found.high))
    value = None if np.isnan(found.value) else found.value
    text = (
        f"Of an example ({N} samples in five clusters, layers of 12 and 8 units) it says **{said(value, low, high)}**"
    )
    if found.chance is not None:
        chance = number(found.chance.value, abs(found.value - found.chance.value) / 10)
        text += f", where unrelated data give {re.sub(r'^-(?=[0.]+$)', '', chance)}"
    return text + "."
