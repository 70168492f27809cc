"""Units: which axes of a layer are its units, by all that is known of it; where nothing decides, a question.

What is known: axes that grow with the sample, or that a change of its first and of its last place reaches apart, are
places; the kind of a module says where its units are; layers of one shape have them where one of them has. What
contradicts itself, or may be read in two ways, is asked and not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from layerscape.extraction.axes import Kind
from layerscape.extraction.hooks import Site

By = Literal["shape", "kind", "growth", "places", "like", "user"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class KnownSite:
    """What is known of a site; axes are counted with samples first, and ``shape`` is without them.

    Attributes
    ----------
    kind
        What the kind of the module says.
    grew
        Axes that grow with the sample.
    still
        Whether larger samples went through it and nothing of it has grown.
    seen
        Axes of which changes at one place reach one place.
    mixed
        Axes of what it takes of which this is so.
    parts
        The axis that shared one with the samples, of which the kind says nothing.
    """

    shape: Shape
    kind: Kind | None = None
    grew: frozenset[int] = frozenset()
    still: bool = False
    seen: frozenset[int] = frozenset()
    mixed: frozenset[int] = frozenset()
    parts: int | None = None

    @property
    def axes(self) -> set[int]:
        return set(range(1, len(self.shape) + 1))

    @property
    def places(self) -> frozenset[int]:
        """All that are known to be; where every axis is seen to be one, nothing has been mixed and nothing is known."""
        return self.grew | (self.seen if self.seen != self.axes else frozenset())


@dataclass(frozen=True)
class PlaceAxes:
    """The axes of the places, counted with samples first; or why there is no telling, and what may hold the units.

    ``places`` are those of the usual order where there is a ``doubt``.
    """

    places: tuple[int, ...]
    by: By = "shape"
    doubt: str = ""
    likely: int | None = None


def judged(known: Mapping[Site, KnownSite]) -> dict[Site, PlaceAxes]:
    """A verdict of every site."""
    proven = {site: verdict for site, each in known.items() if (verdict := _proven(each)) is not None}
    peers = _peers(known, proven)
    found = {site: _with_peers(each, proven.get(site), peers.get(each.shape)) for site, each in known.items()}
    some = any(verdict and verdict.places and not verdict.doubt for verdict in found.values())
    for site, each in known.items():
        found[site] = found[site] or _by_mixing(each, some)
    likes = _peers(known, {site: verdict for site, verdict in found.items() if verdict})
    return {
        site: verdict or _like(known[site], likes.get(known[site].shape)) or _asked(known[site])
        for site, verdict in found.items()
    }


def contradicted(sites: Iterable[Site], known: Mapping[Site, KnownSite]) -> dict[Site, KnownSite]:
    """With what is seen of one block said of all: a module of a kind that mixes the units mixes places in it."""
    mixed: dict[str, frozenset[int]] = {}
    for site in sites:
        each = known[site]
        if each.kind and each.kind.units in each.mixed:
            mixed[_alike(site)] = each.mixed
    return {
        site: replace(each, mixed=mixed[_alike(site)]) if each.kind and _alike(site) in mixed else each
        for site, each in known.items()
    }


def _proven(each: KnownSite) -> PlaceAxes | None:
    """By what is known of the site alone, where that is enough."""
    if len(each.shape) < 2:
        return PlaceAxes(())
    kind, guess = each.kind, _guess(each.shape)
    if kind and (kind.units in each.places or (kind.units in each.mixed and not each.places)):
        how = "follows the places of the sample" if kind.units in each.places else "mixes its places"
        likely = max(each.axes - {kind.units})
        return PlaceAxes(
            guess, doubt=f"and the axis that a module of its kind has its units along {how}", likely=likely
        )
    if kind and kind.whole and each.parts is None:
        return PlaceAxes(_others(each, {kind.units}), "kind")
    units = each.axes - each.places
    if not units:
        return PlaceAxes(guess, doubt="of which every axis but that of the samples follows the size of the sample")
    if each.places and len(units) == 1:
        return PlaceAxes(tuple(sorted(each.places)), "growth" if each.grew else "places")
    if kind and kind.whole and each.parts in each.places:
        return PlaceAxes(_others(each, {kind.units}), "kind")
    return None  # several axes that do not grow may be units, or places of which there are always as many


def _with_peers(each: KnownSite, proven: PlaceAxes | None, peers: set[tuple[int, ...]] | None) -> PlaceAxes | None:
    """By sites of the same shape of which it is proven."""
    if proven is not None:
        return proven
    if peers is not None:
        if len(peers) > 1:
            return PlaceAxes(_guess(each.shape), doubt="of which layers of the same shape say different things")
        (places,) = peers
        if each.places <= set(places) and not (each.kind and each.kind.units in places):
            return PlaceAxes(places, "like")
        if each.kind:
            said = "and a module of its kind has its units along an axis that in others of this shape is of places"
            return PlaceAxes(_guess(each.shape), doubt=said)
    return None


def _by_mixing(each: KnownSite, some: bool) -> PlaceAxes | None:
    """By a kind that mixes its last axis, where others are not known to be none of places."""
    if each.kind is None or (each.parts is not None and each.parts not in each.places):
        return None
    others = prod(each.shape) // each.shape[each.kind.units - 1]
    if others > 1 and (each.still or not some):
        return None
    return PlaceAxes(_others(each, {each.kind.units}), "kind")


def _like(each: KnownSite, peers: set[tuple[int, ...]] | None) -> PlaceAxes | None:
    if peers is not None and len(peers) == 1:
        (places,) = peers
        if each.places <= set(places):
            return PlaceAxes(places, "like")
    return None


def _asked(each: KnownSite) -> PlaceAxes:
    if each.still and sum(size > 1 for size in each.shape) < 2:
        return PlaceAxes((), "growth")  # no axis but one has more than one value, and none is of places
    left = sorted(each.axes - each.places)
    doubt = "and nothing tells which axis holds its units"
    if each.places:
        doubt = "of which some axes follow the sample, and nothing tells which of the others hold its units"
    return PlaceAxes(_guess(each.shape), doubt=doubt, likely=left[-1] if left else None)


def _peers(known: Mapping[Site, KnownSite], proven: Mapping[Site, PlaceAxes]) -> dict[Shape, set[tuple[int, ...]]]:
    """By shape where places are, of shapes that tell them from units."""
    found: dict[Shape, set[tuple[int, ...]]] = {}
    for site, verdict in proven.items():
        shape = known[site].shape
        places = {shape[axis - 1] for axis in verdict.places}
        units = {shape[axis - 1] for axis in known[site].axes - set(verdict.places)}
        if len(shape) > 1 and verdict.places and not verdict.doubt and not places & units:
            found.setdefault(shape, set()).add(verdict.places)
    return found


def _others(each: KnownSite, units: set[int]) -> tuple[int, ...]:
    return tuple(sorted(each.axes - units))


def _guess(shape: Shape) -> tuple[int, ...]:
    """The usual order, for a pooling that reads all values: (B, T, D), (B, C, H, W)."""
    return (1,) if len(shape) == 2 else tuple(range(2, len(shape) + 1))


def _alike(site: Site) -> str:
    """A name that the same module of every block has."""
    steps = site.module.split(".")
    number = next((i for i, step in enumerate(steps) if step.isdigit()), None)
    return ".".join(step if i != number else "*" for i, step in enumerate(steps))
