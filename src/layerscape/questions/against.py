"""`against`: a value of every run beside the score of that run, as the dimension of the last layer beside accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from layerscape.core.depth import site_of
from layerscape.core.keywords import door
from layerscape.core.measure import Measure
from layerscape.core.progress import Show
from layerscape.core.rank_correlation import FEW, RankCorrelation, rank_correlation
from layerscape.core.shown import Card, Shown
from layerscape.core.step_names import Step
from layerscape.core.words import firsts, number, p_said
from layerscape.errors import FileProblem, InvalidType, InvalidValue, require, unknown_name
from layerscape.measures import AnyMeasure, find_measure
from layerscape.pipeline.measure import measure as measure_run
from layerscape.pipeline.scores import Scores, logged_of, scores_of
from layerscape.run import Run, check_run
from layerscape.runs import Series

if TYPE_CHECKING:
    import pandas as pd

At = Literal["last", "highest", "lowest", "mean"]


@dataclass(frozen=True, repr=False)
class Against(Shown):
    """How a value of runs goes with their score.

    Attributes
    ----------
    measure, at, label, score
        What the value is, of which layer, of which label if any; and what the score is called.
    correlation
        Spearman's: ``value``, ``low``, ``high`` (95 %), ``p``, ``n``; runs are the unit.
    aside
        The same with other values of the runs set aside; None if there are none.
    table
        A pandas.DataFrame with a row per run: ``run``, ``step`` of a series, ``layer``, ``value``, ``low``, ``high``,
        ``score``, and what was set aside.
    warnings
        In words.
    """

    measure: str
    at: str
    label: str
    score: str
    correlation: RankCorrelation
    aside: RankCorrelation | None
    table: pd.DataFrame
    warnings: tuple[str, ...] = ()

    def _card(self) -> Card:
        facts = [("", self.sentence)]
        of = f"{self.measure}{f' of {self.label!r}' if self.label else ''}, {_where(self.at)}"
        rows = self.table.to_dict("records")
        facts += [(row["run"], f"{number(row['value'])}, {number(row['score'])}") for row in rows]
        return Card(f"{of}, against {self.score} of {len(self.table)} runs", facts, self.warnings)

    @property
    def sentence(self) -> str:
        """The correlation in words.

        >>> import numpy as np, layerscape as ls
        >>> x = np.random.default_rng(0).standard_normal((200, 9))
        >>> runs = [ls.from_arrays({"a": x[:, :d]}) for d in (2, 4, 5, 7, 9)]
        >>> ls.against(runs, [0.9, 0.7, 0.6, 0.5, 0.3]).sentence
        'Spearman -1.00 [-1.00, 0.73], p = 0.017, over 5 runs'
        """
        words = _said(self.correlation)
        if self.aside is not None:
            columns = list(self.table)
            words += f"; with {', '.join(columns[columns.index('score') + 1 :])} set aside "
            words += _said(self.aside)
        return f"Spearman {words}, over {self.correlation.n} runs"


def _said(found: RankCorrelation) -> str:
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}], {p_said(found.p)}"


def _where(at: str) -> str:
    return f"at the {at} layer" if at == "last" else f"{at} over layers" if at in get_args(At) else f"at {at!r}"


@door
def against(
    runs: Series | Sequence[Run],
    score: Scores,
    measure: AnyMeasure = "twonn",
    *,
    at: str = "last",
    label: str | None = None,
    aside: Mapping[str, Scores] | None = None,
    k: int | None = None,
    seed: int = 0,
    progress: Show = None,
    **options: Any,
) -> Against:
    """How a value of runs goes with a score of theirs: the dimension of the last hidden layer with accuracy, say.

    Ansuini et al. 2019 (arXiv:1905.12784, figure 4) found the dimension of the last hidden layer of networks lower
    where they generalize better.

    Parameters
    ----------
    runs
        A series, or runs in a list, of one set of samples or of several; 4 or more.
    score
        A number per run: in their order; a dict by step or name of a run; a file with a column ``step`` or ``run`` and
        one of the score (``"scores.csv"``, or ``"scores.csv:accuracy"`` where it has several); or the name of what the
        trainer's own log said at each step, as ``"loss"`` (`series.scalars`).
    measure
        Of one layer, or of one layer and a label.
    at
        ``"last"``: the last layer along the depth of its network; ``"highest"``, ``"lowest"``, ``"mean"`` of these
        layers; or the name of a layer that all runs have. Of a curve the finest point counts.
    label
        The label column, for measures that read one.
    aside
        Name to a further number per run, as its size or its depth, whose ranks are taken out of both.
    k, options
        As in `layerscape.measure`, in whose tables the values are kept too.
    seed
        Of the permutations for p.
    progress
        As in `layerscape.measure`.

    Returns
    -------
    Against

    Raises
    ------
    InvalidValue, InvalidType, UnknownName
        If there are too few runs, a score is missing, or no value of a run is known.

    Examples
    --------
    >>> import numpy as np, layerscape as ls
    >>> x = np.random.default_rng(0).standard_normal((200, 9))
    >>> runs = [ls.from_arrays({"a": x, "b": x[:, :d]}) for d in (2, 4, 5, 7, 9)]
    >>> found = ls.against(runs, [0.9, 0.7, 0.6, 0.5, 0.3], "participation_ratio")
    >>> found.correlation.value, found.table.layer.unique().tolist(), found.warnings
    (-1.0, ['b'], ('5 runs are few: the interval says how little they tell',))
    """
    pandas = require("pandas", "runs")
    chosen = find_measure(measure)
    given, steps, words = _scored(score, *_runs(runs))
    _check(chosen, label, at, given)
    name, scores = scores_of(score, given, steps)
    others = {each: scores_of(values, given, steps)[1] for each, values in (aside or {}).items()}
    rows = []
    for run, step in zip(given, steps, strict=True):
        table = measure_run(run, chosen, k=k, labels=label, save=_keeps(run), progress=progress, **options)
        rows.append({"run": run.name, **({"step": step} if isinstance(runs, Series) else {}), **_value(run, table, at)})
    found = pandas.DataFrame(rows).assign(score=scores, **others)
    values = found["value"].tolist()
    words += [f"{len(given)} runs are few: the interval says how little they tell"] if len(given) < FEW else []
    if steps != [None] * len(given) and not others:
        words.append("steps of one training: what changes with time goes together, whatever the cause")
    return Against(
        chosen.name,
        at,
        label or "",
        name,
        rank_correlation(values, scores, seed=seed),
        rank_correlation(values, scores, list(others.values()), seed=seed) if others else None,
        found,
        tuple(words),
    )


def _keeps(run: Run) -> bool:
    """Whether what is found can be kept in a run; where not, it is found all the same."""
    try:
        run.folder.check_writable()
    except FileProblem:
        return False
    return True


def _runs(given: Any) -> tuple[list[Run], list[Step | None]]:
    """The runs, and their steps where they are a series."""
    if isinstance(given, Series):
        return list(given), list(given.steps)
    if isinstance(given, (str, Path, Run, Mapping)) or not isinstance(given, Sequence):
        raise InvalidType(
            f"a {type(given).__name__} given as runs; give a series (layerscape.series) or a list of runs."
        )
    for run in given:
        check_run(run)
    return list(given), [None] * len(given)


def _scored(score: Scores, runs: list[Run], steps: list[Step | None]) -> tuple[list[Run], list[Step | None], list[str]]:
    """Those whose score is known, and in words which are not, where it stands in the log of a trainer."""
    known = logged_of(score, runs)
    left = [run.name for run, there in zip(runs, known, strict=True) if not there]
    words = [f"{firsts(left)} left out, of which the trainer's log says no {score}"] if left else []
    kept = [(run, step) for run, step, there in zip(runs, steps, known, strict=True) if there]
    return [run for run, _ in kept], [step for _, step in kept], words


def _check(measure: Measure, label: str | None, at: str, runs: Sequence[Run]) -> None:
    """Raise at what cannot be asked, before anything is measured."""
    if measure.data[1:] not in ((), ("labels",)) or (measure.data[1:] == ("labels",)) != (label is not None):
        need = "a label: give label=" if measure.data[1:] == ("labels",) else "no label: leave label out"
        one = measure.data[1:] in ((), ("labels",))
        raise InvalidValue(f"{measure.name} reads {need}." if one else f"{measure.name} is of no single layer.")
    if at not in get_args(At):
        for run in runs:
            if at not in run:
                raise unknown_name(f"layer of {run.name!r}", at, run.layers)
    twice = [run.name for place, run in enumerate(runs) if run in runs[:place]]
    if twice:
        raise InvalidValue(f"run {twice[0]!r} is given twice; runs are the unit of the correlation.")


def _value(run: Run, table: Any, at: str) -> dict[str, Any]:
    """What counts of one run: the layer, and its value with its interval."""
    own = table.drop_duplicates("layer")  # of a curve the finest point
    depths = run.depths
    along = [layer for layer in run.layers if depths[layer] is not None and not site_of(layer)] or list(run.layers)
    if at == "last":
        own = own[own["layer"] == along[-1]]
    elif at not in get_args(At):
        own = own[own["layer"] == at]
    else:
        own = own[own["layer"].isin(along) & own["value"].notna()]
    known = own[own["value"].map(isfinite)]
    if not len(known):
        why = table["warnings"].iloc[-1].split("\n")[-1] if len(table) else "it was not measured"
        raise InvalidValue(f"run {run.name!r} has no value {_where(at)}: {why}")
    if at == "mean":
        return {"layer": "", "value": float(known["value"].mean()), "low": float("nan"), "high": float("nan")}
    place = known["value"].idxmin() if at == "lowest" else known["value"].idxmax()
    row = known.loc[place]
    return {"layer": row["layer"], "value": float(row["value"]), "low": float(row["low"]), "high": float(row["high"])}
