"""The measures: one file per quantity, in a folder named after the question. A file that defines MEASURE is listed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

from layerscape.core.estimate import Estimate
from layerscape.core.functions import behind, name_of
from layerscape.core.measure import Measure, as_measure
from layerscape.core.names import as_names
from layerscape.core.words import listed
from layerscape.errors import InvalidType, UnknownName, unknown_name

FEW = 3  # measures that a word may lead to

AnyMeasure: TypeAlias = str | Measure | Callable[..., Estimate]


@cache
def catalog() -> dict[str, Measure]:
    """All measures by name, in the order of their questions.

    >>> catalog()["twonn"].unit
    'dimensions'
    """
    found = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        measure = getattr(importlib.import_module(module.name), "MEASURE", None)
        if measure is not None:
            found[measure.name] = measure
    return found


def find_measure(measure: AnyMeasure) -> Measure:
    """A measure by name, a `Measure`, or a function of the user's."""
    if isinstance(measure, Measure):
        return measure
    if isinstance(measure, str):
        if measure not in catalog():
            if described := _described_as(measure):
                raise UnknownName(
                    f"unknown measure {measure!r}; see {listed(described)}, whose name or description has the word."
                )
            raise unknown_name("measure", measure, catalog())
        return catalog()[measure]
    if callable(measure):
        known = catalog().get(name_of(measure))
        if known is None or known.compute is not behind(measure):
            return as_measure(measure)
        return known if known.compute is measure else _partial(known, measure)
    raise InvalidType(f"{measure!r} is no measure; give a name, a Measure or a function that returns an Estimate.")


def _described_as(name: str) -> list[str]:
    """The measures whose description has a word, as the name that a paper gave to it; none where many have.

    One that is called so but for signs and capital letters is alone.

    >>> _described_as("alpha_req")
    ['spectrum_decay']
    """
    called = [each for each in catalog() if _plain(each) == _plain(name)]
    found = called or [one.name for one in catalog().values() if _plain(name) in _words_of(one)]
    return found if len(found) <= FEW else []


@cache
def _words_of(measure: Measure) -> frozenset[str]:
    """All that its docstring and source say, without signs: ``alphareq`` for α-ReQ."""
    said = f"{behind(measure.compute).__doc__} {measure.source}"
    return frozenset(_plain(word) for word in said.split() if word[0].isalpha())


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold().replace("α", "alpha") if letter.isalnum())


def _partial(known: Measure, function: Callable[..., Estimate]) -> Measure:
    """A measure of ours of which a partial function says other defaults of options."""
    found = replace(known, compute=function)
    known.choose({name: value for name, value in found.options.items() if value is not known.options.get(name)})
    return found


def find_measures(measures: Any) -> list[Measure]:
    """Measures by name, as `Measure` or as functions; one of these alone is one measure."""
    return [find_measure(each) for each in as_names(measures)]


def is_ours(measure: Measure) -> bool:
    """Whether a measure is one of these files, and not a user's own."""
    return catalog().get(measure.name) is measure


def question(measure: Measure) -> str:
    """The folder that a measure lives in: ``"dimension"``, ``"neighborhood"``, …; empty for a user's own."""
    parts = (behind(measure.compute).__module__ or "").split(".")
    return parts[2] if parts[:2] == ["layerscape", "measures"] else ""
