"""Texts and protein sequences as a source: a column of a table, plain lines, FASTA. They are held in memory."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from layerscape.core.samples import Kind, TextPair
from layerscape.errors import FileProblem, InvalidValue
from layerscape.inputs.contents import Bad, Contents
from layerscape.inputs.files import held, open_text

FASTA = (".fasta", ".fa", ".faa")
_RESIDUES = re.compile(r"[A-Z*.-]*")  # letters, stop, and the gaps of an alignment
_LABEL = re.compile(r"(\w+)=(.*?)(?=\s+\w+=|\s*$)")  # values may hold blanks, as UniProt's OS=Homo sapiens


def text_source(
    texts: Sequence[Any], kind: Kind, ids: Sequence[str] = (), columns: Mapping[str, Sequence[Any]] | None = None
) -> Contents:
    """One sample per text; an empty one, or a sequence that is none, is bad."""
    if kind == "protein":
        texts = _residues(texts)
        _say_gaps(texts)

    def read(rows: Sequence[int]) -> list[str]:
        return [texts[row] for row in rows]

    def inspect(rows: Sequence[int]) -> Iterator[str | Bad]:
        for row in rows:  # one after the other: they may lie on disk, and be many
            text = texts[row]
            yield _fault(text, kind) or text

    return Contents(ids or [str(row) for row in range(len(texts))], kind, read, inspect, columns=columns or {})


def pair_source(
    first: Sequence[Any],
    second: Sequence[Any],
    kind: Kind,
    ids: Sequence[str] = (),
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> Contents:
    """One sample per pair of texts; one of which either is bad is bad."""
    if kind == "protein":
        first, second = _residues(first), _residues(second)

    def read(rows: Sequence[int]) -> list[TextPair]:
        return [TextPair(first[row], second[row]) for row in rows]

    def inspect(rows: Sequence[int]) -> list[str | Bad]:
        faults = (_fault(first[row], kind) or _fault(second[row], kind) for row in rows)
        # Where the first ends counts too.
        return [
            fault or f"{len(first[row])} {first[row]}{second[row]}" for row, fault in zip(rows, faults, strict=True)
        ]

    return Contents(ids or [str(row) for row in range(len(first))], kind, read, inspect, columns=columns or {})


def _residues(texts: Sequence[Any]) -> list[Any]:
    return [re.sub(r"\s+", "", text).upper().removesuffix("*") if isinstance(text, str) else text for text in texts]


def _say_gaps(texts: Sequence[Any]) -> None:
    n_gappy = sum(isinstance(text, str) and re.search("[-.*]", text) is not None for text in texts)
    if n_gappy:
        warnings.warn(
            f"{n_gappy} of {len(texts)} sequences hold gaps of an alignment or stops (-, ., *), which the network "
            "reads as they are; remove them where it has learned none",
            stacklevel=4,
        )


def _fault(text: Any, kind: Kind) -> Bad | None:
    if text is None:
        return Bad("is missing")
    if not isinstance(text, str):
        return Bad(f"is of type {type(text).__name__} and no text")
    if not text.strip():
        return Bad("is empty")
    end = _RESIDUES.match(text).end() if kind == "protein" else len(text)  # type: ignore[union-attr]
    return Bad(f"holds {text[end]!r}, which is no residue") if end < len(text) else None


def _one(_: str) -> int:
    return 1


def open_lines(path: str | Path, kind: Kind) -> Contents:
    """One sample per line."""
    with open_text(path) as file:
        return text_source([line.rstrip("\r\n") for line in held(Path(path), file, _one)], kind)


def open_fasta(path: str | Path, kind: Kind) -> Contents:
    """One sample per record: its id is the accession, and ``key=value`` in its header a label."""
    sequences: dict[str, list[str]] = {}
    labels: list[dict[str, str]] = []
    lines: list[str] = []
    with open_text(path) as file:
        for number, line in enumerate(held(Path(path), file, _one), 1):
            if line.startswith(">"):
                name = _accession(path, line[1:], number)
                if name in sequences:
                    raise InvalidValue(
                        f"{path} has the accession {name!r} again in line {number}; ids must be distinct: "
                        "remove one record or rename it."
                    )
                sequences[name] = lines = []
                labels.append({key: value.strip("\"' ") for key, value in _LABEL.findall(line[1:])})
            elif line.strip() and not line.startswith(";"):
                if not sequences:
                    raise FileProblem(f"{path} does not start with a header; FASTA records begin with >ACCESSION.")
                lines.append(line)
    columns = {
        key: [found.get(key, "") for found in labels] for key in dict.fromkeys(k for each in labels for k in each)
    }
    return text_source(["".join(parts) for parts in sequences.values()], kind, list(sequences), columns)


def _accession(path: str | Path, header: str, number: int) -> str:
    """The first word of a header; of ``sp|P12345|NAME`` the middle."""
    word = (header.split() or [""])[0]
    parts = word.split("|")
    name = parts[1] if len(parts) == 3 and parts[0] in ("sp", "tr") else word
    if not name:
        raise FileProblem(f"{path} has a header without a name in line {number}; write >ACCESSION.")
    return name
