"""Upkeep: what may be done to a finished run without measuring it: looked through, mended, given other labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.decisive import deciding_who_is_near
from layerscape.core.names import as_names
from layerscape.core.nearness import Nearness
from layerscape.core.neighbors import Neighbors
from layerscape.core.progress import Show, shown
from layerscape.core.representation import Representation
from layerscape.errors import FileProblem, InvalidValue, unknown_name
from layerscape.inputs import features_of, known_features
from layerscape.inputs.again import has_columns, samples_again
from layerscape.inputs.by_id import labels_given
from layerscape.inputs.labels import ID_COLUMNS, labels_from
from layerscape.storage import RunFolder
from layerscape.storage.check import Piece, adopt, check, repair
from layerscape.storage.files import remove_folder
from layerscape.storage.labels import alike, alone, others_than, replace_labels


class Upkeep:
    """The part of a `Run` that keeps its folder in order."""

    folder: RunFolder

    def check(self, progress: Callable[[str, int, int], object] | None = None) -> list[Piece]:
        """Whether every byte is as it was written: the samples, each layer, and what was found in the run.

        Parameters
        ----------
        progress
            Called as ``progress("check", done, total)`` with numbers of files.

        Returns
        -------
        list of Part
            Each with its ``name`` and its ``problem``, which is empty for a part that is whole.

        Raises
        ------
        InvalidValue
            If the run was written by a version without digests; `adopt` makes them.

        Examples
        --------
        >>> from layerscape import from_arrays
        >>> run = from_arrays({"first": np.eye(4)})
        >>> [(part.name, part.problem) for part in run.check()]
        [('samples.parquet', ''), ('first', '')]
        """
        return check(self.folder, progress)

    def repair(self, parts: Sequence[Piece] | None = None) -> str:
        """Take away what is not as it was written, so that it is made again; what is to be done then, in words.

        Graphs are searched again when they are asked for. ``layerscape check RUN --repair`` does all of it at once.

        Parameters
        ----------
        parts
            What `check` found, so that the run is not read once more.
        """
        return repair(self.folder, self.check() if parts is None else parts)

    def adopt(self) -> None:
        """Take what is there as whole and keep its digests: of a run that has none, if you trust it."""
        adopt(self.folder)
        self.folder = RunFolder.open(self.folder.path)

    def add_labels(self, labels: Any, *, id_column: str | None = None) -> None:
        """Add label columns; nothing is extracted or searched again.

        Parameters
        ----------
        labels
            A dict of column name to N values in the order of ``samples.ids``, or to a dict of id to label, or to a
            Series; a Series, or a DataFrame; or a file as `extract` takes it. A table, a dict of ids and the index of
            a Series are matched by id, and what they know of other samples is left out; anything else has one label
            per sample. In a dict, a Series with the index 0, 1, 2, … has them in the order of the samples.
        id_column
            The column of ids of a table; ``id`` when left out, or the index of a DataFrame, and of a file that pandas
            wrote, where there is no such column.

        Raises
        ------
        InvalidValue, InvalidType, UnknownName, FileProblem
            If the run has a column of that name with other values, a sample has no value (None is one), an id has two,
            or the numbers of values differ.

        Examples
        --------
        >>> from layerscape import from_arrays
        >>> run = from_arrays({"first": np.eye(3)}, ids=["a", "b", "c"])
        >>> run.add_labels({"vowel": ["yes", "no", "no"]})
        >>> run.samples.labels["vowel"]
        array(['yes', 'no', 'no'], dtype='<U3')
        >>> run.add_labels({"half": {"c": 1, "b": 0, "a": 0}})
        >>> run.samples.labels["half"]
        array([0, 0, 1])
        """
        ids = self.folder.samples.ids
        if isinstance(labels, (str, Path)):
            columns = labels_from(labels, ids, range(len(ids)), ID_COLUMNS if id_column is None else (id_column,))
        else:
            columns = labels_given(labels, ids, id_column)
        self._add(columns)

    def add_features(
        self,
        names: str | Sequence[str],
        *,
        inputs: str | Path | None = None,
        text_column: str | None = None,
        image_column: str | None = None,
        id_column: str | None = None,
        follow_links: bool = False,
        progress: Show = None,
    ) -> None:
        """Add facts read from the samples as label columns; nothing is extracted or searched again.

        Parameters
        ----------
        names
            As ``features`` of `extract`: some, or ``"all"`` that samples of this kind have.
        inputs
            The file or folder that the run was made of; where it was then, when left out. Samples are matched by id,
            and must have the contents that they had.
        text_column, image_column, id_column, follow_links
            As in `extract`; what was said there, when left out.
        progress
            As in `layerscape.measure`.

        Raises
        ------
        UnknownName, InvalidValue, FileProblem
            If samples of this kind have no such feature, or they are gone, or are others than those of the run.

        Examples
        --------
        >>> import tempfile
        >>> from layerscape import extract
        >>> with tempfile.TemporaryDirectory() as out:
        ...     run = extract("demo", "digits", limit=20, out=out, progress=False)
        ...     run.add_features(["luminance", "contrast"])
        ...     list(run.samples.labels)
        ['digit', 'luminance', 'contrast']
        """
        made, record = self.folder.plan.get("inputs"), self.folder.record.get("read_with", {})
        if made is None or (record is None and inputs is None):
            raise InvalidValue(
                f"the samples of the run at {self.folder.path} were in memory and cannot be read again; "
                "add columns of your own as labels."
            )
        known_features(made["kind"], names)  # before anything is read
        source = inputs or made["source"]
        columns = {"text_column": text_column, "image_column": image_column, "id_column": id_column}
        given = {**columns, "follow_links": follow_links}
        kept = {name: value for name, value in (record or {}).items() if name == "follow_links" or has_columns(source)}
        options = kept | {name: value for name, value in given.items() if value}
        table = self.folder.samples
        samples = samples_again(source, table.ids, made["kind"], made["fingerprint"], **options)
        with shown(progress) as tell:
            self._add(features_of(samples, names, tell))

    def _add(self, columns: Mapping[str, np.ndarray]) -> None:
        """Add columns; one that is there already stays, if it has these values, and is refused otherwise."""
        with alone(self.folder) as now:
            others = [name for name in columns if name in now.labels and not alike(now.labels[name], columns[name])]
            if others:
                raise InvalidValue(
                    f"the run has labels {others[0]!r} already, of other values; remove them first, or choose another "
                    "name."
                )
            if columns.keys() - now.labels.keys():
                replace_labels(self.folder, {**now.labels, **columns})

    def remove_labels(self, names: str | Sequence[str]) -> None:
        """Remove label columns, the rows of the table that tell of them, and a recommendation that was made by them."""
        names = as_names(names)
        with alone(self.folder) as now:
            for name in names:
                if name not in now.labels:
                    raise unknown_name("label column", name, now.labels)
            self._forget(names)
            replace_labels(self.folder, {name: each for name, each in now.labels.items() if name not in names})

    def _forget(self, names: Sequence[str]) -> None:
        """What tells of labels goes before they do, so that a kill never leaves it telling of labels that are gone."""
        estimates, found = self.folder.load_estimates(), self.folder.load_recommendation() or {}
        if set(found.get("labels", ())) & set(names):
            self.folder.forget_recommendation()
        notes = self.folder.load_notes()
        self.folder.save_notes([words for words in notes if not any(repr(name) in words for name in names)])
        if estimates is not None:
            others = others_than(estimates, names)
            if len(others) < len(estimates):
                self.folder.save_estimates(others)

    def _keep_graph(self, layer: str, graph: Neighbors, searched: Path | None) -> None:
        """Keep what was found, and then take away the folder in which machines of a cluster searched for it."""
        self.folder.save_graph(layer, graph)
        remove_folder(searched)

    def _complete(self, layers: Sequence[str], near: Nearness) -> None:
        """Let graphs that an earlier version kept say which unit decides; in a run that cannot be written they stay."""
        try:
            self.folder.check_writable()
        except FileProblem:
            return  # it costs time, whenever it is asked, and nothing else
        for layer in layers:
            deciding = deciding_who_is_near(Representation(self.folder.vectors(layer), layer), near)
            with self.folder.writing():  # or a wider graph that another process searches meanwhile would be replaced
                graph = self.folder.load_graph(layer, near)
                if graph is not None:
                    self.folder.save_graph(layer, replace(graph, deciding=deciding, proven=True))
