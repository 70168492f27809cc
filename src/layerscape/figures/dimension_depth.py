"""Dimension against depth: every estimate of it, at every scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscape.core.quantity import Quantity
from layerscape.figures.drawing import AGAINST, Axis, Drawing, Figure
from layerscape.figures.measured import is_dimension
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, with_baseline

USUAL = "dimensions"  # a unit that need not be said
DIMENSION = Axis("value", "dimension")
TIPS = {"layer": "layer", **AGAINST}


def dimension_depth(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
    """The dimension of every layer with its interval, by one estimator at one scale."""
    rows = of_estimators(run, measures, baseline)
    yield Drawing(
        "line",
        "Dimension against depth",
        "Line and band: value and 95 % interval of the chosen estimator; thin lines: the intrinsic dimensions of the "
        "standard profile at every scale. A gap means that no dimension can be given.",
        rows,
        Axis("layer", names=run.layers),
        DIMENSION,
        tips=TIPS,
        menu="Estimator",
    )


def of_estimators(run: Profile, measures: Sequence[Quantity], baseline: Profile) -> list[Row]:
    """The rows of every estimator that has a value, and those of the baseline beside them."""
    measures = [each for each in measures if any(row["value"] is not None for row in run.rows(each.name))]
    # Linear dimensions are far larger than intrinsic ones, and would squash them: they are seen when chosen.
    intrinsic = [measure for measure in measures if measure.distinct]
    thin = {measure.name for measure in intrinsic if measure.standard} or {measure.name for measure in measures}

    def read(profile: Profile) -> list[Row]:
        rows = [{**row, "name": _name(measure, row)} for measure in measures for row in profile.rows(measure.name)]
        return [{**row, "thin": row["measure"] in thin} for row in rows]

    return with_baseline(read(run), read(baseline))


def _name(measure: Quantity, row: Row) -> str:
    unit = f" ({measure.unit})" if measure.unit != USUAL else ""
    return ", ".join(filter(None, [measure.title, row["point"]])) + unit


FIGURE = Figure(draw=dimension_depth, applies=is_dimension, place=10)
