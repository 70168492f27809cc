"""The sections in which figures stand: what each asks, and what one must know to read it."""

from __future__ import annotations

from typing import NamedTuple

from layerscape.core.quantity import Quantity
from layerscape.figures.measured import is_alone, is_dimension, question_of, reads_labels


class Section(NamedTuple):
    """A question with its figures; ``absent`` is what stands there without any, empty where nothing does."""

    name: str
    short: str
    title: str
    lead: str
    absent: str = ""


NOT_MEASURED = "Not measured, or possible at no layer: see the warnings."
SECTIONS = (
    Section(
        "dimension",
        "Dimension",
        "How many dimensions?",
        "The intrinsic dimension is the number of directions in which one can move and stay among the samples, seen "
        "at a given scale. A plateau over scales is a dimension; without one, the curve over scales is the result.",
        NOT_MEASURED,
    ),
    Section(
        "neighborhood",
        "Neighborhoods",
        "Where do neighborhoods change?",
        "The neighbors of a sample are the samples nearest to it. Two layers with the same neighbors see the same "
        "samples as alike; unrelated layers share no more of them than chance gives.",
        NOT_MEASURED,
    ),
    Section(
        "similarity",
        "Similarity",
        "How alike are layers as wholes?",
        "Here two layers are compared by all their vectors at once, and not by who is near whom.",
    ),
    Section(
        "labels",
        "Labels",
        "Which labels do layers encode?",
        "How much of a label can be told from where the samples lie, layer by layer, and how much of it by chance.",
        "The samples have no labels, or their labels were not measured: see the warnings.",
    ),
    Section("more", "More", "What else was measured?", "Other values of single layers, and measures of your own."),
)


def section_of(measure: Quantity) -> Section:
    """Where the figures of a measure stand."""
    name = "labels" if reads_labels(measure) else question_of(measure)
    if is_alone(measure) and not is_dimension(measure):
        name = "more"
    return next((section for section in SECTIONS if section.name == name), SECTIONS[-1])
