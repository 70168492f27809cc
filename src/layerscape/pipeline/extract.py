"""`extract`: a model and its data → a run. Blocks come from the network and go to the disk, one at a time."""

from __future__ import annotations

import re
import warnings as python_warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerscape.core.options import checking
from layerscape.core.progress import Show
from layerscape.core.samples import Kind, Samples
from layerscape.extraction import open_model
from layerscape.pipeline.beforehand import (
    Chosen,
    check_choices,
    check_kind,
    check_paths,
    first_look,
    samples_for,
    with_features,
)
from layerscape.pipeline.losses import Losses
from layerscape.pipeline.previews import Seen
from layerscape.pipeline.protocols import choices_of
from layerscape.run import Run
from layerscape.storage import LayerSpec, RunFolder, check_space, disk_needed, finished_at, in_words

if TYPE_CHECKING:
    from layerscape.extraction import Network


@checking
def extract(
    model: Any,
    inputs: Any,
    *,
    out: str | Path,
    layers: str | Sequence[str] | None = None,
    pooling: str | None = None,
    protocol: str | None = None,
    labels: Any = None,
    features: str | Sequence[str] | None = None,
    limit: int | None = None,
    sample_seed: int | None = None,
    skip_bad: bool = False,
    follow_links: bool = False,
    text_column: str | None = None,
    id_column: str | None = None,
    kind: Kind | None = None,
    make_inputs: Callable[[list[Any]], Any] | None = None,
    device: str = "auto",
    dtype: str = "auto",
    store: str = "float32",
    batch_size: int | None = None,
    max_length: int | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    random_init: int | None = None,
    shuffle_tokens: int | None = None,
    part: str | None = None,
    loss: bool = False,
    units_axis: Any = None,
    compress: bool = False,
    step: float | str | None = None,
    command: str | None = None,
    progress: Show = None,
    note: Callable[[str], None] = lambda _: None,
    check: Callable[[Chosen], None] = lambda _: None,
) -> Run:
    """The representations of all chosen layers of a model, in one pass over the data, as a run on disk.

    Parameters
    ----------
    model
        A Hugging Face name, a local folder, ``demo`` or ``demo@CHECKPOINT``, or a `torch.nn.Module`.
    inputs
        A file or folder (images, text, FASTA, arrays), ``digits``, a `Samples`, a list of texts, or an array (N, …).
    out
        Folder of the run. Where the same call was interrupted, it goes on; where anything differs, it is refused.
    layers
        Patterns of layers, as ``layerscape layers MODEL`` lists them.
    pooling
        From a layer's tokens or map to one vector: ``mean`` (``mean:all`` with special tokens), ``last`` (``last:4``:
        of the last 4), ``first``, ``cls``, ``max``, ``weighted`` (weights i / Σ i), ``flatten``, ``grid:4x4`` (means
        over cells), ``project:4096@0`` (4,096 random combinations, seed 0); what suits the model when left out.
    protocol
        The recipe of a paper by name, which fixes pooling and, where it reads other outputs than those of the blocks,
        layers; `layerscape.measure` takes the same name.
    labels
        Label columns to keep or a file of labels; for a list or an array a dict of column name to N values.
    features
        Facts to be read from the samples as label columns, or ``"all"``: of images luminance, contrast, color; of texts
        length, n_tokens, type_token_ratio, token_length, capitals, digits, punctuation; of proteins length,
        composition, molecular_weight, hydropathy.
    limit, sample_seed
        The first samples only, or so many drawn with a seed.
    skip_bad
        Leave out images that cannot be read, and record them.
    follow_links
        Whether links that leave a folder of images are followed.
    text_column, id_column, kind
        Which columns hold text and ids; what the samples are, where it cannot be guessed.
    make_inputs
        For a module: turns a list of sample contents into what its forward takes.
    device, dtype
        Where and in which precision the model computes; ``auto``: a module where and in what it is, other models on
        the best device there is and in float32.
    store, compress
        Precision on disk, ``"float32"`` or ``"float16"``, and whether vectors are compressed there.
    batch_size, max_length
        Samples in a batch; tokens after which a text is cut.
    revision, trust_remote_code, random_init
        Of the model: its version on the hub; whether its own code may be run; a seed for untrained weights.
    shuffle_tokens
        A seed: a control run, in which the tokens of every text or protein come in random order.
    part
        ``vision`` or ``text``, of models that have both; ``encoder`` or ``decoder`` of those that have these.
    loss
        The loss of each text as the label column ``loss``, from the same pass of a causal language model: the mean
        cross-entropy in nats of all tokens but the first, those that the tokenizer adds included; none of one token.
    units_axis
        Which axis holds the units of layers of which nothing tells it, counted from 0: ``{"block_*": 2}``.
    step
        Of a training, at which these weights were: by it `layerscape.series` puts runs in order.
    command
        How the user asked for this run, kept for the page.
    progress, note
        How far it is, as in `layerscape.measure`: bars when left out; and who is told sentences for the user.
    check
        Called with the samples (their number is ``len``, their columns ``labels``) before the model is opened; what it
        raises ends the call.

    Returns
    -------
    Run

    Raises
    ------
    LayerscapeError
        If the model or the data cannot be read, the disk is too small, or the folder holds something else.
    """
    layers, pooling = choices_of(protocol, layers, pooling)
    wish = {
        **{"make_inputs": make_inputs, "kind": kind, "device": device, "dtype": dtype, "revision": revision},
        **{"trust_remote_code": trust_remote_code, "max_length": max_length, "units_axis": units_axis},
        **{"random_init": random_init, "shuffle_tokens": shuffle_tokens, "part": part, "loss": loss},
    }
    choice = {
        **{"text_column": text_column, "id_column": id_column, "labels": labels, "limit": limit},
        **{"sample_seed": sample_seed, "skip_bad": skip_bad, "follow_links": follow_links},
    }
    check_choices(model, wish, pooling, store)
    check_paths(inputs, out)
    chosen = first_look(inputs, kind, features or (), choice)
    check(chosen)
    network = open_model(model, **wish)
    samples = samples_for(network.kind, inputs, kind, chosen, choice)
    check_kind(network, samples)
    if said := network.look(samples):
        note(said)
    samples = with_features(samples, features or (), progress)
    losses = Losses.of(network, samples) if loss else None
    pooling = pooling or network.default_pooling
    specs = _specs(network, samples, pooling, layers)
    _check_disk(out, specs, len(samples), store, note)
    plan = _plan(network, samples, specs, pooling=pooling, batching=network.batching(batch_size), store=store)
    proofs = {} if finished_at(out) else _proven(network, samples, specs, pooling, batch_size, note)
    with RunFolder.create(out, plan, specs, len(samples), dtype=store, compress=compress) as folder:
        folder.write_samples(samples.ids, samples.labels, samples.kind)
        if folder.finished:
            note(f"{folder.path} is finished already")
        else:
            proofs |= {} if losses is None else {"loss": losses.off}
            _fill(folder, network, samples, pooling, batch_size, progress, losses)
            told = _record(network, samples, folder, max_length) | {"command": command, "proofs": proofs}
            folder.finish(told | {"read_with": _read_with(inputs, choice), "step": step})
    if losses is not None:
        losses.add_to(Run(folder), pooling, batch_size)
    return Run(folder)


def _specs(network: Network, samples: Samples, pooling: str, layers: str | Sequence[str] | None) -> list[LayerSpec]:
    """The chosen layers, found by a dry run on the first and the last sample."""
    infos = network.layers(pooling, samples.read([0, len(samples) - 1]), select=layers)
    return [LayerSpec(info.name, info.n_units, info.depth, info.module) for info in infos]


def _read_with(inputs: Any, choice: dict[str, Any]) -> dict[str, Any] | None:
    """What must be known to read the samples again from where they are; None of samples in memory."""
    names = ("text_column", "id_column", "follow_links")
    return {name: choice[name] for name in names if choice[name]} if isinstance(inputs, (str, Path)) else None


def _check_disk(
    out: str | Path, specs: list[LayerSpec], n_samples: int, store: str, note: Callable[[str], None]
) -> None:
    """Say how much the run needs on disk; raise if there is less."""
    needed = disk_needed(specs, n_samples, store)
    note(f"{len(specs)} layers of {n_samples} samples need {in_words(needed)} on disk")
    check_space(out, needed)


def _plan(network: Network, samples: Samples, specs: list[LayerSpec], **options: Any) -> dict[str, Any]:
    """What decides the vectors, beside the options: a run of another plan is another run."""
    return {
        "model": {**network.describe(), "fingerprint": network.fingerprint},
        "inputs": {"source": samples.source, "kind": samples.kind, "fingerprint": samples.fingerprint},
        "layers": [spec.name for spec in specs],
        **options,
    }


def _proven(
    network: Network,
    samples: Samples,
    specs: list[LayerSpec],
    pooling: str,
    batch_size: int | None,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """What is shown of the layers on a few samples before the run starts; raise where one is not to be trusted."""
    from layerscape.extraction import prove  # it loads torch

    proofs = prove(network, samples, [spec.name for spec in specs], pooling, batch_size)
    for cure in proofs["cures"]:
        note(f"the model runs with {cure}")
    return proofs


def _fill(
    folder: RunFolder,
    network: Network,
    samples: Samples,
    pooling: str,
    batch_size: int | None,
    progress: Show,
    losses: Losses | None,
) -> None:
    names = [spec.name for spec in folder.layers]
    done = len(samples) - sum(rows.stop - rows.start for _, rows in folder.blocks_left())

    def advance(n: int) -> None:
        nonlocal done
        done += n
        if callable(progress):
            progress("extracting", done, len(samples))

    advance(0)
    seen = Seen(samples)
    blocks = network.blocks(
        seen.samples,
        names,
        pooling,
        block_rows=folder.layout.block_rows,
        batch_size=batch_size,
        skip=folder.finished_blocks,
        progress=advance,
        with_loss=losses is not None,
    )
    for number, vectors in blocks:
        rows = folder.layout.rows(number)
        if losses is not None:
            losses.take(rows, vectors)
        folder.write_block(number, vectors, seen.previews(range(rows.start, rows.stop)))


def _where_cut(network: Network, max_length: int | None) -> str:
    """Where texts are cut, and whose limit that is."""
    limit = network.describe()["preprocessing"].get("max_length")
    if max_length is not None:
        return f"{limit} tokens, as max_length (--max-length) says"
    return f"the model's greatest length, {limit} tokens"


def _record(network: Network, samples: Samples, folder: RunFolder, max_length: int | None) -> dict[str, Any]:
    """What the making of the run has to tell, warnings in words."""
    warnings = []
    # Blocks of an earlier, interrupted call count too: a run must not tell how often it was interrupted.
    earlier = set(range(folder.layout.n_blocks)) - set(network.truncated)
    blocks = [folder.layout.rows(number) for number in earlier]
    n_cut = sum(network.count_truncated(samples, range(rows.start, rows.stop)) for rows in blocks)
    n_cut += sum(network.truncated.values())
    cut_at = _where_cut(network, max_length)
    if n_cut:
        warnings.append(f"{n_cut} texts were cut at {cut_at}")
    if samples.skipped:
        warnings.append(f"{len(samples.skipped)} samples could not be read and were left out")
    for warning in warnings:
        python_warnings.warn(warning, stacklevel=4)
    reasons = Counter(re.sub(r" ?\(.*\)$", "", reason) for _, reason in samples.skipped)
    counts = {"kept": len(samples), "skipped": dict(reasons), "cut": n_cut} | ({"cut_at": cut_at} if n_cut else {})
    told = {
        "counts": counts,
        "skipped": [list(pair) for pair in samples.skipped],
        "warnings": warnings,
    }
    return told | ({"deployed": dict(network.deployed)} if network.deployed else {})
