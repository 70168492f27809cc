"""Pictures that everyone has measured: MNIST, KMNIST, Fashion-MNIST and CIFAR-10, from a folder or downloaded."""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from layerscape.datasets.cloud import check_whole
from layerscape.errors import FileProblem, require, unknown_name
from layerscape.inputs.files import existing_file, reason_of
from layerscape.inputs.idx import read_idx

FOLDER = "LAYERSCAPE_DATA"  # the environment variable that names a folder of data sets
SPLITS = ("test", "train")
_SIDE = 32  # of a picture of CIFAR-10
_RECORD = 1 + 3 * _SIDE**2  # its label, and one byte per color and pixel


@dataclass(frozen=True, eq=False)
class Images:
    """Labeled pictures.

    Attributes
    ----------
    images
        Shape (N, height, width), or (N, height, width, 3) in color, uint8.
    labels
        Shape (N,), int64: positions in ``classes``.
    classes
        The name of each class.
    name, split
        Which data set, and which part of it.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    classes: tuple[str, ...]
    name: str
    split: str

    @property
    def x(self) -> np.ndarray:
        """Shape (N, D), uint8: the pixels of each picture in a row."""
        return self.images.reshape(len(self.images), -1)


@dataclass(frozen=True)
class _Set:
    """Where a data set comes from: mirrors, tried in turn; the MD5 of every file, as published; and its classes."""

    mirrors: tuple[str, ...]
    md5: dict[str, str]
    classes: tuple[str, ...]
    read: Callable[[str, str, str | Path | None], tuple[np.ndarray, np.ndarray]]


def load(
    name: str, *, split: Literal["test", "train"] = "test", limit: int | None = None, folder: str | Path | None = None
) -> Images:
    """One part of a well-known set of labeled pictures.

    They are read from ``folder`` if one is given. Otherwise from the folder that the environment variable
    ``LAYERSCAPE_DATA`` names, if they are there; and otherwise they are downloaded once, checked against the published
    MD5, and kept in the user's cache. Nothing is ever unpickled: CIFAR-10 is the binary version.

    Parameters
    ----------
    name
        ``"mnist"``, ``"kmnist"``, ``"fashion_mnist"`` or ``"cifar10"``.
    split
        ``"test"``, 10,000 pictures of each; or ``"train"``, 60,000, of CIFAR-10 50,000.
    limit
        The first so many only.
    folder
        A folder that holds ``<name>/t10k-images-idx3-ubyte.gz`` and its kin (gzipped or not), or
        ``cifar10/cifar-10-binary.tar.gz``. These files are not held against the MD5.

    Returns
    -------
    Images
        Pictures, labels and names of the classes.

    Raises
    ------
    UnknownName
        If there is no such data set or split.
    FileProblem
        If a file is not in ``folder``, cannot be downloaded, or is not what it should be.
    InvalidValue
        If the limit is no whole number of at least 1.
    MissingExtra
        If it must be downloaded and pooch is not installed.

    References
    ----------
    LeCun, Cortes, Burges, The MNIST database of handwritten digits; Clanuwat et al. 2018, arXiv:1812.01718; Xiao,
    Rasul, Vollgraf 2017, arXiv:1708.07747; Krizhevsky 2009, Learning multiple layers of features from tiny images.

    Examples
    --------
    ``load("mnist").x`` are the pixels that a measure takes: ``ls.estimate("twonn", load("mnist").x)`` reads 13.6.

    >>> load("mnist", split="dev")
    Traceback (most recent call last):
        ...
    layerscape.errors.UnknownName: unknown split 'dev'. There are: test, train.
    """
    if name not in _SETS:
        raise unknown_name("data set", str(name), _SETS)
    if split not in SPLITS:
        raise unknown_name("split", str(split), SPLITS)
    if limit is not None:
        check_whole("limit", limit, 1)
    known = _SETS[name]
    images, labels = known.read(name, split, folder)
    if len(images) != len(labels) or labels.max() >= len(known.classes):
        raise FileProblem(
            f"{name} has {len(images)} pictures and {len(labels)} labels up to {labels.max()}, of {len(known.classes)} "
            "classes; the files do not belong together: replace them."
        )
    return Images(images[:limit], labels[:limit].astype(np.int64), known.classes, name, split)


def _read_pair(name: str, split: str, folder: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels of one of the sets that are published as MNIST is."""
    start = {"test": "t10k", "train": "train"}[split]
    paths = [_find(name, f"{start}-{part}-ubyte.gz", folder) for part in ("images-idx3", "labels-idx1")]
    images, labels = (read_idx(path) for path in paths)
    for path, array, n_axes in zip(paths, (images, labels), (3, 1), strict=True):
        if array.ndim != n_axes or array.dtype != np.uint8:
            raise FileProblem(
                f"{path} holds {array.dtype} of shape {array.shape} instead of uint8 of {n_axes} axes; replace it."
            )
    return images, labels


def _read_cifar(name: str, split: str, folder: str | Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels from the binary version, whose archive is read and never unpacked."""
    path = existing_file(_find(name, "cifar-10-binary.tar.gz", folder))
    batches = ["test_batch"] if split == "test" else [f"data_batch_{number}" for number in range(1, 6)]
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = (archive.extractfile(f"cifar-10-batches-bin/{batch}.bin") for batch in batches)
            content = b"".join(member.read() for member in members if member is not None)
    except (KeyError, tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise FileProblem(f"{path} cannot be read ({reason_of(error)}); replace it.") from None
    if not content or len(content) % _RECORD:
        raise FileProblem(f"{path} holds {len(content)} bytes, no multiple of {_RECORD}; replace it.")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    planes = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0]


def _find(name: str, file: str, folder: str | Path | None) -> Path:
    """Where a file of a data set is, after it was downloaded if need be."""
    place = folder or os.environ.get(FOLDER)
    if place:
        path = Path(place) / name / file
        for candidate in (path, path.with_name(file.removesuffix(".gz"))):
            if candidate.is_file():
                return candidate
        if folder:
            raise FileProblem(f"{path} does not exist; put it there, or leave folder out to download it.")
    return _download(name, file)


def _download(name: str, file: str) -> Path:
    """The file in the user's cache, from the first mirror that has it as it should be."""
    pooch = require("pooch", "data")
    known, failures = _SETS[name], []
    for mirror in known.mirrors:
        try:
            return Path(
                pooch.retrieve(
                    f"{mirror}{file}", f"md5:{known.md5[file]}", fname=file, path=pooch.os_cache("layerscape") / name
                )
            )
        except OSError as error:  # requests' errors are OSErrors, and some of them ValueErrors too
            status = getattr(getattr(error, "response", None), "status_code", None)
            failures.append(f"{mirror}: {type(error).__name__ if status is None else f'status {status}'}")
        except ValueError:
            failures.append(f"{mirror}: the MD5 is not {known.md5[file]}")
    raise FileProblem(
        f"{file} of {name} cannot be downloaded ({'; '.join(failures)}); check the connection, or put it into "
        f"FOLDER/{name}/ and give folder=FOLDER."
    )


def _numbered(test_images: str, test_labels: str, train_images: str, train_labels: str) -> dict[str, str]:
    """The MD5 of the four files by their names, which are the same in all of the sets."""
    return {
        "t10k-images-idx3-ubyte.gz": test_images,
        "t10k-labels-idx1-ubyte.gz": test_labels,
        "train-images-idx3-ubyte.gz": train_images,
        "train-labels-idx1-ubyte.gz": train_labels,
    }


_SETS = {
    "mnist": _Set(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        _numbered(
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
        ),
        tuple("0123456789"),
        _read_pair,
    ),
    "kmnist": _Set(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        _numbered(
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
        ),
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        _read_pair,
    ),
    "fashion_mnist": _Set(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        _numbered(
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
        ),
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        _read_pair,
    ),
    "cifar10": _Set(
        ("https://www.cs.toronto.edu/~kriz/",),
        {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        _read_cifar,
    ),
}
