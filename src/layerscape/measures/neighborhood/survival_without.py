"""How many neighbors a sample keeps through several layers when another sample is deleted.

In layer l, neighbor c has the probability w_lc of being among the first k, and the next in line adds u_lc. Deleting j
gives its place in every layer that has it to who is next there, so that Σ_c Π_l w_lc becomes
Σ_{c≠j} Π_l (w_lc + α_l·u_lc), with α_l = w_lj / (1 − u_lj).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerscape.core.jit import compiled_when_called
from layerscape.measures.deletion import Lists


def changes_of_survival(layers: Sequence[Lists]) -> np.ndarray:
    """What Σ_i Σ_c Π_l w_lc over all others changes by when each sample is deleted, but for its own; shape (N,)."""
    n, layer = layers[0].n_samples, np.repeat(np.arange(len(layers)), [len(one.rows) for one in layers])
    rows, members = (np.concatenate([getattr(one, name) for one in layers]) for name in ("rows", "members"))
    shares = np.concatenate([np.stack([one.among, one.next], axis=1) for one in layers])
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
    room, changes = np.zeros((int(np.diff(starts).max()), len(layers), 2)), np.zeros(n)
    _add_changes(starts, layer[order], members[order], shares[order], room, changes)
    return changes


@compiled_when_called
def _add_changes(starts, layer, members, shares, room, changes):
    """Add every row's changes; ``room`` holds w and u of whoever is in a list of the row, in every layer."""
    n_layers, n = room.shape[1], len(changes)
    place, begin = np.full(n, -1), 0
    listed, product = np.empty(len(room), np.int64), np.empty(len(room))
    for i in range(n):
        size = 0
        for e in range(starts[i], starts[i + 1]):
            j = members[e]
            if place[j] < begin:
                place[j], listed[size] = begin + size, j
                room[size] = 0.0
                size += 1
            room[place[j] - begin, layer[e]] = shares[e]
        begin += size
        n_open = 0
        followers = np.empty(size, np.int64)  # who may come in somewhere, and is in or next in all layers
        for c in range(size):
            product[c], follows, everywhere = 1.0, False, True
            for one in range(n_layers):
                product[c] *= room[c, one, 0]
                follows |= room[c, one, 1] > 0
                everywhere &= room[c, one, 0] + room[c, one, 1] > 0
            if follows and everywhere:
                followers[n_open] = c
                n_open += 1
        for j in range(size):
            change = -product[j]
            for c in followers[:n_open]:
                if c != j:
                    left = 1.0
                    for one in range(n_layers):
                        w, u = room[j, one]
                        left *= room[c, one, 0] + (w / (1 - u) if w > 0 else 0.0) * room[c, one, 1]
                    change += left - product[c]
            changes[listed[j]] += change
