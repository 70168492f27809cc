"""Features: simple facts of pictures, texts and proteins, to ask of a layer whether its neighbors share them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from layerscape.core.progress import Show
from layerscape.core.samples import Captioned, Samples, TextPair
from layerscape.errors import InvalidValue, unknown_name

ROWS = 256  # samples that are read at a time
PICTURES = 16  # of which each may take 200 MB
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
LUMA = (0.2126, 0.7152, 0.0722)  # of red, green and blue, ITU-R BT.709
# Average mass of the residue in dalton, and hydropathy by Kyte and Doolittle 1982, in the order of RESIDUES.
MASSES = np.array(
    [
        *(71.0779, 103.1429, 115.0874, 129.1140, 147.1739, 57.0513, 137.1393, 113.1576, 128.1723, 113.1576),
        *(131.1961, 114.1026, 97.1152, 128.1292, 156.1857, 87.0773, 101.1039, 99.1311, 186.2099, 163.1733),
    ]
)
WATER = 18.0153
HYDROPATHIES = np.array(
    [
        *(1.8, 2.5, -3.5, -3.5, 2.8, -0.4, -3.2, 4.5, -3.9, 3.8),
        *(1.9, -3.5, -1.6, -3.5, -4.5, -0.8, -0.7, 4.2, -0.9, -1.3),
    ]
)
_TOKENS = re.compile(r"\w+|[^\w\s]")

Feature = Callable[[Any], Any]


def features_of(samples: Samples, names: Sequence[str] | str, progress: Show = None) -> dict[str, np.ndarray]:
    """Facts of every sample, read from its content, as label columns of real numbers.

    ========================  ==============================================================================
    feature                   what it is
    ========================  ==============================================================================
    of images
    ``luminance``             mean luma 0.2126 R + 0.7152 G + 0.0722 B (BT.709) of the pixels, 0…1
    ``contrast``              standard deviation of the luma (RMS contrast, Peli 1990), 0…0.5
    ``color``                 mean of red, green and blue, each 0…1: three numbers
    of texts
    ``length``                characters
    ``n_tokens``              words and punctuation marks; not those of the model's own tokenizer
    ``type_token_ratio``      distinct tokens, upper case like lower, over all tokens, above 0 to 1
    ``token_length``          mean characters of a token
    ``capitals``, ``digits``  share of the characters
    ``punctuation``           share of the tokens that are no words
    of proteins
    ``length``                residues
    ``composition``           share of each of the 20 amino acids, in alphabetical order of their letters
    ``molecular_weight``      dalton, average masses
    ``hydropathy``            mean of Kyte and Doolittle's 1982 scale (GRAVY), −4.5…4.5
    ========================  ==============================================================================

    Of a pair of texts they are those of both, one below the other; of a picture and its text those of the picture.

    Letters of a sequence that are none of the 20 weigh as much as the others do on average, and are left out of
    composition and hydropathy. Texts of scripts that put no blanks between words have few tokens.

    Parameters
    ----------
    samples
        Images, texts or proteins.
    names
        Some of the above, or ``"all"``.
    progress
        Called as ``progress("reading features", done, total)``.

    Returns
    -------
    dict
        Name to float64 of shape (N,), or (N, m) for a feature of m numbers; NaN where a sample has none.

    Raises
    ------
    UnknownName, InvalidValue
        If samples of this kind have no such feature, or none at all.

    Examples
    --------
    >>> from layerscape.pipeline.samples import as_samples
    >>> features_of(as_samples(["To be, or not to be"]), ["n_tokens", "type_token_ratio"])
    {'n_tokens': array([7.]), 'type_token_ratio': array([0.71428571])}
    """
    chosen = known_features(samples.kind, names)
    known = FEATURES.get(samples.kind, {})
    if not chosen:
        return {}
    found: dict[str, list[Any]] = {name: [] for name in chosen}
    for content in _contents(samples, progress):
        if isinstance(content, (TextPair, Captioned)):
            content = content.joined if isinstance(content, TextPair) else content.picture
        for name in chosen:
            found[name].append(known[name](content))
    return {name: np.array(values, np.float64) for name, values in found.items()}


def known_features(kind: str, names: Sequence[str] | str) -> list[str]:
    """The names of these features; raises where samples of this kind have no such feature, or none at all."""
    if not names:
        return []
    known = FEATURES.get(kind)
    if known is None:
        raise InvalidValue(
            f"features of samples of kind {kind!r}; images, texts and proteins have some: "
            "say what the samples are with kind, or give columns of your own as labels."
        )
    chosen = list(known) if names == "all" else [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in known:
            raise unknown_name(f"{kind} feature", name, [*known, "all"])
    return chosen


def _contents(samples: Samples, progress: Show) -> Iterator[Any]:
    step = PICTURES if samples.kind == "image" else ROWS
    for start in range(0, len(samples), step):
        stop = min(start + step, len(samples))
        yield from samples.read(range(start, stop))
        if callable(progress):
            progress("reading features", stop, len(samples))


def _luma(pixels: np.ndarray) -> np.ndarray:
    return (pixels if pixels.ndim == 2 else pixels @ np.array(LUMA)) / 255


def _color(pixels: np.ndarray) -> np.ndarray:
    means = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1).mean(axis=0) / 255
    return np.broadcast_to(means, 3)  # a gray picture has one


def _type_token_ratio(text: str) -> float:
    tokens = _TOKENS.findall(text.casefold())
    return len(set(tokens)) / len(tokens) if tokens else np.nan


def _token_length(text: str) -> float:
    tokens = _TOKENS.findall(text)
    return sum(map(len, tokens)) / len(tokens) if tokens else np.nan


def _punctuation(text: str) -> float:
    tokens = _TOKENS.findall(text)
    return sum(not (token[0].isalnum() or token[0] == "_") for token in tokens) / len(tokens) if tokens else np.nan


def _composition(sequence: str) -> np.ndarray:
    counts = np.array([sequence.count(residue) for residue in RESIDUES], float)
    return counts / counts.sum() if counts.sum() else np.full(len(RESIDUES), np.nan)


FEATURES: dict[str, dict[str, Feature]] = {
    "image": {
        "luminance": lambda pixels: _luma(pixels).mean(),
        "contrast": lambda pixels: _luma(pixels).std(),
        "color": _color,
    },
    "text": {
        "length": len,
        "n_tokens": lambda text: len(_TOKENS.findall(text)),
        "type_token_ratio": _type_token_ratio,
        "token_length": _token_length,
        "capitals": lambda text: sum(map(str.isupper, text)) / len(text),
        "digits": lambda text: sum(map(str.isdigit, text)) / len(text),
        "punctuation": _punctuation,
    },
    "protein": {
        "length": lambda sequence: sum(map(str.isalpha, sequence)),
        "composition": _composition,
        "molecular_weight": lambda sequence: (
            WATER + sum(map(str.isalpha, sequence)) * float(_composition(sequence) @ MASSES)
        ),
        "hydropathy": lambda sequence: float(_composition(sequence) @ HYDROPATHIES),
    },
}
