"""Labels as numbers: categories or real values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from layerscape.errors import InvalidValue


@dataclass(frozen=True)
class Classes:
    """The names of the classes, shape (C,), the class of every sample, shape (N,), and the sizes, shape (C,)."""

    names: np.ndarray
    of_sample: np.ndarray
    sizes: np.ndarray


def one_per_sample(labels: Any, n_samples: int) -> np.ndarray:
    """The labels as an array of shape (N,), none of them missing."""
    labels = np.asarray(labels)
    if labels.shape != (n_samples,):
        raise InvalidValue(f"labels of shape {labels.shape} for {n_samples} samples; give one label per sample.")
    missing = np.array([label is None or label == "" or label != label for label in labels.tolist()], dtype=bool)
    if missing.any():
        raise InvalidValue(
            f"{int(missing.sum())} of {n_samples} labels are missing, the first at row {int(np.argmax(missing))}; "
            "leave these samples out, or give them a label."
        )
    return labels


def classes_of(labels: Any, n_samples: int) -> Classes:
    """The classes; at least two, and at least one that samples share."""
    labels = one_per_sample(labels, n_samples)
    names, numbers, sizes = np.unique(
        labels.astype(str) if labels.dtype.kind == "O" else labels, return_inverse=True, return_counts=True
    )
    if len(names) == 1:
        raise InvalidValue(f"all {n_samples} samples have the label {names[0]!s}; give at least two classes.")
    if len(names) == n_samples:
        raise InvalidValue(f"each of the {n_samples} samples has a label of its own; give labels that samples share.")
    return Classes(names, numbers, sizes)


def is_real(labels: np.ndarray) -> bool:
    """Whether labels are real values, not categories: floats of which some are no whole numbers."""
    return labels.dtype.kind == "f" and bool((labels != np.round(labels)).any())
