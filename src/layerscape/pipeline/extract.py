"""`extract`: a model and its data → a run. Blocks come from the network and go to the disk, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from layerscape.core.options import checking
from layerscape.core.progress import Show
from layerscape.core.samples import Kind
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
from layerscape.pipeline.elsewhere import Elsewhere, recipe_of
from layerscape.pipeline.losses import Losses
from layerscape.pipeline.passes import Note, Pass
from layerscape.pipeline.protocols import choices_of
from layerscape.run import Run
from layerscape.search import connected
from layerscape.storage import finished_at


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
    image_column: str | None = None,
    id_column: str | None = None,
    kind: Kind | None = None,
    make_inputs: Callable[[list[Any]], Any] | None = None,
    factory: Callable[[], Any] | str | None = None,
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
    cluster: Any = None,
    command: str | None = None,
    progress: Show = None,
    note: Callable[[str], None] = lambda _: None,
    check: Callable[[Chosen], None] = lambda _: None,
) -> Run:
    """The representations of all chosen layers of a model, in one pass over the data, as a run on disk.

    Parameters
    ----------
    model
        A Hugging Face name, a local folder, ``demo`` or ``demo@CHECKPOINT``, a `torch.nn.Module`, or, with a factory,
        a file of weights.
    inputs
        A file or folder (images, text, FASTA, arrays), ``digits``, a `Samples`, a list of texts, of pairs of texts,
        of pictures, or of (picture, text), or an array (N, …).
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
        Leave out images that cannot be read and texts that are empty, and record them.
    follow_links
        Whether links that leave a folder of images are followed.
    text_column, image_column, id_column, kind
        Which columns hold text (two, as ``"question,answer"``, of pairs), pictures or their paths (with a text column
        too a sample is a picture and its text) and ids; what the samples are, where it cannot be guessed.
    make_inputs
        For a module: turns a list of sample contents into what its forward takes.
    factory
        Makes the module that the weights in the file ``model`` are loaded into: a function without arguments, or
        ``"MODULE:FUNCTION"``, which is imported from the working directory; it may give a pair, module and make_inputs.
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
        ``vision`` or ``text``, of models that have both; ``encoder`` or ``decoder`` of those that have these; ``both``
        of either in one run, where samples are pairs: a picture and its text, a source and its target.
    loss
        The loss of each text as the label column ``loss``, from the same pass of a causal language model: the mean
        cross-entropy in nats of all tokens but the first, those that the tokenizer adds included; none of one token. Of
        a masked language model as ``masked_loss``, in seven passes more: of all tokens but special ones, each hidden
        once, together with a seventh of its text.
    units_axis
        Which axis holds the units of layers of which nothing tells it, counted from 0: ``{"block_*": 2}``.
    step
        Of a training, at which these weights were: by it `layerscape.series` puts runs in order.
    cluster
        Whose workers do it, as in `layerscape.find_neighbors`: each opens the model and the samples by the same names
        or paths, and writes blocks into the folder of the run, which all see. Where some offer a resource ``GPU``,
        those do it. Not with ``loss``, nor with what is in memory only.
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
    model = str(model) if isinstance(model, Path) else model
    layers, pooling = choices_of(protocol, layers, pooling)
    wish = {
        **{"make_inputs": make_inputs, "kind": kind, "device": device, "dtype": dtype, "revision": revision},
        **{"trust_remote_code": trust_remote_code, "max_length": max_length, "units_axis": units_axis},
        **{"random_init": random_init, "shuffle_tokens": shuffle_tokens, "part": part, "loss": loss},
        **{"factory": factory},
    }
    choice = {
        **{"text_column": text_column, "image_column": image_column, "id_column": id_column},
        **{
            "labels": labels,
            "limit": limit,
            "sample_seed": sample_seed,
            "skip_bad": skip_bad,
            "follow_links": follow_links,
        },
    }
    sizes = {"batch_size": batch_size, "store": store, "compress": compress, "max_length": max_length}
    check_choices(model, wish, pooling, store)
    check_paths(inputs, out)
    asked = {"kind": kind, "wish": wish, "choice": choice, "features": features, "layers": layers, "pooling": pooling}
    recipe = None if cluster is None else recipe_of(model, inputs, out, sizes=sizes, **asked)
    chosen = first_look(inputs, kind, features or (), choice)
    check(chosen)
    with connected(cluster) as workers:
        by = None if recipe is None else Elsewhere(workers, recipe)
        network = open_model(model, **wish)
        samples = samples_for(network.kind, inputs, kind, chosen, choice)
        check_kind(network, samples)
        if said := network.look(samples):
            note(said)
        work = Pass.of(network, with_features(samples, features or (), progress), layers, pooling, **sizes)
        told = {"command": command, "read_with": _read_with(inputs, choice), "step": step}
        return _filled(work, out, told, progress, note, by, loss=loss)


def _filled(
    work: Pass, out: str | Path, told: dict[str, Any], progress: Show, note: Note, by: Elsewhere | None, *, loss: bool
) -> Run:
    """The run of a pass, which goes on where it was."""
    losses = Losses.of(work.network, work.samples) if loss else None
    work.check_disk(out, note)
    proofs = {} if finished_at(out) else work.prove(note)
    if by is not None and not finished_at(out):
        by.check()
    with work.create(out) as folder:
        if folder.finished:
            note(f"{folder.path} is finished already")
        else:
            proofs |= {} if losses is None else {"loss": losses.off}
            work.fill(folder, told | {"proofs": proofs}, progress, losses, by)
    if losses is not None:
        losses.add_to(Run(folder), work.pooling)
    return Run(folder)


def _read_with(inputs: Any, choice: dict[str, Any]) -> dict[str, Any] | None:
    """What must be known to read the samples again from where they are; None of samples in memory."""
    names = ("text_column", "image_column", "id_column", "follow_links")
    return {name: choice[name] for name in names if choice[name]} if isinstance(inputs, (str, Path)) else None
