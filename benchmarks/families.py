"""Every family of networks against its own hidden states: right, whatever the pooling, padding and batch?

Run:  python -m benchmarks.families [NAME …] [--write]

Each network has a small random configuration and computes in float64. The reference is the network's own
`hidden_states`, computed sample by sample, without padding and without anything of layerscape. A layer is right where
no sample's vector differs by more than 1e-5 of its length; for the last one, hidden states are the output of the last
block or of the norm after it, whichever the family hands out. Where a family hands out fewer, as one of each stage,
each is to be one of the layers; where the first is of block 1, the embedding is that of the ids or patches. A family is
right if all its layers are, over mean, last, first and max, padding on the right and on the left, and batches of 1, 7
and 64; refused if any of these is refused and none is wrong; and not tried where it cannot be made so small or does not
run in float64 by itself.
"""

from __future__ import annotations

import argparse
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks.families_list import IMAGES, NO_EMBEDDING, SIZES, SOUNDS, SPECIAL, TEXTS, UNITS_LAST, settings
from benchmarks.publish import publish
from layerscape.core.samples import Samples
from layerscape.errors import LayerscapeError
from layerscape.extraction import open_model, prove

N, VOCABULARY, SECONDS = 64, 60, 90
POOLINGS, BATCHES, RIGHT = ("mean", "last", "first", "max"), (1, 7, 64), 1e-5


@dataclass(frozen=True)
class Outcome:
    """What became of a family: ``right``, ``refused``, ``wrong`` or ``not tried``, how far it was off, and why."""

    family: str
    verdict: str
    error: float
    note: str


def built(family: str) -> torch.nn.Module:
    """A small network of the family with random weights, in float64."""
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    defaults = AutoConfig.for_model(family).to_dict()
    sizes = {name: size for name, size in SIZES.items() if type(defaults.get(name)) is int}
    config = AutoConfig.for_model(family, **{**sizes, **settings(family)})
    config._experts_implementation = "eager"  # the fast one knows no float64
    module = AutoModel.from_config(config)
    with torch.no_grad():  # fresh norms are the identity up to a scale, and fresh positions nearly zero
        for weight in module.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return module.double().eval()


def contents_of(kind: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    if kind == "text":
        return [rng.integers(5, VOCABULARY - 1, size=rng.integers(3, 13)) for _ in range(N)]
    return [rng.standard_normal((3, 32, 32) if kind == "image" else 4000) for _ in range(N)]


def inputs_of(kind: str, side: str, module: Any) -> Callable[[list[Any]], dict[str, torch.Tensor]]:
    """From contents to what forward takes: ids padded on a side with their mask, or arrays of one shape."""

    def padded(rows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        width = max(map(len, rows))
        blanks = [(width - len(row), 0) if side == "left" else (0, width - len(row)) for row in rows]
        ids = np.stack([np.pad(row, blank, constant_values=1) for row, blank in zip(rows, blanks, strict=True)])
        mask = np.stack([np.pad(np.ones(len(row)), blank) for row, blank in zip(rows, blanks, strict=True)])
        made = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask).long()}
        if module.config.is_encoder_decoder:
            made["decoder_input_ids"] = made["input_ids"]
        return made

    def stacked(rows: list[np.ndarray]) -> dict[str, torch.Tensor]:
        made = {module.main_input_name: torch.from_numpy(np.stack(rows))}
        if module.config.model_type == "vit_mae":  # which puts its patches in the order of this noise
            n_patches = (module.config.image_size // module.config.patch_size) ** 2
            made["noise"] = torch.arange(n_patches).double().repeat(len(rows), 1)
        return made

    return padded if kind == "text" else stacked


def states_of(module: Any, made: dict[str, torch.Tensor]) -> dict[str, list[np.ndarray]]:
    """The hidden states of one sample, by the part of the network, without the axis of samples."""
    with torch.no_grad():
        output = module(**made, output_hidden_states=True, return_dict=True)
    names = {"": "hidden_states", "encoder.": "encoder_hidden_states", "decoder.": "decoder_hidden_states"}
    found = {part: output.get(name) for part, name in names.items()}
    if module.config.model_type in NO_EMBEDDING:
        found[""] = (embedded(module, made), *found[""])
    turned = -1 if module.config.model_type in UNITS_LAST else 0
    return {
        part: [np.moveaxis(state[0].numpy(), turned if state.ndim == 4 else 0, 0) for state in states]
        for part, states in found.items()
        if states is not None
    }


def embedded(module: Any, made: dict[str, torch.Tensor]) -> torch.Tensor:
    """What enters block 1."""
    with torch.no_grad():
        if "input_ids" in made:
            return module.get_input_embeddings()(made["input_ids"])
        return module.encoder.patch_embeddings[0](made["pixel_values"])[0]


def pooled(state: np.ndarray, pooling: str, special: tuple[int, int]) -> np.ndarray:
    """One vector: of (T, D) after leaving out so many tokens at both ends, or of a map (C, H, W)."""
    if state.ndim == 3:
        return state.mean((1, 2)) if pooling == "mean" else state.max((1, 2))
    if pooling == "last":
        return state[-1]
    content = state[special[0] : len(state) - special[1]]
    return {"mean": content.mean(0), "max": content.max(0), "first": content[0]}[pooling]


def off(found: np.ndarray, expected: list[np.ndarray]) -> float:
    """The largest ‖found − expected‖ / ‖expected‖ of a sample; infinite where the shapes differ."""
    wanted = np.stack(expected)
    if found.shape != wanted.shape:
        return float("inf")
    return float((np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max())


def judged(family: str, kind: str) -> Outcome:
    """Run a family over everything; the first that is wrong decides, then the first that is refused."""
    contents = contents_of(kind)
    samples = Samples(tuple(f"s{i}" for i in range(N)), "array", lambda rows: [contents[row] for row in rows], "0")
    try:
        module = built(family)
        alone = inputs_of(kind, "right", module)
        states = [states_of(module, alone([content])) for content in contents]
    except Exception as error:  # nothing of layerscape has run
        return Outcome(family, "not tried", float("nan"), f"{type(error).__name__}: {error}"[:150])
    if not states[0]:
        return Outcome(family, "not tried", float("nan"), "hands out no hidden states")
    worst, refusals = 0.0, dict[str, str]()
    for side in ("right", "left") if kind == "text" else ("right",):
        network = open_model(module, make_inputs=inputs_of(kind, side, module))
        for pooling in POOLINGS:
            if states[0] and next(iter(states[0].values()))[0].ndim == 3 and pooling in ("last", "first"):
                continue
            try:
                error, layer = worst_layer(network, samples, states, pooling, SPECIAL.get(family, (0, 0)))
            except LayerscapeError as refusal:
                refusals.setdefault(str(refusal), f"{side}, {pooling}")
                continue
            if error > RIGHT:
                return Outcome(family, "wrong", error, f"{layer}, {pooling}, padded on the {side}")
            worst = max(worst, error)
    note = "; ".join(f"{where}: {text}" for text, where in refusals.items())
    return Outcome(family, "refused" if refusals else "right", worst, note)


def worst_layer(network: Any, samples: Samples, states: list[Any], pooling: str, special: Any) -> tuple[float, str]:
    """How far the worst layer is off in any batch, and which one it is."""
    names = [info.name for info in network.layers(pooling, samples.read([0, 1])) if info.name != "input"]
    prove(network, samples, names, pooling)
    worst, which = 0.0, "no layer"
    for size in BATCHES:
        shown = range(min(N, 2 * size + 4))  # of single samples a few
        few = replace(samples, ids=samples.ids[: len(shown)])
        found = dict(network.blocks(few, names, pooling, block_rows=N, batch_size=size))[0]
        for part in states[0]:
            n_blocks = sum(name.startswith(f"{part}block_") for name in names)
            for number in range(len(states[0][part])):
                wanted = [pooled(states[row][part][number], pooling, special) for row in shown]
                likely = ["embedding" if number == 0 else f"block_{number}"]
                likely += ["final_norm"] if number >= n_blocks else []
                if len(states[0][part]) <= n_blocks:
                    likely = [name.removeprefix(part) for name in names]
                given = [found[part + name] for name in likely if part + name in found]
                error = min((off(vectors, wanted) for vectors in given), default=float("inf"))
                if error > worst:
                    worst, which = error, f"{part}{likely[0]}, batches of {size}"
    return worst, which


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Seconds of the processor, since others may use the machine too."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"took longer than {seconds} s of the processor")

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--minutes", type=float, default=30, help="begin no further family after so long")
    given = parser.parse_known_args()[0]
    wanted, kinds = given.names, {"image": IMAGES, "sound": SOUNDS, "text": TEXTS}
    outcomes, start = [], time.perf_counter()
    for kind, families in kinds.items():
        for family in families:
            late = time.perf_counter() - start > 60 * given.minutes
            if late or (wanted and family not in wanted):
                continue
            try:
                with at_most(SECONDS):
                    outcomes.append(judged(family, kind))
            except Exception as error:
                outcomes.append(Outcome(family, "wrong", float("nan"), f"{type(error).__name__}: {error}"[:200]))
            print(outcomes[-1], flush=True)
    minutes = (time.perf_counter() - start) / 60
    publish("Families of networks", table(outcomes, minutes, sum(map(len, kinds.values()))))


def table(outcomes: list[Outcome], minutes: float, n_listed: int) -> list[str]:
    def having(verdict: str) -> list[Outcome]:
        return [each for each in outcomes if each.verdict == verdict]

    right, others = having("right"), [*having("refused"), *having("wrong"), *having("not tried")]
    return [
        f"`python -m benchmarks.families`, {minutes:.0f} minutes: of {len(outcomes)} families of transformers "
        f"({n_listed} are listed), each with random weights in float64, {len(right)} are right in every layer, "
        f"pooling, padding and batch (furthest off by {max((each.error for each in right), default=0):.1g}), "
        f"{len(having('refused'))} are refused in at least one of these and right in the others, "
        f"{len(having('wrong'))} are wrong, {len(having('not tried'))} could not be tried.",
        "",
        f"Right: {', '.join(each.family for each in right)}.",
        "",
        "| family | verdict | why |",
        "|---|---|---|",
        *(f"| {each.family} | {each.verdict} | {' '.join(each.note.replace('|', '/').split())} |" for each in others),
    ]


if __name__ == "__main__":
    main()
