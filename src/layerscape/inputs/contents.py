"""Contents: everything that an input holds, before some of it is selected and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, Samples
from layerscape.core.words import firsts
from layerscape.errors import FileProblem, InvalidValue


@dataclass(frozen=True)
class Bad:
    """Why one sample cannot be used."""

    reason: str


@dataclass(frozen=True)
class Contents:
    """All N samples of an input.

    Attributes
    ----------
    ids, kind, read
        As in `Samples`.
    inspect
        For each of the given rows its content (or a digest of it), or why it is `Bad`.
    labels
        Columns that are labels for sure.
    columns
        Columns that may be labels, as they were read.
    """

    ids: Sequence[str]
    kind: Kind
    read: Callable[[Sequence[int]], list[Any]]
    inspect: Callable[[Sequence[int]], Iterable[bytes | str | Bad]]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def select_rows(n_rows: int, limit: int | None, seed: int | None) -> list[int]:
    """Rows in the order of the input: all, the first ``limit``, or with a seed a random ``limit`` of them."""
    if limit is None:
        if seed is not None:
            raise InvalidValue(f"sample_seed={seed} without a limit; say with limit (--limit) how many to draw.")
        return list(range(n_rows))
    if limit < 1:
        raise InvalidValue(f"limit={limit}; give the number of samples to take, at least 1.")
    if seed is None:
        return list(range(min(limit, n_rows)))
    if not 0 <= seed < 2**32:
        raise InvalidValue(f"sample_seed={seed}; a seed must lie in 0..2**32-1.")
    # The stream of RandomState is frozen for ever; that of default_rng may change with numpy.
    return sorted(np.random.RandomState(seed).permutation(n_rows)[:limit].tolist())


@dataclass(frozen=True)
class Selection:
    """What was chosen of an input by its files and columns alone; no content was read yet.

    Attributes
    ----------
    source, rows
        The input, and which of its rows were chosen.
    labels
        Column name to a value per chosen row.
    given
        The input as the user said it.
    asked
        The kind of sample that the user asked for, if any.
    skip_bad
        Whether samples that cannot be used are left out.
    """

    source: Contents
    rows: Sequence[int]
    labels: Mapping[str, np.ndarray]
    given: str
    asked: Kind | None
    skip_bad: bool

    @property
    def kind(self) -> Kind:
        return self.source.kind

    def __len__(self) -> int:
        return len(self.rows)

    def samples(self) -> Samples:
        """The chosen rows, each inspected once."""
        return _inspected(self.source, self.rows, self.labels, self.given, self.skip_bad)


def _inspected(
    source: Contents, rows: Sequence[int], labels: Mapping[str, np.ndarray], given: str, skip_bad: bool
) -> Samples:
    good: list[int] = []  # positions within rows
    bad: list[tuple[str, str]] = []

    def parts() -> Iterator[bytes | str]:
        for position, content in enumerate(source.inspect(rows)):
            name = source.ids[rows[position]]
            if not _is_unicode(name + content if isinstance(content, str) else name):
                content = Bad("holds half a character, which cannot be written as UTF-8")
            if isinstance(content, Bad):
                bad.append((name, content.reason))
            else:
                good.append(position)
                yield name
                yield content

    digest = fingerprint(parts())
    _refuse(bad, len(rows), given, skip_bad)
    kept = [rows[position] for position in good]
    return Samples(
        ids=tuple(source.ids[row] for row in kept),
        kind=source.kind,
        read=lambda block: source.read([kept[position] for position in block]),
        fingerprint=digest,
        labels={name: values[good] for name, values in labels.items()},
        source=given,
        skipped=tuple(bad),
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(bad: Sequence[tuple[str, str]], n_rows: int, given: str, skip_bad: bool) -> None:
    if not bad or (skip_bad and len(bad) < n_rows):
        return
    name, reason = bad[0]
    if len(bad) == n_rows:
        raise FileProblem(f"none of the {n_rows} samples of {given} can be used; the first, {name!r}, {reason}.")
    which = f" ({firsts([each for each, _ in bad])})" if len(bad) > 1 else ""
    raise FileProblem(
        f"{len(bad)} of {n_rows} samples of {given} cannot be used{which}; the first, {name!r}, {reason}; "
        "repair or remove them, or leave them out with --skip-bad (skip_bad=True)."
    )
