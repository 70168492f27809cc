"""Ablation: the layers of a model and the loss of each sample without each of its blocks, from one opened network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerscape.core.progress import Show, counted
from layerscape.errors import InvalidType, InvalidValue, unknown_name
from layerscape.extraction import open_model
from layerscape.pipeline.beforehand import check_choices, check_kind, check_paths, first_look, samples_for
from layerscape.pipeline.losses import LOSS
from layerscape.pipeline.passes import Note, Pass
from layerscape.run import Run
from layerscape.search.asking import check_k
from layerscape.storage import finished_at

if TYPE_CHECKING:
    from layerscape.core.samples import Samples
    from layerscape.extraction import Network
    from layerscape.extraction.ablation import LossesWithout, OwnLoss

OF_MODEL = (
    *("make_inputs", "kind", "device", "dtype", "revision", "trust_remote_code", "max_length", "units_axis"),
    *("random_init", "shuffle_tokens", "part", "factory"),
)
OF_SAMPLES = ("text_column", "image_column", "id_column", "limit", "sample_seed", "skip_bad", "follow_links")
OF_PASS = ("batch_size", "store")
FEWEST = 2
ABLATING = (*OF_MODEL, *OF_SAMPLES, *OF_PASS)  # options that go to the model and the samples
DEFAULTS = {"device": "auto", "dtype": "auto", "trust_remote_code": False, "skip_bad": False, "follow_links": False}


@dataclass(frozen=True)
class Ablated:
    """A run of the layers before and after each block, and what the loss is without it.

    ``blocks`` has of each its name, its depth and the layer before it; ``losses`` are in their order.
    """

    run: Run
    blocks: Sequence[tuple[str, float, str]]
    losses: LossesWithout


def check_own(model: Any, own: Any) -> None:
    """Raise where there is no loss to ask for, or what is given is none."""
    if own is not None and not callable(own):
        raise InvalidType(
            f"loss={own!r}; give a function of what the model puts out for a batch and of the numbers of its samples, "
            "which returns one number of each sample."
        )
    if own is None and (not isinstance(model, str) or model == "demo" or model.startswith("demo@")):
        what = repr(model) if isinstance(model, str) else f"the {type(model).__name__}"
        raise InvalidValue(
            f"{what} has no loss of its own; give one: loss=lambda output, rows: cross_entropy(output, y[rows], "
            "reduction='none'), or a causal language model by name or folder."
        )


def ablated(
    model: Any,
    inputs: Any,
    out: str | Path,
    own: OwnLoss | None,
    *,
    pooling: str | None = None,
    k: int | None = None,
    options: Mapping[str, Any],
    progress: Show = None,
    note: Note = lambda _: None,
) -> Ablated:
    """Extract the layers into a run, and look at the loss of each sample without each block.

    Parameters
    ----------
    model, inputs, pooling
        As in `layerscape.extract`.
    out
        Folder of the run.
    own
        From what the model puts out for a batch and the numbers of its samples to one loss of each; None for that of a
        causal language model.
    k
        Number of neighbors that will be asked for, which is refused before the model is opened.
    options
        Those of `layerscape.extract` that `ABLATING` names.
    """
    check_own(model, own)
    for name in options:
        if name not in ABLATING:
            raise unknown_name("option", name, ABLATING)
    given = {**DEFAULTS, **options}
    wish: dict[str, Any] = {name: given.get(name) for name in OF_MODEL} | {"loss": own is None}
    choice: dict[str, Any] = {name: given.get(name) for name in OF_SAMPLES} | {"labels": None}
    check_choices(model, wish, pooling, given.get("store") or "float32")
    check_paths(inputs, out)
    chosen = first_look(inputs, wish["kind"], (), choice)
    if len(chosen) < FEWEST:
        raise InvalidValue(f"{len(chosen)} sample; what a block is worth is a mean over samples: give hundreds.")
    if k is not None:
        check_k(k, len(chosen))
    network = open_model(model, **wish)
    samples = samples_for(network.kind, inputs, wish["kind"], chosen, choice)
    check_kind(network, samples)
    if said := network.look(samples):
        note(said)
    return _looked_at(network, samples, Path(out), own, pooling, given, progress, note)


def _looked_at(
    network: Network,
    samples: Samples,
    out: Path,
    own: OwnLoss | None,
    pooling: str | None,
    given: Mapping[str, Any],
    progress: Show,
    note: Note,
) -> Ablated:
    from layerscape.extraction.ablation import blocks_in, losses_without

    blocks = blocks_in(network, samples)
    if own is None:
        assert network.loss is not None
        if not network.loss.reads_state:
            raise InvalidValue(
                f"{network.name} fills in what is hidden, and has no loss of a text by one pass; give one: loss=lambda "
                "output, rows: …, one number of each sample, or a causal language model by name or folder."
            )
        network.loss_off(network.loss, samples)
    layers = list(dict.fromkeys(name for block in blocks for name in (block.before, block.name)))
    sizes = {"batch_size": given.get("batch_size"), "store": given.get("store") or "float32"}
    work = Pass.of(network, samples, layers, pooling, **sizes, max_length=given.get("max_length"))
    work.check_disk(out, note)
    proofs = {} if finished_at(out) else work.prove(note)
    with work.create(out) as folder:
        if not folder.finished:
            work.fill(folder, {"command": None, "proofs": proofs, "read_with": None, "step": None}, progress)
    tell = counted(progress, "leaving out blocks", (1 + len(blocks)) * len(samples))
    losses = losses_without(network, samples, blocks, own, batch_size=sizes["batch_size"], progress=tell)
    _check_known(losses.whole)
    return Ablated(Run(folder), [(block.name, block.depth, block.before) for block in blocks], losses)


def _check_known(whole: np.ndarray) -> None:
    """Raise where no sample has a loss."""
    if not np.isfinite(whole).any():
        raise InvalidValue(
            f"no sample has a {LOSS} that is finite; texts of one token have none, and of other models it is what the "
            "function given as loss says."
        )
