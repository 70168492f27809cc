"""Ablation: the loss of a network without one of its blocks, which hands on what it was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from layerscape.core.samples import Samples
from layerscape.errors import InvalidType, InvalidValue
from layerscape.extraction.batches import batches_of
from layerscape.extraction.hooks import Inputs
from layerscape.extraction.loss import LOSS
from layerscape.extraction.network import Network
from layerscape.extraction.parts import Key, entering, floating, parts_of, with_part
from layerscape.extraction.pooling import Tokens
from layerscape.extraction.stacks import Stack

OwnLoss = Callable[[Any, np.ndarray], Any]
Run = Callable[[Inputs, Tokens | None, np.ndarray], np.ndarray]
ROUNDING = 1e-5  # relative: by more than this a loss is another


@dataclass(frozen=True)
class Skippable:
    """One block of a network, which can be left out.

    Attributes
    ----------
    name, depth, before
        Of the layer that it puts out; and the name of the layer that enters it.
    path, number
        The n-th time that this module runs in a pass.
    enters, leaves
        Where the state is in what it takes and puts out; None for what comes first.
    adds
        Whether it puts out what is added to the state, so that nothing is added without it.
    """

    name: str
    depth: float
    before: str
    path: str
    number: int
    enters: Key | None
    leaves: Key | None
    adds: bool
    start: int


def blocks_in(network: Network, samples: Samples) -> list[Skippable]:
    """The blocks of a network that takes such samples."""
    return blocks_of(network._surveyed(samples.read([0, len(samples) - 1])).stacks)


def blocks_of(stacks: Sequence[Stack]) -> list[Skippable]:
    """The blocks of all axes of depth, in the order in which they begin.

    Raises
    ------
    InvalidValue
        If there is none, or the layers of an axis are not what modules put out that could be left out.
    """
    found = [block for stack in stacks for block in _of_stack(stack)]
    if not found:
        raise InvalidValue(
            "no blocks that follow each other are found in the network, so that none can be left out; give one that "
            "has them, as transformers and residual networks do."
        )
    return sorted(found, key=lambda block: block.start)


def _of_stack(stack: Stack) -> Iterator[Skippable]:
    first, last = stack.states[0], stack.n_blocks
    for place, (call, after) in enumerate(zip(stack.blocks, stack.states[1:], strict=True), 1):
        own = after is not None and (after.module, after.call, after.side) == (call.path, call.number, "output")
        following = stack.blocks[place] if place < last else None
        adds = not own and stack.handed_on == last - 1 and (following is None or _enters(after, following))
        if stack.doubt or first is None or not (own or adds):
            name = stack.layer(f"block_{place}")
            raise InvalidValue(f"layer {name!r} is not what one module puts out, so that no block can be left out.")
        before = stack.layer(f"block_{place - 1}" if place > 1 else "embedding")
        leaves = after.part if own and after else None
        yield Skippable(
            *(stack.layer(f"block_{place}"), place / last, before, call.path, call.number),
            *(first.part, leaves, adds, call.start),
        )


def _enters(site: Any, call: Any) -> bool:
    return site is not None and (site.module, site.call, site.side) == (call.path, call.number, "input")


@dataclass
class Skipping:
    """Runs a network with all blocks, and then without one after the other, on the same batch.

    Blocks before the one that is left out put out what they did in the whole pass, and are not computed again.
    """

    blocks: Sequence[Skippable]
    kept: dict[int, tuple[Any, Key, torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    without: int | None = None
    replay: bool = True
    calls: Counter[str] = field(default_factory=Counter)

    def begin(self, without: int | None) -> None:
        """Before each pass: which block, by its place, is left out."""
        self.without = without
        self.calls.clear()
        if without is None:
            self.kept.clear()

    def __call__(self, path: str, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        number = self.calls[path]
        self.calls[path] += 1
        place = next((i for i, each in enumerate(self.blocks) if (each.path, each.number) == (path, number)), None)
        if place is None:
            return forward(*args, **kwargs)
        if self.without is None:
            return self._keep(place, forward(*args, **kwargs), args, kwargs)
        if place == self.without:
            return self._handed_on(place, args, kwargs)
        if place < self.without and self.replay:
            output, key, _, made = self.kept[place]
            return with_part(output, key, made.clone())
        return forward(*args, **kwargs)

    def _keep(self, place: int, output: Any, args: Any, kwargs: Any) -> Any:
        block = self.blocks[place]
        given, made = _at(entering(args, kwargs), block.enters), _at(floating(parts_of(output)), block.leaves)
        if given is None or made is None or given[1].lengths is not None or made[1].lengths is not None:
            raise InvalidValue(
                f"what {block.name!r} is given, or what it puts out, is no tensor in the place where those of the "
                "other blocks are, so that nothing can be handed on in its place; give a model of which all are alike."
            )
        # Networks may add to it in place.
        self.kept[place] = (output, made[0], given[1].tensor.detach().clone(), made[1].tensor.detach().clone())
        return output

    def _handed_on(self, place: int, args: Any, kwargs: Any) -> Any:
        output, key, _, made = self.kept[place]
        given = _at(entering(args, kwargs), self.blocks[place].enters)
        assert given is not None
        state = torch.zeros_like(made) if self.blocks[place].adds else given[1].tensor
        return with_part(output, key, state)

    def why_not(self, place: int) -> str:
        """Why a block cannot be left out, after a whole pass; empty where it can."""
        _, _, given, made = self.kept[place]
        if given.shape[1:] == made.shape[1:]:
            return ""
        shapes = [" × ".join(map(str, each.shape[1:])) for each in (given, made)]
        return f"it is given {shapes[0]} and puts out {shapes[1]}, so that nothing can be handed on in its place"


def _at(parts: Iterable[tuple[Key, Any]], key: Key | None) -> tuple[Key, Any] | None:
    return next((each for each in parts if key in (None, each[0])), None)


@contextmanager
def _in_place(module: torch.nn.Module, skipping: Skipping) -> Iterator[None]:
    """What is called in the place of the blocks; afterwards they are as they were."""
    before = {}
    try:
        for path in {block.path for block in skipping.blocks}:
            held = vars(module.get_submodule(path))
            before[path] = held.get("forward")
            held["forward"] = partial(skipping, path, module.get_submodule(path).forward)
        yield
    finally:
        for path, own in before.items():
            held = vars(module.get_submodule(path))
            if own is None:
                del held["forward"]
            else:
                held["forward"] = own


@dataclass(frozen=True)
class LossesWithout:
    """``whole``, shape (N,), the loss of each sample; ``without``, shape (blocks, N), that without each block.

    ``why_not`` says of each block why it stays, and is empty where it was left out.
    """

    whole: np.ndarray
    without: np.ndarray
    why_not: tuple[str, ...]


def losses_without(
    network: Network,
    samples: Samples,
    blocks: Sequence[Skippable],
    own: OwnLoss | None,
    *,
    batch_size: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> LossesWithout:
    """The loss of each sample by the whole network, and without each of its blocks.

    Parameters
    ----------
    own
        From what the network puts out for a batch and the numbers of its samples, shape (B,), to their losses, shape
        (B,); None for that of a causal language model, which was opened with its head.
    progress
        Called after each pass with the number of samples in the batch.
    """
    skipping, n = Skipping(blocks), len(samples)
    found = np.full((1 + len(blocks), n), np.nan)
    why: list[str] = [""] * len(blocks)
    tell, done = progress or (lambda _: None), 0
    with _running(network, own) as run, _in_place(network._module, skipping):
        rule = network.batching(batch_size)
        for batch, encoded in batches_of(network._reader, samples, range(n), rule, one_length=network.one_length):
            if not done:
                skipping.replay = _replays(skipping, run, network._reader.batch(encoded[:2]), np.array(batch[:2]))
            inputs, rows = network._reader.batch(encoded), np.array(batch)
            skipping.begin(None)
            found[0, rows] = run(*inputs, rows)
            why = [said or skipping.why_not(place) for place, said in enumerate(why)]
            tell(len(rows))
            for place in [place for place, said in enumerate(why) if not said]:
                skipping.begin(place)
                found[1 + place, rows] = run(*inputs, rows)
                tell(len(rows))
            done += len(rows)
    return LossesWithout(found[0], found[1:], tuple(why))


def _replays(skipping: Skipping, run: Run, inputs: tuple[Inputs, Tokens | None], rows: np.ndarray) -> bool:
    """Whether blocks that only put out again what they did do for the others all that they did before, on two samples.

    Some leave something elsewhere that a later one waits for, as keys and values that several share.
    """
    skipping.begin(None)
    run(*inputs, rows)
    if all(why := [skipping.why_not(place) for place in range(len(skipping.blocks))]):
        first, others = skipping.blocks[0].name, f" (so it is with {len(why) - 1} more)" if len(why) > 1 else ""
        raise InvalidValue(f"no block can be left out: {first!r} {why[0].removeprefix('it ')}{others}.")
    for place in [place for place, said in enumerate(why) if not said]:
        found = []
        for skipping.replay in (False, True):
            skipping.begin(place)
            try:
                found.append(run(*inputs, rows))
            except Exception:
                if not skipping.replay:
                    raise
                return False
        if not np.allclose(*found, rtol=ROUNDING, equal_nan=True):
            return False
    return True


@contextmanager
def _running(network: Network, own: OwnLoss | None) -> Iterator[Run]:
    """A function from a batch and the numbers of its samples to their losses."""
    if own is None:
        with network._running([], network.default_pooling, network.loss) as pooled_batch:
            yield lambda inputs, tokens, rows: pooled_batch(inputs, tokens)[LOSS][:, 0].double().numpy()
        return
    from layerscape.extraction.cures import calm, in_order
    from layerscape.extraction.hooks import where

    module, whole = network._module, network._whole
    with calm(module, whole=whole):

        def losses(inputs: Inputs, _: Tokens | None, rows: np.ndarray) -> np.ndarray:
            there = (in_order(module, inputs) if whole else inputs).to(*where(module))
            return _checked(own(module(*there.args, **(there.kwargs or {})), rows), len(rows))

        yield losses


def _checked(losses: Any, n: int) -> np.ndarray:
    """One number of each sample."""
    values = losses.detach().cpu().double().numpy() if isinstance(losses, torch.Tensor) else np.asarray(losses, float)
    if values.shape != (n,):
        raise InvalidType(
            f"loss gave an array of shape {values.shape} for {n} samples; give one number of each, shape ({n},), as "
            "cross_entropy(…, reduction='none') does."
        )
    return values
