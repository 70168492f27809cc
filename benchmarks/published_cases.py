"""What `benchmarks/published.py` runs: networks, what they are shown, and what was published of them."""

from __future__ import annotations

import csv
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_networks import DATA, MODELS, crepe_in

GENRES = {"movieReview": "film", "amazonReview": "product", "nytEditorial": "editorial", "tweets": "tweet"}
WORDS = 6  # of a text at least, so that most are sentences
RESIDUES = 256
WINDOWS, RATE = 4, 16_000  # loudest frames of a recording
FAMILY = "family"


@dataclass(frozen=True)
class Shown:
    """Samples, their label columns (None: those of the folder), and which says who belongs together, if any does."""

    contents: Any
    labels: dict[str, list[str]] | None
    groups: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A network and what it is shown.

    Attributes
    ----------
    model
        A name on the hub, or a folder in LAYERSCAPE_MODELS, or a function that makes it, given whether it is trained.
    samples
        From a folder of the user's, or None for that of the data at hand, and how many at most, to the samples.
    wants
        What the user must bring, in words.
    expected
        What was published of it, with its source; or what was read here.
    options
        Of `layerscape.extract`.
    shuffled
        Whether it reads tokens, of which the order can be taken away.
    n_samples
        How many at most where nobody says.
    plateaus
        Two layers, the later first, whose dimension and labels are held against each other.
    """

    model: str | Callable[[bool], Any]
    samples: Callable[[Path | None, int], Shown]
    wants: str
    expected: str
    options: dict[str, Any] = field(default_factory=dict)
    shuffled: bool = True
    n_samples: int = 1000
    plateaus: tuple[str, str] | None = None


def drawn(n: int, of: int) -> np.ndarray:
    """Rows, the same ones at each call."""
    return np.sort(np.random.default_rng(0).permutation(of)[:n])


def opinions(folder: Path | None, n: int) -> Shown:
    """Short texts of four genres, equally many, with people's mean sentiment in thirds (Hutto and Gilbert 2014)."""
    if folder is None:
        raise SystemExit("give --data FOLDER: the four files *_GroundTruth.txt of hutto_ICWSM_2014.tar.gz")
    texts, genres, scores = [], [], []
    for start, genre in GENRES.items():
        (path,) = folder.glob(f"{start}*_GroundTruth.txt")
        lines = [line.split("\t", 2) for line in path.read_text("latin-1").splitlines()]
        rows = {text: float(score) for _, score, text in lines if len(text.split()) >= WORDS}
        names = list(rows)
        for row in drawn(n // len(GENRES), len(names)):
            texts.append(names[row])
            genres.append(genre)
            scores.append(rows[names[row]])
    third = np.searchsorted(np.quantile(scores, [1 / 3, 2 / 3]), scores)
    return Shown(texts, {"genre": genres, "sentiment": [("low", "middle", "high")[one] for one in third]})


def questions(folder: Path | None, n: int) -> Shown:
    """Questions of TREC, and what kind of answer each wants."""
    with ((folder or DATA / "text") / "trec.csv").open(newline="", encoding="utf-8") as file:
        rows = list({row["text"]: row for row in csv.DictReader(file)}.values())
    chosen = [rows[row] for row in drawn(n, len(rows))]
    return Shown([row["text"] for row in chosen], {"answer": [row["label"] for row in chosen]})


def proteins(folder: Path | None, n: int) -> Shown:
    """Proteins of at most 256 residues, and their Pfam families, of which the largest has at most a third."""
    path = (folder or DATA / "proteins") / "families.fasta"
    entries = [entry.splitlines() for entry in path.read_text().split(">")[1:]]
    parts = [("".join(body), head.split("family=")[1]) for head, *body in entries]
    parts = [part for part in dict.fromkeys(parts) if len(part[0]) <= RESIDUES]
    found: dict[str, list[int]] = {}
    for row in np.random.default_rng(0).permutation(len(parts)).tolist():
        own = found.setdefault(parts[row][1], [])
        if len(own) < n // 3:
            own.append(row)
    rows = np.sort(np.concatenate([np.array(own) for own in found.values()]))
    rows = rows[drawn(n, len(rows))]
    return Shown([parts[row][0] for row in rows], {FAMILY: [parts[row][1] for row in rows]})


def frames(folder: Path | None, n: int) -> Shown:
    """The four loudest frames of 64 ms of each recording at 16 kHz, with the language and the recording."""
    folder = folder or DATA / "audio"
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        language = {row["id"].removesuffix(".wav"): row["language"] for row in csv.DictReader(file)}
    found, languages, recordings = [], [], []
    for path in sorted(folder.glob("*.wav"))[: n // WINDOWS]:
        with wave.open(str(path)) as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype("f4")
            sound = np.interp(np.arange(0, len(sound) - 1, file.getframerate() / RATE), np.arange(len(sound)), sound)
        windows = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
        loudest = windows[np.argsort(windows.std(1))[-WINDOWS:]]
        found.append((loudest - loudest.mean(1, keepdims=True)) / loudest.std(1, keepdims=True))
        languages += [language[path.stem]] * len(loudest)
        recordings += [path.stem] * len(loudest)
    labels = {"language": languages, "recording": recordings}
    return Shown(np.concatenate(found).astype("f4"), labels, groups="recording")


def pictures(folder: Path | None, n: int) -> Shown:
    """A folder with a folder of pictures per class, as ImageNet's: so many drawn, with their class."""
    if folder is None:
        raise SystemExit("give --data FOLDER with a folder of pictures per class, as ImageNet's: CLASS/NAME.jpg")
    return Shown(str(folder), None, options={"limit": n, "sample_seed": 0})


def voice_network(trained: bool) -> Any:
    """CREPE's tiny network, or one of its kind that was not trained."""
    import torch

    network = crepe_in(MODELS / "crepe")
    if not trained:
        torch.manual_seed(0)
        for module in network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return network.eval()


HERE = "no figure of it was published; what was read here is in docs/published.md"
IGPT = (
    "Valeriani et al. 2023 (arXiv:2302.00294), of ImageNet: the dimension of iGPT-S rises to one peak in the middle, "
    "where the larger ones have two, and the class is nearest behind it, far before the last layer"
)
ESM = (
    "Valeriani et al. 2023 (arXiv:2302.00294), of remote homologs: the dimension rises to a peak, falls to a plateau "
    "at about 5 to 6, where nearest neighbors are most often homologous, and rises again in the last layers"
)
PYTHIA = (
    "Cheng et al. 2025 (arXiv:2405.15471): a phase of high dimension early to middle, which comes about in the "
    "training and is not there for shuffled words"
)
DINO = (
    "Ansuini et al. 2019 (arXiv:1905.12784), of supervised networks: a hunchback, low in the last layer; here is asked"
)
SMOL = "a peak early and another late, as read of Llama-2 in the school's lecture; whether both are sure is asked"
CASES: dict[str, Case] = {
    "smollm2": Case(
        *(str(MODELS / "smollm2"), opinions, "--data FOLDER of the four texts", SMOL),
        options={"max_length": 48},
        n_samples=480,
        plateaus=("block_17", "block_8"),
    ),
    "antiberty": Case(
        str(MODELS / "antiberty"),
        proteins,
        "proteins/families.fasta",
        HERE,
        {"max_length": 130, "kind": "protein"},
        n_samples=600,
    ),
    "minilm": Case(str(MODELS / "minilm"), questions, "text/trec.csv", HERE, {"max_length": 48}, n_samples=1500),
    "crepe": Case(
        voice_network,
        frames,
        "audio/*.wav and labels.csv",
        HERE,
        {"layers": [*(f"conv{place}_BN" for place in range(1, 7)), "classifier"], "pooling": "mean"},
        shuffled=False,
        n_samples=1200,
    ),
    "igpt-s": Case("openai/imagegpt-small", pictures, "--data FOLDER of pictures by class", IGPT, shuffled=False),
    "dinov2-s": Case("facebook/dinov2-small", pictures, "--data FOLDER of pictures by class", DINO, shuffled=False),
    "esm2-35m": Case(
        "facebook/esm2_t12_35M_UR50D", proteins, "--data FOLDER with families.fasta", ESM, {"kind": "protein"}
    ),
    "esm2-150m": Case(
        "facebook/esm2_t30_150M_UR50D", proteins, "--data FOLDER with families.fasta", ESM, {"kind": "protein"}
    ),
    **{
        f"pythia-{size}": Case(
            f"EleutherAI/pythia-{size}",
            questions,
            "--data FOLDER with trec.csv",
            PYTHIA,
            {"max_length": 48},
        )
        for size in ("160m", "410m")
    },
    "smollm2-135m": Case(
        "HuggingFaceTB/SmolLM2-135M", opinions, "--data FOLDER of the four texts", SMOL, {"max_length": 48}
    ),
}
