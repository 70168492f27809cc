"""The interval of a label overlap where classes are drawn too: what another draw of classes would read.

One class after the other is left out, of the samples and of everybody's neighbors (the delete-one jackknife, with
classes as the units that are drawn). A sample that loses neighbors so keeps the mean of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from layerscape.core.interval import margin_of_left_out
from layerscape.errors import InvalidValue

FEWEST = 5


def margin_over_classes(
    near: sparse.csr_array, same: sparse.csr_array, codes: np.ndarray, rows: np.ndarray, share: np.ndarray
) -> float:
    """Half the width of the 95 % interval of Σ_i share_i·Σ_j same_ij.

    Parameters
    ----------
    near
        Shape (M, N): the weight of every neighbor; those of a query add up to 1.
    same
        Shape (M, N): the same weights, times how much the neighbor agrees.
    codes
        Shape (N,): the class of every sample.
    rows, share
        Shape (M,): which samples the queries are, and their weights.

    Raises
    ------
    InvalidValue
        If queries are of fewer than 5 classes.
    """
    asked, n_classes = codes[rows], int(codes.max()) + 1
    drawn = np.unique(asked)
    if len(drawn) < FEWEST:
        raise InvalidValue(f"over='classes' with {len(drawn)} classes; an interval over them needs {FEWEST}.")
    member: Any = sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=(len(codes), n_classes))
    lost, agreed = sparse.coo_array(near @ member), sparse.csr_array(same @ member)
    value = same.sum(axis=1)
    other = asked[lost.row] != lost.col
    row, left_out, weight = lost.row[other], lost.col[other], lost.data[other]
    agrees = np.asarray(agreed[row, left_out]).ravel()
    some = weight < 1 - 1e-9  # all neighbors gone: then it says nothing of the others
    mean = np.where(some, (value[row] - agrees) / np.where(some, 1 - weight, 1.0), 0.0)
    total = (share * value).sum() - np.bincount(asked, share * value, n_classes)
    total += np.bincount(left_out, share[row] * (mean - value[row]), n_classes)
    size = share.sum() - np.bincount(asked, share, n_classes) - np.bincount(left_out, share[row] * ~some, n_classes)
    return margin_of_left_out(total[drawn] / size[drawn])
