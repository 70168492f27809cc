"""Measure: one quantity as the machine sees it. Everything else about it is derived from its function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from layerscape.core.checks import check_least
from layerscape.core.estimate import Estimate
from layerscape.core.folds import Folds
from layerscape.core.functions import annotations_of, behind, check_parameter, name_of, parameters_of
from layerscape.core.neighbors import Neighbors
from layerscape.core.options import checked
from layerscape.core.pairs import Pairs
from layerscape.core.quantity import Closer, Data, Quantity
from layerscape.core.ranking import Ends, Ranking
from layerscape.core.representation import Representation
from layerscape.core.subsets import Subsets
from layerscape.errors import InvalidType, InvalidValue, unknown_name

if TYPE_CHECKING:
    from layerscape.core.exchange import Score
    from layerscape.core.groups import Groups
    from layerscape.core.influence import Influence

Change = Literal["order", "rotation", "translation", "scaling", "linear"]
Values = Literal["real", "whole", "binary"]
OTHER_NAMES_OF_K = ("n", "nn", "knn", "k_neighbors", "n_neighbors", "num_neighbors", "neighbors")
Sway = Literal["unit", "target unit", "sample"]
ALWAYS, EVEN = "always", "even noise"  # where the value without noise can be told from repeats


@dataclass(frozen=True, eq=False)
class Measure:
    """What the pipeline, the command line, the docs and the contract tests need to know of a quantity.

    Parameters
    ----------
    compute
        A function of one or two positional-only data arguments, annotated `Neighbors`, `Subsets`, `Ranking`,
        `Representation`, `Pairs` or (for labels) anything else, and of keyword-only options with defaults; returns an
        `Estimate`. A second argument ``tuple[Neighbors, ...]`` is the graphs of all layers that follow the first up
        to another. With `Subsets` its options ``smallest``, ``repetitions`` and ``seed`` say which subsets are drawn.
    unit
        What the value counts.
    bounds
        The smallest and the largest value possible.
    unchanged_by
        Changes of the representation that leave the value as it is, to 1e-9.
    source
        Paper and DOI.
    neighbors
        How many neighbors a graph (of subsets: each of them) must hold: a number, or the name of the option that says
        so.
    spare
        How many neighbors its interval reads beyond those, where there are so many.
    distinct
        Whether a copy is meaningless to it, so that it gets the graph of the distinct rows.
    standard
        Whether it belongs to the profile that is measured when no measure is named.
    headline
        Whether it stands for its question where one measure must: first on the page, and in tests of differences.
    values
        What it is for: real numbers, whole numbers (counts, lattices), or bits.
    swayed_by
        Whether one ``"unit"`` of large variance can decide the value, or one of the second representation alone
        (``"target unit"``), or one far ``"sample"``, which is then said in a warning; ``{"unit"}`` for what reads
        graphs when left out, and nothing for what reads vectors.
    symmetric
        Whether the two representations that it compares may change places; if not, both ways are measured.
    same_units
        Whether it compares vectors of one space only, unit by unit, and refuses others.
    folds
        Where it learns on some samples and is tested on others: a function of the same arguments and of ``groups`` that
        gives `Folds` of whole groups. Function and score take them as ``parts``, a keyword that is no option.
    title
        What charts, tables and sentences call it; its name without underscores when left out.
    closer
        Which values say that two representations (or a representation and labels) are alike; empty where no value
        does.
    chance
        Where its estimates do not say what unrelated data give (`Estimate.chance`), though it takes two representations
        or a representation and labels: why, in words, which become a warning. Empty where they say it.
    sentence
        What the page and a recommendation say of the layer with the best value, with the fields ``{label}`` and
        ``{k}``, as in "its {k} nearest neighbors are most alike in {label}"; of two layers, what the page says of
        their ``{value}``; empty where they say nothing.
    score
        A function of the same arguments that gives the values as a function of a list of orders: with sample
        ``order[i]`` of the second side in the place of sample i. From it follow the values for permuted labels, and
        chance where samples belong together; None where these are not known.
    mean
        A function of the same arguments and of ``groups`` that gives the exact mean over all ways to deal the labels of
        groups anew, NaN where it is not known; None where it never is.
    influence
        A function of the same arguments that gives the `Influence` of the samples; its graphs hold one neighbor more
        than the measure needs. Or, in words, why there is none.
    ceiling
        Where repeats of samples tell how far noise lets it reach, as it only divides it: `ALWAYS`, or `EVEN`:
        if conditions are equally noisy. Else, in words, why they do not; or a function of the options.
    """

    compute: Callable[..., Estimate]
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    unchanged_by: frozenset[Change] | set[Change] = frozenset()
    source: str = ""
    neighbors: int | str = 0
    spare: int = 0
    distinct: bool = False
    standard: bool = False
    headline: bool = False
    values: Values = "real"
    swayed_by: frozenset[Sway] | set[Sway] | None = None
    symmetric: bool = True
    same_units: bool = False
    title: str = ""
    closer: Closer = ""
    chance: str = ""
    sentence: str = ""
    folds: Callable[..., Folds] | None = None
    score: Callable[..., Score] | None = None
    mean: Callable[..., float] | None = None
    influence: Callable[..., Influence] | str = "nothing was said of how samples move it"
    ceiling: Callable[[Mapping[str, Any]], str] | str = "how noise lowers it is not known"

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name.replace("_", " "))
        for each in self._parameters:
            check_parameter(self.name, each)
        if isinstance(self.neighbors, str) and self.neighbors not in self.options:
            raise unknown_name(f"option of {self.name}, neighbors", self.neighbors, self.options)

    @property
    def name(self) -> str:
        return name_of(self.compute)

    @property
    def says(self) -> str:
        """The first sentence of the docstring: what the number is."""
        return (inspect.getdoc(behind(self.compute)) or "").split("\n\n")[0].replace("\n", " ")

    @cached_property
    def data(self) -> tuple[Data, ...]:
        """What each data argument is: a graph, vectors or labels."""
        kinds: dict[Any, Data] = {Neighbors: "graph", tuple[Neighbors, ...]: "graphs", Subsets: "subsets"}
        kinds |= {Ranking: "ranking", Ends: "ends", Representation: "vectors", Pairs: "pairs"}
        names = [p.name for p in self._parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        found: tuple[Data, ...] = tuple(kinds.get(self.annotations.get(name), "labels") for name in names)
        if not 1 <= len(found) <= 2 or found[0] in ("labels", "pairs"):
            raise InvalidType(
                f"measure {self.name!r} takes {found or 'no data'}; its positional arguments must be one or two, "
                "the first annotated Neighbors, Subsets or Representation."
            )
        return found

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """Option name to default."""
        return {
            p.name: p.default
            for p in self._parameters
            if p.kind is inspect.Parameter.KEYWORD_ONLY and Folds not in get_args(self.annotations.get(p.name))
        }

    @cached_property
    def _parameters(self) -> tuple[inspect.Parameter, ...]:
        return parameters_of(self.compute)

    @cached_property
    def annotations(self) -> Mapping[str, Any]:
        """Of its arguments."""
        return annotations_of(self.compute)

    @property
    def compares(self) -> bool:
        """Whether it compares two representations."""
        return self.quantity.compares

    @cached_property
    def quantity(self) -> Quantity:
        """What it measures, without how."""
        return Quantity(**{each.name: getattr(self, each.name) for each in fields(Quantity)})

    @property
    def has_chance(self) -> bool:
        """Whether its estimates say what unrelated data give."""
        return len(self.data) == 2 and not self.chance

    @property
    def searches(self) -> bool:
        """Whether it asks who is near, and so what near means."""
        return not {"graph", "subsets", "ranking", "ends"}.isdisjoint(self.data)

    @property
    def sways(self) -> frozenset[Sway]:
        """What can decide the value alone."""
        if self.swayed_by is not None:
            return frozenset(self.swayed_by)
        return frozenset({"unit"}) if self.searches else frozenset()

    def neighbors_needed(self, options: Mapping[str, Any], n_samples: int) -> int:
        """How many neighbors the graph of N samples must hold under these options; 0 if no graph is needed."""
        if not self.searches:
            return 0
        if isinstance(self.neighbors, int):
            return self.neighbors
        wanted = options.get(self.neighbors, self.options[self.neighbors])
        check_least(1, **{self.neighbors: checked(self.neighbors, wanted, int)})
        # A default that a small data set cannot serve is cut to what there is; what the user asked for is not.
        return wanted if self.neighbors in options else min(wanted, n_samples - 1)

    def influence_of(self, *data: Any, **options: Any) -> Influence:
        """How each sample moves the value; raises where that is not known, and says why."""
        if isinstance(self.influence, str):
            raise InvalidValue(f"{self.name} cannot say how each sample moves it: {self.influence}.")
        return self.influence(*data, **{**self.options, **self.choose(options)})

    def folds_of(self, *data: Any, groups: Groups, **options: Any) -> Folds:
        """The parts of the samples that it learns from in turn, of whole groups."""
        assert self.folds is not None
        return self.folds(*data, groups=groups, **{**self.options, **self.choose(options)})

    def score_of(self, *data: Any, parts: Folds | None = None, **options: Any) -> Score:
        """The values as a function of orders of one side; raises where that is not known."""
        if self.score is None:
            raise InvalidValue(f"what unrelated data give is not known of {self.name} where samples belong together")
        return self.score(*data, **{**self.options, **self.choose(options)}, **({"parts": parts} if parts else {}))

    def ceiling_by(self, options: Mapping[str, Any]) -> str:
        """`ALWAYS` or `EVEN`, or why there is no ceiling."""
        return self.ceiling if isinstance(self.ceiling, str) else self.ceiling({**self.options, **options})

    def choose(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options to call it with; raises at the first that it does not have or whose value is not allowed."""
        for name in options:
            if name not in self.options:
                raise unknown_name(f"option of {self.name}", name, self.options)
        hints = self.annotations
        return {
            name: value if value is self.options[name] else checked(name, value, hints.get(name, Any), self.name)
            for name, value in options.items()
        }

    def __call__(self, *data: Any, **options: Any) -> Estimate:
        estimate = self.bare(*data, **options)
        words = (f"what unrelated data give is not known: {self.chance}",) if self.chance else ()
        if apart := _apart(data):
            words = (f"{apart}: samples are not independent, so that neither chance nor an interval is known",)
            estimate = replace(estimate, chance=None, low=math.nan, high=math.nan)
        return replace(estimate, warnings=(*estimate.warnings, *words))

    def bare(self, *data: Any, parts: Folds | None = None, **options: Any) -> Estimate:
        """The estimate, with a chance and an interval that are those of independent samples."""
        if len(data) != len(self.data):
            raise InvalidValue(f"{self.name} takes {' and '.join(self.data)}; {len(data)} given.")
        options = self.choose(options)
        estimate = self.compute(*data, **options, **({"parts": parts} if parts else {}))
        if not isinstance(estimate, Estimate):
            raise InvalidType(f"measure {self.name!r} returned {type(estimate).__name__}; it must return an Estimate.")
        return replace(estimate, measure=self.name, options={**self.options, **options})


def _apart(data: tuple[Any, ...]) -> str:
    """Which samples the graphs leave out of each other's neighbors, in words; raises where they differ in that."""
    graphs = [
        one
        for each in data
        for one in (each if isinstance(each, tuple) else getattr(each, "graphs", [each]))
        if isinstance(one, Neighbors)
    ]
    found = {graph.near.apart for graph in graphs}
    if len(found) > 1:
        words = " and ".join(sorted(each.words if each else "nobody left out" for each in found))
        raise InvalidValue(f"graphs with {words}; search both with the same groups or lag.")
    return next((each.words for each in found if each), "")


def as_measure(function: Callable[..., Estimate]) -> Measure:
    """A user's own function as a measure; its graph arguments get the neighbors that its option ``k`` names.

    Raises
    ------
    InvalidType
        If it has a parameter that nobody could serve.
    """
    measure = Measure(compute=function)
    reads_graphs = set(measure.data) & {"graph", "graphs", "subsets"}
    for name in measure.options:
        if reads_graphs and name.lower() in OTHER_NAMES_OF_K and "k" not in measure.options:
            raise InvalidType(
                f"measure {measure.name!r} has the option {name!r}; call the number of neighbors k, or give "
                f"layerscape.Measure({measure.name}, neighbors={name!r})."
            )
    return replace(measure, neighbors="k") if "k" in measure.options else replace(measure, neighbors=1)
