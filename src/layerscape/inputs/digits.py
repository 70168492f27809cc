"""Digits: scikit-learn's scans at random places, sizes and angles in a noisy field; what the demo shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from layerscape.errors import InvalidValue, require
from layerscape.inputs.arrays import picture_source
from layerscape.inputs.contents import Contents
from layerscape.inputs.labels import as_labels

HELD_OUT = 797  # of the 1797 scans
SEED = 2017


def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """The 1797 scans in two parts that never change: those to train on and those held out.

    Every digit has the same share of the held-out part.

    Returns
    -------
    train_scans, train_digits
        Shapes (1000, 8, 8), float64 in 0..16, and (1000,), int.
    held_out_scans, held_out_digits, held_out_ids
        The same of the other 797, and their ids: ``scan-0123`` is row 123 of ``load_digits``.

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    """
    bunch: Any = require("sklearn.datasets", "models").load_digits()
    scans, digits = bunch.images, bunch.target
    # Where each scan falls, as a share, within the shuffled scans of its digit: the first HELD_OUT are stratified.
    shuffled = np.random.RandomState(SEED).permutation(len(digits))
    share = np.empty(len(digits))
    for digit in range(10):
        rows = shuffled[digits[shuffled] == digit]
        share[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    held_out = np.zeros(len(digits), dtype=bool)
    held_out[np.argsort(share, kind="stable")[:HELD_OUT]] = True
    ids = tuple(f"scan-{row:04d}" for row in np.flatnonzero(held_out))
    return scans[~held_out], digits[~held_out], scans[held_out], digits[held_out], ids


def place_digits(
    scans: np.ndarray,
    seed: int,
    *,
    field: int = 16,
    noise: float = 0.2,
    max_angle: float = 30.0,
    scale: tuple[float, float] = (1.0, 1.4),
) -> np.ndarray:
    """One picture per scan: the digit somewhere in a field, at some size and angle, under Gaussian noise.

    Parameters
    ----------
    scans
        Shape (n, 8, 8), ink from 0 to 16.
    seed
        Whoever gives the same seed gets the same bytes, on any machine and under any version of numpy.
    field
        Height and width of a picture, in pixels.
    noise
        Standard deviation of the noise, where full ink is 1.
    max_angle
        Digits are turned by at most so many degrees to either side.
    scale
        Smallest and largest size of a digit, where 1 is that of the scan.

    Returns
    -------
    np.ndarray
        Shape (n, field, field), uint8; no ink is 0, full ink 255.

    Raises
    ------
    InvalidValue
        If a scan is not 8 × 8, or the largest digit does not fit into the field.

    Examples
    --------
    >>> place_digits(np.full((2, 8, 8), 16.0), seed=0).shape
    (2, 16, 16)
    """
    scans = np.asarray(scans, dtype=np.float64)
    if scans.ndim != 3 or scans.shape[1:] != (8, 8):
        raise InvalidValue(f"scans of shape {scans.shape}; give an array of shape (n, 8, 8).")
    if not 0 < scale[0] <= scale[1] <= field / 8:
        raise InvalidValue(f"scale={scale} in a field of {field}; sizes must rise within 0..{field / 8:g}.")
    # The stream of RandomState is frozen for ever; that of default_rng may change with numpy.
    random = np.random.RandomState(seed)
    n = len(scans)
    size = random.uniform(*scale, n)
    angle = random.uniform(-math.radians(max_angle), math.radians(max_angle), n)
    center = random.uniform(size=(2, n)) * (field - 8 * size) + 4 * size - 0.5
    y, x = np.arange(field) - center[:, :, None]  # offsets from the digit's center, each (n, field)
    y, x = y[:, :, None] / size[:, None, None], x[:, None, :] / size[:, None, None]
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    ink = _between_pixels(scans / 16, cosine * y - sine * x + 3.5, sine * y + cosine * x + 3.5)
    noisy = ink + noise * random.standard_normal(ink.shape)
    return np.rint(255 * noisy.clip(0, 1)).astype(np.uint8)


def _between_pixels(pictures: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values at fractional pixel positions, linear between the four pixels around; 0 beyond the edges."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    last = padded.shape[1] - 1
    y, x = (y + 1).clip(0, last), (x + 1).clip(0, last)
    top, left = np.minimum(y.astype(int), last - 1), np.minimum(x.astype(int), last - 1)
    down, right = y - top, x - left
    row = np.arange(len(pictures))[:, None, None]
    upper = padded[row, top, left] * (1 - right) + padded[row, top, left + 1] * right
    lower = padded[row, top + 1, left] * (1 - right) + padded[row, top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


def digits_source() -> Contents:
    """The held-out scans, each placed once."""
    _, _, scans, digits, ids = split()
    return picture_source(place_digits(scans, SEED), ids, {"digit": as_labels(digits)})
