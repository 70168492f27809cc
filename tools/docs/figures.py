"""How to read each figure: what it says of itself, drawn from the demo's network on its digits."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

import layerscape as ls
from layerscape.figures import SECTIONS, figures, section_of
from layerscape.figures.drawing import Drawing, Figure
from layerscape.figures.measured import measured
from layerscape.figures.profile import Profile
from layerscape.measures import catalog
from tools.docs.marking import heading, table

# Together they have something for every figure to show.
MEASURES = ["gride", "overlap", "label_overlap", "information_imbalance", "neighbor_survival", "hubness"]
THROUGH = ["twonn", "overlap", "label_overlap"]
MARKS = (
    ("a band", "the 95 % interval"),
    ("dotted, with a band of its own", "what chance gives"),
    ("thin and grey", "the others, which a menu of the page chooses"),
    ("grey and dashed", "a control, or another run"),
    ("a gap, an empty cell", "there is no value: the table's `warnings` say why"),
    ("a ring in a cell", "chance could give as much"),
    ("dark", "more alike, or more dimensions"),
)


def figure_page(source: Path) -> str:
    """The page; its pictures are written beside it."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the demo's measures have to say stands on its own page
        tables = demo_tables(Path(folder))
    parts = [
        heading("How to read each figure"),
        "These are the figures of the page that `layerscape report` writes, each with what it says of itself there. "
        "`ls.plot` has a function of the same name for each, which takes the table of `ls.measure` and gives "
        "matplotlib Axes. Here they show the demo's small network on its digits.",
        "A value without its interval is half a number. Bands that overlap do not say that two layers are equal, "
        "since both are of the same samples: ask [differences](comparison.md#do-two-layers-differ). A profile has a "
        "turn only where the bands leave no other way.",
        table(("what is seen", "is"), MARKS),
    ]
    drawn: dict[str, list[str]] = {section.name: [heading(section.title, 2), section.lead] for section in SECTIONS}
    drawn["series"] = [heading("Through training", 2), "Of a [series](training.md): the same at every step."]
    for figure in figures().values():
        drawing = first_drawing(figure, tables[figure.of_series])
        name = "series" if figure.of_series else section_of(drawing.measure or catalog()["twonn"].quantity).name
        drawn[name] += _drawn(figure, drawing, tables[figure.of_series], source)
    return "\n\n".join([*parts, *(part for own in drawn.values() if len(own) > 2 for part in own)]) + "\n"


def demo_tables(folder: Path) -> dict[bool, Any]:
    """A table of the demo's run with controls, and one of its training: False, True."""
    run = ls.extract("demo", "digits", limit=400, out=folder / "run")
    alone = ls.measure(run, MEASURES, k=10, controls=["gaussian"])
    steps = {n: f"demo@{name}" for n, name in ((0, "untrained"), (150, "step_0150"), (1500, "final"))}
    runs = {n: ls.extract(name, "digits", limit=200, out=folder / str(n)) for n, name in steps.items()}
    return {False: alone, True: ls.measure(ls.series(runs), THROUGH, k=10)}


def first_drawing(figure: Figure, of: Any) -> Drawing:
    """What it draws of a table; for a figure of each measure the first of them."""
    profile = Profile.of(of)
    return next(figure.drawings(profile, measured(profile), Profile()))


def _drawn(figure: Figure, drawing: Drawing, of: Any, source: Path) -> Iterator[str]:
    picture = source / "figures" / f"{figure.name}.png"
    picture.parent.mkdir(exist_ok=True)
    with plt.rc_context({"figure.figsize": (6.4, 3.8), "figure.constrained_layout.use": True}):
        axes = getattr(ls.plot, figure.name)(of)
        axes.figure.savefig(picture, dpi=144)
        plt.close(axes.figure)
    yield heading(drawing.title, 3)
    yield figure.says
    yield f"![{drawing.title}](figures/{picture.name})"
    yield f"*On the page:* {drawing.reading}"
    yield f"```python\nls.plot.{figure.name}(table)\n```"
