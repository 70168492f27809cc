"""`ablate`: what each block of a model is worth, and whether any measure of its layers would have said so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from layerscape.core.interval import student95
from layerscape.core.keywords import door
from layerscape.core.measure import Measure
from layerscape.core.paired import holm
from layerscape.core.progress import Show, counted
from layerscape.core.rank_correlation import FEW, FEWEST, rank_correlation
from layerscape.core.shown import Card, Shown
from layerscape.core.tasks import Task, check_options, own_options, parted
from layerscape.core.words import firsts, listed, number
from layerscape.errors import EXTRAS, InvalidValue, need, require
from layerscape.measures import AnyMeasure, find_measures
from layerscape.pipeline.ablation import ABLATING, Ablated, ablated
from layerscape.pipeline.table import as_rows, as_table
from layerscape.supply.answers import supplier_of
from layerscape.supply.attempts import attempts
from layerscape.supply.sources import Part

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("overlap", "neighbor_survival", "cka", "angular_distance")
DEPTH = "depth"  # what is known without a measure: where the block stands
BELONGING = ("groups", "own_group", "lag", "repeats")
CLOSER = {"high": -1.0, "low": 1.0}  # the more a block changes, the less alike is what comes before and after


@dataclass(frozen=True, repr=False)
class Ablation(Shown):
    """What the loss is without each block, beside what measures say of it.

    Attributes
    ----------
    table
        A pandas.DataFrame with a row per block: ``block``, ``depth``; ``loss`` without it, ``increase`` over the whole
        model with its 95 % interval ``low`` to ``high``, ``p_holm`` of both sides for that there is none, corrected for
        all blocks; the value of each measure between what enters the block and what it puts out; ``warnings``, among
        them why a block could not be left out.
    measured
        The rows of the measures with intervals and chance, as `layerscape.measure` gives them.
    correlations
        A row per measure, and one for depth: Spearman's correlation ``value`` of how much the block changes things by
        it with the increase of the loss, 1 for a perfect sign, with ``low``, ``high``, ``p`` and ``n``; blocks are the
        unit.
    loss
        Of the whole model: mean, and ``low`` and ``high`` of its 95 % interval.
    whole, without
        Shapes (N,) and (blocks, N): the loss of each sample.
    warnings
        In words.
    """

    table: pd.DataFrame
    measured: pd.DataFrame
    correlations: pd.DataFrame
    loss: tuple[float, float, float]
    whole: np.ndarray
    without: np.ndarray
    warnings: tuple[str, ...] = ()

    def _card(self) -> Card:
        facts = [("", self.sentence)]
        facts += [(row.block, f"{row.increase:+.3g} [{row.low:.3g}, {row.high:.3g}]") for row in self._by_cost()]
        title = f"{len(self.table)} blocks, loss {number(self.loss[0])} over {len(self.whole)} samples"
        return Card(title, facts, self.warnings)

    def _by_cost(self) -> list[Any]:
        return list(self.table.dropna(subset="increase").sort_values("increase").itertuples())

    @property
    def sentence(self) -> str:
        """What costs least, and which measure says so best, in words."""
        known = self._by_cost()
        if not known:
            return "No block could be left out."
        cheap, dear = known[0], known[-1]
        by = f"by {cheap.increase:+.2g} [{cheap.low:.2g}, {cheap.high:.2g}]"
        if len(known) == 1:
            return f"Without {cheap.block} the loss changes {by}."
        words = f"Without {cheap.block} the loss changes least, {by}; without {dear.block} most, "
        words += f"by {dear.increase:+.2g}"
        told: list[Any] = list(self.correlations[self.correlations["low"] > 0].itertuples())
        if not len(self.correlations):
            return f"{words}."
        if not told:
            return f"{words}; no measure goes with what blocks cost."
        best = max(told, key=lambda row: row.value)
        one = f"{best.measure.replace('_', ' ')} (Spearman {best.value:.2f} [{best.low:.2f}, {best.high:.2f}])"
        return f"{words}; of all measures {one} goes with what blocks cost most."


@door
def ablate(
    model: Any,
    inputs: Any,
    measures: AnyMeasure | Sequence[AnyMeasure] | None = None,
    *,
    loss: Callable[[Any, np.ndarray], Any] | None = None,
    pooling: str | None = None,
    k: int | None = None,
    out: str | Path | None = None,
    progress: Show = None,
    note: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Ablation:
    """The loss of a model without each of its blocks, beside how much the block changes who is near whom.

    A block is left out by handing on what it is given; every other part runs as it is, and afterwards the model is as
    it was. Whether a block that changes little costs little is what the correlations tell.

    Parameters
    ----------
    model, inputs, pooling
        As in `layerscape.extract`.
    measures
        Of two layers: what enters a block and what it puts out; of those that follow neighbors through many layers,
        from what enters it to the last layer. Overlap, neighbor survival, CKA and angular distance when left out.
    loss
        For modules and for models that are no causal language models: a function of what the model puts out for a batch
        and of the numbers of its samples, shape (B,), that returns the loss of each, shape (B,).
    k
        As in `measure`.
    out
        Folder in which the run of the layers is kept; none when left out.
    progress, note
        As in `layerscape.extract`.
    options
        Those of `layerscape.extract` that are of the model and the samples (``limit``, ``max_length``, ``device``, …),
        those of measures, and the keywords of a search as in `find_neighbors`.

    Returns
    -------
    Ablation

    Raises
    ------
    InvalidValue, InvalidType
        If the model has no loss, no block can be left out, or a measure compares nothing.

    References
    ----------
    Gromov et al. 2024, arXiv:2403.17887; Gardinazzi et al. 2024, arXiv:2410.11042.

    Examples
    --------
    >>> import numpy as np, torch, layerscape as ls
    >>> _ = torch.manual_seed(0)
    >>> class Block(torch.nn.Linear):
    ...     def forward(self, x):
    ...         return x + torch.tanh(super().forward(x))
    >>> net = torch.nn.Sequential(*(Block(6, 6) for _ in range(5)))
    >>> x = np.random.default_rng(0).standard_normal((100, 6)).astype("f4")
    >>> y = net(torch.from_numpy(x)).detach()
    >>> found = ls.ablate(net, x, "overlap", loss=lambda output, rows: ((output - y[rows]) ** 2).mean(1), k=5)
    >>> found.loss[0], found.table.block.tolist(), bool((found.table.increase > 0).all())
    (0.0, ['block_1', 'block_2', 'block_3', 'block_4', 'block_5'], True)
    """
    need("models", libraries=("torch", *EXTRAS["runs"]))
    chosen = following(MEASURES if measures is None else measures)
    _refuse_belonging(options)
    of_model = {name: options.pop(name) for name in ABLATING if name in options}
    search, options = parted(options, chosen)
    check_options(chosen, options, ablate)
    with ExitStack() as stack:
        place = stack.enter_context(TemporaryDirectory(prefix="layerscape_")) if out is None else None
        folder = Path(place) / "run" if place else Path(str(out))
        found = ablated(
            *(model, inputs, folder, loss), pooling=pooling, k=k, options=of_model, progress=progress, note=note
        )
        rows = _rows(found, chosen, k, options, search, progress)
    return _answer(found, rows, chosen)


def _refuse_belonging(options: dict[str, Any]) -> None:
    if asked := [name for name in BELONGING if options.get(name) is not None]:
        raise InvalidValue(
            f"ablate with {asked[0]}: it takes samples to be independent, as texts of many authors; give one of each "
            "that belong together, or take the losses of each sample, .whole and .without, to groups of your own."
        )


def following(measures: AnyMeasure | Sequence[AnyMeasure]) -> list[Measure]:
    """The measures; raises at one that says nothing of two layers, or not which values are close."""
    chosen = find_measures(measures)
    for m in chosen:
        if not (m.compares or "graphs" in m.data) or m.closer not in CLOSER or "subsets" in m.data:
            raise InvalidValue(f"{m.name} does not say how alike two layers are, before a block and after it.")
    return chosen


def _rows(
    found: Ablated, chosen: Sequence[Measure], k: int | None, options: dict[str, Any], search: Any, progress: Show
) -> pd.DataFrame:
    """A row per measure and block, in tables as `measure` makes them."""
    run = found.run
    lasts: dict[str, str] = {}  # by axis of depth
    for name, _, _ in found.blocks:
        lasts[name.rpartition(".")[0]] = name
    plan = [
        Task(m, own_options(m, k, options), before, lasts[name.rpartition(".")[0]] if "graphs" in m.data else name)
        for m in chosen
        for name, _, before in found.blocks
    ]
    supplier = supplier_of(Part(run), search, None)
    supplier.prepare(plan, progress)
    rows, tell = [], counted(progress, "measuring", len(plan)) or (lambda _: None)
    for task, estimate in attempts(supplier, plan):
        rows += as_rows(run, task, estimate, supplier.near_said)[:1]
        tell(1)
    return as_table(rows)


def _answer(found: Ablated, measured: pd.DataFrame, chosen: Sequence[Measure]) -> Ablation:
    losses, warnings = found.losses, list[str]()
    known = np.isfinite(losses.whole)
    if not known.all():
        warnings.append(f"{np.count_nonzero(~known)} samples without a loss are left out, as texts of one token are")
    cost = [_cost(losses.whole[known], own[known]) for own in losses.without]
    table = require("pandas", "runs").DataFrame(
        [{"block": name, "depth": depth} | one for (name, depth, _), one in zip(found.blocks, cost, strict=True)]
    )
    table["p_holm"] = holm(table.pop("p").to_numpy())
    for m in chosen:
        table[m.name] = measured.loc[measured["measure"] == m.name, "value"].to_numpy()
    words = [why or one for why, one in zip(losses.why_not, table.pop("warnings"), strict=True)]
    table["warnings"] = words
    stay = [name for (name, _, _), why in zip(found.blocks, losses.why_not, strict=True) if why]
    if stay:
        warnings.append(f"{firsts(stay)} cannot be left out; the table says why")
    correlations, said = _correlations(table, chosen)
    mean, margin = _mean(losses.whole[known])
    return Ablation(
        *(table, measured, correlations, (mean, mean - margin, mean + margin)),
        *(losses.whole, losses.without, (*warnings, *said)),
    )


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval."""
    if len(values) < 2:
        return float(values.mean()), float("nan")
    return float(values.mean()), student95(len(values) - 1) * float(values.std(ddof=1)) / len(values) ** 0.5


def _cost(whole: np.ndarray, without: np.ndarray) -> dict[str, Any]:
    """By how much the loss is higher without a block, of the same samples."""
    if not np.isfinite(without).all():
        lost = np.count_nonzero(~np.isfinite(without))
        nothing = dict.fromkeys(("loss", "increase", "low", "high", "p"), float("nan"))
        return nothing | {"warnings": f"without it the loss of {lost} samples is not finite"}
    mean, margin = _mean(without - whole)
    error = margin / student95(len(whole) - 1) if len(whole) > 1 else float("nan")
    p = 2 * float(student.sf(abs(mean) / error, len(whole) - 1)) if error > 0 else 1.0 if mean == 0 else error
    sides = {"increase": mean, "low": mean - margin, "high": mean + margin, "p": p}
    return {"loss": float(without.mean()), **sides, "warnings": ""}


def _correlations(table: pd.DataFrame, chosen: Sequence[Measure]) -> tuple[pd.DataFrame, list[str]]:
    """How well each measure, and depth alone, goes with what blocks cost."""
    change = {m.name: CLOSER[m.closer] * table[m.name] for m in chosen} | {DEPTH: table["depth"]}
    rows, said, few = [], [], dict[int, list[str]]()
    for name, values in change.items():
        pairs = [(a, b) for a, b in zip(values, table["increase"], strict=True) if np.isfinite(a) and np.isfinite(b)]
        if len(pairs) < FEWEST:
            few.setdefault(len(pairs), []).append(name)
            continue
        try:
            one = rank_correlation(*zip(*pairs, strict=True))
        except InvalidValue as error:
            said.append(f"{name}: {error}")
            continue
        rows.append({"measure": name, **vars(one)})
    for n, names in few.items():
        said.append(f"no correlation of {n} blocks with {listed(names)}; there is one of {FEWEST} or more")
    if rows and rows[0]["n"] < FEW:
        said.append(f"{rows[0]['n']} blocks are few: the intervals say how little they tell")
    columns = ["measure", "value", "low", "high", "p", "n"]
    return require("pandas", "runs").DataFrame(rows, columns=columns), said
