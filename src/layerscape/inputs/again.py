"""Again: the samples that a run was made of, opened once more and proven to be the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from layerscape.core.samples import Kind, Samples
from layerscape.errors import InvalidValue, LayerscapeError
from layerscape.inputs.files import format_of
from layerscape.inputs.matrix import split_name
from layerscape.inputs.open import choose_inputs
from layerscape.inputs.tables import TABLES

CURE = "give the inputs that it was made of with --inputs (inputs=)"


def has_columns(source: str | Path) -> bool:
    """Whether a source is a table, of which columns can be named."""
    path, name = split_name(source)
    return name is None and not path.is_dir() and format_of(path) in TABLES


def samples_again(
    source: str | Path,
    ids: Sequence[str],
    kind: Kind,
    fingerprint: str,
    *,
    text_column: str | None = None,
    image_column: str | None = None,
    id_column: str | None = None,
    follow_links: bool = False,
) -> Samples:
    """The samples with these ids, in this order; raises unless ids and contents have this fingerprint.

    Which of the samples of a source a run took, and how it drew them, need not be known: they are found by their ids.

    >>> first = choose_inputs("digits", limit=4, sample_seed=0).samples()
    >>> samples_again("digits", first.ids, "image", first.fingerprint).ids == first.ids
    True
    """
    if str(source).startswith("hf:"):
        raise InvalidValue(
            f"{source} is a data set of the hub, which only extract reads: ask it for the features (--features) with "
            "another --out, or give what it holds in a file with --inputs (inputs=)."
        )
    try:
        whole = choose_inputs(
            source,
            kind=kind,
            labels=[],
            text_column=text_column,
            image_column=image_column,
            id_column=id_column,
            follow_links=follow_links,
        )
    except LayerscapeError as error:
        raise type(error)(f"the samples cannot be read again: {str(error).rstrip('.')}; {CURE}") from None
    place = {name: row for row, name in enumerate(whole.source.ids)}
    missing = [name for name in ids if name not in place]
    if missing:
        raise InvalidValue(
            f"{source} lacks {len(missing)} of the {len(ids)} samples of the run, {missing[0]!r} for one; {CURE}, "
            "or name their column of ids with --id (id_column=)."
        )
    found = replace(whole, rows=[place[name] for name in ids]).samples()
    if found.fingerprint != fingerprint:
        raise InvalidValue(f"{source} holds other samples by these ids than the run was made of; {CURE}.")
    return found
