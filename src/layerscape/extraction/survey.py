"""Survey: what a dry run on two samples tells of a network: its layers, its tokens, and which pooling makes sense."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

import torch

from layerscape.errors import InvalidValue
from layerscape.extraction import sites
from layerscape.extraction.axes import Axes, arranged, axes_of, samples_of
from layerscape.extraction.build import Build
from layerscape.extraction.content import content_of
from layerscape.extraction.cures import calm, in_order
from layerscape.extraction.failures import explained
from layerscape.extraction.grammar import Pooling
from layerscape.extraction.heads import Head
from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.influence import Influence
from layerscape.extraction.layers import INPUT, OUTPUT, Place, choose, name_layers, silent_modules
from layerscape.extraction.parts import Seen
from layerscape.extraction.pooling import Tokens, pool
from layerscape.extraction.positions import units_seen
from layerscape.extraction.readers import Encoded, Reader
from layerscape.extraction.sites import Sites, sites_of
from layerscape.extraction.stacks import Stack, compared, stacks_of
from layerscape.extraction.states import hidden_states
from layerscape.extraction.tracing import Firing, Mark, Trace, trace

MAX_INPUT_UNITS = 4096  # up to this size the input itself is a layer unless the user chooses others


@dataclass(frozen=True)
class Survey:
    """What a dry run found.

    Attributes
    ----------
    places
        All layers, in the order in which they come.
    positions
        Tokens of every sample; 0 if samples differ, None if there are none or only the user knows.
    n_prefix
        How many of them come before the patches of a picture.
    grid
        Rows and columns of these patches, where they are known.
    has_cls
        Whether the first token is a class token.
    axes
        Where samples and units lie at every site.
    silent
        Modules that are no layers, and why.
    stacks
        Its axes of depth.
    content
        By name of the stack, which of its tokens are of the sample, where a picture or recording tells.
    drawn
        Calls of modules that put out something else each time that the network sees the same batch.
    sites
        Those of blocks beside what they put out, looked at when they are first asked for.
    """

    places: tuple[Place, ...]
    positions: int | None
    n_prefix: int
    grid: tuple[int, int] | None
    has_cls: bool
    axes: Mapping[Site, Axes]
    silent: Mapping[str, str]
    stacks: Sequence[Stack]
    content: Mapping[str, torch.Tensor]
    drawn: Collection[tuple[str, int]] = ()
    sites: Callable[[], Sites] = Sites

    def choose(self, select: str | Sequence[str] | None) -> list[Place]:
        """The layers that fit; those of default for None. Raise if one of them is not what it is called."""
        places = self.places
        if select is not None and sites.wanted(select, self.stacks):
            places = sites.chosen(select, self.sites(), places)
        chosen = choose(places, select, self.silent)
        for place in chosen:
            if place.site and (place.site.module, place.site.call) in self.drawn:
                raise InvalidValue(
                    f"layer {place.name!r} is another each time that the network sees the same batch; let it draw "
                    "nothing at random in evaluation, or choose other layers."
                )
        for stack in self.stacks:
            if stack.doubt and any(place.default and place.stack == stack.name and place.site for place in chosen):
                raise InvalidValue(f"{stack.doubt}; choose other layers, by the paths of their modules.")
        return chosen

    def proofs(self, layers: Sequence[str]) -> dict[str, Any]:
        """What was shown of its axes of depth, and of those layers that are sites within blocks."""
        found: dict[str, Any] = {"axes": [stack.told() for stack in self.stacks]}
        if layers and sites.wanted(layers, self.stacks):
            shown = self.sites().proofs
            found["sites"] = {name: shown[name] for name in layers if name in shown}
        return found

    def check_pooling(self, model: str, pooling: str) -> None:
        """Raise unless the pooling exists and makes sense for this model."""
        asked = Pooling.of(pooling)
        if asked.kind == "cls" and not self.has_cls:
            raise InvalidValue(
                f"pooling 'cls' asked of {model}, which has no class token; choose mean, last, first or max."
            )
        if (asked.whole or asked.kind == "grid") and self.positions == 0:
            raise InvalidValue(
                f"pooling {pooling!r} asked of {model}, whose samples differ in length; "
                "choose mean, last, first or max."
            )

    def pool(self, place: Place, seen: Seen, pooling: str, tokens: Tokens | None, n_samples: int) -> torch.Tensor:
        """One vector per sample, errors naming the layer; ``tokens`` are those of the input, if it has a mask."""
        layer, hidden = place.name, seen.tensor
        if place.view is not None:
            hidden = place.view(hidden, n_samples)
        elif place.site is not None:
            hidden = self.axes[place.site](hidden)
        if seen.lengths is not None:
            tokens = Tokens.of(seen.lengths.to(hidden.device), hidden.shape[1])
        if len(hidden) != n_samples:
            raise InvalidValue(
                f"layer {layer!r} puts out {len(hidden)} rows for {n_samples} samples; choose other layers."
            )
        if place.head is not None:
            return place.head(hidden, tokens)
        content = self.content.get(place.stack)
        if content is not None and tokens is not None and hidden.ndim == 3 and len(content) == hidden.shape[1]:
            # The mask is of another part of the network, which has as many tokens as it.
            tokens = None if tokens.real.shape[1] != len(content) else tokens
        if hidden.ndim == 3:
            n_expected = tokens.real.shape[1] if tokens else self.positions if content is None else len(content)
            if hidden.shape[1] != n_expected and (tokens or pooling == "cls"):
                raise InvalidValue(
                    f"layer {layer!r} has {hidden.shape[1]} tokens where others have {n_expected}; "
                    "it is not known which are which: choose other layers."
                )
            if tokens is None and hidden.shape[1] == n_expected:
                tokens = self._tokens(content, hidden)
        try:
            return pool(hidden, pooling, tokens)
        except InvalidValue as error:
            raise InvalidValue(f"layer {layer!r}: {error}") from None

    def _tokens(self, content: torch.Tensor | None, hidden: torch.Tensor) -> Tokens:
        """Those of a batch without a mask."""
        if content is None:
            return Tokens.after(self.n_prefix, hidden, self.grid)
        real = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        whole = self.grid if self.grid and prod(self.grid) == int(content.sum()) else None
        return Tokens(real, real & content.to(hidden.device), whole)


def survey(
    module: torch.nn.Module,
    reader: Reader,
    encoded: Sequence[Encoded],
    build: Build,
    device: torch.device,
    dtype: torch.dtype,
    whole: bool = False,
) -> Survey:
    """Run two samples through the network and look at every module; then three, to see what follows the samples.

    Then one batch twice, to see what is drawn at random; nothing is hidden where ``whole``.
    """
    inputs, tokens = reader.batch(encoded)
    more, _ = reader.batch([*encoded, encoded[0]])
    one, _ = reader.batch([encoded[0], encoded[0]])  # nothing is padded in it
    if whole:
        inputs, more, one = (in_order(module, each) for each in (inputs, more, one))
    with calm(module, whole=whole), explained(module, inputs, device):
        plain, longer, alike, again = (trace(module, each.to(device, dtype)) for each in (inputs, more, one, one))
        stacks = _stacks(module, one.to(device, dtype), alike, build)
        firings = _with_states(plain, stacks)
        samples = samples_of(module, firings, _with_states(longer, stacks))
        begins = {stack.name: site for stack in stacks if (site := stack.states[0]) in samples}
        seen = units_seen(module, one.to(device, dtype), {site: samples[site] for site in begins.values()})
        axes = axes_of(module, firings, samples, seen)
        content = content_of(module, one.to(device, dtype), begins, lambda site, hidden: axes[site](hidden))
    usable = arranged(firings, axes)
    places = name_layers(module, usable, stacks)
    lengths = [place.shape[1] for place in places if place.default and len(place.shape) == 3]
    positions = 0 if reader.varies else lengths[0] if lengths and tokens is None else None
    grid = _grid(inputs, positions, build.patch)
    n_prefix = int(content[""].int().argmax()) if "" in content else int(getattr(module, "num_prefix_tokens", 0))
    has_cls = reader.has_cls
    if has_cls is None:
        has_cls = n_prefix > build.n_registers if tokens is None else bool((tokens.real & ~tokens.content).any())
    floating = inputs.floating()
    if reader.kind in ("image", "array") and floating is not None:
        small = floating[0].numel() <= MAX_INPUT_UNITS and tokens is None  # padding is no part of a sample
        places.insert(0, Place(INPUT, None, None, tuple(floating.shape), small))
    silent = silent_modules(module, firings, usable) | _add_output(places, usable, build.head)
    if not places:
        raise InvalidValue(
            f"{type(module).__name__} has no layer with one floating-point row per sample; give another module."
        )
    drawn, given = _drawn(alike, again), (module, one.to(device, dtype), stacks, axes, whole)
    return Survey(
        *(tuple(places), positions, n_prefix, grid, has_cls, axes, silent, stacks, content, drawn),
        sites=cache(partial(_sites, *given)),
    )


def _sites(
    module: torch.nn.Module, inputs: Inputs, stacks: Sequence[Stack], axes: Mapping[Site, Axes], whole: bool
) -> Sites:
    with calm(module, whole=whole), explained(module, inputs, inputs.tensors()[0].device):
        return sites_of(module, lambda: module(*inputs.args, **(inputs.kwargs or {})), stacks, axes)


def _add_output(places: list[Place], firings: Sequence[Firing], head: Head | str) -> dict[str, str]:
    """Add what the model is deployed with, as the last layer; or say why there is none."""
    if isinstance(head, str):
        return {OUTPUT: head} if head else {}
    for firing in firings:
        if firing.site == Site(head.module):
            places[:] = [place for place in places if place.name != OUTPUT]
            places.append(Place(OUTPUT, firing.site, None, firing.shape or (), head.default, head=head))
            return {}
    return {
        OUTPUT: f"is made of what {head.module or 'the network'!r} puts out, which is no tensor with a row per sample"
    }


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
    follows = Influence(module, inputs, seen)
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
