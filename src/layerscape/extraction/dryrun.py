"""Dry run: what two samples, and three, tell of a network before any other is shown to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain

import torch

from layerscape.errors import InvalidValue
from layerscape.extraction.answers import Answers, units_axes
from layerscape.extraction.axes import Axes, arranged, rows_of
from layerscape.extraction.build import Build
from layerscape.extraction.content import MAIN, changes, content_of, masked_of
from layerscape.extraction.cures import calm, hides, in_order
from layerscape.extraction.entrances import SEVERAL, Entrance, entrances_of, places_of
from layerscape.extraction.failures import explained
from layerscape.extraction.growth import larger_inputs
from layerscape.extraction.heads import Head
from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.influence import Perturbation
from layerscape.extraction.layers import FOLDED, INPUT, OUTPUT, Place, choose, name_layers, silent_modules
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.positions import order_of
from layerscape.extraction.proving import Case, proven
from layerscape.extraction.readers import Encoded, Reader
from layerscape.extraction.shifts import length_of, shifts_of
from layerscape.extraction.sites import Sites, sites_of
from layerscape.extraction.stacks import Stack, compared, stacks_of
from layerscape.extraction.states import hidden_states
from layerscape.extraction.survey import Survey
from layerscape.extraction.tracing import Firing, Mark, Trace, trace
from layerscape.extraction.units import PlaceAxes
from layerscape.extraction.whole_numbers import settle

N_SAMPLES = 2  # of most dry runs
ONE_TOKEN = (
    "the first and the last sample are 0 all over, which does not tell the tokens that the network adds from theirs; "
    "put another sample first."
)
MAX_INPUT_UNITS = 4096  # up to this size the input itself is a layer unless the user chooses others


@dataclass(frozen=True)
class Subject:
    """A network, what makes its inputs, and how it runs; nothing is hidden at random in it where ``whole``."""

    module: torch.nn.Module
    reader: Reader
    build: Build
    device: torch.device
    dtype: torch.dtype
    whole: bool = False

    def batch(self, some: Sequence[Encoded]) -> tuple[Inputs, Tokens | None]:
        """What it takes of these samples, and which of their tokens are real."""
        made, tokens = self.reader.batch(some)
        return (in_order(self.module, made) if self.whole else made).to(self.device, self.dtype), tokens


@dataclass(frozen=True)
class _Looked:
    """What was seen in passes of a few samples."""

    firings: Sequence[Firing]
    stacks: Sequence[Stack]
    axes: dict[Site, Axes]
    verdicts: dict[Site, PlaceAxes]
    content: Mapping[str, torch.Tensor]
    strangers: Mapping[str, str]
    drawn: Collection[tuple[str, int]]
    sites: Callable[[Mapping[Site, Axes]], Sites]
    shifts: Mapping[Site, int]
    entrances: Sequence[Entrance] | None
    folded: Collection[str]  # modules that fold parts of samples into the axis of samples, of which nothing is known
    unlike: bool  # whether the samples are of unlike size

    @property
    def shapes(self) -> dict[Site, tuple[int, ...]]:
        return {firing.site: firing.shape for firing in self.firings if firing.shape is not None}


def surveyed(subject: Subject, encoded: Sequence[Encoded]) -> tuple[Survey, bool]:
    """What a dry run finds, and whether nothing may be hidden, as is so where a network hides something at random."""
    settle(subject.module, subject.reader, encoded)
    found = survey(subject, encoded)
    if not (found.drawn and hides(subject.module)):
        return found, False
    return survey(replace(subject, whole=True), encoded), True


def survey(subject: Subject, encoded: Sequence[Encoded]) -> Survey:
    """Run two samples through the network and look at every module; then three, to see what follows the samples.

    Then one batch twice, to see what is drawn at random. Then larger ones, and some that are changed at one place, to
    see where the units are, if nobody has said it.
    """
    module, reader, build = subject.module, subject.reader, subject.build
    inputs, tokens = reader.batch(encoded)
    looked = _looked(subject, encoded)
    usable = arranged(looked.firings, looked.axes, N_SAMPLES)
    places = name_layers(module, usable, looked.stacks)
    silent = silent_modules(module, looked.firings, usable, looked.stacks)
    if build.answers:
        _answered(looked, places, build.answers, silent)
        usable = arranged(looked.firings, looked.axes, N_SAMPLES)
        places = name_layers(module, usable, looked.stacks)
    lengths = [place.shape[1] for place in places if place.default and len(place.shape) == 3]
    positions = 0 if reader.varies else lengths[0] if lengths and tokens is None else None
    grid, content = _grid(inputs, positions, build.patch), looked.content
    n_prefix = int(content[""].int().argmax()) if "" in content else int(getattr(module, "num_prefix_tokens", 0))
    has_cls = reader.has_cls
    if has_cls is None:
        has_cls = n_prefix > build.n_registers if tokens is None else bool((tokens.real & ~tokens.content).any())
    padded = tokens is not None or looked.unlike
    silent |= _add_input(places, reader, inputs, looked.entrances, padded=padded)
    silent |= dict.fromkeys(looked.folded & silent.keys(), FOLDED)
    silent |= _add_output(places, usable, looked.stacks, build.heads)
    if not places:
        raise InvalidValue(
            f"{type(module).__name__} has no layer with one floating-point row per sample; give another module."
        )
    told = (looked.axes, looked.shapes, looked.verdicts, silent, looked.stacks, content, looked.drawn)
    known = {site: axes for site, axes in looked.axes.items() if not looked.verdicts[site].doubt}
    sites = cache(partial(looked.sites, known))
    return Survey(
        tuple(places),
        positions,
        n_prefix,
        grid,
        has_cls,
        *told,
        sites=sites,
        shifts=looked.shifts,
        strangers=looked.strangers,
    )


def _looked(subject: Subject, encoded: Sequence[Encoded]) -> _Looked:
    module, build, whole = subject.module, subject.build, subject.whole
    (few, _), (more, _) = subject.batch(encoded), subject.batch([*encoded, encoded[0]])
    alone = [subject.batch([each] * N_SAMPLES) for each in (encoded[0], encoded[-1])]  # nothing is padded in them
    (one, _), (other, _) = alone
    with calm(module, whole=whole), explained(module, few, subject.device):
        plain, longer = (trace(module, each, mark=Mark.of_shape) for each in (few, more))
        alike, again = trace(module, one), trace(module, one)
        stacks = _stacks(module, one, alike, build)
        firings = _with_states(plain, stacks)
        rows = rows_of(module, firings, _with_states(longer, stacks), partial(order_of, module, one, N_SAMPLES))
        verdicts = proven(Case.of(module, one, N_SAMPLES, alike, rows), stacks, other, build.patch)
        folded = {site.module for site, each in verdicts.items() if rows[site].fold and each.doubt}
        verdicts = {site: each for site, each in verdicts.items() if not (rows[site].fold and each.doubt)}
        axes = {site: Axes(rows[site], each.places) for site, each in verdicts.items()}
        begins = {stack.name: site for stack in stacks if (site := stack.states[0]) in axes}
        content, strangers = _told(module, alone, begins, axes)
        longer = _longer(one, alike, begins.values(), axes)
        if longer and not any(mask or changes(each) for each, mask in alone):
            raise InvalidValue(ONE_TOKEN)
        tries = chain((one, other), larger_inputs(one, other, N_SAMPLES, None))
        shifts = shifts_of(module, tries, N_SAMPLES, stacks, axes) if longer else {}
    sites = partial(_sites, module, one, stacks, whole)
    entrances = entrances_of(one, alike, stacks)
    unlike = [each.shape for each in one.tensors()] != [each.shape for each in other.tensors()]
    seen = (firings, stacks, axes, verdicts, content, strangers, _drawn(alike, again))
    return _Looked(*seen, sites, shifts, entrances, folded, unlike)


def _told(
    module: torch.nn.Module,
    batches: Sequence[tuple[Inputs, Tokens | None]],
    begins: Mapping[str, Site],
    axes: Mapping[Site, Axes],
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """By stack, which of its tokens are of the sample, and whose mask they have where that is not the first one."""
    content, masked = dict[str, torch.Tensor](), dict[str, str]()
    for each, mask in batches:  # a sample that is one token all over tells nothing
        left = {name: site for name, site in begins.items() if name not in content}
        content |= content_of(module, each, left, lambda site, seen: axes[site](seen, N_SAMPLES), ids=mask is None)
        if mask is not None and not masked:
            masked = masked_of(module, each, mask.real, begins)
    return content, {name: whose for name, whose in masked.items() if whose != MAIN}


def _longer(inputs: Inputs, seen: Trace, sites: Iterable[Site], axes: Mapping[Site, Axes]) -> bool:
    """Whether an embedding has other tokens than those that the network is given."""
    shapes, length = seen.shapes(), length_of(inputs)
    found = (axes[site].shape(shapes[site], N_SAMPLES) for site in sites if site in shapes)
    return length is not None and any(len(shape) == 3 and shape[1] != length for shape in found)


def _sites(
    module: torch.nn.Module, inputs: Inputs, stacks: Sequence[Stack], whole: bool, axes: Mapping[Site, Axes]
) -> Sites:
    with calm(module, whole=whole), explained(module, inputs, inputs.tensors()[0].device):
        return sites_of(module, partial(inputs.given_to, module), stacks, axes)


def _answered(looked: _Looked, places: Sequence[Place], answers: Answers, silent: Mapping[str, str]) -> None:
    """Put what the user says in the place of what was found."""
    for pattern, axes in answers.items():
        for place in choose(places, [pattern], silent):
            if place.site is None or looked.axes[place.site].rows.fold:
                raise InvalidValue(f"units axis {pattern}={axes[0]}: the axes of layer {place.name!r} are known.")
            rows, shape = looked.axes[place.site].rows, looked.shapes[place.site]
            units = {rows.forth(axis) for axis in units_axes(axes, shape, rows.axis, place.name)}
            others = tuple(axis for axis in range(1, len(shape)) if axis not in units)
            verdict = looked.verdicts[place.site]
            if verdict.by == "growth" and not verdict.doubt and not set(verdict.places) <= set(others):
                known = "+".join(str(rows.back(axis)) for axis in verdict.places)
                raise InvalidValue(
                    f"units axis {pattern}={'+'.join(map(str, axes))}: of layer {place.name!r} axis {known} grows with "
                    "the sample and holds no units; name other axes, or ask for all values with --pooling flatten."
                )
            looked.axes[place.site] = Axes(rows, others)
            looked.verdicts[place.site] = PlaceAxes(others, "user")


def _add_input(
    places: list[Place], reader: Reader, inputs: Inputs, entrances: Sequence[Entrance] | None, *, padded: bool
) -> dict[str, str]:
    """Add what the network is given, as the first layers; or say why there is none."""
    floating = inputs.floating()
    if reader.kind not in ("image", "array") or floating is None:
        return {}
    most = -1 if padded else MAX_INPUT_UNITS  # padding is no part of a sample
    if entrances is None:
        return {INPUT: SEVERAL}
    if entrances:
        places[:0] = places_of(entrances, inputs, most, places)
        return {}
    places.insert(0, Place(INPUT, None, None, tuple(floating.shape), floating[0].numel() <= most))
    return {}


def _add_output(
    places: list[Place], firings: Sequence[Firing], stacks: Sequence[Stack], heads: Mapping[str, Head | str]
) -> dict[str, str]:
    """Add what the model is deployed with, as the last layer of its tower; or say why there is none."""
    silent = {}
    if heads and (stacks or any(isinstance(head, Head) for head in heads.values())):
        places[:] = [place for place in places if place.name != OUTPUT]  # it is no output of the network alone
    for tower, head in heads.items():
        name = f"{tower}.{OUTPUT}" if tower else OUTPUT
        if isinstance(head, str):
            silent[name] = head
        elif seen := [firing for firing in firings if firing.site == Site(head.module)]:
            at = max((1 + row for row, place in enumerate(places) if place.stack == tower), default=len(places))
            places.insert(at, Place(name, seen[0].site, None, seen[0].shape or (), head.default, tower, head=head))
        else:
            made = head.module or "the network"
            silent[name] = f"is made of what {made!r} puts out, which is no tensor with a row per sample"
    return silent


def _drawn(once: Trace, again: Trace) -> set[tuple[str, int]]:
    def seen(one: Trace) -> dict[tuple[str, int], list[Mark]]:
        return {
            (call.path, call.number): [part.mark for part in (*call.entering, *(call.leaving or []))]
            for call in one.calls
        }

    first, second = seen(once), seen(again)
    return {
        call
        for call in first.keys() | second.keys()
        if len(first.get(call, ())) != len(second.get(call, ()))
        or not all(a.equals(b) for a, b in zip(first[call], second[call], strict=True))
    }


def _stacks(module: torch.nn.Module, inputs: Inputs, seen: Trace, build: Build) -> list[Stack]:
    """The axes of depth, each held against the network's own hidden states."""
    given = hidden_states(module, inputs)
    follows = Perturbation(module, inputs, seen)
    found = stacks_of(module, seen, build.n_blocks, build.of_parts, follows)
    return [compared(stack, seen, given) for stack in found]


def _with_states(seen: Trace, stacks: Sequence[Stack]) -> list[Firing]:
    """The firings, with those of states that are no leading part of what a module puts out, each at its place."""
    further = {site for stack in stacks for site in stack.states if site is not None and site.part is not None}
    found = []
    for firing in seen.firings:
        found.append(firing)
        for site in further:
            if (site.module, site.call, site.side) == (firing.site.module, firing.site.call, firing.site.side):
                part = seen.part(site)
                found.append(Firing(site, part and part.shape, part is not None and part.packed))
    return found


def _grid(inputs: Inputs, positions: int | None, patch: int | None) -> tuple[int, int] | None:
    """Rows and columns of the patches of a picture; other tokens are class, distillation and register tokens."""
    pixels = inputs.floating()
    if not patch or not positions or pixels is None or pixels.ndim != 4:
        return None
    rows, columns = (size // patch for size in pixels.shape[2:])
    return (rows, columns) if 0 < rows * columns <= positions else None
