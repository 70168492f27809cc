"""Open: recognize what the user points at, choose labels, select samples, check them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from layerscape.core.samples import Kind, check_ids
from layerscape.errors import FileProblem, InvalidValue, unknown_name
from layerscape.inputs.arrays import from_table, open_arrays, open_idx
from layerscape.inputs.captions import picture_source
from layerscape.inputs.contents import Contents, Selection, select_rows
from layerscape.inputs.files import existing_file, format_of, format_said
from layerscape.inputs.images import open_folder
from layerscape.inputs.labels import ID_COLUMNS, known_labels, labels_from, own_labels
from layerscape.inputs.matrix import ARRAYS, split_name
from layerscape.inputs.tables import TABLES, Table, as_numbers, as_words, read_table
from layerscape.inputs.text import FASTA, open_fasta, open_lines, pair_source, text_source
from layerscape.inputs.vectors import TABLE

DIGITS = "digits"


class Columns(NamedTuple):
    """Those of a table that the user names."""

    text_column: str | None
    image_column: str | None
    id_column: str | None


# Endings, kinds of sample (the first is the guess) and who opens them; a table is met here only as file.parquet:name.
_FORMATS: tuple[tuple[tuple[str, ...], tuple[Kind, ...], Callable[[str | Path, Kind], Contents]], ...] = (
    ((".txt",), ("text", "protein"), open_lines),
    (FASTA, ("protein", "text"), open_fasta),
    ((*ARRAYS, *TABLES), ("array", "image"), open_arrays),
    ((".idx",), ("image", "array"), open_idx),
)


def choose_inputs(
    source: str | Path | Table,
    *,
    kind: Kind | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    id_column: str | None = None,
    labels: str | Path | Sequence[str] | None = None,
    limit: int | None = None,
    sample_seed: int | None = None,
    skip_bad: bool = False,
    follow_links: bool = False,
) -> Selection:
    """What a network shall be shown, recognized by what the path is; of its contents nothing is read yet.

    Parameters
    ----------
    source
        - a folder of images: the id is the relative path, the label ``class`` the subfolder;
        - a table of texts or of paths of pictures (CSV, TSV, JSON lines, Parquet): one sample per row, the row number
          its id;
        - plain lines (``.txt``);
        - FASTA (``.fasta``, ``.fa``, ``.faa``): the id is the accession, ``key=value`` in a header a label;
        - an array (``.npy``, ``.npz``, ``.safetensors``, or a table of numbers): one sample per row;
        - IDX images, as MNIST has them, with the labels file beside them;
        - a table in memory: column name to N values;
        - the word ``digits``: the held-out scans of `layerscape.inputs.digits` (the folder is ``./digits``).

        All files but arrays and Parquet may be gzipped. ``file.npz:name`` chooses one of several arrays.
    kind
        What the samples are, where the guess is wrong: ``"protein"`` for sequences in a table, ``"array"`` for
        numbers beside texts, ``"image"`` for a uint8 array.
    text_column
        The column of texts; ``text`` when left out, or ``sequence`` for proteins. Two with a comma between them, as
        ``question,answer``, of pairs that a network reads together.
    image_column
        The column of paths of pictures, from the folder of the table on, or of pictures in a table in memory. With a
        ``text_column`` too a sample is a picture and its text (`Captioned`).
    id_column
        The column of ids, in the table and in that of ``labels``.
    labels
        Names of the columns that are labels. Or a file: a table joined by id (column ``id_column`` or ``id``; every
        other column is a label), or one label per row (``.npy``, ``.txt``). When left out, all columns of numbers with
        fractions, and of short words or whole numbers that on average occur at least twice.
    limit, sample_seed
        The first ``limit`` samples, with a warning where a label loses values by that; or, with a seed, as many drawn
        at random and kept in the order of the input.
    skip_bad
        Leave out, and record in ``skipped``, samples that cannot be used: corrupt images, empty texts.
    follow_links
        Whether links that leave a folder of images are followed.

    Returns
    -------
    Selection
        Which samples were chosen, and their labels. Its ``samples()`` are the `Samples`, with contents that are checked
        and fingerprinted; pictures and arrays are not held in memory.

    Raises
    ------
    FileProblem
        If a file is missing, empty, broken, of no known format, or samples in it are bad.
    InvalidValue, UnknownName
        If ids repeat, an option does not apply, or a column does not exist.

    Examples
    --------
    >>> samples = choose_inputs("digits", limit=3).samples()
    >>> samples.ids, samples.read([0])[0].shape, samples.labels["digit"]
    (('scan-0000', 'scan-0001', 'scan-0003'), (16, 16), array(['0', '1', '3'], dtype='<U1'))
    """
    if isinstance(source, str) and not source.strip():
        raise InvalidValue("the inputs are an empty path; give a file or a folder, '.' for this one.")
    given = source if isinstance(source, (str, Path)) else TABLE
    if kind is not None and kind not in get_args(Kind):
        raise unknown_name("kind of sample", kind, get_args(Kind))
    columns = Columns(text_column, image_column, id_column)
    joined = picked = None
    if isinstance(labels, (str, Path)):
        joined = labels
    elif labels is not None:
        picked = list(labels)
    if isinstance(source, dict):
        found = _open_table(given, source, kind, columns, picked or [])
    else:
        found = _recognize(source, kind, columns, picked or [], joined is not None, follow_links)
    check_ids(found.ids)
    if joined in {**found.labels, **found.columns} and not Path(str(joined)).exists():
        raise InvalidValue(f"labels={joined!r} is no file but a column; give labels=[{joined!r}] to choose columns.")
    own = own_labels(found, picked)
    rows = select_rows(len(found.ids), limit, sample_seed)
    values = {name: column[rows] for name, column in own.items()}
    id_columns = ID_COLUMNS if id_column is None else (id_column, *ID_COLUMNS)  # of the inputs, maybe of labels too
    if joined is not None:
        values |= labels_from(joined, found.ids, rows, id_columns)
    if len(rows) < len(found.ids) and sample_seed is None:
        _say_lost(own | (known_labels(joined, found.ids, id_columns) if joined is not None else {}), values, len(rows))
    return Selection(found, rows, values, str(given), kind, skip_bad)


def _say_lost(labels: Mapping[str, np.ndarray], chosen: Mapping[str, np.ndarray], n_chosen: int) -> None:
    """Warn where the first samples have clearly fewer values of a column of categories than a draw would have."""
    for name, column in labels.items():
        if column.dtype.kind == "f":
            continue
        sizes = np.unique(column, axis=0, return_counts=True)[1]
        expected = (1 - (1 - sizes / len(column)) ** n_chosen).sum()  # that a draw holds, on average
        kept = len(np.unique(chosen[name], axis=0))
        if kept < 0.9 * expected:
            warnings.warn(
                f"the first {n_chosen} of {len(column)} samples hold {kept} of the {len(sizes)} values of {name!r}; "
                "give --sample-seed 0 (sample_seed=0) to draw from all",
                stacklevel=4,
            )
            return


def check_there(source: str | Path) -> None:
    """Raise if a path leads to nothing."""
    path, _ = split_name(source)
    if source != DIGITS and not path.is_dir():
        existing_file(path)


def _recognize(
    given: str | Path,
    kind: Kind | None,
    named: Columns,
    picked: Sequence[str],
    joined: bool,
    follow_links: bool,
) -> Contents:
    path, name = split_name(given)
    ending = format_of(path)
    if ending in TABLES and name is None and not path.is_dir():
        return _open_table(path, read_table(path), kind, named, picked)
    for option, value in named._asdict().items():
        if value is not None and not (option == "id_column" and joined):
            raise InvalidValue(f"{option}={value!r}, but {given} has no columns; leave it out.")
    if given == DIGITS:
        from layerscape.inputs.digits import digits_source

        _choose_kind(given, kind, ("image",))
        return digits_source()
    if path.is_dir():
        _choose_kind(given, kind, ("image",))
        return open_folder(path, follow_links=follow_links)
    for endings, kinds, opener in _FORMATS:
        if ending in endings:
            return opener(given, _choose_kind(given, kind, kinds))
    raise FileProblem(
        f"{existing_file(path)} is of no known format ({format_said(ending)}); give a folder of images, an IDX file, "
        f"or one that ends in {', '.join((*TABLES, '.txt', *FASTA, *ARRAYS))}. Pickles are never loaded."
    )


def _choose_kind(given: str | Path, kind: Kind | None, kinds: tuple[Kind, ...]) -> Kind:
    if kind is not None and kind not in kinds:
        raise InvalidValue(f"kind={kind!r} for {given}; its samples can be: {', '.join(kinds)}.")
    return kind or kinds[0]


def _open_table(
    path: str | Path,
    table: Table,
    kind: Kind | None,
    named: Columns,
    picked: Sequence[str],
) -> Contents:
    text_column, image_column, id_column = named
    texts = _text_columns(text_column, table)
    for column in filter(None, (*texts, image_column, id_column)):
        if column not in table:
            raise unknown_name(f"column of {path}", column, table)
    ids = _ids(path, table, id_column)
    columns = {name: values for name, values in table.items() if name != id_column}
    if image_column is not None:
        return _open_pictures(path, table, kind, image_column, texts, ids, columns)
    if kind is None:
        units = [values for name, values in columns.items() if name not in picked]
        is_text = text_column is not None or "text" in columns or any(as_numbers(values) is None for values in units)
        kind = "text" if is_text else "array"
    if kind == "image" or (kind == "array" and text_column is not None):
        raise InvalidValue(
            f"kind={kind!r} for the table {path}; give text or protein, array without a text_column, or name the "
            "column of pictures with --image-column (image_column=)."
        )
    if kind == "array":
        return from_table(columns, ids, picked, str(path))
    texts = texts or ["sequence" if kind == "protein" and "sequence" in columns else "text"]
    for column in texts:
        if column not in columns:
            raise unknown_name(f"column of {path}", column, columns)
    chosen = [columns[column] for column in texts]
    others = {name: values for name, values in columns.items() if name not in texts}
    if len(chosen) == 2:
        return pair_source(chosen[0], chosen[1], kind, ids, others)
    return text_source(chosen[0], kind, ids, others)


def _open_pictures(
    path: str | Path,
    table: Table,
    kind: Kind | None,
    image_column: str,
    texts: Sequence[str],
    ids: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
) -> Contents:
    if kind not in (None, "image") or len(texts) > 1:
        what = f"kind={kind!r}" if kind not in (None, "image") else f"text_column={','.join(texts)!r}"
        raise InvalidValue(
            f"{what} with image_column={image_column!r}, of which a sample is a picture, with one text or none; leave "
            "one of the two out."
        )
    others = {name: values for name, values in columns.items() if name not in (*texts, image_column)}
    said = table[texts[0]] if texts else None
    return picture_source(table[image_column], Path(path).parent, said, ids, others)


def _text_columns(given: str | None, table: Table) -> list[str]:
    """The column of texts that is named, or the two columns of texts that are shown together."""
    if given is None:
        return []
    names = [given] if given in table else [name.strip() for name in given.split(",")]
    if len(names) > 2 or len(set(names)) < len(names):
        raise InvalidValue(
            f"text_column={given!r} names {len(names)} columns, and a sample is one text or a pair of two; name one "
            "column, or two with a comma between them."
        )
    return names


def _ids(path: str | Path, table: Table, id_column: str | None) -> Sequence[str]:
    if id_column is None:
        return ()
    ids = as_words(table[id_column])
    if "" in ids:
        raise InvalidValue(f"{path} has no id in row {ids.index('')}, column {id_column!r}; fill it in.")
    return ids
