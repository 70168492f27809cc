"""Markdown: what the written pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

PAPERS = (
    (re.compile(r"doi:(10\.[^\s,;)]+[^\s,;).])"), r"[doi:\1](https://doi.org/\1)"),
    (re.compile(r"arXiv:(\d{4}\.\d{4,5})"), r"[arXiv:\1](https://arxiv.org/abs/\1)"),
)


def heading(words: str, level: int = 1) -> str:
    """A heading.

    >>> heading("Measures", 2)
    '## Measures'
    """
    return f"{'#' * level} {words}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A table; bars in cells are kept as such.

    >>> print(table(["a", "b"], [["|x|", "1"]]))
    | a | b |
    |---|---|
    | \|x\| | 1 |
    """
    lines = [head, *rows]
    cells = [[" ".join(cell.split()).replace("|", r"\|") for cell in line] for line in lines]
    written = [f"| {' | '.join(line)} |" for line in cells]
    return "\n".join([written[0], "|" + "---|" * len(head), *written[1:]])


def facts(found: Mapping[str, str]) -> str:
    """A table of names and what is to be said of each, without what there is nothing to say of."""
    rows = [(f"**{name}**", words) for name, words in found.items() if words]
    return ":::{container} facts\n" + table(("", ""), rows) + "\n:::"


def link_papers(words: str) -> str:
    """The words with links where they name papers.

    >>> link_papers("Facco et al. 2017, doi:10.1038/s41598-017-11873-y.")
    'Facco et al. 2017, [doi:10.1038/s41598-017-11873-y](https://doi.org/10.1038/s41598-017-11873-y).'
    """
    for pattern, link in PAPERS:
        words = pattern.sub(link, words)
    return words
