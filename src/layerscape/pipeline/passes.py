"""A pass: what is asked of which layers of a network for which samples, before there is a run; and the run it fills."""

from __future__ import annotations

import re
import warnings as python_warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.core.progress import Show
from layerscape.core.samples import Samples
from layerscape.core.threads import Behind
from layerscape.core.words import counted
from layerscape.pipeline.elsewhere import Elsewhere
from layerscape.pipeline.losses import Losses
from layerscape.pipeline.previews import Previewing
from layerscape.storage import LayerSpec, RunFolder, check_space, disk_needed, in_words, plan_at

if TYPE_CHECKING:
    from layerscape.extraction import Network

Note = Callable[[str], None]


@dataclass(frozen=True)
class Pass:
    """One pass of samples through a network.

    Attributes
    ----------
    specs
        The chosen layers, as a dry run on the first and the last sample found them.
    batch_size, max_length
        As the user gave them.
    store, compress
        How vectors are kept on disk.
    series
        The plan of an earlier run of the same series, whose rule for batches holds for all of them.
    """

    network: Network
    samples: Samples
    pooling: str
    specs: Sequence[LayerSpec]
    batch_size: int | None = None
    store: str = "float32"
    compress: bool = False
    max_length: int | None = None
    series: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        network: Network,
        samples: Samples,
        layers: str | Sequence[str] | None = None,
        pooling: str | None = None,
        **options: Any,
    ) -> Pass:
        """With the layers that are chosen by name or pattern, and the pooling that suits the network if none is."""
        pooling = pooling or network.default_pooling
        infos = network.layers(pooling, samples.read([0, len(samples) - 1]), select=layers)
        specs = [LayerSpec(info.name, info.n_units, info.depth, info.module) for info in infos]
        return cls(network, samples, pooling, specs, **options)

    @property
    def layers(self) -> list[str]:
        return [spec.name for spec in self.specs]

    def check_disk(self, out: str | Path, note: Note) -> None:
        """Say how much the run needs on disk; raise if there is less."""
        needed = disk_needed(self.specs, len(self.samples), self.store)
        what = f"{counted(len(self.specs), 'layer')} of {counted(len(self.samples), 'sample')}"
        note(f"{what} need {in_words(needed)} on disk")
        check_space(out, needed)

    def batching(self, earlier: Mapping[str, Any]) -> Mapping[str, Any]:
        """The rule for batches; that of an earlier plan of the run, where nobody said how many samples a batch has.

        What is fastest is another rule on another device, or on another day, and bits depend on the rule.
        """
        if self.batch_size is None and earlier and not earlier.get("asked"):
            return earlier
        rule = self.network.batching(self.batch_size, self.samples, self.pooling)
        if earlier and rule == {name: earlier[name] for name in earlier if name != "asked"}:
            return earlier
        return rule | ({"asked": True} if self.batch_size else {})

    def plan(self, earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What decides the vectors: a run of another plan than the earlier one is another run."""
        network, samples = self.network, self.samples
        return {
            "model": {**network.describe(), "fingerprint": network.fingerprint},
            "inputs": {"source": samples.source, "kind": samples.kind, "fingerprint": samples.fingerprint},
            "layers": self.layers,
            "pooling": self.pooling,
            "batching": self.batching((earlier or self.series).get("batching", {})),
            "store": self.store,
        }

    def prove(self, note: Note) -> dict[str, Any]:
        """What is shown of the layers on a few samples before a run starts; raise where one is not to be trusted."""
        from layerscape.extraction import prove  # it loads torch
        from layerscape.extraction.layers import UNSEEN

        proofs = prove(self.network, self.samples, self.layers, self.pooling, self.batch_size)
        for cure in proofs["cures"]:
            note(f"the model runs with {cure}")
        for layer in (layer for axis in proofs["axes"] for layer in axis.get("unseen", ())):
            note(f"{layer} is left out: it {UNSEEN}")
        return proofs

    def create(self, out: str | Path) -> RunFolder:
        """The folder of the run, which goes on where it was interrupted; to be closed."""
        stored = {"dtype": self.store, "compress": self.compress}
        folder = RunFolder.create(out, self.plan(plan_at(out)), self.specs, len(self.samples), **stored)
        try:
            folder.write_samples(self.samples.ids, self.samples.labels, self.samples.kind)
        except BaseException:
            folder.close()
            raise
        return folder

    def fill(
        self,
        folder: RunFolder,
        told: Mapping[str, Any],
        progress: Show = None,
        losses: Losses | None = None,
        by: Elsewhere | None = None,
    ) -> None:
        """Write what is not there yet, here or ``by`` others, and finish the run with what is told of it."""
        done = len(self.samples) - sum(rows.stop - rows.start for _, rows in folder.blocks_left())

        def advance(n: int) -> None:
            nonlocal done
            done += n
            if callable(progress):
                progress("extracting", done, len(self.samples))

        advance(0)
        if by is None:
            self._fill_here(folder, losses, advance)
        else:
            for number, found in by.blocks(list(folder.blocks_left()), advance):
                folder.write_block(number, found.entries, found.previews)
                fitted = [each for each in (self.network.fitting.most, found.fitted) if each is not None]
                self.network.fitting.most = min(fitted, default=None)
        folder.finish(self._record(folder) | dict(told))

    def _fill_here(self, folder: RunFolder, losses: Losses | None, advance: Callable[[int], None]) -> None:
        seen = Previewing(self.samples)
        blocks = self.network.blocks(
            seen.samples,
            self.layers,
            self.pooling,
            block_rows=folder.layout.block_rows,
            batch_size=folder.plan["batching"],
            skip=folder.finished_blocks,
            progress=advance,
            with_loss=losses is not None,
        )
        with Behind() as behind:  # the network goes on while a block is written
            for number, vectors in blocks:
                rows = folder.layout.rows(number)
                if losses is not None:
                    losses.take(rows, vectors)
                behind(folder.write_block, number, vectors, seen.previews(range(rows.start, rows.stop)))

    def _where_cut(self) -> str:
        """Where texts are cut, and whose limit that is."""
        limit = self.network.describe()["preprocessing"].get("max_length")
        if self.max_length is not None:
            return f"{limit} tokens, as max_length (--max-length) says"
        return f"the model's greatest length, {limit} tokens"

    def _record(self, folder: RunFolder) -> dict[str, Any]:
        """What the making of the run has to tell, warnings in words."""
        network, samples = self.network, self.samples
        warnings = []
        # Blocks of an earlier, interrupted call count too: a run must not tell how often it was interrupted.
        earlier = set(range(folder.layout.n_blocks)) - set(network.truncated)
        blocks = [folder.layout.rows(number) for number in earlier]
        n_cut = sum(network.count_truncated(samples, range(rows.start, rows.stop)) for rows in blocks)
        n_cut += sum(network.truncated.values())
        cut_at = self._where_cut()
        if n_cut:
            warnings.append(f"{n_cut} texts were cut at {cut_at}")
        if network.fitting.most is not None:
            warnings.append(
                "a batch did not fit into memory: from then on batches had at most "
                f"{network.fitting.most} samples times tokens, and differ in their last digits from those of the rule"
            )
        if samples.skipped:
            warnings.append(f"{len(samples.skipped)} samples could not be read and were left out")
        for warning in warnings:
            python_warnings.warn(warning, stacklevel=5)
        reasons = Counter(re.sub(r" ?\(.*\)$", "", reason) for _, reason in samples.skipped)
        counts = {"kept": len(samples), "skipped": dict(reasons), "cut": n_cut} | ({"cut_at": cut_at} if n_cut else {})
        told = {"counts": counts, "skipped": [list(pair) for pair in samples.skipped], "warnings": warnings}
        return told | ({"deployed": dict(network.deployed)} if network.deployed else {})
