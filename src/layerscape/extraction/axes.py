"""Axes: where samples and units lie in what a module puts out, told by how its shapes follow the number of samples.

Most have samples first, and units last in (B, T, D) or second in a map (B, C, H, W). Recurrent networks and attention
may have time first, convolutions over time put out (B, C, L), and some networks of images (B, H, W, C). The pooling
gets (B, D), (B, T, D) or (B, C, …) of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from layerscape.errors import InvalidValue
from layerscape.extraction.hooks import Site
from layerscape.extraction.tracing import Firing

UNITS_SECOND = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm", "Pool")  # in what torch calls them
UNITS_LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.RNN, nn.GRU, nn.LSTM, nn.MultiheadAttention)
OVER_TIME = (nn.RNNBase, nn.MultiheadAttention)


@dataclass(frozen=True)
class Axes:
    """Which axis the samples are along, and whether the units are elsewhere than the pooling looks for them."""

    samples: int
    turned: bool = False

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """A view with samples first and units last of three axes, or second of more."""
        hidden = hidden.movedim(self.samples, 0)
        if not self.turned:
            return hidden
        return hidden.transpose(1, 2) if hidden.ndim == 3 else hidden.movedim(-1, 1)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What the shape becomes."""
        return tuple(self(torch.empty(shape, device="meta")).shape)


def samples_of(module: nn.Module, few: Sequence[Firing], more: Sequence[Firing]) -> dict[Site, int]:
    """The axis that the samples are along, of every site that has one, from dry runs on two samples and on three.

    Raises
    ------
    InvalidValue
        If a recurrent network or attention takes the samples for steps of time.
    """
    longer = {firing.site: firing.shape for firing in more}
    found = {}
    for firing in few:
        along = _along(firing.shape, longer.get(firing.site))
        if along is not None:
            _check_time(module.get_submodule(firing.site.module), firing, along)
            found[firing.site] = along
    return found


def axes_of(
    module: nn.Module, few: Sequence[Firing], found: Mapping[Site, int], seen: Mapping[tuple[int, ...], str]
) -> dict[Site, Axes]:
    """The axes of every site that has a row per sample.

    Parameters
    ----------
    found
        From `samples_of`.
    seen
        By shape without the samples where units were seen to be at an embedding, for modules whose kind says nothing.
    """
    shapes = {firing.site: _without(firing, found) for firing in few if firing.site in found}
    second = {shapes[site] for site in found if _has_units(module, site, shapes[site]) == "second"}
    last = {shapes[site] for site in found if _has_units(module, site, shapes[site]) == "last"}

    def turned(site: Site) -> bool:
        shape = shapes[site]
        says = _has_units(module, site, shape)
        says = says or seen.get(shape, "")
        if not says and shape in second ^ last:
            says = "second" if shape in second else "last"
        return (len(shape) == 2 and says == "second") or (len(shape) > 2 and says == "last")

    return {site: Axes(along, turned(site)) for site, along in found.items()}


def arranged(firings: Sequence[Firing], axes: Mapping[Site, Axes]) -> list[Firing]:
    """The firings that have a row per sample, with the shapes that the pooling gets."""
    return [
        replace(firing, shape=axes[firing.site].shape(firing.shape))
        for firing in firings
        if firing.shape is not None and firing.site in axes
    ]


def _along(few: tuple[int, ...] | None, more: tuple[int, ...] | None) -> int | None:
    """The axis that has 2 of two samples and 3 of three, where it is the only one that changes."""
    if few is None or more is None or len(few) != len(more):
        return None
    changed = [axis for axis, sizes in enumerate(zip(few, more, strict=True)) if sizes[0] != sizes[1]]
    return changed[0] if len(changed) == 1 and (few[changed[0]], more[changed[0]]) == (2, 3) else None


def _check_time(part: nn.Module, firing: Firing, along: int) -> None:
    if not isinstance(part, OVER_TIME) or firing.packed or firing.shape is None:
        return
    if len(firing.shape) == 2 or (along == 0 and not part.batch_first):
        raise InvalidValue(
            f"layer {firing.site.module or type(part).__name__!r} takes the samples for steps of time; "
            "make it with batch_first=True and give it (samples, time, units), or turn the axes in forward."
        )


def _without(firing: Firing, found: Mapping[Site, int]) -> tuple[int, ...]:
    shape, along = firing.shape or (), found[firing.site]
    return shape[:along] + shape[along + 1 :]


def _has_units(module: nn.Module, site: Site, shape: tuple[int, ...]) -> str:
    """Where its kind says that the units are: "second", "last", or nothing where it takes any."""
    part = module.get_submodule(site.module)
    kind = type(part)
    if site.side == "input" or len(shape) < 2:
        return ""
    if kind in UNITS_LAST and not (isinstance(part, nn.LayerNorm) and len(part.normalized_shape) > 1):
        return "last"
    of_torch = kind.__module__.startswith("torch.nn.")
    return "second" if of_torch and any(word in kind.__name__ for word in UNITS_SECOND) else ""
