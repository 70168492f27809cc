"""Proving: all that is asked of a network about the axes of its layers, the cheapest first and no more than needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from torch import nn

from layerscape.extraction.axes import Kind, SampleAxis, kind_of
from layerscape.extraction.growth import Growth, grow, grow_at, larger_inputs
from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.positions import places_seen
from layerscape.extraction.stacks import Stack
from layerscape.extraction.tracing import Trace
from layerscape.extraction.units import KnownSite, PlaceAxes, contradicted, judged


@dataclass
class Case:
    """A network and a batch of so many samples that are alike, what a pass of it looks like, and where samples are."""

    module: nn.Module
    inputs: Inputs
    n_samples: int
    plain: Trace
    rows: Mapping[Site, SampleAxis]
    shapes: Mapping[Site, tuple[int, ...]]  # with samples first, without them
    growth: Growth = field(init=False)
    seen: dict[Site, frozenset[int]] = field(default_factory=dict)
    _kinds: dict[Site, Kind | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.growth = Growth(self.rows, self.n_samples)

    @classmethod
    def of(
        cls, module: nn.Module, inputs: Inputs, n_samples: int, plain: Trace, rows: Mapping[Site, SampleAxis]
    ) -> Case:
        seen, shapes = plain.shapes(), {}
        for site, each in rows.items():
            if site in seen and seen[site][each.axis] % n_samples == 0:
                shapes[site] = each.shape(seen[site], n_samples)[1:]
        return cls(module, inputs, n_samples, plain, {site: rows[site] for site in shapes}, shapes)

    def open(self) -> list[Site]:
        """Sites whose axes neither their kind nor their growth tells."""
        return [
            site
            for site, shape in self.shapes.items()
            if len(shape) > 1
            and len(self.growth.axes.get(site, ())) != len(shape) - 1
            and not ((kind := self._kind(site)) and kind.whole and not self.rows[site].fold)
        ]

    def look(self, sites: Iterable[Site]) -> None:
        """Change what the network gets at one place."""
        rows = {site: self.rows[site] for site in sites if site not in self.seen}
        if rows:
            found = places_seen(self.module, self.inputs, self.n_samples, rows)
            self.seen |= {site: found.get(site, frozenset()) for site in rows}

    def judge(self) -> dict[Site, PlaceAxes]:
        still = self.growth.still
        known = {
            site: KnownSite(
                shape,
                self._kind(site),
                self.growth.axes.get(site, frozenset()),
                site in still,
                self.seen.get(site, frozenset()),
                self._entering(site),
                self.rows[site].parts,
            )
            for site, shape in self.shapes.items()
        }
        return judged(contradicted(list(known), known))

    def _entering(self, site: Site) -> frozenset[int]:
        """Axes of places in what the module takes; none where all of them are seen to be, as of the input itself."""
        entering = Site(site.module, site.call, "input")
        seen = self.seen.get(entering, frozenset())
        return seen if len(seen) < len(self.shapes.get(entering, ())) else frozenset()

    def _kind(self, site: Site) -> Kind | None:
        if site not in self._kinds:
            self._kinds[site] = kind_of(self.module, site, self.rows[site], len(self.shapes[site]) + 1)
        return self._kinds[site]


def proven(case: Case, stacks: Sequence[Stack], other: Inputs | None, patch: int | None) -> dict[Site, PlaceAxes]:
    """Where the units of every site are, or why there is no telling.

    Parameters
    ----------
    stacks
        The axes of depth, whose embeddings have not mixed places yet.
    other
        The same network's inputs of another sample, which may be of another size.
    patch
        By how many pixels pictures may grow, where it is known.
    """
    attempts = larger_inputs(case.inputs, other, case.n_samples, patch)
    grow(case.module, case.plain, case.growth, attempts, lambda: bool(case.open()))
    first = [site for stack in stacks if (site := stack.states[0]) is not None and site in case.shapes]
    if case.open():
        case.look([*first, *_until_mixed(case, stacks)])
    verdicts = case.judge()
    for site in first:
        verdict = verdicts[site]
        if case.open() and verdict.places and not verdict.doubt and not case.rows[site].fold:
            for axis in verdict.places:
                axis = case.rows[site].back(axis)
                grow_at(case.module, case.inputs, case.plain, case.growth, site, axis, case.open)
    verdicts = case.judge()
    states = {site for stack in stacks for site in (*stack.states, stack.norm)} if stacks else set(verdicts)
    left = [site for site, verdict in verdicts.items() if verdict.doubt and site in states]
    if any(site not in case.seen for site in left):
        case.look(left)
        verdicts = case.judge()
    return verdicts


def _until_mixed(case: Case, stacks: Sequence[Stack]) -> Collection[Site]:
    """What is not told yet up to the end of the first block of every stack, and what goes into it."""
    last = max((stack.blocks[0].end for stack in stacks), default=inf)
    calls = {(call.path, call.number) for call in case.plain.calls if 0 <= call.end <= last}  # the network ends later
    outputs = [site for site in case.open() if (site.module, site.call) in calls and len(case.shapes[site]) > 1]
    inputs = [Site(site.module, site.call, "input") for site in outputs if site.side == "output"]
    return dict.fromkeys([*outputs, *(site for site in inputs if site in case.shapes)])
