"""Axes: where samples, places and units lie in what a module puts out.

Samples are found by how shapes follow their number. They may be first, or after time, as in recurrent networks, or
share an axis with what each of them was cut into: windows, frames, heads. Of the other axes some are places in the
sample (tokens, time, rows and columns) and the rest is units (`units`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction.hooks import Site
from layerscape.extraction.tracing import Firing

Fold = Literal["", "within", "across"]
Order = Callable[[Mapping[Site, int]], Mapping[Site, Fold]]
UNITS_SECOND = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm", "Pool")  # in what torch calls them
OVER_TIME = (nn.RNNBase, nn.MultiheadAttention)
UNITS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNN, nn.GRU, nn.LSTM, nn.MultiheadAttention)
# Of these it is known only that they mix the last axis, and not that the others are places.
MIXING_LAST = (nn.Linear, nn.LayerNorm)


@dataclass(frozen=True)
class SampleAxis:
    """The axis that the samples are along.

    ``fold`` says in which order it has parts of samples: all of a sample ``within`` each other, or each part of all
    samples one after the other, ``across``.
    """

    axis: int
    fold: Fold = ""

    def __call__(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """A view with samples first; their parts, if there are any, are an axis where they were."""
        if self.fold:
            n_parts = hidden.shape[self.axis] // n_samples
            if n_parts * n_samples != hidden.shape[self.axis]:
                raise InvalidValue(f"{hidden.shape[self.axis]} parts of {n_samples} samples, not as many of each")
            sizes = (n_samples, n_parts) if self.fold == "within" else (n_parts, n_samples)
            hidden = hidden.unflatten(self.axis, sizes)
        first = self.axis + (self.fold == "across")
        return hidden.movedim(first, 0) if first else hidden

    def shape(self, shape: tuple[int, ...], n_samples: int) -> tuple[int, ...]:
        """What the shape becomes."""
        return tuple(self(torch.empty(shape, device="meta"), n_samples).shape)

    @property
    def parts(self) -> int | None:
        """The axis of the parts, counted with samples first, if there are any."""
        return self.axis + 1 if self.fold else None

    def back(self, axis: int) -> int:
        """Which axis of the tensor itself one is that is counted with samples first, where nothing is folded."""
        return axis - (axis <= self.axis)

    def forth(self, axis: int) -> int:
        """The other way round, of an axis other than that of the parts."""
        return 0 if axis == self.axis else axis + (axis < self.axis or bool(self.fold))


@dataclass(frozen=True)
class Axes:
    """The samples' axis, and which of the others, counted with samples first, are ``places``."""

    rows: SampleAxis
    places: tuple[int, ...] = ()

    def __call__(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """Units alone as (B, D), with one axis of places as (B, T, D), with several as (B, D, …).

        Several axes of units become one, and so do the parts of a sample and the tokens in each.
        """
        hidden = self.rows(hidden, n_samples)
        if hidden.ndim < 3:
            return hidden
        units = self.units_of(hidden.ndim)
        usual = (1,) if hidden.ndim == 3 else tuple(range(2, hidden.ndim))
        if self.places == usual and not self.rows.fold:
            return hidden  # nothing to turn, which would take a fifth as long as to pool it
        if len(self.places) > 1 and not self.rows.fold:
            return hidden.permute(0, *units, *self.places).flatten(1, len(units))
        hidden = hidden.permute(0, *self.places, *units)
        return (hidden.flatten(1, len(self.places)).flatten(2)) if self.places else hidden.flatten(1)

    def units_of(self, n_axes: int) -> list[int]:
        """The axes of units, of so many with samples first."""
        return [axis for axis in range(1, n_axes) if axis not in self.places]

    def plain(self, n_axes: int) -> bool:
        """Whether a tensor of so many axes is but turned: nothing becomes one axis with another."""
        return not self.rows.fold and len(self.units_of(n_axes)) == 1

    def shape(self, shape: tuple[int, ...], n_samples: int) -> tuple[int, ...]:
        """What the shape becomes."""
        return tuple(self(torch.empty(shape, device="meta"), n_samples).shape)


@dataclass(frozen=True)
class Kind:
    """What the kind of a module says: the axis of its units, and whether all others are places."""

    units: int
    whole: bool


def rows_of(
    module: nn.Module, few: Sequence[Firing], more: Sequence[Firing], order: Order | None = None
) -> dict[Site, SampleAxis]:
    """The axis that the samples are along, of every site that has one, from dry runs on two samples and on three.

    Parameters
    ----------
    order
        From the axes that have several parts of each sample, by site, in which order these are.

    Raises
    ------
    InvalidValue
        If a recurrent network or attention takes the samples for steps of time.
    """
    longer = {firing.site: firing.shape for firing in more}
    found, folded = dict[Site, SampleAxis](), dict[Site, int]()
    for firing in few:
        axis, n_parts = _along(firing.shape, longer.get(firing.site))
        if n_parts == 1:
            _check_time(module.get_submodule(firing.site.module), firing, axis)
            found[firing.site] = SampleAxis(axis)
        elif n_parts and not firing.packed:
            folded[firing.site] = axis
    orders = order(folded) if order and folded else {}
    return found | {site: SampleAxis(folded[site], fold) for site, fold in orders.items() if fold}


def kind_of(module: nn.Module, site: Site, rows: SampleAxis, n_axes: int) -> Kind | None:
    """What the kind of the module says of its output, of so many axes with samples first; None if nothing."""
    part = module.get_submodule(site.module)
    kind = type(part)
    if site.side != "output" or n_axes < 3:
        return None
    last, of_torch = n_axes - 1 - bool(rows.fold), kind.__module__.startswith("torch.nn.")
    units, whole = None, kind not in MIXING_LAST
    if kind in UNITS_LAST and not (isinstance(part, nn.LayerNorm) and len(part.normalized_shape) > 1):
        units = last
    elif of_torch and any(word in kind.__name__ for word in UNITS_SECOND):
        units = 1
    return None if units is None or units == rows.axis else Kind(rows.forth(units), whole)


def arranged(firings: Sequence[Firing], axes: Mapping[Site, Axes], n_samples: int) -> list[Firing]:
    """The firings that have a row per sample, with the shapes that the pooling gets."""
    return [
        replace(firing, shape=axes[firing.site].shape(firing.shape, n_samples))
        for firing in firings
        if firing.shape is not None and firing.site in axes
    ]


def _along(few: tuple[int, ...] | None, more: tuple[int, ...] | None) -> tuple[int, int]:
    """The only axis that has 2 n of two samples and 3 n of three, and n; n is 0 where there is none."""
    if few is None or more is None or len(few) != len(more):
        return 0, 0
    changed = [axis for axis, sizes in enumerate(zip(few, more, strict=True)) if sizes[0] != sizes[1]]
    if len(changed) != 1 or few[changed[0]] % 2 or 3 * few[changed[0]] != 2 * more[changed[0]]:
        return 0, 0
    return changed[0], few[changed[0]] // 2


def _check_time(part: nn.Module, firing: Firing, along: int) -> None:
    if not isinstance(part, OVER_TIME) or firing.packed or firing.shape is None:
        return
    if len(firing.shape) == 2 or (along == 0 and not part.batch_first):
        raise InvalidValue(
            f"layer {firing.site.module or type(part).__name__!r} takes the samples for steps of time; "
            "make it with batch_first=True and give it (samples, time, units), or turn the axes in forward."
        )
