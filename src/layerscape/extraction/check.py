"""Proofs on the data itself: what a sample gets depends on nothing but the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerscape.core.samples import Samples
from layerscape.errors import InvalidValue
from layerscape.extraction.failures import Spoiled
from layerscape.extraction.network import Network

N_CHECKED = 8  # of which the greatest ‖together − alone‖ / ‖alone‖ is told, about 1e-6 where it is rounding
MOST_CHECKED = 64  # in a batch as large as those of the run
SHORTEST = 1e-3  # of the mean length of vectors
MOST = 1e-3  # results that depend on the batch by more than this are wrong, not rounded


def prove(
    network: Network, samples: Samples, layers: Sequence[str], pooling: str, batch_size: int | None = None
) -> dict[str, Any]:
    """Show on 8 samples, before a run starts, that a batch gives the same twice, and a sample the same alone.

    And the same in a batch as large as the run's, where these have a number of samples. Where padding changes what a
    sample gets, only samples of one length go together from here on.

    Returns
    -------
    dict
        ``twice`` and ``batch``: per layer the greatest relative difference of a sample; and what `Network.proofs` says.

    Raises
    ------
    InvalidValue
        If one of them differs by more than 1e-3, whatever is done.
    """
    few, size = _few(samples, N_CHECKED), min(N_CHECKED, batch_size or N_CHECKED)
    try:
        together = _pass(network, few, layers, pooling, size)
    except Spoiled:
        network.one_length = True  # padding may be what spoils it
        together = _pass(network, few, layers, pooling, size)
    twice = _differences(together, _pass(network, few, layers, pooling, size))
    _refuse(twice, "is another each time that the network sees the same batch", "let it draw nothing in evaluation")
    alone = _pass(network, few, layers, pooling, 1)
    _refuse_order(together, alone)
    batch = _differences(together, alone)
    if max(batch.values(), default=0) > MOST:
        network.one_length = True
        batch = _differences(_pass(network, few, layers, pooling, size), alone)
    larger = min(network.batching(batch_size).get("samples", 0), MOST_CHECKED, len(samples))
    if larger > size:
        more = _few(samples, larger)
        whole, places = _pass(network, more, layers, pooling, larger), [more.ids.index(name) for name in few.ids]
        among = {name: vectors[places] for name, vectors in whole.items()}
        _refuse_order(among, alone)
        batch = {name: max(batch[name], value) for name, value in _differences(among, alone).items()}
    _refuse(batch, "depends on the batch, also where nothing is padded", "give --batch-size 1 (batch_size=1)")
    return {"twice": twice, "batch": batch, **network.proofs(layers)}


def _refuse(differences: Mapping[str, float], what: str, remedy: str) -> None:
    name = max(differences, key=differences.__getitem__, default="")
    if name and not differences[name] <= MOST:
        raise InvalidValue(
            f"layer {name!r} {what}: a sample's vector differs by {differences[name]:.1g} of its length; "
            f"{remedy}, or choose other layers."
        )


def _refuse_order(together: Mapping[str, np.ndarray], alone: Mapping[str, np.ndarray]) -> None:
    """Raise if a layer has what others of the samples get alone in the place of one, as where a batch is sorted."""
    for name, own in _differences(together, alone).items():
        if own <= MOST:
            continue
        off = np.array([np.linalg.norm(alone[name] - vector, axis=1) for vector in together[name]])
        off = off / _lengths(alone[name])
        if off.min(1).max() <= MOST and len(np.unique(off.argmin(1))) == len(off):  # each is one of them
            raise InvalidValue(
                f"layer {name!r} has the samples of a batch in another order than they are given, as where forward "
                "sorts them; give --batch-size 1 (batch_size=1), or choose other layers."
            )


def _few(samples: Samples, n: int) -> Samples:
    rows = np.linspace(0, len(samples) - 1, min(N_CHECKED, len(samples))).astype(int)
    if n > N_CHECKED:
        others = np.setdiff1d(np.arange(len(samples)), rows)
        rows = np.concatenate([rows, others[np.linspace(0, len(others) - 1, n - len(rows)).astype(int)]])
    rows = np.unique(rows).tolist()
    ids = tuple(samples.ids[row] for row in rows)
    return replace(samples, ids=ids, read=lambda chosen: samples.read([rows[i] for i in chosen]), labels={})


def _pass(network: Network, few: Samples, layers: Sequence[str], pooling: str, size: int) -> dict[str, np.ndarray]:
    counts = network.truncated
    ((_, table),) = network.blocks(few, layers, pooling, block_rows=len(few), batch_size=size)
    network.truncated = counts
    return table


def _differences(ones: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> dict[str, float]:
    def difference(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.max(np.linalg.norm(a - b, axis=1) / _lengths(b)))

    return {name: difference(ones[name], others[name]) for name in ones}


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """As long as each is, but no less than a part of what all are: beside one of zeros all rounding would be much."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return np.maximum(lengths, max(SHORTEST * lengths.mean(), np.finfo(np.float32).tiny))
