"""Sums over pairs of samples that are near each other, of which intervals are made."""

from __future__ import annotations

from layerscape.core.jit import compiled_when_called


@compiled_when_called
def sum_of_products(values, near):
    """Sum of the products of the values of i and j over all (i, j) of which one is near the other; how many there are.

    Each pair counts twice, as (i, j) and (j, i), and once as that however often it is listed. ``near``, shape (M, K),
    may hold −1.
    """
    total, count = 0.0, 0
    width = near.shape[1]
    for i in range(len(near)):
        for c in range(width):
            j = near[i, c]
            new = j >= 0
            for e in range(c):
                new = new and near[i, e] != j
            if new and i > j:  # then it counted from the other side, if that lists it
                for e in range(width):
                    new = new and near[j, e] != i
            if new:
                total += 2 * values[i] * values[j]
                count += 2
    return total, count


@compiled_when_called
def sum_of_mutual_moves(rows, samples, position, columns, moved):
    """Σ moved(i, j)·moved(j, i) over the queries ``rows`` and their neighbors.

    ``samples`` says which sample each query is, and ``position`` which query each sample is, −1 for none.
    """
    total, width = 0.0, columns.shape[1]
    for r in rows:
        for c in range(width):
            other, back = position[columns[r, c]], 0.0
            for e in range(width if other >= 0 else 0):
                if columns[other, e] == samples[r]:
                    back += moved[other, e]
            total += moved[r, c] * back
    return total
