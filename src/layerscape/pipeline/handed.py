"""What other libraries hand out samples by: a loader of torch, and a data set of the hub by its name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from layerscape.errors import InvalidType, InvalidValue, MissingExtra

HUB = "hf:"
SAVED = ("dataset_dict.json", "state.json")  # in folders that save_to_disk has written
IN_ORDER = ("SequentialSampler", "_InfiniteConstantSampler")  # the second is of what is iterated
_SPLIT = r"(\[(?P<split>[^\[\]]+(\[[^\[\]]*\])?)\])?"  # with a slice of it, as in test[:100]
_NAME = re.compile(rf"hf:(?P<name>[^\[\]:,]+)(,(?P<part>[^\[\]:,]+))?{_SPLIT}(:(?P<column>.+))?")


def is_loader(inputs: Any) -> bool:
    """Whether it is a DataLoader of torch, which is met without importing torch."""
    return hasattr(inputs, "batch_sampler") and hasattr(inputs, "dataset")


def samples_of(loader: Any) -> Iterator[Any]:
    """The samples of the batches of a loader one by one, as its data set would give them: (x, y) where it has labels.

    Raises
    ------
    InvalidType
        If their order may be another each time, or a batch has no samples along its first axis.
    """
    batches = loader.batch_sampler
    order = type(getattr(loader if batches is None else batches, "sampler", None)).__name__
    if order not in IN_ORDER or type(batches).__name__ not in ("BatchSampler", "NoneType"):
        which = type(batches).__name__ if order in IN_ORDER else order
        raise InvalidType(
            f"a DataLoader whose order may be another each time ({which}), so that row i is no sample that another "
            "run has; give one with shuffle=False, or its data set: loader.dataset."
        )
    if batches is None:
        yield from loader  # one sample at a time
        return
    if batches.drop_last and hasattr(loader.dataset, "__len__") and (left := len(loader.dataset) % batches.batch_size):
        warnings.warn(f"drop_last=True leaves out the last {left} samples of the DataLoader", stacklevel=2)
    for number, batch in enumerate(loader):
        for row in range(_size(batch, number)):
            yield _row(batch, row)


def _size(batch: Any, number: int) -> int:
    """How many samples are in a batch; raises where its parts do not have the same number."""
    sizes = list(dict.fromkeys(_sizes(batch)))
    if len(sizes) != 1 or sizes[0] is None:
        raise InvalidType(
            f"batch {number} of the DataLoader, of type {type(batch).__name__}, does not hold as many samples along "
            "the first axis of all its parts; give its data set, loader.dataset, with make_inputs."
        )
    return sizes[0]


def _sizes(batch: Any) -> Iterator[int | None]:
    if isinstance(batch, Mapping):
        for part in batch.values():
            yield from _sizes(part)
    elif isinstance(batch, (tuple, list)) and not _is_column(batch):
        for part in batch:
            yield from _sizes(part)
    elif isinstance(batch, (tuple, list)):
        yield len(batch)
    else:
        yield batch.shape[0] if getattr(batch, "ndim", 0) else None


def _is_column(batch: Any) -> bool:
    """Whether a list is of one value per sample, as the texts of a batch, and not of the parts of the batch."""
    return bool(batch) and all(isinstance(part, (str, bytes, int, float)) or part is None for part in batch)


def _row(batch: Any, row: int) -> Any:
    if isinstance(batch, Mapping):
        return {name: _row(part, row) for name, part in batch.items()}
    if isinstance(batch, (tuple, list)) and not _is_column(batch):
        return tuple(_row(part, row) for part in batch)
    return batch[row]


class Stored:
    """A data set of Hugging Face as it is stored, whatever format it was told to hand out its rows in.

    Classes are told by their names, as the data set has them, and pictures are decoded.

    Attributes
    ----------
    column_names
        Its columns.
    called
        What it is, for messages.
    classes
        Of the rows that the latest pass has come to, which are of what class, by column.
    """

    def __init__(self, data: Any) -> None:
        self.called, self.classes = type(data).__name__, dict[str, list[str | None]]()
        features = getattr(data, "features", None) or {}
        for name, feature in features.items():
            if getattr(feature, "decode", True) is False:
                data = data.cast_column(name, type(feature)())
        # One that comes over the wire knows its columns by its rows.
        self._data, self.column_names = data, list(data.column_names or next(iter(data), {}))
        self._names = {name: feature.names for name, feature in features.items() if hasattr(feature, "int2str")}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        self.classes = {name: [] for name in self._names}
        for row in self._data:
            named = {name: _class(names, row[name]) for name, names in self._names.items()}
            for name, value in named.items():
                self.classes[name].append(value)
            yield {**row, **named}

    @property
    def endless(self) -> bool:
        """Whether it does not say how many rows it has."""
        return hasattr(self._data, "take") and not hasattr(self._data, "__len__")

    def first(self, n_rows: int) -> Stored:
        """Its first rows, of one that is endless."""
        return Stored(self._data.take(n_rows))

    def only(self, column: str) -> Stored:
        """The same without its other columns, but those of classes and of ``label``."""
        kept = (column, "label", *self._names)
        others = [name for name in self.column_names if name not in kept]
        return Stored(self._data.remove_columns(others)) if others else self


def _class(names: list[str], number: Any) -> str | None:
    """The name of a class; -1 is what a test set has in place of one."""
    return names[number] if number is not None and number >= 0 else None


def stored(inputs: Any) -> Any:
    """A data set of Hugging Face as it is stored; of its splits one must be chosen. Anything else as it is."""
    if isinstance(inputs, Mapping) and inputs and all(_is_set(each) for each in inputs.values()):
        splits = ", ".join(map(repr, inputs))
        raise InvalidType(
            f"inputs of type {type(inputs).__name__} with the splits {splits}; give one: "
            f"inputs[{next(iter(inputs))!r}]."
        )
    if isinstance(inputs, Stored) or not _is_set(inputs):
        return inputs
    plain = getattr(inputs, "with_format", None)
    return Stored(inputs if plain is None else plain(None))


def _is_set(inputs: Any) -> bool:
    if not hasattr(inputs, "column_names") or not hasattr(inputs, "__iter__"):
        return False
    return bool(inputs.column_names) or hasattr(inputs, "take")


def _loader(given: str, name: str) -> Callable[..., Any]:
    try:
        library = import_module("datasets")
        if any((Path(name) / file).is_file() for file in SAVED):
            return partial(_from_disk, library.load_from_disk)
        return library.load_dataset
    except (ModuleNotFoundError, AttributeError):  # or a folder of the user's is called so
        raise MissingExtra(
            f"{given} is a data set of the hub, and the library that reads it is not installed; run: "
            "pip install datasets"
        ) from None


def _from_disk(load: Callable[[str], Any], name: str, part: str | None, split: str | None) -> Any:
    """What its own ``save_to_disk`` has written, which `load_dataset` does not read."""
    data = load(name)
    if part is not None or (split is not None and not isinstance(data, Mapping)):
        raise ValueError("it was saved as one data set, without parts and splits; leave them out")
    if split is not None and split not in data:
        raise ValueError(f"it has no split {split!r}; there are: {', '.join(data)}")
    return data if split is None else data[split]


def from_hub(given: str) -> tuple[Stored, str | None]:
    """The data set that ``hf:NAME[split]:column`` names, and the column; ``hf:NAME,PART[split]`` of one with parts.

    Raises
    ------
    InvalidValue, MissingExtra
        If it is no such name, the library is not installed, or the data set cannot be had.
    """
    found = _NAME.fullmatch(given)
    if found is None:
        raise InvalidValue(f"{given} names no data set; write hf:NAME[split]:column, as in hf:imdb[test]:text.")
    name, part, split, column = found.group("name", "part", "split", "column")
    load = _loader(given, name)
    try:
        data = load(name, part, split=split)
    except Exception as error:  # of whatever kind that library and the hub have
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidValue(f"{given} cannot be had: {reason[:300].rstrip('.')}.") from None
    if isinstance(data, Mapping) and len(data) == 1:
        data = next(iter(data.values()))
    if isinstance(data, Mapping):
        raise InvalidValue(
            f"{given} has several splits, {', '.join(map(str, data))}; name one: hf:{name}[{next(iter(data))}]."
        )
    for each in [column] if column is None or column in data.column_names else column.split(","):
        if each is not None and each.strip() not in data.column_names:
            raise InvalidValue(f"{given} has no column {each.strip()!r}; there are: {', '.join(data.column_names)}.")
    return stored(data), column
