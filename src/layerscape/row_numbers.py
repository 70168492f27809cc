"""Whether samples of several runs are the same, where nothing but the numbers of their rows says which is which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from layerscape.core.labels import missing
from layerscape.core.words import listed
from layerscape.errors import InvalidValue
from layerscape.run import Run


def differ(one: np.ndarray, other: np.ndarray) -> int:
    """For how many samples two columns differ; a number and the word for it are the same."""
    if one.shape != other.shape:
        return len(one)
    gaps = [missing(each) for each in (one, other)]
    if one.dtype.kind not in "iufb" or other.dtype.kind not in "iufb":
        one, other = one.astype(str), other.astype(str)
    apart = np.asarray(one != other).reshape(len(one), -1).any(axis=1)
    without = [np.zeros(len(one), bool) if each is None else each for each in gaps]
    return int((np.where(without[0] | without[1], without[0] != without[1], apart)).sum())


def by_row_number(runs: Sequence[Run]) -> str:
    """What to say where nothing but numbers of rows tells which sample is which; raise where these cannot tell."""
    contents = {_content(run) for run in runs}
    numbered = [run for run in runs if _is_numbered(run)]
    if not numbered or (len(contents) == 1 and None not in contents):
        return ""
    names = listed([repr(run.name) for run in runs])
    sources = [(run.record.get("inputs") or {}).get("source") for run in runs]
    sizes = [run.n_samples for run in runs]
    cure = "give ids to the samples of each (ids=, id_column=, --id-column; of files of vectors --id)"
    if len(numbered) == len(runs) and len(set(sizes)) > 1 and (None in sources or len(set(sources)) > 1):
        raise InvalidValue(
            f"{names} have {listed(list(map(str, sizes)))} samples that are known by their row numbers only, which do "
            f"not tell which of one is which of another; {cure}."
        )
    known = f"were made of different inputs, {listed(list(map(repr, sources)))}" if None not in sources else ""
    return (
        f"{names} {known or 'do not say of which samples they are'}, and their samples are matched by row number: "
        f"if row i is not the same sample in {'both' if len(runs) == 2 else 'all'}, {cure}"
    )


def _content(run: Run) -> str | None:
    """What two runs of the very same samples share: the digest of what the network was shown, or of the vectors."""
    made = run.record.get("inputs")
    return made.get("fingerprint") if made else run.record.get("samples")


def _is_numbered(run: Run) -> bool:
    """Whether its ids are the numbers of rows, all of them or some in their order, and nobody gave them."""
    named = run.record.get("ids")
    if named is not None:
        return named == "rows"
    if (run.record.get("read_with") or {}).get("id_column"):
        return False
    ids = run.samples.ids
    numbers = [int(name) for name in ids if name.isdecimal()]
    return list(map(str, numbers)) == list(ids) and all(a < b for a, b in pairwise(numbers))
