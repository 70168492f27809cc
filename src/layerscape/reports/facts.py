"""The head of a page: what a run is called, and what is known of how it came to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from layerscape.core.labels import queries_name
from layerscape.core.words import firsts
from layerscape.reports.reported import ReportedRun


def title(run: ReportedRun) -> str:
    """The model and its data, as far as they have names; else that of the run, which one that will go has not."""
    record = run.record
    model, data = (
        PurePath(_named(each)).name for each in (record.get("model"), record.get("inputs") or record.get("source"))
    )
    if model and data:
        return f"{model} on {data}"
    return f"{len(run.layers)} layers of {len(run.samples.ids):,} samples" if run.temporary else run.name


def facts(run: ReportedRun) -> dict[str, str]:
    """What the head of the page says of a run: of what it is."""
    record = run.record
    given = record.get("graphs", {})
    found = {
        "model": _named(record.get("model")),
        "data": _named(record.get("inputs") or record.get("source")),
        "samples": f"{len(run.samples.ids):,}, {_belonging(run)}{_asked(run)}",
        "layers": str(len(run.layers)) + (f", of which {firsts(list(given))} given as graphs" if given else ""),
        "steps": _named(record.get("steps")),
        "pooling": _named(record.get("pooling")),
    }
    return {name: value for name, value in found.items() if value}


def history(run: ReportedRun) -> dict[str, str]:
    """How it came to be, beside the command: its folder, when it was finished, and what was shown of its layers."""
    record = run.record
    found = {
        "run": "" if run.temporary else run.name,
        "finished": _named(record.get("finished"))[:16].replace("T", " "),
        "proven": _proven(record["proofs"]) if record.get("proofs") else "",
    }
    return {name: value for name, value in found.items() if value}


AXES_BY = {
    "growth": "by what grows with the sample",
    "places": "by what a change at one place reaches",
    "kind": "by the kind of module",
    "like": "by layers of the same shape",
    "user": "by the user",
}


def _proven(proofs: Mapping[str, Any]) -> str:
    """What was shown of the layers before the run started, in one line."""
    twice, batch = (max(proofs[name].values(), default=0.0) for name in ("twice", "batch"))
    said = [f"the same batch twice differs by {twice:.1g}, a sample alone by {batch:.1g}"]
    lasts = [axis["last_hidden_state"] for axis in proofs["axes"] if axis["last_hidden_state"]]
    said += [f"layers are the model's own hidden states, the last of them {' and '.join(lasts)}"] if lasts else []
    said += [_axes_said(units)] if (units := proofs.get("units")) else []  # which runs of earlier versions lack
    return "; ".join([*said, *(f"run with {cure}" for cure in proofs["cures"])])


def _axes_said(units: Mapping[str, Any]) -> str:
    """By what it is known along which axis the units of layers are."""
    counted = Counter(AXES_BY.get(each["by"], each["by"]) for each in units.values())
    return "axes told " + ", ".join(f"{how} in {n} layer{'s' if n > 1 else ''}" for how, n in counted.items())


def _belonging(run: ReportedRun) -> str:
    """Who was said to belong together, of which chance and intervals are."""
    told = run.table.get("groups", ())  # which tables of earlier versions lack
    told = dict.fromkeys(words.split(",")[0] for words in told if isinstance(words, str) and words)
    return f"of {' and '.join(told)}" if told else "taken to be independent of each other"


def _asked(run: ReportedRun) -> str:
    """How many samples were asked for their neighbors, where these were not all."""
    told = [
        group for group in run.table.get("group", ()) if isinstance(group, str) and group.endswith(queries_name(0)[1:])
    ]
    return "".join(f"; values of {group} among them" for group in dict.fromkeys(told))


def _named(value: Any) -> str:
    """A name, or what a record of several entries says first of its name or source."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("name", "model", "source") if value.get(key)), None)
    return "" if value is None else str(value)
