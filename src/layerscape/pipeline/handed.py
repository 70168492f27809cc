"""What other libraries hand out samples by: a loader of torch, and a data set of the hub by its name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

from layerscape.errors import InvalidType, InvalidValue, MissingExtra

HUB = "hf:"
IN_ORDER = ("SequentialSampler", "_InfiniteConstantSampler")  # the second is of what is iterated
_NAME = re.compile(r"hf:(?P<name>[^\[\]:,]+)(,(?P<part>[^\[\]:,]+))?(\[(?P<split>[^\]]+)\])?(:(?P<column>.+))?")


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


def _loader(given: str) -> Callable[..., Any]:
    try:
        return import_module("datasets").load_dataset
    except (ModuleNotFoundError, AttributeError):  # or a folder of the user's is called so
        raise MissingExtra(
            f"{given} is a data set of the hub, and the library that reads it is not installed; run: "
            "pip install datasets"
        ) from None


def from_hub(given: str) -> tuple[Any, str | None]:
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
    load = _loader(given)
    try:
        data = load(name, part, split=split)
    except Exception as error:  # of whatever kind that library and the hub have
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidValue(f"{given} cannot be had: {reason[:300].rstrip('.')}.") from None
    if not hasattr(data, "column_names") or isinstance(data, Mapping):
        raise InvalidValue(
            f"{given} has several splits, {', '.join(map(str, data))}; name one: hf:{name}[{next(iter(data))}]."
        )
    for each in [column] if column is None or column in data.column_names else column.split(","):
        if each is not None and each.strip() not in data.column_names:
            raise InvalidValue(f"{given} has no column {each.strip()!r}; there are: {', '.join(data.column_names)}.")
    return data, column
