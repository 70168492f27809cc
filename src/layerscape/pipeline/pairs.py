"""Pairs of a run, or of two, as they are given: a column, a file, or pairs of ids; and the tasks that read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.listing import Listed, listing_of
from layerscape.core.measure import Measure
from layerscape.core.pairs import Pairs
from layerscape.core.sources import Source
from layerscape.core.tasks import Task, own_options
from layerscape.errors import InvalidValue, unknown_name
from layerscape.inputs.pairs import read_pairs, rows_by_id
from layerscape.run import Run, check_run
from layerscape.supply.across import Across
from layerscape.supply.sources import Part

OF_TWO = ("the run of the queries", "the run of the references")
UNNAMED = "pairs"  # what tables call pairs that were given in memory


@dataclass(frozen=True)
class Paired:
    """Pairs, what tables call them, and the samples that they are of.

    Attributes
    ----------
    label
        The column, the name of the file, or ``"pairs"``; with the run of the queries before it, where that is another.
    pairs
        The pairs.
    source
        The layers.
    column
        The label column that says who is paired; empty if none does.
    """

    label: str
    pairs: Pairs
    source: Source
    column: str = ""

    def tasks(self, measures: Sequence[Measure], k: int | None, options: Mapping[str, Any]) -> Iterator[Task]:
        """What is measured, layer by layer, so that the places of a layer are counted once for all measures."""
        for layer in self.source.layers:
            for m in measures:
                if "pairs" in m.data:
                    yield Task(m, own_options(m, k, options), layer, label=self.label)


def paired(run: Run, given: Any, queries: Run | None = None, *, kept: bool = True) -> Paired:
    """The pairs that a caller gives.

    Parameters
    ----------
    run
        Whose samples are paired, or are the references.
    given
        The name of a label column; a file; or pairs of ids, as `Pairs.of` takes them of rows.
    queries
        The run whose samples are the queries; the same when left out.
    kept
        Whether graphs may be kept in the run.

    Raises
    ------
    UnknownName, FileProblem, InvalidValue, InvalidType
        If there is no such column or file, or these are no pairs of samples that are there.
    """
    if queries is not None:
        return _across(queries, run, given)
    label, pairs, column = pairs_among(given, run.samples.ids, run.samples.labels, "the run")
    return Paired(label, pairs, Part(run, pairs={label: pairs}, kept=kept), column)


def paired_parts(parts: Sequence[Part], given: Any, queries: Run | None = None) -> list[Paired]:
    """The pairs of the samples that several runs have in common, or of the queries of another run, for each part.

    Raises
    ------
    InvalidValue
        If there are queries of another run, and several that have the references; and as `paired`.
    """
    first = parts[0]
    if queries is not None:
        if len(parts) > 1:
            raise InvalidValue("queries of several runs; ask of one run at a time, each with the queries of its model.")
        return [paired(first.whole, given, queries)]
    ids = first.whole.samples.ids
    own, what = (ids, "the run") if first.rows is None else ([ids[row] for row in first.rows], "what the runs share")
    label, pairs, column = pairs_among(given, own, first.columns, what)
    return [Paired(label, pairs, replace(part, pairs={label: pairs}), column) for part in parts]


def pairs_among(given: Any, ids: Sequence[str], columns: Mapping[str, np.ndarray], what: str) -> tuple[str, Pairs, str]:
    """What tables call the pairs among samples with these ids and label columns, the pairs, and the column if one.

    ``what`` says who has these samples, as in "the run".
    """
    if isinstance(given, str) and given in columns:
        values = columns[given]
        return given, Pairs.of(values if values.ndim == 1 else values.tolist(), len(ids)), given
    label, found = _listed(given, columns)
    if found is None:
        return label, Pairs.sharing(given, len(ids)), ""
    queried, answering = (rows_by_id(side, ids, what) for side in (found.queries, found.partners))
    return label, Pairs.listed(found, (queried, answering), len(ids), lambda row: repr(ids[row])), ""


def _across(queries: Run, references: Run, given: Any) -> Paired:
    check_run(queries)
    if queries is references or queries.path.resolve() == references.path.resolve():
        raise InvalidValue(
            f"queries are {references.name} itself, where each would find itself; leave queries out, and who is asked "
            "looks among all others."
        )
    label, pairs = pairs_across(given, queries.samples.ids, references.samples.ids)
    label = label if queries.temporary else f"{queries.name}: {label}"
    return Paired(label, pairs, Across(queries, references, pairs))


def pairs_across(
    given: Any, queries: Sequence[str], references: Sequence[str], whose: tuple[str, str] = OF_TWO
) -> tuple[str, Pairs]:
    """What tables call the pairs of queries and references with these ids, and the pairs.

    ``whose`` says who has the ones and the others, as in "the run of the queries".
    """
    label, found = _listed(given, {})
    if found is None:
        raise InvalidValue(
            "a column of one value per sample says nothing of two runs; give pairs of a query's id and a reference's."
        )
    rows = rows_by_id(found.queries, queries, whose[0]), rows_by_id(found.partners, references, whose[1])
    named = (lambda row: repr(queries[row]), lambda row: repr(references[row]))
    return label, Pairs.across(found, rows, (len(queries), len(references)), named)


def _listed(given: Any, columns: Mapping[str, np.ndarray]) -> tuple[str, Listed | None]:
    if isinstance(given, Path) or (isinstance(given, str) and (Path(given).exists() or Path(given).suffix)):
        return Path(given).name, read_pairs(given)
    if isinstance(given, str):
        raise unknown_name("label column or file of pairs", given, columns)
    return UNNAMED, listing_of(given)


def check_pairs(measures: Sequence[Measure], given: Any, others: Mapping[str, Any], queries: Run | None = None) -> None:
    """Raise where measures of pairs have none, pairs no measure, or both are asked with what knows no pairs."""
    reading = [m.name for m in measures if "pairs" in m.data]
    if given is None:
        if queries is not None:
            raise InvalidValue("queries without pairs; say with pairs= (--relevant) who answers them.")
        if reading:
            raise InvalidValue(f"{reading[0]} reads pairs; say with pairs= (--pairs) who is whose partner.")
        return
    if not reading:
        raise InvalidValue(
            "pairs, and none of the measures reads them; ask for recall, reciprocal_rank, ndcg, partner_rank, "
            "alignment or pair_imbalance too."
        )
    if asked := [name for name, value in others.items() if value]:
        raise InvalidValue(f"pairs and {asked[0]} at once; measure the two in a call each.")
