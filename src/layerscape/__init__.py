"""layerscape: point it at a model and some data; see the shape of every layer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from layerscape.core.estimate import Chance as Chance
    from layerscape.core.estimate import Estimate as Estimate
    from layerscape.core.estimate import Point as Point
    from layerscape.core.measure import Measure as Measure
    from layerscape.core.neighbors import Neighbors as Neighbors
    from layerscape.core.pairs import Pairs as Pairs
    from layerscape.core.ranking import Ranking as Ranking
    from layerscape.core.representation import Representation as Representation
    from layerscape.core.subsets import Subsets as Subsets
    from layerscape.errors import LayerscapeError as LayerscapeError
    from layerscape.labeled import to_xarray as to_xarray
    from layerscape.pipeline.arrays import from_arrays as from_arrays
    from layerscape.pipeline.controls import controls as controls
    from layerscape.pipeline.estimate import estimate as estimate
    from layerscape.pipeline.extract import extract as extract
    from layerscape.pipeline.measure import measure as measure
    from layerscape.pipeline.plan import plan as plan
    from layerscape.pipeline.vectors import from_files as from_files
    from layerscape.questions.ablate import ablate as ablate
    from layerscape.questions.against import against as against
    from layerscape.questions.changes import changes as changes
    from layerscape.questions.compare import compare as compare
    from layerscape.questions.differences import differences as differences
    from layerscape.questions.dimension_report import dimension_report as dimension_report
    from layerscape.questions.recommend import recommend as recommend
    from layerscape.reports import report as report
    from layerscape.run import Run as Run
    from layerscape.run import open_run as open  # noqa: F401
    from layerscape.runs import series as series
    from layerscape.search import find_neighbors as find_neighbors
    from layerscape.search import ranks as ranks

# Where each public name lives, in rows by what it does; it is imported when it is first asked for, so that the package
# loads in no time.
_HOMES = {
    # make or open a run
    **{"extract": "pipeline.extract", "from_arrays": "pipeline.arrays", "from_files": "pipeline.vectors"},
    **{"open": "run:open_run", "series": "runs"},
    # plan it, measure it, ask it, show it
    **{"plan": "pipeline.plan"},
    **{"measure": "pipeline.measure", "compare": "questions.compare", "differences": "questions.differences"},
    **{"ablate": "questions.ablate", "against": "questions.against", "changes": "questions.changes"},
    **{"recommend": "questions.recommend", "report": "reports", "to_xarray": "labeled"},
    # measure arrays
    **{"estimate": "pipeline.estimate", "controls": "pipeline.controls"},
    **{"dimension_report": "questions.dimension_report", "find_neighbors": "search", "ranks": "search"},
    # what measures take
    **{"Run": "run", "Representation": "core.representation", "Neighbors": "core.neighbors"},
    **{"Subsets": "core.subsets", "Ranking": "core.ranking", "Pairs": "core.pairs"},
    # what they are and give
    **{"Measure": "core.measure", "Estimate": "core.estimate", "Point": "core.estimate", "Chance": "core.estimate"},
    # what goes wrong
    **{"LayerscapeError": "errors"},
}
_MODULES = ("datasets", "plot")
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"layerscape.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'layerscape' has no attribute {name!r}")
    home, _, other_name = _HOMES[name].partition(":")
    value = getattr(import_module(f"layerscape.{home}"), other_name or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]
