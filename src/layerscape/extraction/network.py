"""Network: a model that is ready to be asked for its layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch

from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, Samples
from layerscape.errors import InvalidValue
from layerscape.extraction.batches import batches_of, limits
from layerscape.extraction.build import Build
from layerscape.extraction.cures import HIDES_NOTHING, ONE_LENGTH
from layerscape.extraction.dryrun import Subject, surveyed
from layerscape.extraction.hooks import weights_of, where
from layerscape.extraction.info import LayerInfo
from layerscape.extraction.layers import Place
from layerscape.extraction.loss import LOSS
from layerscape.extraction.readers import Encoded, Reader
from layerscape.extraction.running import Costs, Run, gathered, running
from layerscape.extraction.sizing import Fitting, doubled
from layerscape.extraction.survey import Survey

EXAMPLES = ("example 1", "example 2")
TRIED = 64  # samples that are looked at before a run


class Network:
    """A model together with what turns samples into its inputs; made by `open_model`.

    Attributes
    ----------
    name
        As the user said it, with the seed if its weights are random.
    kind
        What samples it takes: ``"text"``, ``"protein"``, ``"image"`` or ``"array"``, which a module with inputs of its
        own says of whatever it takes.
    default_pooling
        ``"last"`` for causal language models, ``"mean"`` for all others.
    deployed
        With which ``metric`` the model is deployed and ``because`` of what, where its folder says so.
    loss
        What tells the loss of each text, where it was asked for.
    autocast
        Whether matrices are multiplied in bfloat16 and all else is done in the type of the weights.
    one_length
        Whether only samples of one length go through the network together, so that nothing is padded.
    fitting
        Cuts batches that do not fit into memory, and says how large they may be since one did not.
    truncated
        Of the latest pass: block number to how many of its texts were cut at the greatest length.
    """

    def __init__(
        self,
        name: str,
        module: torch.nn.Module,
        reader: Reader,
        *,
        configuration: str,
        facts: Mapping[str, Any],
        build: Build,
        default_pooling: str = "mean",
        any_kind: bool = False,
        deployed: Mapping[str, str] | None = None,
        loss: Costs | None = None,
    ) -> None:
        self.name, self.deployed, self.loss, self.default_pooling = name, deployed, loss, default_pooling
        self.kind: Kind = reader.kind
        self.truncated: dict[int, int] = {}
        self._module, self._reader, self._any_kind = module, reader, any_kind
        self._configuration, self._facts, self._build = configuration, dict(facts), build
        self._survey: Survey | None = None
        self.fitting, self.autocast, self._two = Fitting(), False, list[Encoded]()  # that the dry run is of
        self._doubled: dict[str, int] | None = None  # rule, found once
        self._whole = self.one_length = False  # whether nothing is hidden at random, and nothing padded

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digest of configuration and weights: it changes when any weight does. Computed once."""
        return fingerprint(chain([self._configuration], weights_of(self._module)))

    def describe(self) -> dict[str, Any]:
        """What identifies the model and its preprocessing, as plain values for JSON; the device is not part of it."""
        facts = {
            "model": self.name,
            "kind": self.kind,
            "class": type(self._module).__name__,
            "n_parameters": sum(p.numel() for p in self._module.parameters()),
            "dtype": str(where(self._module)[1]).removeprefix("torch.")
            + (", autocast to bfloat16" if self.autocast else ""),
            **({"units_axis": self._build.answers} if self._build.answers else {}),
            **self._facts,
            "preprocessing": self._reader.describe(),
        }
        return json.loads(json.dumps(facts))  # tuples become lists, so that it equals what is read back from a file

    def batching(
        self, batch_size: int | None = None, samples: Samples | None = None, pooling: str | None = None
    ) -> dict[str, int]:
        """The rule for batches, for the plan: at most so many ``samples``, or so many ``tokens`` with padding.

        On a GPU, with ``samples`` and no size that is asked for, batches are doubled while that makes them faster.
        """
        rule = self._limits(batch_size)
        if batch_size is not None or samples is None or where(self._module)[0].type != "cuda":
            return rule
        if self._doubled is None:
            encoded = self._reader.encode(samples.read([0]), samples.ids[:1])[0]
            pooling = pooling or self.default_pooling
            with self._running(self._surveyed().choose(None, pooling), pooling) as pooled_batch:
                self._doubled = doubled(rule, lambda some: pooled_batch(*self._reader.batch(some)), encoded)
        return self._doubled

    def _limits(self, batch_size: int | Mapping[str, int] | None) -> dict[str, int]:
        if isinstance(batch_size, Mapping):
            return dict(batch_size)
        found = self._surveyed()
        return limits(batch_size, found.positions, on_cpu=where(self._module)[0].type == "cpu", n_values=found.n_values)

    def layers(
        self,
        pooling: str | None = None,
        contents: list[Any] | None = None,
        *,
        select: str | Sequence[str] | None = None,
    ) -> tuple[LayerInfo, ...]:
        """The chosen layers in the order in which they come, found by a dry run on two samples.

        Parameters
        ----------
        pooling
            As `grammar` writes it; the default of the model when left out.
        contents
            Contents of two samples; built-in examples when left out (kind ``"array"`` has none).
        select
            Names or patterns, comma-separated or in a sequence: ``block_*``, ``encoder.layer.*.attention`` (a star
            stops at a dot, two do not), ``block_*.attention``. Left out: ``embedding``, all blocks, ``final_norm``,
            ``output`` where the folder says how the model is deployed, and ``input`` of at most 4096 values.

        Raises
        ------
        UnknownName
            If a name or pattern fits no layer, with the nearest names.
        InvalidValue
            If the pooling makes no sense for a chosen layer.
        """
        pooling = pooling or self.default_pooling
        found = self._surveyed(contents)
        found.check_pooling(self.name, pooling)
        chosen = found.choose(select, pooling)
        encoded = self._encode_two(contents)
        with self._running(chosen, pooling) as pooled_batch:
            pooled = pooled_batch(*self._reader.batch(encoded))
        return tuple(
            LayerInfo(
                place.name,
                place.site.module if place.site else "",
                place.depth,
                (None, *place.shape[2:]) if self._reader.varies and len(place.shape) == 3 else place.shape[1:],
                pooled[place.name].shape[1],
            )
            for place in chosen
        )

    def blocks(
        self,
        samples: Samples,
        layers: Sequence[str],
        pooling: str,
        *,
        block_rows: int,
        batch_size: int | Mapping[str, int] | None = None,
        skip: Collection[int] = (),
        progress: Callable[[int], None] | None = None,
        with_loss: bool = False,
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """One pass through the model for all layers, a block of rows at a time.

        Parameters
        ----------
        samples
            Of the network's kind.
        layers
            Names or patterns as in `layers`.
        pooling
            As in `layers`.
        block_rows
            Block b holds rows b·block_rows to (b + 1)·block_rows; batches never cross a block, so that each block is
            the same to the bit whatever else is computed.
        batch_size
            Samples per batch, or a rule; left out, as `batching` says. What does not fit into memory is cut smaller.
        skip
            Numbers of blocks that are there already.
        progress
            Called after each batch with the number of samples in it.
        with_loss
            Whether ``loss``, shape (rows, 1), is among them, of a network that was opened for it; it may be alone.

        Yields
        ------
        (b, {layer: float32 array of shape (rows of the block, D)}), rows in the order of the samples.

        Raises
        ------
        InvalidValue
            If a sample is empty or of the wrong kind, a value is not finite (with its layer and sample), or a batch
            does not fit into memory.
        """
        if samples.kind != self.kind and not self._any_kind:
            said = f"the samples are of kind {samples.kind!r}, but {self.name} takes {self.kind!r}"
            raise InvalidValue(f"{said}; give another model or other samples.")
        if block_rows < 1:
            raise InvalidValue(f"blocks of {block_rows} rows; block_rows must be 1 or more.")
        if self._survey is None:
            rows = range(min(2, len(samples)))
            self._surveyed(samples.read(rows), samples.ids)
        found = self._surveyed()
        found.check_pooling(self.name, pooling)
        rule = self._limits(batch_size)
        chosen = found.choose(layers, pooling) if layers or not with_loss else []
        self.truncated, (_, dtype) = {}, where(self._module)
        bounds = [*range(0, len(samples), block_rows), len(samples)]
        wanted = [(number, range(*ends)) for number, ends in enumerate(pairwise(bounds)) if number not in skip]

        def block(number: int, rows: range) -> dict[str, np.ndarray]:
            ids = samples.ids[rows.start : rows.stop]
            with self._running(chosen, pooling, self.loss if with_loss else None) as pooled_batch:
                run = partial(self.fitting, lambda some: pooled_batch(*self._reader.batch(some)))
                batches = batches_of(self._reader, samples, rows, rule, one_length=self.one_length)
                table, self.truncated[number] = gathered(run, batches, ids, dtype, progress)
            return {name: table[name] for name in [*(place.name for place in chosen), LOSS] if name in table}

        return ((number, block(number, rows)) for number, rows in wanted)  # nothing of torch is held across a yield

    def look(self, samples: Samples) -> str:
        """Raise if samples that are tried tell the network hardly anything; return what to say of them."""
        if self.kind == "array":  # how these are read is known when the network has been run
            ends = [0, len(samples) - 1]
            self._surveyed(samples.read(ends), [samples.ids[row] for row in ends])
        rows = np.unique(np.linspace(0, len(samples) - 1, TRIED).astype(int)).tolist()
        return self._reader.look(self.name, partial(samples.read, rows), [samples.ids[row] for row in rows])

    @property
    def examples(self) -> list[Any]:
        """Contents of two samples of its own; empty where there is no telling what it takes."""
        return self._reader.examples

    @property
    def cures(self) -> list[str]:
        """What is done so that a sample gets the same vector every time, in words."""
        cures = ((self._whole, HIDES_NOTHING), (self.one_length, ONE_LENGTH))
        return [*(text for needed, text in cures if needed), *filter(None, [self._facts.get("alone")])]

    def proofs(self, layers: Sequence[str] = ()) -> dict[str, Any]:
        """What the dry run has shown, by axis of depth and by site of a block, as plain values for JSON."""
        return {**self._surveyed().proofs(layers), "cures": self.cures}

    def count_truncated(self, samples: Samples, rows: Sequence[int]) -> int:
        """How many of these samples are cut at the greatest length; only texts and proteins can be."""
        if getattr(self._reader, "max_length", None) is None:
            return 0
        return sum(one.truncated for one in self._reader.encode(samples.read(rows), [samples.ids[row] for row in rows]))

    def loss_off(self, loss: Costs, samples: Samples) -> float:
        """By how much the loss of two texts differs from the model's own; where padding changes it, they stay apart."""
        encoded = self._encode_two(samples.read([0, len(samples) - 1]))
        with self._running([], "mean", loss) as batch:
            given = [self._reader.batch(some) for some in (encoded, encoded[:1], encoded[1:])]
            ours, *alone = (batch(*each)[LOSS][:, 0] for each in given)
            own = [loss.own(made.to(*where(self._module)), told) for made, told in given[1:]]
            self.one_length |= not torch.allclose(ours, torch.cat(alone), rtol=loss.rounding, equal_nan=True)
            return loss.check(self.name, torch.cat(alone) if self.one_length else ours, own)

    def _running(self, chosen: Sequence[Place], pooling: str, loss: Costs | None = None) -> AbstractContextManager[Run]:
        found, whole, lacking = self._surveyed(), self._whole, self._build.lacking
        run = partial(running, self._module, found, chosen, pooling, self.autocast, whole=whole, loss=loss)
        return run() if lacking is None else lacking.spared(run, chosen, self._reader.batch(self._two))

    def _surveyed(self, contents: Sequence[Any] | None = None, ids: Sequence[str] = EXAMPLES) -> Survey:
        """What a dry run says, done once."""
        if self._survey is None:
            self._two = self._encode_two(contents, ids)
            subject = Subject(self._module, self._reader, self._build, *where(self._module))
            self._survey, self._whole = surveyed(subject, self._two)
        return self._survey

    def _encode_two(self, contents: Sequence[Any] | None, ids: Sequence[str] = EXAMPLES) -> list[Encoded]:
        contents = self._reader.examples if contents is None else contents
        if not len(contents):
            raise InvalidValue(f"there is no telling what samples {self.name} takes; give the contents of two.")
        two = [0, min(1, len(contents) - 1)]
        return self._reader.encode([contents[i] for i in two], [ids[i] for i in two])
