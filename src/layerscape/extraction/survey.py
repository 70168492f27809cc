"""Survey: what a dry run told of a network: its layers, its tokens, and which pooling makes sense."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

from layerscape.errors import InvalidValue
from layerscape.extraction import sites
from layerscape.extraction.answers import question, told
from layerscape.extraction.axes import Axes
from layerscape.extraction.content import DECODER
from layerscape.extraction.grammar import Pooling
from layerscape.extraction.hooks import Site
from layerscape.extraction.layers import FOLDED, INPUT, Place, choose
from layerscape.extraction.parts import Seen
from layerscape.extraction.pooling import Tokens, pool
from layerscape.extraction.sites import Sites
from layerscape.extraction.stacks import Stack
from layerscape.extraction.units import PlaceAxes


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
    shapes
        Of what every site puts out, as it does.
    verdicts
        By what the axes of every site are known, or why there is no telling.
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
    shifts
        How many tokens come before those of the input, of layers that have more.
    strangers
        By name of the stack, whose mask its tokens have, where it is not that of the input.
    """

    places: tuple[Place, ...]
    positions: int | None
    n_prefix: int
    grid: tuple[int, int] | None
    has_cls: bool
    axes: Mapping[Site, Axes]
    shapes: Mapping[Site, tuple[int, ...]]
    verdicts: Mapping[Site, PlaceAxes]
    silent: Mapping[str, str]
    stacks: Sequence[Stack]
    content: Mapping[str, torch.Tensor]
    drawn: Collection[tuple[str, int]] = ()
    sites: Callable[[], Sites] = Sites
    shifts: Mapping[Site, int] = field(default_factory=dict)
    strangers: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_values(self) -> int | None:
        """Numbers in what the network is given of a sample, where that is a layer."""
        given = [place for place in self.places if place.name == INPUT or place.name.endswith(f".{INPUT}")]
        return sum(prod(place.shape[1:]) for place in given) or None

    def choose(self, select: str | Sequence[str] | None, pooling: str) -> list[Place]:
        """The layers that fit; those of default for None. Raise if one of them is not what it is called.

        Or if it is not known where its units are, and the pooling wants to know.
        """
        places = self.places
        if select is not None and sites.wanted(select, self.stacks):
            places = sites.chosen(select, self.sites(), places)
        if select is None:
            self._check_folded()
        chosen = choose(places, select, self.silent, sites.common_names(self.stacks))
        if not Pooling.of(pooling).whole:
            self._ask([place for place in chosen if self._doubtful(place)])
        for place in chosen:
            if place.site and (place.site.module, place.site.call) in self.drawn:
                raise InvalidValue(
                    f"layer {place.name!r} is another each time that the network sees the same batch; let it draw "
                    "nothing at random in evaluation and keep nothing for the next, or choose other layers."
                )
        for stack in self.stacks:
            if stack.doubt and any(place.default and place.stack == stack.name and place.site for place in chosen):
                raise InvalidValue(f"{stack.doubt}; choose other layers, by the paths of their modules.")
        return chosen

    def _check_folded(self) -> None:
        """Raise where nobody chose layers and those of a whole stack are not known to be any."""
        for stack in self.stacks:
            states = [site for site in stack.states[1:] if site is not None]
            if states and all(self.silent.get(site.module) == FOLDED for site in states):
                raise InvalidValue(f"{states[0].module!r} {FOLDED}; choose other layers (--layers), by their paths.")

    def proofs(self, layers: Sequence[str]) -> dict[str, Any]:
        """What was shown of its axes of depth, of where units are, and of those layers that are sites within blocks."""
        found: dict[str, Any] = {"axes": [stack.told() for stack in self.stacks], "units": self._units(layers)}
        if layers and sites.wanted(layers, self.stacks):
            shown = self.sites().proofs
            found["sites"] = {name: shown[name] for name in layers if name in shown}
        return found

    def _doubtful(self, place: Place) -> bool:
        return place.site is not None and place.view is None and bool(self.verdicts[place.site].doubt)

    def _ask(self, places: Sequence[Place]) -> None:
        """Ask the user where the units of these layers are, if there are any."""
        asked = {}
        for place in places:
            site = place.site
            assert site is not None
            axes, shape = self.axes[site], self.shapes[site]
            likely = self.verdicts[site].likely or len(shape) - 1
            shown = told(shape, axes.rows.axis)
            asked[place.name] = (shown, self.verdicts[site].doubt, axes.rows.back(likely))
        if asked:
            raise question(asked)

    def _units(self, layers: Sequence[str]) -> dict[str, dict[str, object]]:
        """By layer along which axes its units are, and by what that is known; of vectors and of the input nothing."""
        found: dict[str, dict[str, object]] = {}
        for place in self.places:
            if place.name in layers and place.site and place.view is None and len(self.shapes[place.site]) > 2:
                axes, verdict = self.axes[place.site], self.verdicts[place.site]
                units = axes.units_of(len(self.shapes[place.site]) + bool(axes.rows.fold))
                units = units if axes.rows.fold else [axes.rows.back(axis) for axis in units]
                found[place.name] = {"units": units, "by": verdict.by}
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
        try:
            if place.view is not None:
                hidden = place.view(hidden, n_samples)
            elif place.site is not None:
                hidden = self.axes[place.site](hidden, n_samples)
        except InvalidValue as error:
            raise InvalidValue(f"layer {layer!r} puts out {error}; choose other layers.") from None
        if seen.lengths is not None:
            tokens = Tokens.of(seen.lengths.to(hidden.device), hidden.shape[1])
        if place.head is not None:
            _check_rows(layer, hidden, n_samples)
            return place.head(hidden, tokens)
        tokens = self.tokens_of(place, hidden, Pooling.of(pooling), tokens, n_samples)
        try:
            return pool(hidden, pooling, tokens)
        except InvalidValue as error:
            raise InvalidValue(f"layer {layer!r}: {error}") from None

    def tokens_of(
        self, place: Place, hidden: torch.Tensor, asked: Pooling, tokens: Tokens | None, n_samples: int
    ) -> Tokens | None:
        """Which tokens of a layer, shape (B, T, D), are real and which content; None if nothing says so."""
        _check_rows(place.name, hidden, n_samples)
        content = self.content.get(place.stack)
        if tokens is not None and hidden.ndim == 3 and (whose := self.strangers.get(place.stack)):
            tokens = tokens.decoder if whose == DECODER else None
            if tokens is None and content is None and not asked.whole:
                more = "give decoder_attention_mask too, or " if whose == DECODER else ""
                raise InvalidValue(
                    f"layer {place.name!r} has other tokens than those of attention_mask, and it is not known which "
                    f"are padding: {more}choose other layers."
                )
        shift = self.shifts.get(place.site) if place.site is not None else None
        if tokens is not None and shift is not None and hidden.shape[1] >= shift + tokens.real.shape[1]:
            tokens = tokens.among(shift, hidden.shape[1])
        if content is not None and tokens is not None and hidden.ndim == 3 and len(content) == hidden.shape[1]:
            # The mask is of another part of the network, which has as many tokens as it.
            tokens = None if tokens.real.shape[1] != len(content) else tokens
        if hidden.ndim != 3:
            return tokens
        n_expected = tokens.real.shape[1] if tokens else self.positions if content is None else len(content)
        # Fewer tokens than at the embedding are merged ones; of those that join, nobody knows where they stand.
        joined = content is not None and hidden.shape[1] > len(content) and hidden.shape[1] % len(content)
        mixed = asked.of_content and place.follows and content is not None and (joined or not bool(content.all()))
        if hidden.shape[1] != n_expected and (tokens or asked.kind == "cls" or mixed):
            raise InvalidValue(
                f"layer {place.name!r} has {hidden.shape[1]} tokens where others have {n_expected}; it is not known "
                f"which are which: choose other layers{', or pooling mean:all, which takes all' if mixed else ''}."
            )
        if tokens is None and hidden.shape[1] == n_expected:
            before, grid = self.n_prefix, self.grid
            tokens = Tokens.after(before, hidden, grid) if content is None else Tokens.at(content, hidden, grid)
        return tokens


def _check_rows(layer: str, hidden: torch.Tensor, n_samples: int) -> None:
    if len(hidden) != n_samples:
        raise InvalidValue(f"layer {layer!r} puts out {len(hidden)} rows for {n_samples} samples; choose other layers.")
