"""Cautions: warnings that change what a sentence may be taken for, said in that sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from layerscape.core.decisive import DECIDES, REMEDY
from layerscape.core.merged import merged
from layerscape.figures.rows import Row
from layerscape.measures.dimension.twonn import INSTEAD

MOST_LABELS = 3  # of which a page says all at once, the recommendation counted
CHANGES = (DECIDES, INSTEAD)  # what stands in every warning that changes a verdict


@dataclass(frozen=True)
class Finding:
    """A sentence, the rows that it was made of, and those that show what it says, layer by layer."""

    text: str
    rows: Sequence[Row] = ()
    shown: Sequence[Row] = ()

    @property
    def halves(self) -> tuple[str, str]:
        """The verdict, and what is said of it."""
        verdict, stop, more = self.text.partition(". ")
        return (f"{verdict}.", more) if stop else (verdict, "")


def lines_of(rows: Iterable[Row]) -> list[str]:
    """The warnings of rows, each once."""
    return list(dict.fromkeys(line for row in rows for line in (row.get("warnings") or "").split("\n") if line))


def changes(line: str) -> bool:
    """Whether a warning changes what a value says."""
    return any(words in line for words in CHANGES)


def with_cautions(found: Iterable[Finding]) -> list[Finding]:
    """The findings, each with the warnings that change it; one that was said before is referred to."""
    told: set[str] = set()
    findings = []
    for finding in found:
        lines = [line for line in lines_of(finding.rows) if changes(line)]
        here = {line for line in lines if line.rstrip(".") in finding.text}  # as a recommendation says them itself
        new = [line for line in lines if line not in told | here]
        if any(REMEDY in line for line in told):
            new = [line.split(f": {REMEDY}")[0] for line in new]
        words = [f"Caution: {text.rstrip('.')}." for text in merged(new)]
        if lines and not new and not here:
            words = ["The caution above holds here too."]
        told.update(lines)
        findings.append(replace(finding, text=" ".join([finding.text, *words])))
    return findings


def folded(found: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """What a page says at once, so that its first chart is on the first screen, and what more labels there are."""
    of_labels = [each for each in found if each.rows and each.rows[0].get("label")]
    further = of_labels[MOST_LABELS:]
    return [each for each in found if not any(each is other for other in further)], further
