"""LayerInfo: what one can know of a layer before extraction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a network, as a dry run on two samples found it.

    Attributes
    ----------
    name
        ``embedding`` (the input of block 1), ``block_1`` … ``block_L`` (raw outputs of the blocks), ``final_norm``
        (the norm after the last block, where there is one), ``output`` (what the model is deployed with), ``input``
        (the flattened input of the network), a site of a block (``block_3.attention``, ``.cross_attention``, ``.mlp``,
        ``.heads``, ``.head_7``), or the path of a module (``encoder.layer.3.attention``).
    module
        Path of the module whose output this is; of block 1, whose input it is, for ``embedding``; empty for ``input``.
    depth
        l / L for layer l of L blocks, 0 for the embedding; None for layers off that axis. Without blocks: position
        among the layers, from 0 to 1.
    shape
        Shape of one sample's output before pooling; None along an axis whose size varies between samples (tokens).
    n_units
        D after pooling.
    """

    name: str
    module: str
    depth: float | None
    shape: tuple[int | None, ...]
    n_units: int
