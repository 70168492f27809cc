"""The figures of a table, one file each; page and plots draw the same. A file that defines FIGURE is listed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from layerscape.figures.drawing import Drawing, Figure
from layerscape.figures.measured import measured
from layerscape.figures.profile import Profile
from layerscape.figures.sections import SECTIONS, Section, section_of
from layerscape.measures import catalog


@cache
def figures() -> dict[str, Figure]:
    """All figures by name, in the order in which those of one measure stand.

    >>> list(figures())[0]
    'dimension_depth'
    """
    modules = (importlib.import_module(module.name) for module in pkgutil.iter_modules(__path__, f"{__name__}."))
    found = [module.FIGURE for module in modules if hasattr(module, "FIGURE")]
    return {figure.name: figure for figure in sorted(found, key=lambda figure: figure.place)}


def shown_by(figure: Figure) -> list[str]:
    """The measures that it shows: the standard ones, or all if there is none among them.

    >>> shown_by(figures()["dimension_depth"])
    ['gride', 'participation_ratio', 'twonn']
    """
    able = [measure for measure in catalog().values() if figure.applies(measure.quantity)]
    return [measure.name for measure in able if measure.standard] or [measure.name for measure in able]


def drawn(run: Profile, baseline: Profile | None = None) -> dict[Section, Mapping[str, Drawing]]:
    """Every section with its drawings by name: those of all its measures first, then measure by measure."""
    measures = measured(run)
    ranks = {measure.name: place for place, measure in enumerate(measures)}
    found: dict[Section, list[tuple[int, str, Drawing]]] = {section: [] for section in SECTIONS}
    for name, figure in figures().items():
        for drawing in figure.drawings(run, measures, baseline or Profile()):
            measure = drawing.measure or next(filter(figure.applies, measures))
            rank = ranks[measure.name] if drawing.measure else -1
            full = f"{name}-{measure.name}" if drawing.measure else name
            found[section_of(measure)].append((rank, full, drawing))
    return {
        section: {name: drawing for _, name, drawing in sorted(own, key=lambda each: each[0])}
        for section, own in found.items()
    }
