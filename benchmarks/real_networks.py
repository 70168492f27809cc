"""Real networks on real data: held against their own hidden states, and what their layers say, in three sentences each.

    LAYERSCAPE_DATA=… LAYERSCAPE_MODELS=… python -m benchmarks.real_networks [NAME …] [--samples 600] [--write]

The networks are those that `tools/real_models.py` makes; the data questions of TREC, proteins of nine families and
frames of voice. Each layer of a few samples is computed by the network itself in float64, one sample at a time and
without anything of layerscape. A sentence says that two layers differ only where their 95 % intervals lie apart.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import warnings
import wave
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import layerscape as ls
from benchmarks.publish import publish

DATA, MODELS = (Path(os.environ.get(name, ".")) for name in ("LAYERSCAPE_DATA", "LAYERSCAPE_MODELS"))
N_HELD, K = 12, 10


@dataclass(frozen=True)
class Case:
    """A network and its samples, what the network itself makes of one of them by layer, and how they are extracted."""

    model: Any
    contents: Any
    labels: dict[str, Any]
    own: Callable[[Any], dict[str, np.ndarray]]
    options: dict[str, Any]


def trec(n: int) -> tuple[list[str], dict[str, Any]]:
    """Questions, evenly drawn, and what kind of answer each wants."""
    with (DATA / "text" / "trec.csv").open() as file:
        rows = list({row["text"]: row for row in csv.DictReader(file)}.values())
    rows = rows[:: max(1, len(rows) // n)][:n]
    return [row["text"] for row in rows], {"answer": [row["label"] for row in rows]}


def proteins(n: int) -> tuple[list[str], dict[str, Any]]:
    """Proteins of at most 300 residues, evenly drawn, and their families."""
    entries = (DATA / "proteins" / "families.fasta").read_text().split(">")[1:]
    parts = [(head.split("family=")[1], "".join(body)) for head, *body in map(str.splitlines, entries)]
    parts = [part for part in parts if len(part[1]) <= 300]
    parts = parts[:: max(1, len(parts) // n)][:n]
    return [body for _, body in parts], {"family": [family for family, _ in parts]}


def voices(n: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The loudest 64 ms of each recording at 16 kHz, centered and of deviation 1; and the language that is spoken."""
    with (DATA / "audio" / "labels.csv").open() as file:
        language = {row["id"].removesuffix(".wav"): row["language"] for row in csv.DictReader(file)}
    frames, labels = [], []
    for path in sorted((DATA / "audio").glob("*.wav"))[:n]:
        with wave.open(str(path)) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(np.float32)
        sound = np.interp(np.arange(0, len(sound) - 1, 0.5), np.arange(len(sound)), sound)  # 8 kHz to 16
        windows = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
        loudest = windows[windows.std(1).argmax()]
        frames.append((loudest - loudest.mean()) / loudest.std())
        labels.append(language[path.stem])
    return np.array(frames, dtype=np.float32), {"language": labels}


def of_texts(name: str, contents: list[str], labels: dict[str, Any], **options: Any) -> Case:
    """A folder of transformers: its own hidden states of a text, last token or mean of all but the special ones."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(MODELS / name), AutoModel.from_pretrained(MODELS / name)
    model = model.double().eval()

    def own(text: str) -> dict[str, np.ndarray]:
        spelled = " ".join(text) if name == "antiberty" else text
        made = tokenizer(
            [spelled], return_tensors="pt", truncation=True, max_length=256, return_special_tokens_mask=True
        )
        special = made.pop("special_tokens_mask")[0].bool()
        with torch.no_grad():
            states = model(**made, output_hidden_states=True).hidden_states
        causal = name == "smollm2"
        names = ["embedding", *(f"block_{i}" for i in range(1, len(states) - 1))]
        names.append("final_norm" if causal else f"block_{len(states) - 1}")
        pooled = [state[0, -1] if causal else state[0][~special].mean(0) for state in states]
        return {layer: each.numpy() for layer, each in zip(names, pooled, strict=True)}

    return Case(str(MODELS / name), contents, labels, own, {"max_length": 256, **options})


def minilm(n: int) -> Case:
    return of_texts("minilm", *trec(n))


def antiberty(n: int) -> Case:
    return of_texts("antiberty", *proteins(n), kind="protein")


def smollm2(n: int) -> Case:
    return of_texts("smollm2", *trec(n), loss=True)


def crepe_in(folder: Path) -> torch.nn.Module:
    """CREPE's tiny network out of its ``model.py`` alone: its package wants torchaudio, of which this needs nothing."""
    from safetensors.torch import load_file

    package = ModuleType("torchcrepe")
    package.PITCH_BINS = 360  # type: ignore[attr-defined]
    spec = spec_from_file_location("crepe_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    told = module_from_spec(spec)
    with patch.dict(sys.modules, torchcrepe=package):
        spec.loader.exec_module(told)
    network = told.Crepe("tiny")
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval()


def crepe(n: int) -> Case:
    network = crepe_in(MODELS / "crepe")
    layers = [*(f"conv{i}_BN" for i in range(1, 7)), "classifier"]

    def own(frame: np.ndarray) -> dict[str, np.ndarray]:
        exact, seen = deepcopy(network).double(), dict[str, np.ndarray]()
        for layer in layers:

            def keep(_module: Any, _args: Any, out: torch.Tensor, layer: str = layer) -> None:
                seen[layer] = (out[0].flatten(1).mean(1) if out.ndim == 4 else out[0]).numpy()

            exact.get_submodule(layer).register_forward_hook(keep)
        with torch.no_grad():
            exact(torch.from_numpy(frame[None]).double())
        return seen

    return Case(network, *voices(n), own, {"layers": layers, "pooling": "mean"})


CASES: dict[str, Callable[[int], Case]] = {"minilm": minilm, "antiberty": antiberty, "crepe": crepe, "smollm2": smollm2}


def off(run: Any, case: Case) -> float:
    """The furthest that a layer of a few samples is from the network's own, as a share of its length."""
    rows = np.linspace(0, len(case.contents) - 1, N_HELD).astype(int)
    worst = 0.0
    for row in rows:
        for layer, expected in case.own(case.contents[row]).items():
            found = np.asarray(run[layer].read(slice(int(row), int(row) + 1)))[0]
            worst = max(worst, float(np.linalg.norm(found - expected) / np.linalg.norm(expected)))
    return worst


def own_loss(case: Case, losses: np.ndarray) -> float:
    """The furthest that a loss is from the one that transformers gives of the text alone, in float32."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(case.model) for kind in (AutoTokenizer, AutoModelForCausalLM))
    worst, model = 0.0, model.float().eval()
    for row in np.linspace(0, len(losses) - 1, N_HELD).astype(int):
        ids = tokenizer([case.contents[row]], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            worst = max(worst, abs(float(model(input_ids=ids, labels=ids).loss) - float(losses[row])))
    return worst


def turn(rows: Any, what: str) -> str:
    """Where a quantity is greatest and least, if their intervals lie apart."""
    least, most = rows.loc[rows.value.idxmin()], rows.loc[rows.value.idxmax()]
    if least.high >= most.low:
        return f"{what} is about {rows.value.median():.3g}: the intervals of the least and of the greatest overlap."
    said = [f"{each.value:.3g} [{each.low:.3g}, {each.high:.3g}] in {each.layer}" for each in (least, most)]
    first, last = rows.iloc[0], rows.iloc[-1]
    ends = f"it begins with {first.value:.3g} and ends with {last.value:.3g}"
    return f"{what} is least with {said[0]} and greatest with {said[1]}; {ends}."


def sentences(run: Any, label: str) -> list[str]:
    """Three: dimension, the neighbors of the first layer, the label."""
    table = ls.measure(run, ["twonn", "overlap", "label_overlap"], k=K, progress=False)
    first = run.layers[0]
    kept = table[(table.measure == "overlap") & (table.layer == first)].drop(columns="layer")
    kept = kept.assign(layer=table.other_layer).set_index("layer", drop=False)
    kept = kept.loc[[layer for layer in run.layers if layer in kept.index and layer != first]]
    dimension = table[(table.measure == "twonn") & table.value.notna()]
    encoded = table[(table.measure == "label_overlap") & (table.label == label)]
    chance = encoded.chance.iloc[0]
    return [
        turn(dimension, "TwoNN's dimension"),
        turn(kept, f"The share of {K} neighbors of {first} that are neighbors still"),
        turn(encoded, f"The share of {K} neighbors of one {label} (chance {chance:.3g})"),
    ]


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=600)
    given = parser.parse_known_args()[0]
    lines = [f"Layers of {N_HELD} samples held against the network itself in float64, by the largest ‖a − b‖ / ‖b‖."]
    for name in given.names or CASES:
        case = CASES[name](given.samples)
        with tempfile.TemporaryDirectory() as folder:
            run = ls.extract(case.model, case.contents, out=Path(folder) / "run", labels=case.labels, **case.options)
            held = f"{len(run.layers)} layers, {run.n_samples} samples, off by {off(run, case):.1g}"
            if "loss" in run.samples.labels:
                losses = run.samples.labels["loss"]
                held += f"; loss {np.nanmean(losses):.2f} nats, off by {own_loss(case, losses):.1g}"
            lines += ["", f"**{name}** ({held}).", *sentences(run, next(iter(case.labels)))]
    publish("Real networks", lines)


if __name__ == "__main__":
    main()
