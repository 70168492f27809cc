"""Growth: which axes of what modules put out follow the size of a sample, told by giving the network other sizes.

A text of more tokens, a picture of more pixels, one more token at the embedding: the axes that grow with it are places.
A network that takes no other size tells nothing by this. Away from the CPU samples are only made smaller: there a place
beyond those that a network has numbers for ends the process and not only the pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import nn

from layerscape.extraction.axes import SampleAxis
from layerscape.extraction.hooks import Inputs, Site
from layerscape.extraction.parts import each_part, entering, floating, parts_of
from layerscape.extraction.tracing import Mark, Trace, trace
from layerscape.extraction.untouched import evaluating

STRIDE = 32  # pixels, by which most networks of pictures let theirs grow
MOST_PASSES = 6
MOST_VALUES = 2**24  # of what a larger sample may have


@dataclass
class Growth:
    """What larger samples have shown.

    Attributes
    ----------
    axes
        By site which axes grew, counted with samples first.
    """

    rows: Mapping[Site, SampleAxis]
    n_samples: int
    axes: dict[Site, frozenset[int]] = field(default_factory=dict)
    _reached: set[Site] = field(default_factory=set)

    @property
    def still(self) -> set[Site]:
        """Sites that larger samples went through and of which nothing has grown."""
        return {site for site in self._reached if not self.axes.get(site)}

    def add(self, plain: Trace, larger: Trace, after: int = -1) -> bool:
        """Compare shapes where something begins ``after`` that time; whether any has grown."""
        grew = False
        before, now = plain.shapes(after), larger.shapes(after)
        for site, rows in self.rows.items():
            pair = [_arranged(rows, shapes.get(site), self.n_samples) for shapes in (before, now)]
            if pair[0] is None or pair[1] is None or len(pair[0]) != len(pair[1]) or pair[0][0] != pair[1][0]:
                continue  # the last where there is more than one window of each sample now
            changed = {axis for axis, (a, b) in enumerate(zip(*pair, strict=True)) if a != b}
            self._reached.add(site)
            self.axes[site] = self.axes.get(site, frozenset()) | changed
            grew |= bool(changed)
        return grew


def grow(
    module: nn.Module, plain: Trace, growth: Growth, attempts: Iterator[Inputs], lacking: Callable[[], bool]
) -> None:
    """Let larger samples through the network while something is ``lacking``; what fails tells nothing."""
    n_passes = 0
    while n_passes < MOST_PASSES and lacking() and (inputs := next(attempts, None)) is not None:
        larger = _tried(module, inputs)
        if larger is not None and growth.add(plain, larger):
            n_passes += 1


def grow_at(
    module: nn.Module,
    inputs: Inputs,
    plain: Trace,
    growth: Growth,
    site: Site,
    axis: int,
    lacking: Callable[[], Collection[Site]] | None = None,
) -> None:
    """Let one more place go on from a site, of which the axis of the tensor itself is places; then twice as many.

    Both only while something of what comes after is ``lacking``; nothing is told of what came before.

    That takes other sizes past what the network adds to each place by its number. What comes before a failure counts
    too, since it is known that the axis is one of places.
    """
    call = plain.call(site)
    shape = plain.shapes().get(site)
    if call is None or shape is None:
        return
    on_cpu = all(tensor.device.type == "cpu" for tensor in inputs.tensors())
    begins = call.start if site.side == "input" else call.end
    after = plain.shapes(begins).keys()
    for more in (1, shape[axis]) if on_cpu else (shape[axis] // 2 - shape[axis],):
        if lacking is not None and after.isdisjoint(lacking()):
            return
        calls = 0

        def put(args: Any, kwargs: Any, more: int = more) -> Any:
            nonlocal calls
            calls += 1
            if calls != site.call + 1:
                return args, kwargs
            return _put(site, args, kwargs, lambda tensor: _longer(tensor, axis, more))

        part = module.get_submodule(site.module)
        if site.side == "input":
            handle = part.register_forward_pre_hook(lambda _m, args, kwargs: put(args, kwargs), with_kwargs=True)
        else:
            handle = part.register_forward_hook(lambda _m, _args, output: put((output,), {})[0][0])
        try:
            larger = _tried(module, inputs, whole=False)
        finally:
            handle.remove()
        if larger is not None:
            growth.add(plain, larger, begins)


def larger_inputs(one: Inputs, other: Inputs | None, n_samples: int, patch: int | None) -> Iterator[Inputs]:
    """Inputs of larger samples: those of another sample where its size is another, then some that are made.

    All axes of one size grow together first, as the sides of a square and all that is given of each token, then each
    axis by itself.
    """
    shapes = _shapes(one)
    if other is not None and len(others := _shapes(other)) == len(shapes):
        pairs = enumerate(zip(shapes, others, strict=True))
        unlike = [
            (number, axis) for number, (a, b) in pairs for axis in range(min(len(a), len(b))) if a[axis] != b[axis]
        ]
        if unlike:
            yield other
    axes, on_cpu = _growing(one, n_samples), all(tensor.device.type == "cpu" for tensor in one.tensors())
    for size in sorted({shapes[number][axis] for number, axis in axes}, reverse=True):
        alike = [(number, axis) for number, axis in axes if shapes[number][axis] == size]
        widest = max(len(shapes[number]) for number, _ in alike)
        for some in [alike, *([each] for each in alike if len(alike) > 1)]:
            for more in _steps(size, widest, patch):
                if more > 0 and not on_cpu:
                    continue
                if sum(prod(shapes[number]) for number, _ in some) * (1 + more / size) ** len(some) < MOST_VALUES:
                    yield _grown(one, some, more)


def _growing(inputs: Inputs, n_samples: int) -> list[tuple[int, int]]:
    """Every axis of every tensor, by number, but those of the samples."""
    return [
        (number, axis)
        for number, shape in enumerate(_shapes(inputs))
        for axis in range(bool(shape and shape[0] == n_samples), len(shape))
        if shape[axis]
    ]


def _steps(size: int, n_axes: int, patch: int | None) -> list[int]:
    """By how much an axis may be longer; and half of it less, where the network has no room for more."""
    less = [size // 2 - size] if size > 1 else []
    if n_axes < 4:
        return [size, 1, *less]
    steps = [step for step in (patch, STRIDE) if step and step < size]
    return list(dict.fromkeys([*steps, size, *(-step for step in steps), *less]))


def _grown(inputs: Inputs, axes: Sequence[tuple[int, int]], more: int) -> Inputs:
    """With so much more along these axes of the tensors, by number; lengths of as much are longer too."""
    size = _shapes(inputs)[axes[0][0]][axes[0][1]]
    number = -1

    def change(value: Any) -> Any:
        nonlocal number
        if not isinstance(value, torch.Tensor):
            return value
        number += 1
        if value.ndim == 1 and not value.is_floating_point() and bool((value == size).all()):
            return value + more
        for axis in (axis for each, axis in axes if each == number):
            value = _longer(value, axis, more)
        return value

    return inputs.changed(change)


def _shapes(inputs: Inputs) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    inputs.changed(lambda value: shapes.append(tuple(value.shape)) if isinstance(value, torch.Tensor) else None)
    return shapes


def _longer(tensor: torch.Tensor, axis: int, more: int) -> torch.Tensor:
    n = tensor.shape[axis]
    return tensor.index_select(axis, torch.arange(n + more, device=tensor.device) % n)


def _put(site: Site, args: Any, kwargs: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """With the tensor of the site changed wherever it is."""
    parts = entering(args, kwargs) if site.side == "input" else floating(parts_of(args[0]))
    tensor = next((seen.tensor for key, seen in parts if site.part in (None, key)), None)

    def swap(value: Any) -> Any:
        return change(value) if value is tensor and tensor is not None else value

    return each_part(args, swap), each_part(kwargs, swap)


def _tried(module: nn.Module, inputs: Inputs, *, whole: bool = True) -> Trace | None:
    """What larger samples leave behind in the module is gone afterwards."""
    try:
        with evaluating(module), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return trace(module, inputs, whole=whole, mark=Mark.of_shape)
    except Exception:  # the network takes no samples of this size
        return None


def _arranged(rows: SampleAxis, shape: tuple[int, ...] | None, n_samples: int) -> tuple[int, ...] | None:
    if shape is None or rows.axis >= len(shape) or shape[rows.axis] % n_samples:
        return None
    return rows.shape(shape, n_samples)
