"""Drawing: what one chart shows, whoever draws it; Figure: how drawings are made of a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from layerscape.core.quantity import Quantity
from layerscape.figures.profile import Profile
from layerscape.figures.rows import Row, choices

Form = Literal["line", "map", "plane", "trails", "twin"]
AGAINST = {"depth": "depth", "said": "value [95 %]", "n_samples": "n samples", "warnings": "warnings"}


@dataclass(frozen=True)
class Axis:
    """What is along an axis, or in the color.

    Attributes
    ----------
    field
        The key of the rows.
    title
        Empty where the names say enough.
    names
        Of an axis of names, in their order.
    domain
        From where to where; from 0 or as the values lie for None.
    log
        Whether it is logarithmic.
    reverse
        Of a color: whether low values are the strong ones.
    """

    field: str
    title: str = ""
    names: Sequence[Any] = ()
    domain: tuple[float, float] | None = None
    log: bool = False
    reverse: bool = False


@dataclass(frozen=True)
class Drawing:
    """What one chart shows.

    Attributes
    ----------
    form
        ``"line"``: one curve at a time, with its interval; ``"map"``: cells of x × y, the value as a color;
        ``"plane"``: points and the diagonal, or the line between those that are ``straight``; ``"trails"``: many
        curves, each from its ``start``; ``"twin"``: two curves over one axis, the second against an axis of its own.
    title, reading
        What it is, and how to read it.
    rows
        What is drawn. ``choice`` is what a menu calls a row's curve. In a line, rows that are ``beside`` are of the
        baseline or of a ``control``, those that are ``thin`` are seen while another is chosen, and a ``note`` is
        written at a level across all layers. In a map, a ring marks what is ``unclear``.
    x, y, color
        The axes.
    second
        Of a twin: the axis of its second curve, of which ``FIELD_low`` and ``FIELD_high`` are the interval.
    tips
        Key of the rows → what a tooltip calls it.
    menu
        What is chosen.
    measure
        What it is a drawing of; None for a drawing of all measures that apply.
    times
        Of a series: the steps, as rows have them in ``when``, of which one is chosen for all drawings at once; what is
        chosen besides stands in ``choice`` after it.
    """

    form: Form
    title: str
    reading: str
    rows: Sequence[Row]
    x: Axis
    y: Axis
    color: Axis | None = None
    tips: Mapping[str, str] = field(default_factory=dict)
    menu: str = ""
    measure: Quantity | None = None
    second: Axis | None = None
    times: Sequence[str] = ()

    @property
    def choices(self) -> list[str]:
        """What can be chosen and has a value, what stands for the measure first."""
        valued = {row.get("choice") for row in self.rows if row.get("value") is not None}
        return [name for name in choices(self.rows) if name in valued] or choices(self.rows)

    @property
    def is_empty(self) -> bool:
        return all(row.get("value") is None for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """One kind of figure. A file that defines FIGURE is listed.

    Attributes
    ----------
    draw
        A function of a run, of those of its measures that apply and of a baseline (empty if there is none) that gives
        a `Drawing` of each measure, or one of all.
    applies
        Whether it can show a measure.
    place
        Where it stands among the figures of one measure.
    of_series
        Whether it draws series of runs, and no single run.
    of_two
        Whether it can draw the layers of one run against those of another, too.
    """

    draw: Callable[[Profile, Sequence[Quantity], Profile], Iterable[Drawing]]
    applies: Callable[[Quantity], bool]
    place: int
    of_series: bool = False
    of_two: bool = False

    @property
    def name(self) -> str:
        return self.draw.__name__

    @property
    def says(self) -> str:
        """The docstring: what is seen."""
        return inspect.getdoc(self.draw) or ""

    def drawings(self, run: Profile, measures: Sequence[Quantity], baseline: Profile) -> Iterator[Drawing]:
        """What it draws of a run; nothing that holds no value."""
        if self.of_series != bool(run.times):
            return iter(())
        shown = [measure for measure in measures if self.applies(measure)]
        found = self.draw(run, shown, baseline) if shown else ()
        return (drawing for drawing in found if not drawing.is_empty)
