"""Samples from whatever the user holds: a path, a list, an array, or samples already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from layerscape.core.conversion import as_array, index_of, refuse_annotated
from layerscape.core.labels import as_column, as_columns
from layerscape.core.provenance import fingerprint
from layerscape.core.samples import Kind, Samples, TextPair
from layerscape.errors import FileProblem, InvalidType, InvalidValue
from layerscape.inputs import Selection, choose_inputs
from layerscape.inputs.contents import select_rows
from layerscape.inputs.images import ENDINGS, open_files
from layerscape.inputs.text import pair_source, text_source
from layerscape.pipeline.contents import check_asked, is_missing, is_pair, is_picture, plain, shows_picture
from layerscape.pipeline.frames import as_table, chosen_of_table
from layerscape.pipeline.handed import HUB, Stored, from_hub, is_loader, samples_of, stored
from layerscape.pipeline.spool import Spool, one_by_one, spooled

GIVE = "give a path, an array with one sample per row, or a list of texts, of arrays or of dicts of arrays"
ARRAYS = (
    "__array__",
    "detach",
    "to_numpy",
    "toarray",
    "keys",
)  # what has one of these is an array, or is refused as one


def as_samples(inputs: Any, *, labels: Any = None, kind: Kind | None = None, **options: Any) -> Samples:
    """Samples from a path, a list of texts, arrays or dicts of arrays, or an array; a `Samples` is returned as it is.

    Examples
    --------
    >>> as_samples(["to be", "or not"], labels={"half": ["first", "second"]}).ids
    ('0', '1')
    >>> as_samples([np.zeros((3, 2)), np.zeros((5, 2))]).kind
    'array'
    """
    chosen = choose_samples(inputs, labels=labels, kind=kind, **options)
    return chosen if isinstance(chosen, Samples) else chosen.samples()


def choose_samples(inputs: Any, *, labels: Any = None, kind: Kind | None = None, **options: Any) -> Samples | Selection:
    """As `as_samples`, but of a path only what needs no content: which samples there are, and their labels."""
    if isinstance(inputs, Samples):
        return inputs
    if isinstance(inputs, str) and inputs.startswith(HUB):
        return _of_hub(inputs, kind, labels, options)
    if isinstance(inputs, (str, Path)):
        return choose_inputs(inputs, kind=kind, labels=labels, **options)
    refuse_annotated(inputs, "the input")
    inputs, options = _begun(stored(inputs), options)
    inputs, table = as_table(inputs, kind, labels, options)
    if table is not None:
        return chosen_of_table(inputs, table, kind, labels, options)
    skip_bad = bool(options.pop("skip_bad", False))
    if given := [name for name, value in options.items() if value]:
        raise InvalidValue(f"{given[0]}={options[given[0]]!r} is for files; select the samples in memory yourself.")
    columns = as_columns(labels)
    if isinstance(inputs, (list, tuple)) and inputs and all(isinstance(item, Path) for item in inputs):
        check_asked(kind, "image", inputs)
        return Selection(open_files(inputs), range(len(inputs)), columns, "a list", kind, skip_bad)
    contents, found, source, own = _held(inputs)
    check_asked(kind, found, contents)
    if skip_bad and found != "text":
        raise InvalidValue("skip_bad=True is for files and texts; select the samples in memory yourself.")
    ids = index_of(inputs) or tuple(map(str, range(len(contents))))
    known = {"label": own} if own else {}
    known |= inputs.classes if isinstance(inputs, Stored) else {}
    columns = {name: as_column(values) for name, values in known.items()} | columns
    samples = Samples(ids, kind or found, lambda rows: [contents[row] for row in rows], "", columns, source)
    if found == "text" and (kept := _with_words(samples, contents, skip_bad=skip_bad)).skipped:
        return kept
    return replace(samples, fingerprint=fingerprint(contents if isinstance(contents, list) else _parts(contents)))


def _begun(inputs: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Only the first samples of what does not say how many it has, where so many are asked for; it may never end."""
    limit = options.get("limit")
    if limit is None or hasattr(inputs, "__len__") or not hasattr(inputs, "__iter__") or is_loader(inputs):
        return inputs, options
    if isinstance(inputs, Stored) and not inputs.endless:
        return inputs, options
    if (seed := options.get("sample_seed")) is not None:
        raise InvalidValue(f"sample_seed={seed} of samples whose number is not known; leave it out for the first ones.")
    select_rows(0, limit, None)  # which raises where it is no number of samples
    first = inputs.first(limit) if isinstance(inputs, Stored) else islice(inputs, limit)
    return first, {**options, "limit": None}


def _with_words(samples: Samples, contents: Any, *, skip_bad: bool) -> Samples:
    """Texts or pairs of them without those that are empty, which are refused or, where that is asked for, left out."""
    if isinstance(contents[0], TextPair):
        first, second = (list(each) for each in zip(*contents, strict=True))
        source = pair_source(first, second, "text", samples.ids)
    else:
        source = text_source(contents, "text", samples.ids)
    chosen = Selection(source, range(len(contents)), samples.labels, samples.source, samples.kind, skip_bad)
    try:
        kept = chosen.samples()
    except FileProblem as error:
        raise InvalidValue(str(error)) from None
    return replace(kept, kind=samples.kind) if kept.skipped else samples


def _of_hub(given: str, kind: Kind | None, labels: Any, options: dict[str, Any]) -> Samples | Selection:
    """The samples of a data set that is named; its column is that of texts, or of pictures."""
    data, column = from_hub(given)
    if column is not None:
        first = next(iter(data), {}).get(column)
        if is_picture(first):
            data = data.only(column)
        elif first is not None and not isinstance(first, str):
            what = f"{given} is a column of values of type {type(first).__name__}"
            raise InvalidType(f"{what}; name one of texts or pictures, of: {', '.join(data.column_names)}.")
        else:
            options = {**options, "text_column": column}
    found = choose_samples(data, labels=labels, kind=kind, **options)
    return replace(found, source=given) if isinstance(found, Samples) else replace(found, given=given)


def _held(inputs: Any) -> tuple[Any, Kind, str, list[Any]]:
    """The contents of all samples, what they are, what they came in, and the labels that came with them."""
    inputs = _as_list(inputs)
    texts = _texts(inputs)
    if texts is not None:
        first = next(text for text in texts if text is not None)
        if all(text.lower().endswith(ENDINGS) for text in texts if text is not None) and Path(first).exists():
            raise InvalidType(
                f"a list of texts that are paths of pictures, {first!r} for one; give them as pathlib.Path(…), or "
                "their folder."
            )
        return texts, "text", "a list", []
    if is_loader(inputs):
        spool, kind, labels = spooled(samples_of(inputs), labeled=True)
        return spool, kind, "a DataLoader", labels
    if isinstance(inputs, (list, tuple)) and inputs and shows_picture(inputs[0]):
        spool, kind, labels = spooled(inputs, labeled=False)
        return spool, kind, "a list", labels
    if isinstance(inputs, (list, tuple)):
        if (pairs := _pairs(inputs)) is not None:
            return pairs, "text", "a list", []
        inputs = _of_list(inputs)
        if not isinstance(inputs, np.ndarray):
            return inputs, "array", "a list", []
    if not any(hasattr(inputs, name) for name in ARRAYS) and (items := one_by_one(inputs)) is not None:
        spool, kind, labels = spooled(items, labeled=not isinstance(inputs, Iterator))
        return spool, kind, f"a {getattr(inputs, 'called', type(inputs).__name__)}", labels
    if not any(hasattr(inputs, name) for name in ARRAYS):  # numpy would make one of a data set, labels and all
        raise InvalidType(f"inputs of type {type(inputs).__name__}; {GIVE}.")
    array = np.asarray(as_array(inputs, "the input")[...])
    if array.ndim < 2:
        raise InvalidType(f"inputs of type {type(inputs).__name__} and shape {array.shape}; {GIVE}.")
    return array, "array", "an array", []


def _as_list(inputs: Any) -> Any:
    """A list of what a nested tensor, a column of objects or an array of pairs of texts holds."""
    if getattr(inputs, "is_nested", False):
        return list(inputs.unbind())
    if getattr(getattr(inputs, "dtype", None), "kind", "") not in ("O", "U"):
        return inputs
    cells = inputs.ravel() if getattr(inputs, "ndim", 0) == 2 and hasattr(inputs, "ravel") else [None]
    if all(isinstance(cell, str) for cell in cells):
        return inputs.tolist()
    return list(inputs) if getattr(inputs, "ndim", 0) == 1 else inputs


def _texts(inputs: Any) -> list[str | None] | None:
    """The texts of a list or of a column of words, None where one is missing; None where there are none."""
    if not isinstance(inputs, (list, tuple)) and getattr(inputs, "ndim", 0) != 1:
        return None
    items = list(inputs)
    if items and isinstance(items[0], bytes):
        raise InvalidType(
            f"inputs of bytes, {items[0][:12]!r} for one; give texts, each.decode(), or pictures, "
            "PIL.Image.open(io.BytesIO(each))."
        )
    texts = [str(item) if isinstance(item, str) else None for item in items]
    if texts.count(None) == len(texts):
        return None
    for place, item in enumerate(items):
        if texts[place] is None and not is_missing(item):
            raise InvalidType(f"input {place} is {item!r} among texts, of type {type(item).__name__}; give texts only.")
    return texts


def _pairs(inputs: Sequence[Any]) -> tuple[TextPair, ...] | None:
    """The pairs of a list of two texts each; None where there are none."""
    first = inputs[0] if inputs else None
    if not (isinstance(first, (list, tuple)) and len(first) > 1 and all(isinstance(part, str) for part in first)):
        return None
    for place, item in enumerate(inputs):
        if not is_pair(item):
            raise InvalidType(f"input {place} is {item!r} among pairs of texts; give two texts for each sample.")
    return tuple(TextPair(*item) for item in inputs)


def _of_list(inputs: Sequence[Any]) -> tuple[Any, ...] | np.ndarray:
    """One array of arrays that are alike; else arrays, and whatever holds such, for the network's inputs to read."""
    if not inputs:
        raise InvalidValue(f"an empty list; {GIVE}.")
    contents = tuple(plain(item, f"sample {number} of the list") for number, item in enumerate(inputs))
    kinds = {(item.shape, item.dtype) if isinstance(item, np.ndarray) else None for item in contents}
    if all(kind is not None and not kind[0] for kind in kinds):
        raise InvalidType(f"a list of numbers; {GIVE}.")
    return np.stack(contents) if len(kinds) == 1 and None not in kinds else contents


def _parts(item: Any) -> Iterator[bytes | str]:
    """What tells a sample from another."""
    if isinstance(item, np.ndarray):
        yield from (str(item.dtype), str(item.shape), item.tobytes())
    elif isinstance(item, Mapping):
        for key, part in item.items():
            yield f"{key}:"
            yield from _parts(part)
    elif isinstance(item, (tuple, Spool)):
        yield f"{len(item)} parts"
        for part in item:
            yield from _parts(part)
    else:
        yield repr(item)
