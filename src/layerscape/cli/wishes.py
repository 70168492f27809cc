"""What would be refused later, refused first: options before paths and columns, and these before a model or work."""

from __future__ import annotations

from typing import Any

from layerscape.core.keywords import FIELDS
from layerscape.errors import InvalidValue


def check_wishes(asked: dict[str, Any], measures: Any = None) -> None:
    """Raise at options that would be refused later, before anything is opened; ``measures`` where they are known."""
    from layerscape.core.keywords import chosen
    from layerscape.pipeline.measure import asked_of
    from layerscape.pipeline.pairs import check_pairs
    from layerscape.pipeline.protocols import find_protocol
    from layerscape.supply.controls import check_controls
    from layerscape.supply.together import Belonging

    chosen({name: asked[name] for name in FIELDS if name in asked})
    if measures is None:
        named = asked["measures"].split(",") if asked["measures"] else None
        measures = asked_of(named, asked.get("pairs"), asked.get("queries"))
    belonging = Belonging(*map(asked.get, ("groups", "own_group", "lag", "repeats")))
    belonging.check(measures, asked.get("by"))
    if "measures" in asked:
        check_pairs(measures, asked.get("pairs"), {"by": asked.get("by")}, asked.get("queries"))
    check_controls((asked.get("controls") or "gaussian").split(","))
    if asked.get("protocol"):
        find_protocol(asked["protocol"])


def check_columns(measuring: dict[str, Any], samples: Any) -> None:
    """Raise at what measuring would refuse of these samples, before the model is opened."""
    from layerscape.pipeline.pairs import pairs_across, pairs_among
    from layerscape.supply.sources import check_groups
    from layerscape.supply.together import Belonging

    _check_k(measuring["k"], len(samples))
    belonging = Belonging(measuring["groups"], measuring["own_group"], repeats=measuring["repeats"])
    belonging.of_columns(samples.labels, len(samples))
    if measuring.get("pairs") is not None:
        if (asking := measuring.get("queries")) is None:
            pairs_among(measuring["pairs"], _ids(samples), samples.labels, "the input")
        else:
            pairs_across(measuring["pairs"], _ids(asking), _ids(samples), ("the file of queries", "the input"))
    if measuring["by"]:
        check_groups(samples.labels, measuring["by"], measuring["k"])


def _ids(samples: Any) -> list[str]:
    """Of samples, or of what was chosen of files."""
    return list(samples.ids) if hasattr(samples, "ids") else [samples.source.ids[row] for row in samples.rows]


def _check_k(k: int | None, n_samples: int) -> None:
    from layerscape.search.asking import check_k

    if n_samples == 1:
        raise InvalidValue(
            "there is one sample only, and who is near whom needs at least two; layerscape extract keeps its vectors."
        )
    if k is not None:
        check_k(k, n_samples)


def refusing(k: int | None, progress: Any) -> Any:
    """The progress, which refuses more neighbors than there are samples left when bad ones are out."""

    def tell(what: str, done: int, total: int) -> None:
        if what == "extracting":
            _check_k(k, total)
        progress(what, done, total)

    return tell
