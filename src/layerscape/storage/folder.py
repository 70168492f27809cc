"""RunFolder: one run on disk. It is written block by block, may be killed at any moment, and then goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.lock import Lock
from layerscape.errors import FileProblem, InvalidValue, need
from layerscape.storage import samples
from layerscape.storage.files import PARTIAL, file_problems
from layerscape.storage.layout import BLOCK_BYTES, LayerSpec, Layout, lay_out
from layerscape.storage.ledger import Entry, Ledger
from layerscape.storage.manifest import CURE, NAME, Manifest, finished_at, holds_run, look, now, runs_inside
from layerscape.storage.results import Results
from layerscape.storage.vectors import Vectors

SAMPLES = "samples.parquet"


class RunFolder(Results):
    """A run on disk: ``run.json``, ``vectors.zarr``, ``samples.parquet``, ``given``, ``graphs``, ``estimates.parquet``.

    What their bytes were when they were written is in ``ledger.json``, by which they are proven as they are read.
    Made by `create`, which also goes on with a run that was interrupted, or by `open`, which reads a finished one.

    Attributes
    ----------
    path, layers
        The folder, and its layers in the order of execution.
    manifest
        What ``run.json`` says.

    Examples
    --------
    >>> import tempfile
    >>> x = np.arange(12.0).reshape(4, 3)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     with RunFolder.create(out, {"source": "x"}, [LayerSpec("layer 1", 3)], n_samples=4) as run:
    ...         run.write_samples(["a", "b", "c", "d"], {"half": np.array([0, 0, 1, 1])}, "array")
    ...         for number, rows in run.blocks_left():
    ...             run.write_block(number, {"layer 1": x[rows]})
    ...         run.finish()
    ...     run = RunFolder.open(out)
    ...     run.vectors("layer 1")[2], run.samples.labels["half"]
    (array([6., 7., 8.], dtype=float32), array([0, 0, 1, 1]))
    """

    def __init__(self, path: Path, manifest: Manifest, lock: Lock | None = None) -> None:
        ledger = Ledger(path, kept=manifest.ledger)
        self._vectors = Vectors(manifest.layers, manifest.layout, ledger)
        super().__init__(ledger, manifest.layers, self._vectors.identity, lock)
        self.manifest = manifest
        self._unfinished = samples.Unfinished(path / ".unfinished")

    @classmethod
    def create(
        cls,
        path: str | Path,
        plan: Mapping[str, Any],
        layers: Sequence[LayerSpec],
        n_samples: int,
        *,
        dtype: str = "float32",
        compress: bool = False,
        block_bytes: int = BLOCK_BYTES,
    ) -> RunFolder:
        """A new run to be written, or the one that is there if it has the same plan.

        Parameters
        ----------
        path
            The folder; it must be new, empty, or a run.
        plan
            Everything that decides the vectors (model, data, pooling, seed), as nested JSON values.
        layers, n_samples
            The arrays to come.
        dtype
            How vectors are stored: ``"float16"``, ``"float32"`` or ``"float64"``.
        compress
            Whether to compress with Zstandard: 8 % smaller on activations, twice as slow.
        block_bytes
            How large one block of all layers may be; a run that goes on keeps its own.

        Raises
        ------
        InvalidValue
            If the run that is there was made otherwise; the message names what changed.
        FileProblem
            If the folder holds something else, a run of another format, or one that another process is writing.
        """
        need("runs")
        layers = tuple(layers)
        layout = lay_out(layers, n_samples, dtype, block_bytes=block_bytes, compress=compress)
        wanted = Manifest(dict(plan), layers, layout)
        path = Path(path)
        with file_problems(path):
            finished = finished_at(path)
            path.mkdir(parents=True, exist_ok=True)
            lock = Lock(path, wait=finished)
            try:
                return cls._begin(path, wanted, lock)
            except BaseException:
                lock.release()
                raise

    @classmethod
    def _begin(cls, path: Path, wanted: Manifest, lock: Lock) -> RunFolder:
        manifest = look(path)  # again, now that nobody else can write
        if manifest is None:
            wanted.write(path)
            manifest = wanted
        else:
            manifest.must_equal(wanted, path)
        for leftover in path.rglob("*" + PARTIAL):
            leftover.unlink()
        run = cls(path, manifest, lock)
        if run.finished:
            run._unfinished.remove()  # it may have been killed at the very end of finish()
            run.close()
        else:
            run.ledger.begin()
            run._vectors.create()
            run._vectors.clean(run.finished_blocks)
        return run

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """A finished run, to read and to add graphs and estimates to."""
        need("runs")
        path = Path(path)
        manifest = Manifest.read(path) if path.is_dir() else None
        if manifest is None:
            raise FileProblem(f"there is no run at {path}: {path / NAME} does not exist; {_instead(path)}")
        run = cls(path, manifest)
        run._must_be_finished()
        manifest.must_describe(path, run._vectors)
        return run

    @property
    def finished(self) -> bool:
        return self.manifest.finished is not None

    @property
    def plan(self) -> Mapping[str, Any]:
        return self.manifest.plan

    @property
    def record(self) -> Mapping[str, Any]:
        return self.manifest.record

    @property
    def layout(self) -> Layout:
        """How the rows are cut into blocks: `block_rows`, `n_blocks`, `rows(number)`, `dtype`."""
        return self.manifest.layout

    @property
    def n_samples(self) -> int:
        return self.manifest.layout.n_samples

    @property
    def finished_blocks(self) -> set[int]:
        """Numbers of the blocks whose vectors are on the disk in all layers."""
        if self.finished:
            return set(range(self.layout.n_blocks))
        return self._unfinished.blocks()

    def _must_be_open(self) -> None:
        if self._lock is None:
            raise InvalidValue(
                f"the run at {self.path} is finished or closed and takes no more; create it again to go on with it."
            )

    def blocks_left(self) -> Iterator[tuple[int, slice]]:
        """Number and rows of every block that is still to be written."""
        finished = self.finished_blocks
        for number in range(self.layout.n_blocks):
            if number not in finished:
                yield number, self.layout.rows(number)

    def write_samples(self, ids: Sequence[str], labels: Mapping[str, np.ndarray], kind: str) -> None:
        """Store ids and labels; where they are stored already, raise unless they are the same."""
        if len(ids) != self.n_samples:
            raise InvalidValue(f"{len(ids)} ids for a run of {self.n_samples} samples; give one per sample.")
        table = samples.make_table(ids, labels, kind)
        path = self._samples_file if self.finished else self._unfinished.samples
        with file_problems(self.path):
            if path.exists():
                samples.must_equal(path, table)
            else:
                self._must_be_open()
                samples.write_table(path, table)

    def write_block(
        self, number: int, vectors: Mapping[str, Any], previews: Sequence[str | bytes] | None = None
    ) -> None:
        """Store one block of every layer; when this returns it is on the disk and counted as finished.

        Parameters
        ----------
        number
            Which block, as `blocks_left` gives it.
        vectors
            Layer name to an array of shape (rows of the block, D); or what `write_elsewhere` gave.
        previews
            One text, or the bytes of one small picture, per row.

        Raises
        ------
        InvalidValue, InvalidType, UnknownName
            If a layer is missing or unknown, a shape is wrong, or a value is NaN, infinite or too large to be stored.
        FileProblem
            If the disk is full: the finished blocks stay, and the run can go on.
        """
        self._must_be_open()
        if number not in range(self.layout.n_blocks) or self._unfinished.part(number).exists():
            raise InvalidValue(
                f"block {number} of the run at {self.path} is written already or does not exist; "
                f"it has {self.layout.n_blocks} blocks: write those of blocks_left()."
            )
        rows = self.layout.rows(number)
        samples.check_previews(previews, n_rows := rows.stop - rows.start)
        with file_problems(self.path):
            self._unfinished.add(number, previews, n_rows, self._vectors.write(number, vectors))

    def finish(self, record: Mapping[str, Any] | None = None, plan: Mapping[str, Any] | None = None) -> None:
        """Mark the run as whole, with what is left to tell (JSON values), and the plan if not all was known before."""
        if self.finished:
            return
        self._must_be_open()
        left = len(list(self.blocks_left()))
        if left or not self._unfinished.samples.exists():
            what = f"{left} of {self.layout.n_blocks} blocks are" if left else "the samples are"
            raise InvalidValue(f"{what} not written yet in the run at {self.path}; write them before finish().")
        with file_problems(self.path):
            self._unfinished.join(self._samples_file)
            self._vectors.consolidate()
            if self.ledger.kept:
                self.ledger.commit(self._entries())
            whole = self._vectors.digest() if self.ledger.kept else ""
            plan, record = dict(plan or self.plan), dict(record or {})
            manifest = replace(self.manifest, plan=plan, finished=now(), record=record, vectors=whole)
            manifest.write(self.path)
            self.manifest = manifest
            self._unfinished.remove()
            self.close()

    def _entries(self) -> dict[str, tuple[Entry, ...]]:
        """What the bytes of all files are that make the run."""
        said = self._unfinished.entries()
        return {name: (said.get(name) or Entry.of(self.path / name),) for name in (*self._vectors.files(), SAMPLES)}

    def close(self) -> None:
        """Stop writing and let the next process go on; done by ``with``, by `finish` and when the process ends."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _must_be_finished(self) -> None:
        if not self.finished:
            raise FileProblem(
                f"the run at {self.path} is not finished "
                f"({len(self.finished_blocks)} of {self.layout.n_blocks} blocks); run the same command again to go on"
            )

    def vectors(self, layer: str) -> Any:
        """The Zarr array of a layer, shape (N, D), sliced as numpy's; ``.oindex[rows]`` takes rows in any order."""
        self._must_be_finished()
        return self._vectors.open(layer)

    @property
    def _samples_file(self) -> Path:
        return self.path / SAMPLES

    @cached_property
    def samples(self) -> samples.SampleTable:
        """Ids, labels and previews."""
        self._must_be_finished()
        self.ledger.present(SAMPLES)
        return samples.read_samples(self._samples_file, partial(self.ledger.prove, SAMPLES))


def _instead(path: Path) -> str:
    """What to do where a run is asked for and there is none."""
    if inside := runs_inside(path):
        return f"the runs inside are {', '.join(map(str, inside[:3]))}"
    if any((path / name).exists() for name in ("config.json", "adapter_config.json")):
        return f"it is a model, of which a run is made with: layerscape run {path} INPUTS --out runs/{path.name}"
    return CURE if holds_run(path) else f"make one with: layerscape run MODEL INPUTS --out {path}"
