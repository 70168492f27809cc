"""Classes: labels that are categories, as numbers; shared by the measures that read classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from layerscape.core.labels import form_of, missing
from layerscape.errors import InvalidType, InvalidValue

LabelKind = Literal["auto", "category", "real"]
LABEL_KINDS: tuple[LabelKind, ...] = ("auto", "category", "real")


@dataclass(frozen=True)
class Classes:
    """One category per sample.

    Attributes
    ----------
    names
        Shape (C,): the categories in words, in their own order.
    codes
        Shape (N,): the number of every sample's category.
    sizes
        Shape (C,): how many samples each has.
    """

    names: np.ndarray
    codes: np.ndarray
    sizes: np.ndarray


def one_per_sample(labels: Any, n_samples: int) -> np.ndarray:
    """Labels as an array of shape (N,), none of them missing.

    Raises
    ------
    InvalidValue, InvalidType
        If there is not one label per sample, one is missing, or they are of several forms.
    """
    if getattr(labels, "ndim", 1) == 1 and missing(labels) is not None and form_of(labels) in ("path", "set"):
        raise InvalidType("labels that are several for a sample, which label_overlap reads; give one label per sample.")
    gaps, labels = missing(labels), np.asarray(labels)
    if labels.shape != (n_samples,):
        raise InvalidValue(f"labels of shape {labels.shape} for {n_samples} samples; give one label per sample.")
    if gaps is not None:
        refuse_missing(gaps)
    return labels


def classes_of(labels: Any, n_samples: int) -> Classes:
    """The classes of N labels of any type that can be compared.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, a label is missing, all are equal or no two are.

    Examples
    --------
    >>> classes_of(["b", "a", "b"], 3).codes
    array([1, 0, 1])
    """
    labels = one_per_sample(labels, n_samples)
    if labels.dtype.kind == "O":
        labels = labels.astype(str)
    names, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(names) == 1:
        raise InvalidValue(f"all {n_samples} samples have the label {names[0]!s}; give at least two classes.")
    if len(names) == n_samples:
        raise InvalidValue(f"each of the {n_samples} samples has a label of its own; give labels that samples share.")
    return Classes(names.astype(str), codes, sizes)


def refuse_missing(missing: np.ndarray) -> None:
    """Raise, naming the first, if a label is missing."""
    if missing.any():
        raise InvalidValue(
            f"{int(missing.sum())} of {len(missing)} labels are missing, the first at row {int(np.argmax(missing))}; "
            "leave these samples out, or give them a label."
        )


def reals_of(labels: Any, n_samples: int) -> np.ndarray:
    """N labels as float64.

    Raises
    ------
    InvalidValue
        If there is not one label per sample, one is missing, or one is not a number.
    """
    given = one_per_sample(labels, n_samples)
    try:
        return given.astype(np.float64)
    except ValueError:
        raise InvalidValue(
            f"kind='real' for labels that are not numbers, the first {given.tolist()[0]!r}; give numbers."
        ) from None


def are_real(labels: Any, kind: LabelKind) -> bool:
    """Whether labels are to be read as real numbers: ``"auto"`` if they are floats, not all of them whole.

    >>> [are_real(labels, "auto") for labels in (np.array([1.0, 2.0, 2.5]), np.array([1.0, 2.0]), ["0.5", "1"])]
    [True, False, False]
    """
    if kind != "auto":
        return kind == "real"
    values = np.asarray(labels)
    if values.dtype.kind != "f" or values.ndim != 1:
        return False
    finite = values[np.isfinite(values)]
    return bool((finite != np.round(finite)).any())
