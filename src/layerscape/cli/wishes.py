"""What `run` would refuse after the extraction, refused before it."""

from __future__ import annotations

from typing import Any

from layerscape.core.keywords import FIELDS


def check_wishes(measuring: dict[str, Any]) -> None:
    """Raise at what measuring would refuse, before anything is opened."""
    from layerscape.core.keywords import chosen
    from layerscape.measures import find_measures
    from layerscape.supply.answers import check_together
    from layerscape.supply.controls import check_controls

    chosen({name: measuring[name] for name in FIELDS})
    measures = find_measures((measuring["measures"] or "twonn").split(","))
    together = (measuring[name] for name in ("groups", "own_group", "by", "lag", "repeats"))
    check_together(measures, *together)
    check_controls((measuring["controls"] or "gaussian").split(","))


def check_columns(measuring: dict[str, Any], samples: Any) -> None:
    """Raise at what measuring would refuse of these samples, before the model is opened."""
    from layerscape.supply.answers import groups_of_column, repeats_of_columns
    from layerscape.supply.sources import check_groups

    _check_k(measuring["k"], len(samples))
    groups_of_column(samples.labels, measuring["groups"], len(samples), measuring["own_group"])
    repeats_of_columns(samples.labels, measuring["repeats"], len(samples))
    if measuring["by"]:
        check_groups(samples.labels, measuring["by"], measuring["k"])


def _check_k(k: int | None, n_samples: int) -> None:
    from layerscape.errors import InvalidValue

    if k is not None and k >= n_samples:
        raise InvalidValue(f"k={k} neighbors asked of {n_samples} samples; k must lie in 1..{n_samples - 1}.")


def refusing(k: int | None, progress: Any) -> Any:
    """The progress, which refuses more neighbors than there are samples left when bad ones are out."""

    def tell(what: str, done: int, total: int) -> None:
        if what == "extracting":
            _check_k(k, total)
        progress(what, done, total)

    return tell
