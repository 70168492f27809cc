"""How a model is deployed, where its folder says so, as those of sentence-transformers do. Loads no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MODULES, CONFIGURATION = "modules.json", "config_sentence_transformers.json"
_LENGTHS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_OWN = "sentence_transformers."  # what only resembles its modules may do anything
_KINDS = ("Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
# How its poolings are called here, in the order in which several of them are joined; all are over the real tokens.
_POOLINGS = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean_tokens": "weighted",
    "lasttoken": "last",
}
_NAMED = {name.removesuffix("_token").removesuffix("_tokens"): ours for name, ours in _POOLINGS.items()}
_NAMED["mean_sqrt_len_tokens"] = "mean_sqrt_len"

Read = Callable[[str], str | None]


@dataclass(frozen=True)
class Deployment:
    """What happens to a text before and after the network.

    Attributes
    ----------
    modules
        After the network: the kind of each module, its folder and its configuration; a ``Pooling`` has ``poolings``.
    max_length
        Tokens after which a text is cut, if that is stated.
    lower
        Whether texts are written in small letters first.
    prompt
        What is put before every text.
    why_not
        Why the model's own output cannot be computed, in words that follow "what the model is deployed with"; empty
        if it can.
    """

    modules: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    max_length: int | None = None
    lower: bool = False
    prompt: str = ""
    why_not: str = ""

    @property
    def leaves_out_prompt(self) -> bool:
        """Whether the pooling leaves out the tokens of the prompt."""
        return bool(self.prompt) and any(config.get("include_prompt") is False for _, _, config in self.modules)


def deployment_of(read: Read) -> Deployment | None:
    """What the files of a model say of its deployment; None where there is no ``modules.json``.

    Parameters
    ----------
    read
        From the name of a file of the model to its text; None where there is none.

    Examples
    --------
    >>> files = {"modules.json": '[{"type": "sentence_transformers.models.CNN", "path": "1"}]'}
    >>> deployment_of(files.get).why_not
    "begins with a module of kind 'sentence_transformers.models.CNN'"
    """
    text = read(MODULES)
    if text is None:
        return None
    modules = _parsed(text)
    if not isinstance(modules, list) or not modules or not all(_is_module(each) for each in modules):
        return Deployment(why_not=f"is told by a {MODULES} that is no list of modules")
    first = modules[0]
    if not _is_own(first["type"]) or _last(first["type"]) != "Transformer":
        return Deployment(why_not=f"begins with a module of kind {first['type']!r}")
    stated = next((found for name in _LENGTHS if (found := _table(read, first["path"], name))), {})
    after, why_not = [], _odd(stated)
    for each in modules[1:]:
        kind = _last(each["type"])
        if not _is_own(each["type"]) or kind not in _KINDS:
            why_not = why_not or f"has a module of kind {each['type']!r}"
            break
        config = _table(read, each["path"], "config.json")
        if kind == "Pooling":
            config = {**config, "poolings": _poolings(config)}
            why_not = why_not or ("" if config["poolings"] else "pools in a way that is not known")
        after.append((kind, each["path"], config))
    length, lower = stated.get("max_seq_length"), bool(stated.get("do_lower_case"))
    found = Deployment(tuple(after), length if isinstance(length, int) else None, lower, _prompt(read), why_not)
    if not why_not and [kind for kind, _, _ in after].count("Pooling") != 1:
        return Deployment(found.modules, found.max_length, lower, found.prompt, "does not pool once")
    return found


def deployed_metric(read: Read) -> dict[str, str] | None:
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
    if any(_last(kind) == "Normalize" for kind in kinds) and name in (None, "dot"):
        return {"metric": "cosine", "because": f"{MODULES} has Normalize"}
    return None


def _poolings(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Ours for those of a pooling's configuration, in earlier versions a flag for each; empty if one is not known."""
    named = config.get("pooling_mode")
    if named is not None:
        names = [named] if isinstance(named, str) else named
        return tuple(_NAMED[name] for name in names) if all(name in _NAMED for name in names) else ()
    flags = {name: value for name, value in config.items() if name.startswith("pooling_mode_") and value}
    if unknown := [name for name in flags if name.removeprefix("pooling_mode_") not in _POOLINGS]:
        return () if unknown else ("mean",)
    return tuple(ours for name, ours in _POOLINGS.items() if f"pooling_mode_{name}" in flags) or ("mean",)


def _odd(stated: Mapping[str, Any]) -> str:
    """What a recent configuration of the network asks for beyond its last hidden state."""
    how = stated.get("modality_config") or {}
    text = how.get("text", {"method": "forward", "method_output_name": "last_hidden_state"})
    if text.get("method") != "forward" or text.get("method_output_name") not in ("last_hidden_state", None):
        return f"reads {text.get('method_output_name')!r} of {text.get('method')!r}"
    return ""


def _prompt(read: Read) -> str:
    """The prompt that is put before a text if none is named."""
    named = _table(read, "", CONFIGURATION)
    prompts, default = named.get("prompts"), named.get("default_prompt_name")
    return str(prompts.get(default) or "") if isinstance(prompts, dict) and default else ""


def _is_module(each: Any) -> bool:
    if not isinstance(each, dict) or not isinstance(each.get("type"), str):
        return False
    path = each.setdefault("path", "")
    return isinstance(path, str) and not path.startswith("/") and ".." not in path.split("/")


def _is_own(kind: str) -> bool:
    return kind.startswith(_OWN)


def _last(kind: str) -> str:
    return kind.rsplit(".", 1)[-1]


def _table(read: Read, folder: str, name: str) -> dict[str, Any]:
    found = _parsed(read(f"{folder}/{name}" if folder else name))
    return found if isinstance(found, dict) else {}


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None  # it is sentence-transformers' file, and names nothing
