"""With which metric a model is deployed, where its folder says so, as those of sentence-transformers do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MODULES, CONFIGURATION = "modules.json", "config_sentence_transformers.json"


def deployed_metric(read: Callable[[str], str | None]) -> dict[str, str] | None:
    """The metric, ``"euclidean"`` or ``"cosine"``, and because of what; None where nothing names one of the two.

    Parameters
    ----------
    read
        From the name of a file of the model to its text; None where there is none.

    Examples
    --------
    >>> files = {"modules.json": '[{"type": "sentence_transformers.models.Normalize"}]'}
    >>> deployed_metric(files.get)
    {'metric': 'cosine', 'because': 'modules.json has Normalize'}
    """
    named = _parsed(read(CONFIGURATION))
    name = named.get("similarity_fn_name") if isinstance(named, dict) else None
    if name in ("cosine", "euclidean"):
        return {"metric": name, "because": f"{CONFIGURATION} has similarity_fn_name {name!r}"}
    modules = _parsed(read(MODULES))
    kinds = [str(each.get("type")) for each in modules if isinstance(each, dict)] if isinstance(modules, list) else []
    # Vectors of length 1, whose scalar product is their cosine.
    if any(kind.rsplit(".", 1)[-1] == "Normalize" for kind in kinds) and name in (None, "dot"):
        return {"metric": "cosine", "because": f"{MODULES} has Normalize"}
    return None


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None  # it is sentence-transformers' file, and names nothing
