"""Beforehand: what `extract` refuses before it waits for a model. Options come first, then paths, then columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.core.progress import Show
from layerscape.core.samples import Kind, Samples
from layerscape.errors import EXTRAS, InvalidValue, UnknownName, need
from layerscape.extraction import check_model
from layerscape.inputs import Selection, check_there, features_of, known_features
from layerscape.pipeline.handed import HUB
from layerscape.pipeline.samples import choose_samples
from layerscape.storage import check_place, check_store

if TYPE_CHECKING:
    from layerscape.extraction import Network

Chosen = Samples | Selection


def check_choices(model: Any, wish: dict[str, Any], pooling: str | None, store: str) -> None:
    """Raise at a missing library, and at words that are no choice at all, whatever the model and the data are."""
    need("models", libraries=("torch", *EXTRAS["runs"]))
    check_model(model, pooling, **wish)
    check_store(store)


def check_paths(inputs: Any, out: str | Path) -> None:
    """Raise at a path that leads to nothing, or to what is no place for a run."""
    if isinstance(inputs, (str, Path)) and not str(inputs).startswith(HUB):
        check_there(inputs)
    check_place(out)


def first_look(inputs: Any, kind: Kind | None, features: str | Sequence[str], options: dict[str, Any]) -> Chosen:
    """Which samples there are, and their labels; raises at what is wrong with columns, labels and features."""
    chosen = _as_anything(inputs, kind, options)
    names = _features(chosen.kind, kind, features)
    for name in names:
        if name in chosen.labels:
            raise InvalidValue(f"feature {name!r} has the name of a label column; rename that, or leave one out.")
    return chosen


def samples_for(network_kind: Kind, inputs: Any, kind: Kind | None, chosen: Chosen, options: dict[str, Any]) -> Samples:
    """The samples, which are proteins if the network takes proteins and nobody said otherwise."""
    asked = kind or ("protein" if network_kind == "protein" else None)
    if isinstance(chosen, Samples):
        return chosen if isinstance(inputs, Samples) or asked is None else replace(chosen, kind=asked)
    if chosen.asked != asked:
        chosen = choose_samples(inputs, kind=asked, **options)
    return chosen if isinstance(chosen, Samples) else chosen.samples()


def check_kind(network: Network, samples: Samples) -> None:
    """Raise if the network cannot take such samples; it may say so of a module only when it is called."""
    if samples.kind == "image":
        need("models", libraries=["PIL"])  # for their previews, which come last
    strings = {"text", "protein"}
    if network.kind != "array" and samples.kind != network.kind and {samples.kind, network.kind} != strings:
        records = samples.source == "a list" and isinstance(samples.read([0])[0], Mapping)
        cure = "a pandas.DataFrame of records" if records else "other inputs, or say what they are with kind"
        held = f"{samples.source} holds samples of kind {samples.kind!r}"
        raise InvalidValue(f"{held} and {network.name} takes {network.kind!r}; give {cure}.")


def _as_anything(inputs: Any, kind: Kind | None, options: dict[str, Any]) -> Chosen:
    """Samples of the kind that was asked for; or of either that a table can hold, since the network may decide."""
    try:
        return choose_samples(inputs, kind=kind, **options)
    except UnknownName as error:
        if kind is not None:
            raise
        try:
            return choose_samples(inputs, kind="protein", **options)
        except (UnknownName, InvalidValue):
            raise error from None


def _features(found: Kind, kind: Kind | None, names: str | Sequence[str]) -> list[str]:
    """The names of the features, which may be those of proteins where texts may turn out to be such."""
    try:
        return known_features(found, names)
    except UnknownName:
        if kind is not None or found != "text":
            raise
        try:
            return known_features("protein", names)
        except UnknownName:
            pass
        raise


def with_features(samples: Samples, names: str | Sequence[str], progress: Show) -> Samples:
    """The samples with these facts of them as label columns."""
    found = features_of(samples, names, progress)
    for name in found:
        if name in samples.labels:
            raise InvalidValue(f"feature {name!r} has the name of a label column; rename that, or leave one out.")
    return replace(samples, labels={**samples.labels, **found})
